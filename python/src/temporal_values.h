// Dates, times, timestamps and intervals of Arrow as Python objects.

#pragma once

#include <cstdint>
#include <memory>

#include "arrow_values.h"

namespace colonnade::python {

struct FloorDivision {
  int64_t quotient;
  int64_t remainder;  // >= 0
};

/// Division that rounds down. \pre divisor > 0
inline FloorDivision DivideDown(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  int64_t remainder = value % divisor;
  if (remainder < 0) {
    remainder += divisor;
    --quotient;
  }
  return {quotient, remainder};
}

/// Values of format "tin".
struct MonthDayNano {
  int32_t months;
  int32_t days;
  int64_t nanos;
};
/// Values of format "tiD".
struct DayMilli {
  int32_t days;
  int32_t millis;
};
static_assert(sizeof(MonthDayNano) == 16 && sizeof(DayMilli) == 8);

/// A reader for a schema whose format starts with "t"; see MakeValueReader.
std::unique_ptr<ValueReader> MakeTemporalReader(const ArrowSchema& schema);

}  // namespace colonnade::python
