// Delta-of-delta timestamps: what is decoded is what a decoder finds that takes bit after bit.
//
// Input: two bytes of count (little-endian), then the coded bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/byte_order.h"
#include "questdb/wire/gorilla.h"
#include "support/plain_gorilla.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  if (size < 2) return 0;
  const size_t count = LoadLittle<uint16_t>(data);
  const Bytes coded = std::as_bytes(std::span(data + 2, size - 2));
  std::vector<int64_t> values(count);
  const Result<size_t> bytes = questdb::wire::GorillaDecode(coded, count, values.data());
  const auto expected = DecodePlainGorilla(coded, count);
  if (bytes.ok() != expected.has_value()) std::abort();
  if (bytes.ok() && (*bytes != expected->bytes || values != expected->values)) std::abort();
  return 0;
}
