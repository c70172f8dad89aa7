#include "array/codecs/lz4.h"

#include <lz4.h>

#include <limits>

#include "base/byte_order.h"

namespace colonnade::array::codecs {

Status DecodeLz4(Bytes encoded, DecodedSize expected, Buffer* out) {
  constexpr size_t kHeader = sizeof(uint32_t);
  if (encoded.size() < kHeader) {
    return InvalidData("lz4: ", encoded.size(), " encoded bytes, too short for the header");
  }
  const uint64_t claimed = LoadLittle<uint32_t>(encoded.data());
  COLONNADE_RETURN_IF_ERROR(CheckDecodedSize("lz4", expected, claimed));
  const Bytes block = encoded.subspan(kHeader);
  if (claimed > LZ4_MAX_INPUT_SIZE || block.size() > std::numeric_limits<int>::max()) {
    return InvalidData("lz4: a block of ", block.size(), " bytes for ", claimed,
                       " decoded bytes is larger than the format allows");
  }
  // One more byte in a length field stands for at most 255 bytes decoded.
  constexpr uint64_t kMaxExpansion = 255;
  if (claimed / kMaxExpansion > block.size()) {
    return InvalidData("lz4: a block of ", block.size(), " bytes cannot decode to ", claimed,
                       " bytes");
  }
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(out, claimed));
  const int decoded = LZ4_decompress_safe(
      reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(out->data()),
      static_cast<int>(block.size()), static_cast<int>(claimed));
  if (decoded < 0) {
    return InvalidData("lz4: corrupt or truncated block, in ", encoded.size(), " encoded bytes");
  }
  return CheckDecodedSize("lz4", {claimed, true}, static_cast<uint64_t>(decoded));
}

}  // namespace colonnade::array::codecs
