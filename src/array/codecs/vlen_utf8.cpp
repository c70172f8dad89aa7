#include "array/codecs/vlen_utf8.h"

#include <new>
#include <string_view>

#include "array/codecs/decoded_size.h"
#include "base/byte_order.h"
#include "base/utf8.h"

namespace colonnade::array::codecs {

Status DecodeVlenUtf8(Bytes serialized, uint64_t count, Buffer* elements) {
  constexpr size_t kLength = sizeof(uint32_t);
  if (serialized.size() < kLength) {
    return InvalidData("vlen-utf8: ", serialized.size(), " bytes, too short for the item count");
  }
  const uint64_t stored = LoadLittle<uint32_t>(serialized.data());
  if (stored != count) {
    return InvalidData("vlen-utf8: ", stored, " items, expected ", count);
  }
  // Before room is made for the items: a tiny chunk must not ask for much memory.
  if ((serialized.size() - kLength) / kLength < count) {
    return InvalidData("vlen-utf8: ", serialized.size(), " bytes are too few for ", count,
                       " items");
  }
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(elements, count * sizeof(std::string_view)));
  std::byte* element = elements->data();
  const std::byte* at = serialized.data() + kLength;
  size_t left = serialized.size() - kLength;
  for (uint64_t item = 0; item < count; ++item) {
    if (left < kLength) {
      return InvalidData("vlen-utf8: the data end before item ", item, " of ", count);
    }
    const size_t length = LoadLittle<uint32_t>(at);
    at += kLength;
    left -= kLength;
    if (length > left) {
      return InvalidData("vlen-utf8: item ", item, " has ", length, " bytes, ", left, " are left");
    }
    const auto* text = new (element) std::string_view(reinterpret_cast<const char*>(at), length);
    if (!IsUtf8MostlyAscii(*text)) return InvalidData("vlen-utf8: item ", item, " is not UTF-8");
    element += sizeof(std::string_view);
    at += length;
    left -= length;
  }
  if (left != 0)
    return InvalidData("vlen-utf8: ", left, " bytes after the last of ", count, " items");
  return {};
}

}  // namespace colonnade::array::codecs
