#include "array/codecs/crc32c.h"

#include <cstdio>

#include "base/byte_order.h"
#include "base/crc32c.h"

namespace colonnade::array::codecs {

Result<Bytes> VerifyCrc32c(Bytes encoded) {
  constexpr size_t kTrailer = sizeof(uint32_t);
  if (encoded.size() < kTrailer) {
    return InvalidData("crc32c: ", encoded.size(), " encoded bytes, too short for the checksum");
  }
  const Bytes content = encoded.first(encoded.size() - kTrailer);
  const auto stored = LoadLittle<uint32_t>(encoded.data() + content.size());
  const uint32_t computed = Crc32c(content);
  if (stored != computed) {
    char text[64];
    std::snprintf(text, sizeof(text), "stored 0x%08x, computed 0x%08x", stored, computed);
    return InvalidData("crc32c: checksum mismatch over ", content.size(), " bytes: ", text);
  }
  return content;
}

}  // namespace colonnade::array::codecs
