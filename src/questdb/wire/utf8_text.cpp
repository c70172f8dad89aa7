#include "questdb/wire/utf8_text.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace colonnade::questdb::wire {

bool IsUtf8Text(std::string_view text) {
  constexpr size_t kBlock = 64;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const auto left = static_cast<size_t>(end - at);
    if (IsAscii(at, std::min(kBlock, left))) {
      at += std::min(kBlock, left);
      continue;
    }
    // Up to the next block of ASCII, before which a character must have ended.
    const char* stop = at;
    while (stop < end) {
      const size_t size = std::min(kBlock, static_cast<size_t>(end - stop));
      if (IsAscii(stop, size)) break;
      stop += size;
    }
    if (!IsUtf8({at, static_cast<size_t>(stop - at)})) return false;
    at = stop;
  }
  return true;
}

std::string_view ShortenedText(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace colonnade::questdb::wire
