// Text from outside, made fit for one line of a message.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace colonnade {

/// `text` on one line: control characters (C0, DEL, C1), which may command a terminal, and bytes
/// that are not UTF-8 are written as \n, \t, \r or \x1b. Anything beyond `max_bytes` is replaced by
/// "...".
std::string EscapeControls(std::string_view text, size_t max_bytes = 500);

/// EscapeControls between single quotes: 'air.zarr'.
std::string Quote(std::string_view text, size_t max_bytes = 200);

}  // namespace colonnade
