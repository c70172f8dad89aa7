#include "array/codec.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array {
namespace {

using codecs::AppendLittle;
using codecs::AsBytes;
using codecs::ByteVector;
using codecs::EncodeBlosc;
using codecs::EncodeCrc32c;
using codecs::EncodeGzip;
using codecs::EncodeLz4;
using codecs::EncodeVlenUtf8;
using codecs::EncodeZstd;
using codecs::FromHex;
using codecs::Join;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Codec : public ::testing::Test {
 protected:
  Status Decode(const ChunkCodecs& codecs, const ElementType& type, Shape shape, Bytes encoded) {
    return DecodeChunk(codecs, type, shape, encoded, limits_, scratch_, &out_);
  }

  template <typename T>
  std::vector<T> Elements() const {
    std::vector<T> elements(out_.elements.size() / sizeof(T));
    std::memcpy(elements.data(), out_.elements.data(), elements.size() * sizeof(T));
    return elements;
  }

  std::vector<std::string_view> Texts() const {
    const auto* views = reinterpret_cast<const std::string_view*>(out_.elements.data());
    return {views, views + out_.elements.size() / sizeof(std::string_view)};
  }

  CodecLimits limits_;
  CodecScratch scratch_ = CodecScratch(UnlimitedMemory());
  ChunkElements out_ = ChunkElements(UnlimitedMemory());
};

const ElementType kInt16 = ElementType::Of(ElementKind::kInt16);
const ElementType kString = ElementType::Of(ElementKind::kString);

TEST_F(Codec, EveryCodecHasTheNameOfTheMetadata) {
  EXPECT_EQ(ToString(BytesCodec::kGzip), "gzip");
  EXPECT_EQ(ToString(BytesCodec::kZlib), "zlib");
  EXPECT_EQ(ToString(BytesCodec::kZstd), "zstd");
  EXPECT_EQ(ToString(BytesCodec::kBlosc), "blosc");
  EXPECT_EQ(ToString(BytesCodec::kLz4), "lz4");
  EXPECT_EQ(ToString(BytesCodec::kCrc32c), "crc32c");
}

TEST_F(Codec, PlainBytesAreTheElements) {
  ASSERT_OK(Decode({}, kInt16, {2, 2}, FromHex("0100020003000080")));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(1, 2, 3, -32768));
  EXPECT_THAT(out_.strides, ElementsAre(4, 2));
}

TEST_F(Codec, PlainBytesOfAnotherLengthAreRefused) {
  for (const char* hex : {"", "010002", "01000200", "01000200030004"}) {
    EXPECT_THAT(Decode({}, kInt16, {3}, FromHex(hex)),
                StatusIs(StatusCode::kInvalidData, HasSubstr("expected 6")));
  }
}

TEST_F(Codec, BigEndianElementsAreSwapped) {
  const ChunkCodecs big = {.endian = std::endian::big};
  ASSERT_OK(Decode(big, kInt16, {2}, FromHex("00017fff")));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(1, 32767));
  ASSERT_OK(Decode(big, ElementType::Of(ElementKind::kUInt32), {1}, FromHex("01020304")));
  EXPECT_THAT(Elements<uint32_t>(), ElementsAre(0x01020304));
  ASSERT_OK(
      Decode(big, ElementType::Of(ElementKind::kDatetime64), {1}, FromHex("8000000000000000")));
  EXPECT_THAT(Elements<int64_t>(), ElementsAre(INT64_MIN));
  ASSERT_OK(Decode(big, ElementType::Of(ElementKind::kFloat16), {1}, FromHex("3c00")));
  EXPECT_THAT(Elements<uint16_t>(), ElementsAre(0x3C00));
  ASSERT_OK(Decode(big, ElementType::Of(ElementKind::kInt8), {2}, FromHex("01fe")));
  EXPECT_THAT(Elements<int8_t>(), ElementsAre(1, -2));
}

TEST_F(Codec, AnyNonzeroByteIsTrue) {
  ASSERT_OK(Decode({.endian = std::endian::big}, ElementType::Of(ElementKind::kBool), {5},
                   FromHex("00010280ff")));
  EXPECT_THAT(Elements<uint8_t>(), ElementsAre(0, 1, 1, 1, 1));
}

TEST_F(Codec, TranspositionMovesStridesAndNotElements) {
  // The chunk has shape [2, 3, 4]; the serialized array [4, 2, 3].
  ByteVector stored;
  for (int16_t i = 0; i < 24; ++i) AppendLittle(i, &stored);
  ASSERT_OK(Decode({.order = {2, 0, 1}}, kInt16, {2, 3, 4}, stored));
  EXPECT_THAT(out_.strides, ElementsAre(6, 2, 12));
  EXPECT_EQ(Elements<int16_t>()[5], 5);
}

TEST_F(Codec, ARankOfZeroIsOneElementWithOrWithoutTransposition) {
  ASSERT_OK(Decode({.order = {}}, kInt16, {}, FromHex("0700")));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(7));
  EXPECT_THAT(out_.strides, IsEmpty());
}

TEST_F(Codec, AnOrderThatIsNoPermutationIsRefused) {
  for (const std::vector<size_t>& order :
       std::vector<std::vector<size_t>>{{0}, {0, 0}, {0, 2}, {1, 0, 2}, {~size_t{0}, 0}}) {
    EXPECT_THAT(Decode({.order = order}, kInt16, {1, 1}, FromHex("0700")),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("transpose")));
  }
}

TEST_F(Codec, ChecksumsMayLieBeforeAndAfterACompressor) {
  const ByteVector plain = FromHex("010002000300");
  const ChunkCodecs codecs = {
      .compressors = {BytesCodec::kCrc32c, BytesCodec::kZstd, BytesCodec::kCrc32c}};
  ByteVector encoded = EncodeCrc32c(EncodeZstd(EncodeCrc32c(plain)));
  ASSERT_OK(Decode(codecs, kInt16, {3}, encoded));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(1, 2, 3));
  encoded[encoded.size() - 1] ^= std::byte{1};
  EXPECT_THAT(Decode(codecs, kInt16, {3}, encoded),
              StatusIs(StatusCode::kInvalidData, HasSubstr("checksum mismatch")));
}

TEST_F(Codec, AChecksumAloneIsVerifiedAndDropped) {
  const ChunkCodecs codecs = {.compressors = {BytesCodec::kCrc32c}};
  ASSERT_OK(Decode(codecs, kInt16, {2}, EncodeCrc32c(FromHex("01000200"))));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(1, 2));
  EXPECT_THAT(Decode(codecs, kInt16, {3}, EncodeCrc32c(FromHex("01000200"))),
              StatusIs(StatusCode::kInvalidData, HasSubstr("expected 6")));
}

TEST_F(Codec, CompressorsAreUndoneLastFirst) {
  const ChunkCodecs codecs = {
      .compressors = {BytesCodec::kBlosc, BytesCodec::kGzip, BytesCodec::kLz4, BytesCodec::kZstd}};
  ByteVector plain;
  for (int16_t i = 0; i < 500; ++i) AppendLittle(i, &plain);
  const ByteVector encoded = EncodeZstd(EncodeLz4(EncodeGzip(EncodeBlosc(plain))));
  ASSERT_OK(Decode(codecs, kInt16, {500}, encoded));
  EXPECT_EQ(Elements<int16_t>()[499], 499);
  EXPECT_FALSE(Decode(codecs, kInt16, {499}, encoded).ok());
}

TEST_F(Codec, VariableLengthTextPointsIntoTheDecodedBytes) {
  const std::vector<std::string> items = {"a", "", "längerer Text", "日本"};
  for (const bool compressed : {false, true}) {
    ChunkCodecs codecs = {.serializer = Serializer::kVlenUtf8};
    ByteVector encoded = EncodeVlenUtf8(items);
    if (compressed) {
      codecs.compressors = {BytesCodec::kZstd};
      encoded = EncodeZstd(encoded);
    }
    ASSERT_OK(Decode(codecs, kString, {2, 2}, encoded));
    std::fill(encoded.begin(), encoded.end(), std::byte{'?'});  // nothing refers to the input
    EXPECT_THAT(Texts(), ElementsAre("a", "", "längerer Text", "日本"));
    EXPECT_THAT(out_.strides, ElementsAre(32, 16));
  }
}

TEST_F(Codec, AChecksumOverTextIsNotTakenForText) {
  const std::vector<std::string> items = {"a", "b"};
  const ChunkCodecs codecs = {.serializer = Serializer::kVlenUtf8,
                              .compressors = {BytesCodec::kCrc32c, BytesCodec::kGzip}};
  ASSERT_OK(Decode(codecs, kString, {2}, EncodeGzip(EncodeCrc32c(EncodeVlenUtf8(items)))));
  EXPECT_THAT(Texts(), ElementsAre("a", "b"));
}

TEST_F(Codec, FixedTextIsTrimmedAndOwned) {
  ByteVector encoded = EncodeZstd(AsBytes(std::string_view("ab\0c\0\0", 6)));
  ASSERT_OK(
      Decode({.compressors = {BytesCodec::kZstd}}, {ElementKind::kFixedBytes, 3}, {2}, encoded));
  EXPECT_THAT(Texts(), ElementsAre("ab", "c"));
  encoded = FromHex("00000061000000e9");
  ASSERT_OK(Decode({.endian = std::endian::big}, {ElementKind::kFixedUtf32, 4}, {2}, encoded));
  std::fill(encoded.begin(), encoded.end(), std::byte{'?'});
  EXPECT_THAT(Texts(), ElementsAre("a", "é"));
}

TEST_F(Codec, TextOfWidthZeroIsEmpty) {
  ASSERT_OK(Decode({}, {ElementKind::kFixedBytes, 0}, {3}, {}));
  EXPECT_THAT(Texts(), ElementsAre("", "", ""));
  const ByteVector blosc = FromHex("02013301000000000100000010000000");
  ASSERT_OK(
      Decode({.compressors = {BytesCodec::kBlosc}}, {ElementKind::kFixedUtf32, 0}, {2}, blosc));
  EXPECT_THAT(Texts(), ElementsAre("", ""));
}

TEST_F(Codec, TypeAndSerializerMustFit) {
  EXPECT_THAT(Decode({}, kString, {1}, FromHex("00")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("string")));
  EXPECT_THAT(Decode({.serializer = Serializer::kVlenUtf8}, kInt16, {1}, FromHex("0000")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("int16")));
  EXPECT_THAT(Decode({}, {ElementKind::kFixedUtf32, 6}, {1}, FromHex("000000000000")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("multiple of 4")));
}

TEST_F(Codec, ChunksAboveTheLimitAreRefusedBeforeAnythingIsAllocated) {
  limits_.max_chunk_bytes = 1000;
  EXPECT_THAT(Decode({}, kInt16, {501}, {}),
              StatusIs(StatusCode::kLimitExceeded,
                       AllOf(HasSubstr("[501]"), HasSubstr("int16"), HasSubstr("1000 bytes"))));
  EXPECT_THAT(Decode({}, kInt16, {500}, {}), StatusIs(StatusCode::kInvalidData, HasSubstr("1000")));
  EXPECT_THAT(Decode({}, {ElementKind::kFixedBytes, 1}, {63}, {}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("fixed_bytes[1]")));
  EXPECT_EQ(out_.elements.capacity(), 0u);
  const int64_t huge = int64_t{1} << 40;
  limits_.max_chunk_bytes = UINT64_MAX;
  EXPECT_THAT(Decode({}, kInt16, {huge, huge}, {}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("too many elements")));
  EXPECT_THAT(Decode({}, {ElementKind::kFixedBytes, 1u << 31}, {huge}, {}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("exceeds the limit")));
}

TEST_F(Codec, TextExpandsOnlyWithinTheLimits) {
  const std::vector<std::string> items = {std::string(40'000'000, 'x')};
  const ByteVector serialized = EncodeVlenUtf8(items);
  const ByteVector bomb = EncodeZstd(serialized);
  ASSERT_LT(bomb.size() * 1000, serialized.size());
  const ChunkCodecs codecs = {.serializer = Serializer::kVlenUtf8,
                              .compressors = {BytesCodec::kZstd}};
  EXPECT_THAT(Decode(codecs, kString, {1}, bomb),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("limit")));
  limits_.max_expansion = 100'000;
  EXPECT_OK(Decode(codecs, kString, {1}, bomb));
  limits_.max_chunk_bytes = 39'000'000;
  EXPECT_THAT(Decode(codecs, kString, {1}, bomb),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("39000000")));
}

TEST_F(Codec, ABudgetThatIsUsedUpIsAStatus) {
  class Budget final : public MemoryBudget {
   public:
    Status Reserve(size_t bytes) override {
      if (bytes > left) return LimitExceeded("no room for ", bytes, " bytes");
      left -= bytes;
      return {};
    }
    void Release(size_t bytes) noexcept override { left += bytes; }
    size_t left = 4096;
  };
  Budget budget;
  CodecScratch scratch(budget);
  ChunkElements out(budget);
  const ByteVector encoded = EncodeZstd(ByteVector(100'000));
  EXPECT_THAT(DecodeChunk({.compressors = {BytesCodec::kZstd}}, kInt16, Shape{50'000}, encoded, {},
                          scratch, &out),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("no room")));
}

TEST_F(Codec, ScratchMayBeMoved) {
  const ByteVector encoded = EncodeZstd(FromHex("0100"));
  CodecScratch moved = std::move(scratch_);
  ASSERT_OK(DecodeChunk({.compressors = {BytesCodec::kZstd}}, kInt16, Shape{1}, encoded, {}, moved,
                        &out_));
  EXPECT_THAT(Elements<int16_t>(), ElementsAre(1));
}

}  // namespace
}  // namespace colonnade::array
