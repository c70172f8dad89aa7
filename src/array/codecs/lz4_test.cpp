#include "array/codecs/lz4.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr BytesCodec kLz4 = BytesCodec::kLz4;

TEST(Lz4, DecodesWhatNumcodecsWrote) {
  const ByteVector encoded = FromHex("b80b00001f610100ffffffffffffffffffffffaa506161616161");
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kLz4, encoded, 3000));
  EXPECT_EQ(got, ByteVector(3000, std::byte{'a'}));
}

TEST(Lz4, DecodesAnEmptyBlock) {
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kLz4, FromHex("0000000000"), 0));
  EXPECT_TRUE(got.empty());
}

TEST(Lz4, RefusesAHeaderThatDiffersFromTheMetadata) {
  const ByteVector encoded = EncodeLz4(AsBytes("abcdefgh"));
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kLz4, encoded, 9),
              StatusIs(StatusCode::kInvalidData,
                       AllOf(HasSubstr("decoded to 8 bytes"), HasSubstr("expected 9"))));
  EXPECT_THAT(decoder.AtMost(kLz4, encoded, 7),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("limit 7")));
}

TEST(Lz4, RefusesClaimsThatNoBlockOfThatSizeCanMeet) {
  Decoder decoder;
  for (const char* hex : {"ffffffff00", "0000007f00", "0000100000"}) {
    EXPECT_THAT(decoder.AtMost(kLz4, FromHex(hex), uint64_t{1} << 40),
                StatusIs(StatusCode::kInvalidData, HasSubstr("lz4: a block of")));
  }
}

TEST(Lz4, RefusesClaimsAboveTheFormatsOwnLimit) {
  ByteVector encoded;
  AppendLittle(uint32_t{LZ4_MAX_INPUT_SIZE} + 1, &encoded);
  encoded.resize(4 + LZ4_MAX_INPUT_SIZE / 255 + 1);
  Decoder decoder;
  EXPECT_THAT(decoder.AtMost(kLz4, encoded, uint64_t{1} << 40),
              StatusIs(StatusCode::kInvalidData, HasSubstr("larger than the format allows")));
}

TEST(Lz4, RefusesTooFewBytesForTheHeader) {
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kLz4, FromHex("000000"), 0),
              StatusIs(StatusCode::kInvalidData, HasSubstr("too short for the header")));
}

TEST(Lz4Property, CorruptionIsAnErrorOrKeepsTheLength) {
  SeededRandom random;
  for (const size_t size : {0, 1, 40, 300}) {
    const ByteVector content = RandomBytes(random, size);
    ExpectHostileInputIsContained(kLz4, EncodeLz4(content), content, Integrity::kLength);
  }
}

}  // namespace
}  // namespace colonnade::array::codecs
