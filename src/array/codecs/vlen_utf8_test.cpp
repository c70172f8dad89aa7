#include "array/codecs/vlen_utf8.h"

#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string_view> Views(const Buffer& elements) {
  const auto* views = reinterpret_cast<const std::string_view*>(elements.data());
  return {views, views + elements.size() / sizeof(std::string_view)};
}

TEST(VlenUtf8, DecodesWhatNumcodecsWrote) {
  const ByteVector serialized =
      FromHex("0400000001000000610000000002000000c3a906000000e697a5e69cac");
  Buffer elements(UnlimitedMemory());
  ASSERT_OK(DecodeVlenUtf8(serialized, 4, &elements));
  EXPECT_THAT(Views(elements), ElementsAre("a", "", "é", "日本"));
}

TEST(VlenUtf8, DecodesNoItems) {
  Buffer elements(UnlimitedMemory());
  EXPECT_OK(DecodeVlenUtf8(FromHex("00000000"), 0, &elements));
  EXPECT_EQ(elements.size(), 0u);
}

TEST(VlenUtf8, RefusesAnotherNumberOfItems) {
  const std::vector<std::string> items = {"a", "b"};
  Buffer elements(UnlimitedMemory());
  EXPECT_THAT(DecodeVlenUtf8(EncodeVlenUtf8(items), 3, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("2 items, expected 3")));
  EXPECT_THAT(DecodeVlenUtf8(EncodeVlenUtf8(items), 1, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("2 items, expected 1")));
}

TEST(VlenUtf8, RefusesLengthsThatReachPastTheEnd) {
  Buffer elements(UnlimitedMemory());
  EXPECT_THAT(DecodeVlenUtf8(FromHex("01000000050000006161"), 1, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("item 0 has 5 bytes, 2 are left")));
  EXPECT_THAT(DecodeVlenUtf8(FromHex("01000000ffffffff6161"), 1, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("item 0 has 4294967295 bytes")));
  EXPECT_THAT(DecodeVlenUtf8(FromHex("0200000006000000616161"), 2, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("too few for 2 items")));
  EXPECT_THAT(DecodeVlenUtf8(FromHex("0200000005000000616161616161"), 2, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("the data end before item 1 of 2")));
}

TEST(VlenUtf8, RefusesTextThatIsNotUtf8AndNamesTheItem) {
  const std::vector<std::string> items = {"fine", "\xFF", "fine"};
  Buffer elements(UnlimitedMemory());
  EXPECT_THAT(DecodeVlenUtf8(EncodeVlenUtf8(items), 3, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("item 1 is not UTF-8")));
  // Valid only if read across the border between two items.
  const std::vector<std::string> split = {"\xC3", "\xA9"};
  EXPECT_FALSE(DecodeVlenUtf8(EncodeVlenUtf8(split), 2, &elements).ok());
}

TEST(VlenUtf8, ATinyChunkCannotAskForManyElements) {
  Buffer elements(UnlimitedMemory());
  EXPECT_THAT(DecodeVlenUtf8(FromHex("ffffffff00000000"), 0xFFFFFFFF, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("too few for 4294967295 items")));
  EXPECT_EQ(elements.capacity(), 0u);
}

TEST(VlenUtf8Property, EveryTruncationAndExtensionIsAnError) {
  const std::vector<std::string> items = {"one", "", "drei", "4"};
  const ByteVector serialized = EncodeVlenUtf8(items);
  Buffer elements(UnlimitedMemory());
  for (size_t size = 0; size < serialized.size(); ++size) {
    const ByteVector cut(serialized.begin(), serialized.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(DecodeVlenUtf8(cut, 4, &elements).ok()) << size;
  }
  EXPECT_THAT(DecodeVlenUtf8(Join({serialized, AsBytes("xy")}), 4, &elements),
              StatusIs(StatusCode::kInvalidData, HasSubstr("2 bytes after the last of 4 items")));
}

TEST(VlenUtf8Property, EveryFlipIsAnErrorOrKeepsTheTextInside) {
  const std::vector<std::string> items = {"one", "", "drei", "日本"};
  const ByteVector serialized = EncodeVlenUtf8(items);
  Buffer elements(UnlimitedMemory());
  for (size_t i = 0; i < serialized.size(); ++i) {
    for (int mask = 1; mask < 256; ++mask) {
      ByteVector flipped = serialized;
      flipped[i] ^= static_cast<std::byte>(mask);
      if (!DecodeVlenUtf8(flipped, 4, &elements).ok()) continue;
      size_t bytes = 0;
      for (const std::string_view text : Views(elements)) bytes += text.size();
      EXPECT_EQ(bytes, serialized.size() - 4 - 4 * items.size());
    }
  }
}

}  // namespace
}  // namespace colonnade::array::codecs
