#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "support/random.h"

namespace colonnade {
namespace {

std::string EncodeCodePoint(uint32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

// Oracle: take a sequence of any declared length apart by arithmetic and see whether encoding the
// number gives the same bytes back.
bool IsUtf8ByRoundTrip(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 0 || lead >= 0xF8 || text.size() < length) return false;
    uint32_t code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    if (EncodeCodePoint(code) != text.substr(0, length)) return false;
    text.remove_prefix(length);
  }
  return true;
}

TEST(Utf8, AcceptsEveryCodePoint) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    ASSERT_EQ(IsUtf8(EncodeCodePoint(code)), !surrogate) << code;
  }
}

TEST(Utf8, RefusesOverlongFormsAndLargeNumbers) {
  for (const std::string_view text : {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\x80"}) {
    EXPECT_FALSE(IsUtf8(text));
    EXPECT_FALSE(IsUtf8MostlyAscii(text));
  }
}

TEST(Utf8, EmptyTextIsValid) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8MostlyAscii({}));
}

TEST(Utf8Property, AgreesWithTheOracleOnAllShortSequences) {
  char text[3];
  for (int a = 0; a < 256; ++a) {
    text[0] = static_cast<char>(a);
    ASSERT_EQ(IsUtf8({text, 1}), IsUtf8ByRoundTrip({text, 1})) << a;
    for (int b = 0; b < 256; ++b) {
      text[1] = static_cast<char>(b);
      ASSERT_EQ(IsUtf8({text, 2}), IsUtf8ByRoundTrip({text, 2})) << a << ' ' << b;
      if (a < 0xE0 || a >= 0xF0) continue;
      for (int c = 0; c < 256; ++c) {
        text[2] = static_cast<char>(c);
        ASSERT_EQ(IsUtf8({text, 3}), IsUtf8ByRoundTrip({text, 3})) << a << ' ' << b << ' ' << c;
      }
    }
  }
}

TEST(Utf8Property, AgreesWithTheOracleOnMixedText) {
  SeededRandom random;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const int64_t parts = random.Uniform(0, 12);
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t limit = random.Chance(0.6) ? 0x7F : random.Chance(0.5) ? 0x7FF : 0x10FFFF;
      text += EncodeCodePoint(static_cast<uint32_t>(random.Uniform(0, limit)));
    }
    if (!text.empty() && random.Chance(0.5)) {
      text[static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(text.size()) - 1))] =
          static_cast<char>(random.Uniform(0, 255));
    }
    ASSERT_EQ(IsUtf8(text), IsUtf8ByRoundTrip(text));
    ASSERT_EQ(IsUtf8MostlyAscii(text), IsUtf8ByRoundTrip(text));
  }
}

}  // namespace
}  // namespace colonnade
