// Heads of requests and answers, and bodies. Input: the bytes of one. Whatever is taken must be
// written as bytes that are taken again, to the same head.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "net/http.h"
#include "net/http_body.h"

namespace {

using namespace colonnade;
using namespace colonnade::net;

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

void CheckRequest(Bytes bytes) {
  const auto parsed = ParseRequestHead(bytes);
  if (!parsed.ok() || !*parsed) return;
  const ParsedHead<RequestHead>& request = **parsed;
  if (request.bytes > bytes.size()) std::abort();
  const auto written = WriteRequestHead(request.head);
  if (!written.ok()) std::abort();
  const auto again = ParseRequestHead(AsBytes(*written));
  if (!again.ok() || !*again || (*again)->head.target != request.head.target ||
      (*again)->head.headers != request.head.headers) {
    std::abort();
  }
}

void CheckResponse(Bytes bytes) {
  const auto parsed = ParseResponseHead(bytes);
  if (!parsed.ok() || !*parsed) return;
  const ParsedHead<ResponseHead>& response = **parsed;
  if (response.bytes > bytes.size()) std::abort();
  const auto written = WriteResponseHead(response.head);
  if (!written.ok()) std::abort();
  const auto again = ParseResponseHead(AsBytes(*written));
  if (!again.ok() || !*again || (*again)->head.status != response.head.status ||
      (*again)->head.headers != response.head.headers) {
    std::abort();
  }
  // The body whole and byte by byte gives the same.
  constexpr size_t kLimit = 100;
  const Bytes rest = bytes.subspan(response.bytes);
  auto whole = HttpBody::Of(response.head, kLimit);
  auto pieces = HttpBody::Of(response.head, kLimit);
  if (whole.ok() != pieces.ok()) std::abort();
  if (!whole.ok()) return;
  const bool fed = whole->Feed(rest).ok();
  bool all = true;
  for (size_t i = 0; i < rest.size() && all; ++i) all = pieces->Feed(rest.subspan(i, 1)).ok();
  if (fed != all || whole->text() != pieces->text() || whole->text().size() > kLimit) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  CheckRequest(bytes);
  CheckResponse(bytes);
  return 0;
}
