#include "array/codecs/crc32c.h"

#include "array/codecs/encode_for_test.h"
#include "base/crc32c.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::HasSubstr;

constexpr BytesCodec kCrc32c = BytesCodec::kCrc32c;

TEST(Crc32c, HasTheCheckValueOfItsDefinition) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283);
  EXPECT_EQ(Crc32cByTable(AsBytes("123456789")), 0xE3069283);
}

// RFC 3720, appendix B.4.
TEST(Crc32c, HasTheValuesOfTheIscsiStandard) {
  ByteVector rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<std::byte>(i));
  EXPECT_EQ(Crc32c(ByteVector(32)), 0x8A9136AA);
  EXPECT_EQ(Crc32c(ByteVector(32, std::byte{0xFF})), 0x62A8AB43);
  EXPECT_EQ(Crc32c(rising), 0x46DD794E);
  EXPECT_EQ(Crc32cByTable(rising), 0x46DD794E);
}

TEST(Crc32c, OfNothingIsZero) {
  EXPECT_EQ(Crc32c({}), 0u);
  EXPECT_EQ(Crc32cByTable({}), 0u);
}

TEST(Crc32cProperty, InstructionTableAndBitByBitAgree) {
  SeededRandom random;
  for (size_t size = 0; size < 200; ++size) {
    const ByteVector content = RandomBytes(random, size);
    const ByteVector encoded = EncodeCrc32c(content);
    const auto want = LoadLittle<uint32_t>(encoded.data() + size);
    EXPECT_EQ(Crc32c(content), want) << size;
    EXPECT_EQ(Crc32cByTable(content), want) << size;
  }
}

TEST(Crc32c, RemovesAChecksumThatFits) {
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got,
                       decoder.Exactly(kCrc32c, FromHex("313233343536373839839206e3"), 9));
  EXPECT_EQ(got, Join({AsBytes("123456789")}));
}

TEST(Crc32c, ShowsBothChecksumsWhenTheyDiffer) {
  Decoder decoder;
  EXPECT_THAT(
      decoder.Exactly(kCrc32c, FromHex("313233343536373839839206e4"), 9),
      StatusIs(StatusCode::kInvalidData, HasSubstr("stored 0xe4069283, computed 0xe3069283")));
}

TEST(Crc32c, RefusesLessThanAChecksum) {
  Decoder decoder;
  EXPECT_THAT(decoder.Exactly(kCrc32c, FromHex("000000"), 0),
              StatusIs(StatusCode::kInvalidData, HasSubstr("too short for the checksum")));
}

TEST(Crc32cProperty, CorruptionIsAlwaysAnError) {
  SeededRandom random;
  for (const size_t size : {0, 1, 40, 300}) {
    const ByteVector content = RandomBytes(random, size);
    ExpectHostileInputIsContained(kCrc32c, EncodeCrc32c(content), content, Integrity::kChecksum);
  }
}

}  // namespace
}  // namespace colonnade::array::codecs
