// Whole chunks through arbitrary pipelines. Input: element kind, element size, flags (bit 0: big
// endian; bits 1-3: number of compressors; bit 4: transposed), two extents, one byte per
// compressor, then the encoded bytes.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "array/codec.h"
#include "base/memory_budget.h"

namespace {

// Reads all elements through the strides, as a scan does.
uint64_t ReadAll(const colonnade::array::ElementType& type, const colonnade::array::Shape& shape,
                 const colonnade::array::ChunkElements& chunk) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < shape[0]; ++i) {
    for (int64_t j = 0; j < shape[1]; ++j) {
      const int64_t offset = i * chunk.strides[0] + j * chunk.strides[1];
      if (offset < 0 ||
          static_cast<uint64_t>(offset) + type.memory_size() > chunk.elements.size()) {
        std::abort();
      }
      const std::byte* const element = chunk.elements.data() + offset;
      if (!type.is_text()) {
        sum += std::to_integer<uint64_t>(element[type.memory_size() - 1]);
        continue;
      }
      for (const char c : *reinterpret_cast<const std::string_view*>(element)) {
        sum += static_cast<unsigned char>(c);
      }
    }
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::array;
  if (size < 5) return 0;
  const auto kind =
      static_cast<ElementKind>(data[0] % (static_cast<int>(ElementKind::kString) + 1));
  ElementType type = ElementType::Of(kind);
  if (type.is_text() && kind != ElementKind::kString) type.size = data[1];
  ChunkCodecs codecs;
  codecs.endian = (data[2] & 1) != 0 ? std::endian::big : std::endian::little;
  codecs.serializer = kind == ElementKind::kString ? Serializer::kVlenUtf8 : Serializer::kBytes;
  if ((data[2] & 0x10) != 0) codecs.order = {1, 0};
  const Shape shape = {data[3], data[4]};
  size_t at = 5;
  for (int i = (data[2] >> 1) & 7; i > 0 && at < size; --i, ++at) {
    codecs.compressors.push_back(static_cast<BytesCodec>(data[at] % 6));
  }
  static CodecScratch scratch(UnlimitedMemory());
  ChunkElements out(UnlimitedMemory());
  const CodecLimits limits = {.max_chunk_bytes = 1 << 20};
  const Status status = DecodeChunk(
      codecs, type, shape, std::as_bytes(std::span(data + at, size - at)), limits, scratch, &out);
  if (!status.ok()) return 0;
  volatile uint64_t sink = ReadAll(type, shape, out);
  (void)sink;
  return 0;
}
