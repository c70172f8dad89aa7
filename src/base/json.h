// JSON documents: the one place that includes the JSON library.

#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade {

using Json = nlohmann::json;

/// Limits on a document that comes from outside.
struct JsonLimits {
  size_t max_bytes = size_t{64} << 20;
  size_t max_depth = 128;  // of nested arrays and objects
  // A value takes 16 to 130 bytes of memory for 2 bytes of document.
  size_t max_values = 10'000'000;
  size_t max_duplicates = 1'000;  // where they are reported
};

/// Parses one document (RFC 8259, UTF-8). Integers keep 64 bits exactly; larger ones become
/// floating point. A byte order mark is skipped. The bare tokens NaN, Infinity and -Infinity, which
/// Python writes, become strings of that spelling. Duplicate keys: the last wins and, if
/// `duplicates` is given, the path of each ("/attributes/units", escaped as in RFC 6901) is
/// appended.
///
/// \error InvalidData naming the byte offset: not JSON, trailing bytes, invalid UTF-8.
/// \error LimitExceeded if larger or deeper than the limits; never overflows the stack.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {},
                       std::vector<std::string>* duplicates = nullptr);

/// The member `key` of an object; null if there is none or `json` is not an object.
const Json* FindMember(const Json& json, std::string_view key);

}  // namespace colonnade
