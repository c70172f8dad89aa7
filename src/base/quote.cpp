#include "base/quote.h"

#include <algorithm>
#include <cstdint>

namespace colonnade {
namespace {

// The length of the UTF-8 character at the start of `text` (RFC 3629: no overlong forms, no
// surrogates), or 0.
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  uint32_t code = 0;
  uint32_t least = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2, code = lead & 0x1Fu, least = 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3, code = lead & 0x0Fu, least = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4, code = lead & 0x07u, least = 0x10000;
  }
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < least || code > 0x10FFFF || is_surrogate ? 0 : length;
}

void AppendEscaped(char c, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '\n': *out += "\\n"; return;
    case '\t': *out += "\\t"; return;
    case '\r': *out += "\\r"; return;
    default:
      *out += "\\x";
      *out += kDigits[static_cast<uint8_t>(c) >> 4];
      *out += kDigits[static_cast<uint8_t>(c) & 15];
  }
}

}  // namespace

std::string EscapeControls(std::string_view text, size_t max_bytes) {
  std::string escaped;
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text.substr(i, 4));
    if (i + std::max<size_t>(length, 1) > max_bytes) return escaped + "...";
    const auto lead = static_cast<uint8_t>(text[i]);
    const bool is_c1 = length == 2 && lead == 0xC2 && static_cast<uint8_t>(text[i + 1]) < 0xA0;
    if (length == 0 || lead < 0x20 || lead == 0x7F) {
      AppendEscaped(text[i], &escaped);
      ++i;
    } else if (is_c1) {
      AppendEscaped(text[i + 1], &escaped);
      i += 2;
    } else {
      escaped.append(text, i, length);
      i += length;
    }
  }
  return escaped;
}

std::string Quote(std::string_view text, size_t max_bytes) {
  return "'" + EscapeControls(text, max_bytes) + "'";
}

}  // namespace colonnade
