// FillValue: what the elements of an absent chunk are.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"

namespace colonnade::zarr {

/// A fill value as one element in memory.
struct FillValue {
  /// Numbers, in host byte order.
  std::array<std::byte, 8> bytes = {};
  /// Text, when the type is text.
  std::string text;
  /// The value as plain JSON of the stored type (text, number, or "NaN"), for use as a sentinel.
  /// None if the document has no fill value (v2 null).
  std::optional<Json> sentinel;
};

/// Parses a v3 `fill_value` strictly.
///
/// \error InvalidData quoting a value that is not of the type.
Result<FillValue> ParseV3Fill(const Json& json, const array::ElementType& type);

/// Parses a v2 `fill_value`: null is zero (NaT for times) without being a sentinel, 0 means empty
/// for text, integral floats are integers, 0 and 1 are booleans.
///
/// \error InvalidData as above. Callers use it only when an absent chunk needs the value, because
/// old writers made such files.
Result<FillValue> ParseV2Fill(const Json& json, const array::ElementType& type);

/// Bytes of RFC 4648 base64 with padding, or nothing.
std::optional<std::string> DecodeBase64(std::string_view text);

/// The IEEE half nearest to `value`, ties to even.
uint16_t HalfFromDouble(double value);

}  // namespace colonnade::zarr
