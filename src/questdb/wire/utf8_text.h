// Text of messages: is it UTF-8, and where may it be cut.

#pragma once

#include <cstddef>
#include <string_view>

namespace colonnade::questdb::wire {

/// True if `text` is UTF-8; fast for text with long stretches of ASCII.
bool IsUtf8Text(std::string_view text);

/// The longest beginning of `text` of at most `max_bytes` that ends between characters.
std::string_view ShortenedText(std::string_view text, size_t max_bytes);

}  // namespace colonnade::questdb::wire
