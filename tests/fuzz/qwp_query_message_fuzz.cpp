// What a client sends to the query endpoint: what is read is written and read again the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "questdb/wire/query_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::questdb::wire;
  const Result<QueryMessage> request = ParseQueryMessage(std::as_bytes(std::span(data, size)));
  if (!request.ok()) {
    if (request.status().message().empty()) std::abort();
    return 0;
  }
  net::MessageBuffer message;
  message.Begin(0);
  EncodeQueryMessage(*request, message);
  const Result<QueryMessage> again = ParseQueryMessage(message.Unmasked());
  if (!again.ok() || !(*again == *request)) std::abort();
  return 0;
}
