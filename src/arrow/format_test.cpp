#include "arrow/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/status_matchers.h"

namespace colonnade::arrow {
namespace {

using ::testing::ElementsAre;

TEST(ParseFormat, KnowsTheWidthOfEveryFixedType) {
  const std::pair<const char*, int64_t> kWidths[] = {{"b", 1},           {"c", 8},
                                                     {"C", 8},           {"s", 16},
                                                     {"S", 16},          {"i", 32},
                                                     {"I", 32},          {"l", 64},
                                                     {"L", 64},          {"e", 16},
                                                     {"f", 32},          {"g", 64},
                                                     {"w:3", 24},        {"w:0", 0},
                                                     {"d:9,2", 128},     {"d:9,2,32", 32},
                                                     {"d:18,-2,64", 64}, {"d:76,0,256", 256},
                                                     {"tdD", 32},        {"tdm", 64},
                                                     {"tts", 32},        {"ttm", 32},
                                                     {"ttu", 64},        {"ttn", 64},
                                                     {"tss:", 64},       {"tsn:Europe/Paris", 64},
                                                     {"tDs", 64},        {"tDn", 64},
                                                     {"tiM", 32},        {"tiD", 64},
                                                     {"tin", 128}};
  for (const auto& [text, width] : kWidths) {
    ASSERT_OK_AND_ASSIGN(const Format format, ParseFormat(text));
    EXPECT_EQ(format.layout, Layout::kFixedWidth) << text;
    EXPECT_EQ(format.bit_width, width) << text;
    EXPECT_EQ(format.is_integer, std::string("cCsSiIlL").find(text) != std::string::npos) << text;
  }
}

TEST(ParseFormat, KnowsTheLayoutOfEveryOtherType) {
  const std::pair<const char*, Layout> kLayouts[] = {{"n", Layout::kNull},
                                                     {"z", Layout::kBinary},
                                                     {"u", Layout::kBinary},
                                                     {"Z", Layout::kLargeBinary},
                                                     {"U", Layout::kLargeBinary},
                                                     {"vz", Layout::kBinaryView},
                                                     {"vu", Layout::kBinaryView},
                                                     {"+l", Layout::kList},
                                                     {"+L", Layout::kLargeList},
                                                     {"+vl", Layout::kListView},
                                                     {"+vL", Layout::kLargeListView},
                                                     {"+w:7", Layout::kFixedList},
                                                     {"+s", Layout::kStruct},
                                                     {"+m", Layout::kMap},
                                                     {"+ud:0,5", Layout::kDenseUnion},
                                                     {"+us:", Layout::kSparseUnion},
                                                     {"+r", Layout::kRunEndEncoded}};
  for (const auto& [text, layout] : kLayouts) {
    ASSERT_OK_AND_ASSIGN(const Format format, ParseFormat(text));
    EXPECT_EQ(format.layout, layout) << text;
  }
  ASSERT_OK_AND_ASSIGN(const Format dense, ParseFormat("+ud:0,5"));
  EXPECT_THAT(dense.type_ids, ElementsAre(0, 5));
  ASSERT_OK_AND_ASSIGN(const Format list, ParseFormat("+w:7"));
  EXPECT_EQ(list.list_size, 7);
}

TEST(ParseFormat, KnowsTheScaleOfDecimals) {
  const std::pair<const char*, int32_t> kScales[] = {
      {"d:9,2", 2}, {"d:9,0,32", 0}, {"d:18,-2,64", -2}, {"d:38,2147483647", INT32_MAX}, {"l", 0}};
  for (const auto& [text, scale] : kScales) {
    ASSERT_OK_AND_ASSIGN(const Format format, ParseFormat(text));
    EXPECT_EQ(format.decimal_scale, scale) << text;
  }
  EXPECT_THAT(ParseFormat("d:38,2147483648"), StatusIs(StatusCode::kInvalidData, ::testing::_));
}

TEST(ParseFormat, RefusesEverythingElse) {
  for (const char* text :
       {"",     "x",      "uu",     "w:",      "w:-1",      "w:99999999999", "w:3x",
        "d:",   "d:5",    "d:0,0",  "d:39,0",  "d:5,2,100", "d:5,2,",        "ts",
        "tsx:", "tsu",    "tdX",    "t",       "+",         "+w:",           "+w:-1",
        "+ud",  "+ud:1,", "+ud:-1", "+ud:128", "+ud:1,1",   "+us:a",         "v",
        "vx",   "+v",     "+vx"}) {
    EXPECT_THAT(ParseFormat(text), StatusIs(StatusCode::kInvalidData, ::testing::_)) << text;
  }
}

}  // namespace
}  // namespace colonnade::arrow
