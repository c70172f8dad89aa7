#include "array/codecs/zstd.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr BytesCodec kZstd = BytesCodec::kZstd;

// A frame that says `bytes` are in it and has none: magic, 8-byte content size, an empty last
// block.
ByteVector FrameClaiming(uint64_t bytes) {
  ByteVector frame = FromHex("28b52ffde0");
  AppendLittle(bytes, &frame);
  return Join({frame, FromHex("010000")});
}

ByteVector SkippableFrame(std::string_view content) {
  ByteVector frame;
  AppendLittle(uint32_t{0x184D2A53}, &frame);
  AppendLittle(static_cast<uint32_t>(content.size()), &frame);
  return Join({frame, AsBytes(content)});
}

TEST(Zstd, DecodesWhatNumcodecsWrote) {
  const ByteVector encoded = FromHex(
      "28b52ffd601003ed0200f000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d00a01180"
      "3c"
      "80640029007900c9005200f2009201a400e40124034801c803480690029007900c2005200f2019400a401e403280"
      "14"
      "803c806476a4700016");
  ByteVector want;
  for (uint32_t i = 0; i < 260; ++i) AppendLittle(i / 9, &want);
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kZstd, encoded, 1040));
  EXPECT_EQ(got, want);
}

TEST(Zstd, JoinsFramesAndSkipsSkippableOnes) {
  const ByteVector encoded =
      Join({SkippableFrame("note"), EncodeZstd(AsBytes("one ")),
            EncodeZstd(AsBytes("two "), {.checksum = true}), SkippableFrame(""),
            EncodeZstd(AsBytes("three"), {.content_size = false}), SkippableFrame("end")});
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector exact, decoder.Exactly(kZstd, encoded, 13));
  EXPECT_EQ(exact, Join({AsBytes("one two three")}));
  ASSERT_OK_AND_ASSIGN(const ByteVector bounded, decoder.AtMost(kZstd, encoded, 100));
  EXPECT_EQ(bounded, exact);
}

TEST(Zstd, DecodesAFrameWithoutContentSizeIntoGrowingRoom) {
  const ByteVector zeros(3'000'000);
  const ByteVector encoded = EncodeZstd(zeros, {.content_size = false});
  ASSERT_LT(encoded.size(), 1000u);
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.AtMost(kZstd, encoded, 3'000'000));
  EXPECT_EQ(got, zeros);
  EXPECT_THAT(decoder.AtMost(kZstd, encoded, 2'999'999),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("limit of 2999999 bytes")));
}

TEST(Zstd, SaysBothLengthsWhenTheyDiffer) {
  const ByteVector encoded = EncodeZstd(AsBytes("abcdefgh"));
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kZstd, encoded, 9),
              StatusIs(StatusCode::kInvalidData,
                       AllOf(HasSubstr("decoded to 8 bytes"), HasSubstr("expected 9"))));
  EXPECT_THAT(decoder.Exactly(kZstd, encoded, 7),
              StatusIs(StatusCode::kInvalidData,
                       AllOf(HasSubstr("more than 7 bytes"), HasSubstr("expected 7"))));
}

TEST(Zstd, DoesNotAllocateWhatAFrameClaims) {
  Decoder decoder;
  for (const uint64_t claim : {uint64_t{1} << 40, ~uint64_t{0} - 2, uint64_t{100'000}}) {
    EXPECT_FALSE(decoder.AtMost(kZstd, FrameClaiming(claim), 1'000'000).ok());
    EXPECT_FALSE(decoder.Exactly(kZstd, FrameClaiming(claim), 10).ok());
  }
}

TEST(Zstd, RefusesAChangedChecksum) {
  ByteVector encoded = EncodeZstd(AsBytes("some content"), {.checksum = true});
  encoded.back() ^= std::byte{1};
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kZstd, encoded, 12),
              StatusIs(StatusCode::kInvalidData, HasSubstr("checksum")));
}

TEST(Zstd, RefusesNoDataAtAll) {
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kZstd, {}, 0), StatusIs(StatusCode::kInvalidData, "zstd: no data"));
}

TEST(Zstd, WorksAgainAfterAFailure) {
  const ByteVector good = EncodeZstd(AsBytes("abc"));
  Decoder decoder;
  EXPECT_FALSE(decoder.Exactly(kZstd, Bytes(good).first(good.size() - 1), 3).ok());
  EXPECT_OK(decoder.Exactly(kZstd, good, 3));
}

TEST(ZstdProperty, CorruptionIsAnErrorOrKeepsTheLength) {
  SeededRandom random;
  for (const size_t size : {0, 1, 40, 300}) {
    const ByteVector content = RandomBytes(random, size);
    ExpectHostileInputIsContained(kZstd, EncodeZstd(content), content, Integrity::kLength);
    ExpectHostileInputIsContained(kZstd, EncodeZstd(content, {.checksum = true}), content,
                                  Integrity::kChecksum);
    ExpectHostileInputIsContained(kZstd, EncodeZstd(content, {.content_size = false}), content,
                                  Integrity::kLength);
  }
}

}  // namespace
}  // namespace colonnade::array::codecs
