#include "array/codecs/decoded_size.h"

#include <algorithm>
#include <limits>

namespace colonnade::array::codecs {

Status PrepareOutput(Buffer* out, uint64_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max()) {
    return LimitExceeded("cannot allocate ", bytes, " bytes");
  }
  // Growing an empty buffer copies nothing. The libraries want an address even for nothing.
  COLONNADE_RETURN_IF_ERROR(out->Resize(0));
  if (bytes == 0) COLONNADE_RETURN_IF_ERROR(out->Resize(1));
  return out->Resize(static_cast<size_t>(bytes));
}

Status CheckDecodedSize(std::string_view codec, DecodedSize expected, uint64_t got) {
  if (expected.exact && got != expected.bytes) {
    return InvalidData(codec, ": decoded to ", got, " bytes, expected ", expected.bytes);
  }
  if (got > expected.bytes) {
    return LimitExceeded(codec, ": decodes to ", got, " bytes, limit ", expected.bytes);
  }
  return {};
}

Status TooLong(std::string_view codec, DecodedSize expected) {
  if (expected.exact) {
    return InvalidData(codec, ": decodes to more than ", expected.bytes, " bytes, expected ",
                       expected.bytes);
  }
  return LimitExceeded(codec, ": decodes to more than the limit of ", expected.bytes, " bytes");
}

uint64_t FirstCapacity(DecodedSize expected, uint64_t encoded_bytes, uint64_t claimed) {
  if (expected.exact) return expected.bytes;
  if (claimed != 0 && claimed <= expected.bytes) return claimed;
  constexpr uint64_t kLeast = 4096;
  constexpr uint64_t kUsualRatio = 4;
  const uint64_t guess = encoded_bytes < std::numeric_limits<uint64_t>::max() / kUsualRatio
                             ? encoded_bytes * kUsualRatio
                             : encoded_bytes;
  return std::min(std::max(guess, kLeast), expected.bytes);
}

uint64_t NextCapacity(DecodedSize expected, uint64_t capacity) {
  // Every attempt starts over, so quadrupling keeps the work below 4/3 of the last attempt's.
  if (capacity > expected.bytes / 4) return expected.bytes;
  return std::max<uint64_t>(capacity * 4, 1);
}

}  // namespace colonnade::array::codecs
