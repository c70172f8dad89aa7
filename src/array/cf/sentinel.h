// Sentinels: JSON constants that mark missing values, in the stored type.

#pragma once

#include <string>
#include <vector>

#include "array/cf/decode_plan.h"
#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"

namespace colonnade::array::cf {

/// One constant; which member counts follows from the stored type.
struct Sentinel {
  bool is_nan = false;             // floats: any NaN
  StoredValue value{};             // other numbers, booleans and times
  std::vector<std::string> texts;  // text: the spellings it may have
};

/// How a constant is written.
enum class SentinelForm : uint8_t {
  kAttribute,        // plain JSON; floats also as "NaN", "Infinity" or "0x7fc00000"
  kBase64Attribute,  // as above; floats also as base64 of a little-endian double, bytes as base64
  kZarrFill,         // as kAttribute; fixed bytes as base64 of the whole element
};

/// Reads one constant of a variable whose metadata says `written` and that is read as `stored`
/// (they differ if `_Unsigned` reinterprets it: either's range will do, since writers use both).
///
/// \error InvalidArgument saying why the stored type has no such value.
Result<Sentinel> ParseSentinel(const Json& constant, const ElementType& written,
                               const ElementType& stored, SentinelForm form);

/// A JSON value for messages: short, one line.
std::string BriefJson(const Json& value);

}  // namespace colonnade::array::cf
