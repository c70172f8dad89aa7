// Stored numbers to timestamps, one TimePlan at a time.

#pragma once

#include <cstdint>
#include <limits>

#include "array/cf/decode_plan.h"
#include "array/element_type.h"

namespace colonnade::array {

__extension__ using Int128 = __int128;

/// Closed range of the int64 values that stand for instants.
struct TimestampRange {
  int64_t low;
  int64_t high;
};

/// Microseconds: whole days from 290309-12-22 BC on (the engine fails on the rest of the day
/// before), and below its infinity, INT64_MAX.
inline constexpr TimestampRange kMicrosRange = {-106'751'991LL * 86'400'000'000LL,
                                                std::numeric_limits<int64_t>::max() - 1};
/// Nanoseconds: all but NaT and the two infinities.
inline constexpr TimestampRange kNanosRange = {std::numeric_limits<int64_t>::min() + 2,
                                               std::numeric_limits<int64_t>::max() - 1};

constexpr TimestampRange RangeOf(ValueType type) {
  return type == ValueType::kTimestampNanos ? kNanosRange : kMicrosRange;
}

/// Converts numbers to ticks: microseconds or nanoseconds since 1970-01-01.
///
/// Integers are exact. Fractions of a unit are rounded to the nearest tick, separately from whole
/// units, so that large numbers keep theirs.
class TimeDecoder {
 public:
  /// `target` is a timestamp type.
  TimeDecoder(const cf::TimePlan& plan, ValueType target);

  /// The common case: numbers in [low, high] become number × factor + base, modulo 2^64, which is
  /// exact because the result fits. The range is empty if the plan has no such numbers.
  struct Linear {
    int64_t low = 1;
    int64_t high = 0;
    uint64_t factor = 0;
    uint64_t base = 0;
    double factor_as_double = 0;  // for fractions of a unit
  };
  const Linear& linear() const { return linear_; }

  /// Any number. Returns false if the target has no such instant.
  bool FromInteger(Int128 number, int64_t* ticks) const;
  bool FromDouble(double number, int64_t* ticks) const;

 private:
  bool Finish(Int128 ticks, int64_t* result) const;
  bool FromMonths(Int128 number, int64_t* ticks) const;

  cf::TimePlan plan_;
  TimestampRange range_;
  int64_t ticks_per_day_;
  Int128 factor_ = 0;  // ticks per stored number, if that is whole
  Int128 base_ = 0;    // the reference in ticks
  Linear linear_;
};

}  // namespace colonnade::array
