// UTF-8 validation.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/buffer.h"

namespace colonnade {

/// True if `text` is well-formed UTF-8: no overlong forms, surrogates or code points above
/// U+10FFFF.
bool IsUtf8(std::string_view text);

/// True if no byte has its high bit set.
inline bool IsAscii(const void* data, size_t size) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  const char* at = static_cast<const char*>(data);
  uint64_t seen = 0;
  for (; size >= 8; at += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    seen |= word;
  }
  for (; size != 0; ++at, --size) seen |= static_cast<unsigned char>(*at);
  return (seen & kHighBits) == 0;
}

/// IsUtf8 that is fastest for short ASCII text.
inline bool IsUtf8MostlyAscii(std::string_view text) {
  return IsAscii(text.data(), text.size()) || IsUtf8(text);
}

}  // namespace colonnade
