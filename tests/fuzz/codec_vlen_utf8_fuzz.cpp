// Input: two bytes of element count (little-endian), then the serialized items.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "array/codec.h"
#include "base/byte_order.h"
#include "base/memory_budget.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::array;
  if (size < 2) return 0;
  const int64_t count = LoadLittle<uint16_t>(data);
  const Bytes encoded = std::as_bytes(std::span(data + 2, size - 2));
  CodecScratch scratch(UnlimitedMemory());
  ChunkElements out(UnlimitedMemory());
  ChunkCodecs codecs;
  codecs.serializer = Serializer::kVlenUtf8;
  const Shape shape = {count};
  const Status status =
      DecodeChunk(codecs, ElementType::Of(ElementKind::kString), shape, encoded, {}, scratch, &out);
  if (!status.ok()) return 0;
  // Every byte is a length or text of exactly one item, inside the buffer that owns it.
  if (out.elements.size() != static_cast<size_t>(count) * sizeof(std::string_view)) std::abort();
  const auto* views = reinterpret_cast<const std::string_view*>(out.elements.data());
  const char* const begin = reinterpret_cast<const char*>(out.text.data());
  size_t text_bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (views[i].data() < begin || views[i].data() + views[i].size() > begin + out.text.size()) {
      std::abort();
    }
    text_bytes += views[i].size();
  }
  if (text_bytes + 4 + static_cast<size_t>(count) * 4 != encoded.size()) std::abort();
  return 0;
}
