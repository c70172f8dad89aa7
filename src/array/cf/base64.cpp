#include "array/cf/base64.h"

#include <cstddef>
#include <cstdint>

namespace colonnade::array::cf {
namespace {

int DigitValue(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  if (digit == '/') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  std::string decoded;
  decoded.reserve(digits / 4 * 3 + 2);
  uint32_t bits = 0;
  int bit_count = 0;
  for (const char digit : text.substr(0, digits)) {
    const int value = DigitValue(digit);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xFFF;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      decoded.push_back(static_cast<char>(bits >> bit_count & 0xFF));
    }
  }
  // The bits that padding leaves over must be zero, or two texts would mean the same bytes.
  if ((bits & ((1u << bit_count) - 1)) != 0) return std::nullopt;
  return decoded;
}

}  // namespace colonnade::array::cf
