// Base64 (RFC 4648 §4), decoding only.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace colonnade::array::cf {

/// Decodes padded base64 of the standard alphabet; nothing if the text is anything else (white
/// space and missing padding included).
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace colonnade::array::cf
