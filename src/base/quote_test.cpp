#include "base/quote.h"

#include <gtest/gtest.h>

#include <string>

#include "support/random.h"

namespace colonnade {
namespace {

using std::string_literals::operator""s;

TEST(EscapeControls, LeavesPlainTextAndUtf8Alone) {
  EXPECT_EQ(EscapeControls("sea 'surface' \\ \"t\""), "sea 'surface' \\ \"t\"");
  EXPECT_EQ(EscapeControls("µ °C 温度 🌊"), "µ °C 温度 🌊");
  EXPECT_EQ(EscapeControls(""), "");
}

TEST(EscapeControls, DisarmsTerminalCommands) {
  EXPECT_EQ(EscapeControls("\x1b[31mred\a\b\x7f"), "\\x1b[31mred\\x07\\x08\\x7f");
  EXPECT_EQ(EscapeControls("a\nb\tc\rd\0e"s), "a\\nb\\tc\\rd\\x00e");
  EXPECT_EQ(EscapeControls("\xC2\x9B"
                           "2J"),
            "\\x9b2J");  // U+009B is CSI
}

TEST(EscapeControls, WritesBytesThatAreNotUtf8AsNumbers) {
  EXPECT_EQ(EscapeControls("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(EscapeControls("\xC0\xAF"), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(EscapeControls("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(EscapeControls("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(EscapeControls("\xE6\xB8"), "\\xe6\\xb8");                    // cut short
}

TEST(EscapeControls, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(EscapeControls("abcdef", 6), "abcdef");
  EXPECT_EQ(EscapeControls("abcdefg", 6), "abcdef...");
  EXPECT_EQ(EscapeControls("ab温度", 6), "ab温...");
  EXPECT_EQ(Quote(std::string(5000, 'x')).size(), 205u);
}

TEST(EscapeControlsProperty, NoControlByteComesThrough) {
  SeededRandom random;
  for (int round = 0; round < 2000; ++round) {
    std::string text(static_cast<size_t>(random.Uniform(0, 40)), ' ');
    for (char& c : text) c = static_cast<char>(random.Uniform(-128, 127));
    const std::string escaped = EscapeControls(text);
    for (const char c : escaped) {
      EXPECT_FALSE((c >= 0 && c < 0x20) || c == 0x7f);
    }
    EXPECT_EQ(EscapeControls(escaped, 1000), escaped);
  }
}

}  // namespace
}  // namespace colonnade
