// What a server answers to ingest: what is read is written and read again the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "questdb/wire/ingest_response.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::questdb::wire;
  const Result<IngestResponse> response = ParseIngestResponse(std::as_bytes(std::span(data, size)));
  if (!response.ok()) {
    if (response.status().message().empty()) std::abort();
    return 0;
  }
  if (const auto* error = std::get_if<ErrorResponse>(&*response)) {
    if (StatusFromServer(error->status, error->message).ok()) std::abort();
  }
  net::MessageBuffer first;
  first.Begin(0);
  EncodeIngestResponse(*response, first);
  const Result<IngestResponse> again = ParseIngestResponse(first.Unmasked());
  if (!again.ok()) std::abort();
  net::MessageBuffer second;
  second.Begin(0);
  EncodeIngestResponse(*again, second);
  if (first.Unmasked() != second.Unmasked()) std::abort();
  return 0;
}
