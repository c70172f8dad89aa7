// Messages that are kept as text: two digits a byte, spaces and line ends anywhere, comments from
// '#' to the end of a line.

#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace colonnade {

/// The bytes of such a text. A digit that is none, or half a byte, fails the test.
inline std::vector<std::byte> BytesOfHex(std::string_view text) {
  std::vector<std::byte> bytes;
  int high = -1;
  bool in_comment = false;
  for (const char c : text) {
    if (c == '\n') in_comment = false;
    if (c == '#') in_comment = true;
    if (in_comment || c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    const size_t digit = std::string_view("0123456789abcdef").find(c | 0x20);
    if (digit == std::string_view::npos) {
      ADD_FAILURE() << "'" << c << "' is no hexadecimal digit";
      return {};
    }
    if (high < 0) {
      high = static_cast<int>(digit);
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + static_cast<int>(digit)));
      high = -1;
    }
  }
  EXPECT_LT(high, 0) << "half a byte";
  return bytes;
}

/// The bytes as text, 32 a line, for messages of failing tests.
inline std::string HexOf(std::span<const std::byte> bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 32 == 0) text += '\n';
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return text;
}

/// The bytes of a file of tests/golden/, named from there: "questdb/ingress-commit.hex".
inline std::vector<std::byte> BytesOfGoldenFile(const std::string& name) {
  const auto path = std::filesystem::path(__FILE__).parent_path().parent_path() / "golden" / name;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return BytesOfHex(text.str());
}

}  // namespace colonnade
