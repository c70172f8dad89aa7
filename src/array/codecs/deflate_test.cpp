#include "array/codecs/deflate.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::HasSubstr;

constexpr BytesCodec kGzip = BytesCodec::kGzip;
constexpr BytesCodec kZlib = BytesCodec::kZlib;

TEST(Deflate, DecodesWhatNumcodecsWrote) {
  const ByteVector gzip = FromHex(
      "1f8b080017be016b00ff8dc3850dc0300000a0b9bbdbff77ee8442421485c5308129cc600e0b58c20ad6b0812dec"
      "60"
      "0f0738c209ce70812bdce00e0f78c20bdef0812ffc027f684ad81d10040000");
  const ByteVector zlib = FromHex(
      "785e8dc3850dc0300000a0b9bbdbff77ee8442421485c5308129cc600e0b58c20ad6b0812dec600f0738c209ce70"
      "81"
      "2bdce00e0f78c20bdef0812ffc027ffa160e2b");
  ByteVector want;
  for (uint32_t i = 0; i < 260; ++i) AppendLittle(i / 9, &want);
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector from_gzip, decoder.Exactly(kGzip, gzip, 1040));
  EXPECT_EQ(from_gzip, want);
  ASSERT_OK_AND_ASSIGN(const ByteVector from_zlib, decoder.Exactly(kZlib, zlib, 1040));
  EXPECT_EQ(from_zlib, want);
}

TEST(Gzip, ReadsTheOptionalHeaderFields) {
  // FEXTRA "ab", FNAME "n", FCOMMENT "c" put between the header and the data of "hi".
  ByteVector encoded = EncodeGzip(AsBytes("hi"));
  encoded[3] = std::byte{0x04 | 0x08 | 0x10};
  const ByteVector fields = FromHex(
      "02006162"
      "6e00"
      "6300");
  encoded.insert(encoded.begin() + 10, fields.begin(), fields.end());
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kGzip, encoded, 2));
  EXPECT_EQ(got, Join({AsBytes("hi")}));
}

TEST(Gzip, JoinsMembers) {
  const ByteVector encoded =
      Join({EncodeGzip(AsBytes("one ")), EncodeGzip(AsBytes("")), EncodeGzip(AsBytes("two"))});
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kGzip, encoded, 7));
  EXPECT_EQ(got, Join({AsBytes("one two")}));
  EXPECT_THAT(decoder.Exactly(kGzip, encoded, 4),
              StatusIs(StatusCode::kInvalidData, HasSubstr("more than 4 bytes")));
}

TEST(Gzip, KeepsFinishedMembersWhileRoomGrows) {
  SeededRandom random;
  const ByteVector first = RandomBytes(random, 5'000);
  const ByteVector second(400'000, std::byte{7});
  const ByteVector third = RandomBytes(random, 90'000);
  const ByteVector encoded =
      Join({EncodeGzip(first), EncodeGzip(second), EncodeGzip(third), EncodeGzip({})});
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.AtMost(kGzip, encoded, 10'000'000));
  EXPECT_EQ(got, Join({first, second, third}));
}

TEST(Gzip, RefusesTrailingBytes) {
  Decoder decoder;
  for (const std::string_view tail : {std::string_view("garbage"), std::string_view("\0", 1)}) {
    const ByteVector encoded = Join({EncodeGzip(AsBytes("hi")), AsBytes(tail)});
    EXPECT_THAT(decoder.Exactly(kGzip, encoded, 2),
                StatusIs(StatusCode::kInvalidData, HasSubstr("no valid member after the first")));
  }
}

TEST(Gzip, VerifiesChecksumAndLength) {
  const ByteVector good = EncodeGzip(AsBytes("some content"));
  Decoder decoder;
  for (size_t from_end = 1; from_end <= 8; ++from_end) {
    ByteVector bad = good;
    bad[bad.size() - from_end] ^= std::byte{1};
    EXPECT_THAT(decoder.Exactly(kGzip, bad, 12),
                StatusIs(StatusCode::kInvalidData, HasSubstr("corrupt")));
  }
}

TEST(Zlib, RefusesBytesAfterTheStream) {
  const ByteVector encoded = Join({EncodeZlib(AsBytes("hi")), AsBytes("xyz")});
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kZlib, encoded, 2),
              StatusIs(StatusCode::kInvalidData, HasSubstr("3 bytes after the end")));
}

TEST(Zlib, StopsAtTheLimit) {
  const ByteVector encoded = EncodeZlib(ByteVector(1'000'000));
  Decoder decoder;
  EXPECT_OK(decoder.AtMost(kZlib, encoded, 1'000'000));
  EXPECT_THAT(decoder.AtMost(kZlib, encoded, 999'999),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("limit of 999999 bytes")));
  EXPECT_THAT(decoder.Exactly(kZlib, encoded, 10),
              StatusIs(StatusCode::kInvalidData, HasSubstr("expected 10")));
}

TEST(DeflateProperty, CorruptionIsAnErrorOrChangesNothing) {
  SeededRandom random;
  for (const size_t size : {0, 1, 40, 300}) {
    const ByteVector content = RandomBytes(random, size);
    ExpectHostileInputIsContained(kGzip, EncodeGzip(content), content, Integrity::kChecksum);
    ExpectHostileInputIsContained(kZlib, EncodeZlib(content), content, Integrity::kChecksum);
  }
}

}  // namespace
}  // namespace colonnade::array::codecs
