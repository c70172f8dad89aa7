// numpy arrays as columns to be sent: which QuestDB type a column of a dtype becomes.
//
// The codes are those of the official clients' C interface ("numpy dtype codes").

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "questdb/wire/column.h"

namespace colonnade::questdb::wire {

/// Numbers from outside are checked against this: never cast one that is not below kCount.
enum class NumpyType : uint32_t {
  kInt8 = 0,
  kInt16 = 1,
  kInt32 = 2,
  kInt64 = 3,
  kUInt8 = 4,
  kUInt16 = 5,
  kUInt32 = 6,
  kUInt64 = 7,
  kFloat32 = 8,
  kFloat64 = 9,
  kBool = 10,
  kFloat16 = 11,
  kDatetimeSeconds = 12,
  kDatetimeMillis = 13,
  kDatetimeMicros = 14,
  kDatetimeNanos = 15,
  kTimedeltaSeconds = 16,
  kTimedeltaMillis = 17,
  kTimedeltaMicros = 18,
  kTimedeltaNanos = 19,
  kUuid = 20,     // 16 bytes in the order of its text
  kLong256 = 21,  // 32 bytes
  kDecimal64 = 22,
  kDecimal128 = 23,
  kDecimal256 = 24,
  kIpv4 = 25,
  kChar = 26,
  kGeohash8 = 27,
  kGeohash16 = 28,
  kGeohash32 = 29,
  kGeohash64 = 30,
  kFloat64Arrays = 31,
  kDatetimeMinutes = 32,
  kDatetimeHours = 33,
  kDatetimeDays = 34,
  kDatetimeMonths = 35,
  kDatetimeYears = 36,
  kDatetimeWeeks = 37,
  kTimedeltaMinutes = 38,
  kTimedeltaHours = 39,
  kTimedeltaDays = 40,
  kTimedeltaMonths = 41,  // no fixed length: refused
  kTimedeltaYears = 42,
  kCount = 43,
};

/// What some types need beside their code.
struct NumpyExtras {
  int8_t decimal_scale = 0;
  uint8_t geohash_bits = 0;
  uint8_t array_ndim = 0;
  const uint32_t* array_shape = nullptr;  // array_ndim extents of one row's array, each at least 1
};

/// One array: C-contiguous, of the machine's byte order, any alignment. Borrowed.
struct NumpyArray {
  std::string_view name;  // empty for the designated timestamp
  uint32_t type = 0;      // a NumpyType
  const void* data = nullptr;
  size_t bytes = 0;
  int64_t rows = 0;
  Validity validity;
  NumpyExtras extras;
};

/// A column and the memory of values that had to be computed. Move-only: the column points at them.
struct NumpyColumn {
  Column column;
  std::vector<int64_t> computed;

  NumpyColumn() = default;
  NumpyColumn(NumpyColumn&&) = default;
  NumpyColumn& operator=(NumpyColumn&&) = default;
};

/// The column of an array. NaT is a missing value.
///
/// \error InvalidArgument naming the column (and row): a type out of range, fewer bytes than the
///     rows need, null data, extras that the type does not have, a month or year beyond the
///     timestamps' range, a name that QuestDB does not take. Unsupported for spans of months and
///     years. LimitExceeded for more than 16,777,216 rows.
Result<NumpyColumn> ImportNumpy(const NumpyArray& array);

}  // namespace colonnade::questdb::wire
