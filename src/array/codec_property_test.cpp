// Random chunks through random pipelines, encoded here step by step, must come back as they were.

#include <algorithm>
#include <numeric>

#include "array/codec.h"
#include "array/codecs/encode_for_test.h"

namespace colonnade::array {
namespace {

using codecs::ByteVector;

constexpr BytesCodec kCodecs[] = {BytesCodec::kGzip,  BytesCodec::kZlib, BytesCodec::kZstd,
                                  BytesCodec::kBlosc, BytesCodec::kLz4,  BytesCodec::kCrc32c};

std::vector<BytesCodec> RandomCompressors(SeededRandom& random) {
  std::vector<BytesCodec> compressors(static_cast<size_t>(random.Uniform(0, 4)));
  for (BytesCodec& codec : compressors) codec = kCodecs[random.Uniform(0, std::size(kCodecs) - 1)];
  return compressors;
}

ByteVector Encode(const ChunkCodecs& codecs, ByteVector bytes) {
  for (const BytesCodec codec : codecs.compressors) bytes = codecs::Encode(codec, bytes);
  return bytes;
}

std::string Describe(const ChunkCodecs& codecs, const ElementType& type, const Shape& shape) {
  std::string text = ToString(type) + " " + ShapeToString(shape);
  for (const BytesCodec codec : codecs.compressors) text += " " + std::string(ToString(codec));
  return text;
}

// Calls `visit` with every index of `shape`, in C order.
template <typename Visit>
void ForEachIndex(const Shape& shape, Visit visit) {
  std::vector<int64_t> index(shape.size());
  const int64_t count = *ElementCount(shape);
  for (int64_t i = 0; i < count; ++i) {
    visit(index);
    for (size_t dim = shape.size(); dim-- > 0;) {
      if (++index[dim] < shape[dim]) break;
      index[dim] = 0;
    }
  }
}

TEST(CodecProperty, RandomNumericChunksComeBack) {
  SeededRandom random;
  CodecScratch scratch(UnlimitedMemory());
  ChunkElements out(UnlimitedMemory());
  for (int round = 0; round < 400; ++round) {
    const auto kind = static_cast<ElementKind>(
        random.Uniform(0, static_cast<int64_t>(ElementKind::kTimedelta64)));
    const ElementType type = ElementType::Of(kind);
    Shape shape(static_cast<size_t>(random.Uniform(0, 4)));
    for (int64_t& extent : shape) extent = random.Uniform(1, 7);
    const auto count = static_cast<size_t>(*ElementCount(shape));
    ByteVector values = codecs::RandomBytes(random, count * type.size);
    if (kind == ElementKind::kBool) {
      for (std::byte& value : values) value &= std::byte{1};
    }

    ChunkCodecs pipeline;
    pipeline.endian = random.Chance(0.5) ? std::endian::big : std::endian::little;
    pipeline.compressors = RandomCompressors(random);
    std::vector<size_t> order(shape.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (random.Chance(0.5)) {
      std::shuffle(order.begin(), order.end(), random.engine());
      pipeline.order = order;
    }
    SCOPED_TRACE(Describe(pipeline, type, shape));

    // Serialize: visit the transposed array in its C order and pick from the chunk's.
    Shape transposed(shape.size());
    for (size_t i = 0; i < order.size(); ++i) transposed[i] = shape[order[i]];
    ByteVector serialized;
    ForEachIndex(transposed, [&](const std::vector<int64_t>& at) {
      std::vector<int64_t> index(shape.size());
      for (size_t i = 0; i < order.size(); ++i) index[order[i]] = at[i];
      size_t position = 0;
      for (size_t dim = 0; dim < shape.size(); ++dim) {
        position = position * static_cast<size_t>(shape[dim]) + static_cast<size_t>(index[dim]);
      }
      ByteVector element(values.begin() + static_cast<ptrdiff_t>(position * type.size),
                         values.begin() + static_cast<ptrdiff_t>((position + 1) * type.size));
      if (pipeline.endian == std::endian::big) std::reverse(element.begin(), element.end());
      serialized.insert(serialized.end(), element.begin(), element.end());
    });

    ASSERT_OK(DecodeChunk(pipeline, type, shape, Encode(pipeline, serialized), {}, scratch, &out));
    ASSERT_EQ(out.elements.size(), values.size());
    ASSERT_EQ(out.strides.size(), shape.size());
    size_t position = 0;
    ForEachIndex(shape, [&](const std::vector<int64_t>& index) {
      int64_t offset = 0;
      for (size_t dim = 0; dim < shape.size(); ++dim) offset += index[dim] * out.strides[dim];
      ASSERT_EQ(std::memcmp(out.elements.data() + offset, values.data() + position, type.size), 0);
      position += type.size;
    });
  }
}

std::string RandomText(SeededRandom& random, size_t max_characters) {
  constexpr std::string_view kCharacters[] = {"a", "b", " ", "z", "é", "ß", "日", "😀"};
  std::string text;
  const int64_t length = random.Uniform(0, static_cast<int64_t>(max_characters));
  for (int64_t i = 0; i < length; ++i) {
    text += kCharacters[random.Uniform(0, std::size(kCharacters) - 1)];
  }
  return text;
}

// Code points of valid UTF-8.
std::vector<uint32_t> CodePoints(std::string_view text) {
  std::vector<uint32_t> codes;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) {
      codes.back() = codes.back() << 6 | (byte & 0x3F);
    } else {
      codes.push_back(byte < 0x80   ? byte
                      : byte < 0xE0 ? byte & 0x1F
                                    : byte & (byte < 0xF0 ? 0x0F : 0x07));
    }
  }
  return codes;
}

TEST(CodecProperty, RandomTextComesBackFromEveryForm) {
  SeededRandom random;
  CodecScratch scratch(UnlimitedMemory());
  ChunkElements out(UnlimitedMemory());
  for (int round = 0; round < 400; ++round) {
    constexpr size_t kMaxCharacters = 6;
    const Shape shape = {random.Uniform(1, 4), random.Uniform(1, 9)};
    std::vector<std::string> items(static_cast<size_t>(*ElementCount(shape)));
    for (std::string& item : items) item = RandomText(random, kMaxCharacters);
    ChunkCodecs pipeline;
    pipeline.compressors = RandomCompressors(random);
    ElementType type;
    ByteVector serialized;
    switch (random.Uniform(0, 2)) {
      case 0:
        type = ElementType::Of(ElementKind::kString);
        pipeline.serializer = Serializer::kVlenUtf8;
        serialized = codecs::EncodeVlenUtf8(items);
        break;
      case 1:
        type = {ElementKind::kFixedBytes, kMaxCharacters * 4};
        for (const std::string& item : items) {
          std::string padded = item;
          padded.resize(type.size);
          serialized = codecs::Join({serialized, codecs::AsBytes(padded)});
        }
        break;
      default:
        type = {ElementKind::kFixedUtf32, kMaxCharacters * 4};
        pipeline.endian = random.Chance(0.5) ? std::endian::big : std::endian::little;
        for (const std::string& item : items) {
          std::vector<uint32_t> codes = CodePoints(item);
          codes.resize(kMaxCharacters);
          for (const uint32_t code : codes) {
            codecs::AppendLittle(
                pipeline.endian == std::endian::big ? __builtin_bswap32(code) : code, &serialized);
          }
        }
    }
    SCOPED_TRACE(Describe(pipeline, type, shape));
    ASSERT_OK(DecodeChunk(pipeline, type, shape, Encode(pipeline, serialized), {}, scratch, &out));
    ASSERT_EQ(out.elements.size(), items.size() * sizeof(std::string_view));
    const auto* views = reinterpret_cast<const std::string_view*>(out.elements.data());
    for (size_t i = 0; i < items.size(); ++i) ASSERT_EQ(views[i], items[i]) << i;
  }
}

TEST(CodecProperty, EveryTruncationOfAChunkIsAnErrorAndEveryFlipKeepsTheLength) {
  SeededRandom random;
  CodecScratch scratch(UnlimitedMemory());
  ChunkElements out(UnlimitedMemory());
  const ElementType type = ElementType::Of(ElementKind::kInt32);
  const Shape shape = {5, 6};
  const ByteVector values = codecs::RandomBytes(random, 120);
  for (int round = 0; round < 60; ++round) {
    ChunkCodecs pipeline;
    pipeline.compressors = RandomCompressors(random);
    SCOPED_TRACE(Describe(pipeline, type, shape));
    const ByteVector encoded = Encode(pipeline, values);
    for (size_t size = 0; size < encoded.size(); ++size) {
      const ByteVector cut(encoded.begin(), encoded.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_FALSE(DecodeChunk(pipeline, type, shape, cut, {}, scratch, &out).ok()) << size;
    }
    for (size_t i = 0; i < encoded.size(); ++i) {
      ByteVector flipped = encoded;
      flipped[i] ^= static_cast<std::byte>(random.Uniform(1, 255));
      if (DecodeChunk(pipeline, type, shape, flipped, {}, scratch, &out).ok()) {
        EXPECT_EQ(out.elements.size(), values.size());
      }
    }
  }
}

}  // namespace
}  // namespace colonnade::array
