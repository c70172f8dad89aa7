#include "array/codecs/fixed_text.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string_view> Views(const Buffer& elements) {
  const auto* views = reinterpret_cast<const std::string_view*>(elements.data());
  return {views, views + elements.size() / sizeof(std::string_view)};
}

class FixedText : public ::testing::Test {
 protected:
  Status Utf32(Bytes serialized, size_t width, uint64_t count,
               std::endian endian = std::endian::little) {
    return DecodeFixedUtf32(serialized, endian, width, count, &text_, &elements_);
  }
  Buffer text_ = Buffer(UnlimitedMemory());
  Buffer elements_ = Buffer(UnlimitedMemory());
};

TEST_F(FixedText, BytesLoseTheirPaddingAndKeepInnerNuls) {
  const std::string_view stored("abc\0\0\0a\0b\0\0\0", 12);
  ASSERT_OK(DecodeFixedBytes(AsBytes(stored), 3, 4, &elements_));
  EXPECT_THAT(Views(elements_), ElementsAre("abc", "", std::string_view("a\0b", 3), ""));
}

TEST_F(FixedText, BytesMayBeUtf8) {
  ASSERT_OK(DecodeFixedBytes(AsBytes("é日"), 5, 1, &elements_));
  EXPECT_THAT(Views(elements_), ElementsAre("é日"));
}

TEST_F(FixedText, BytesThatAreNotUtf8NameTheElement) {
  EXPECT_THAT(DecodeFixedBytes(AsBytes("ab\xC3\xA9\xE9z"), 2, 3, &elements_),
              StatusIs(StatusCode::kInvalidData, HasSubstr("element 2 is not UTF-8")));
  // A character cut by the width is not completed by the next element.
  EXPECT_THAT(DecodeFixedBytes(AsBytes("\xC3\xA9"), 1, 2, &elements_),
              StatusIs(StatusCode::kInvalidData, HasSubstr("element 0")));
}

TEST_F(FixedText, WidthZeroIsTheEmptyStringEverywhere) {
  ASSERT_OK(DecodeFixedBytes({}, 0, 3, &elements_));
  EXPECT_THAT(Views(elements_), ElementsAre("", "", ""));
  ASSERT_OK(Utf32({}, 0, 2));
  EXPECT_THAT(Views(elements_), ElementsAre("", ""));
}

// numpy.array(["añ", "", "日😀"], "U2").tobytes(), and the same as ">U2".
TEST_F(FixedText, Utf32OfBothByteOrdersBecomesUtf8) {
  ASSERT_OK(Utf32(FromHex("61000000f10000000000000000000000e565000000f60100"), 8, 3));
  EXPECT_THAT(Views(elements_), ElementsAre("añ", "", "日😀"));
  EXPECT_EQ(text_.size(), 10u);
  ASSERT_OK(
      Utf32(FromHex("00000061000000f10000000000000000000065e50001f600"), 8, 3, std::endian::big));
  EXPECT_THAT(Views(elements_), ElementsAre("añ", "", "日😀"));
}

TEST_F(FixedText, Utf32KeepsInnerNuls) {
  ASSERT_OK(Utf32(FromHex("000000006200000000000000"), 12, 1));
  EXPECT_THAT(Views(elements_), ElementsAre(std::string_view("\0b", 2)));
}

TEST_F(FixedText, Utf32RefusesWhatIsNoCodePointAndNamesTheElement) {
  for (const char* hex : {"00d80000", "ffdf0000", "00001100", "ffffffff"}) {
    const ByteVector stored = Join({FromHex("61000000"), FromHex(hex)});
    EXPECT_THAT(Utf32(stored, 4, 2), StatusIs(StatusCode::kInvalidData, HasSubstr("element 1")));
  }
  for (const char* hex : {"ffd70000", "00e00000", "ffff1000"}) {
    EXPECT_OK(Utf32(FromHex(hex), 4, 1));
  }
  // Little-endian text read in the wrong order.
  EXPECT_THAT(Utf32(FromHex("61000000"), 4, 1, std::endian::big),
              StatusIs(StatusCode::kInvalidData, HasSubstr("0x61000000")));
}

TEST_F(FixedText, Utf32NeedsNoAlignment) {
  const ByteVector shifted = Join({AsBytes("x"), FromHex("f1000000")});
  ASSERT_OK(Utf32(Bytes(shifted).subspan(1), 4, 1));
  EXPECT_THAT(Views(elements_), ElementsAre("ñ"));
}

}  // namespace
}  // namespace colonnade::array::codecs
