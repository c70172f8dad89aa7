// What stored values mean: the CF conventions (masks, packing, unsigned, time) as a plan.
//
// MakeDecodePlan is a pure function from a type and attributes to a plan; array/decode.h executes
// the plan in the same pass that copies values out of a decoded chunk. Follows CF 1.11 §2.5.1,
// §8.1, §4.4 and, where CF is silent, xarray's reading of it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"

namespace colonnade::array::cf {

/// How NaN of a floating-point data variable is presented.
enum class NanPolicy : uint8_t { kNull, kKeep };

struct DecodeOptions {
  NanPolicy nan = NanPolicy::kNull;
  /// The store's fill value counts as a sentinel too (Zarr v2's rule). Given as JSON of the stored
  /// type.
  std::optional<Json> fill_sentinel;
  /// Zarr v3: `_FillValue` of a floating-point array is base64 of a little-endian double.
  bool base64_float_fill = false;
};

/// A sentinel in the width and kind of the stored type (after `unsigned` reinterpretation).
union StoredValue {
  int64_t i;
  uint64_t u;
  double f;
};

/// Numbers to instants. Standard (mixed) and proleptic Gregorian calendars.
///
/// An instant that the value type cannot hold is NULL. That includes what the engine reserves or
/// cannot print: array/decode_time.h has the limits.
struct TimePlan {
  /// Stored number × multiplier × unit_nanos / nanos_divisor is the distance from the reference.
  /// Units finer than a nanosecond have a divisor and are rounded down.
  int64_t unit_nanos = 0;
  int64_t nanos_divisor = 1;
  int32_t multiplier = 1;
  /// If not 0, the unit is this many calendar months instead and the reference is 1970-01-01.
  int32_t unit_months = 0;
  /// The reference as a day number since 1970-01-01, counted along the calendar, and nanoseconds
  /// into that day.
  int64_t reference_day = 0;
  int64_t reference_nanos = 0;
  /// Standard calendar: instants before 1582-10-15 carry the Julian label (year, month, day). A
  /// label that the proleptic Gregorian calendar lacks (29 February 1500) is NULL.
  bool julian_before_1582 = false;

  bool operator==(const TimePlan&) const = default;
};

struct DecodePlan {
  /// The element type as stored; `_Unsigned` has already changed its kind.
  ElementType stored;
  ValueType value = ValueType::kFloat64;

  /// Stored values that mean "missing", in the stored type. For floats compared as that float type.
  std::vector<StoredValue> sentinels;
  std::vector<std::string> text_sentinels;  // for text
  bool nan_is_null = false;

  /// value = stored · scale + offset, in double. Absent: value is the stored number. With `time`,
  /// that value is the number of units.
  bool scaled = false;
  double scale = 1;
  double offset = 0;

  std::optional<TimePlan> time;

  /// Attributes that were ignored and why, for the metadata tables: "scale_factor 0: ignored".
  std::vector<std::string> notes;

  /// True if a value is the stored bits unchanged (masks aside).
  bool is_identity() const;
};

/// Makes the plan for a variable. Never fails: an attribute that makes no sense is ignored with a
/// note.
///
/// `attributes` is the variable's JSON object: `_FillValue`, `missing_value` (either may be a
/// list), `_Unsigned`, `scale_factor`, `add_offset`, `units`, `calendar`, `dtype` ("bool" on int8).
/// A sentinel that the stored type cannot represent is dropped with a note. Types: integers keep
/// theirs; packed values are FLOAT64; float16 becomes FLOAT32; timedelta64 becomes INT64;
/// datetime64 and "<unit> since <reference>" of the standard, gregorian and proleptic_gregorian
/// calendars become timestamps (microseconds, or nanoseconds if the unit is nanoseconds or finer);
/// other calendars and "months"/"years since" stay numbers with a note. If one of scale_factor and
/// add_offset makes no sense, neither is applied.
DecodePlan MakeDecodePlan(const ElementType& stored, const Json& attributes,
                          const DecodeOptions& options);

/// Parses "<unit> since <reference>". Used by MakeDecodePlan; separate because it is fuzzed.
///
/// Units: nanoseconds to weeks, their singulars and the usual abbreviations, in any case; "m" is
/// ambiguous and refused. Reference: year[-month[-day]], then [T]hour[:minute[:second[.fraction]]],
/// then Z, UTC, GMT or an offset (+05:30, -0530, -5; without a sign it is east, as in UDUNITS).
/// Year 0 exists only in the proleptic Gregorian calendar; year -1 of the standard one is 1 BC.
///
/// \error InvalidArgument saying which part is not understood.
Result<TimePlan> ParseTimeUnits(std::string_view units, std::string_view calendar);

}  // namespace colonnade::array::cf
