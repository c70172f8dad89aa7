#include "questdb/wire/numpy_import.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <string>

#include "base/byte_order.h"
#include "base/checked.h"
#include "base/quote.h"
#include "questdb/wire/names.h"

namespace colonnade::questdb::wire {
namespace {

constexpr int64_t kMaxRows = 16'777'216;
constexpr int64_t kNotATime = std::numeric_limits<int64_t>::min();
constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicros;

// How a type is sent.
struct Mapping {
  ColumnType column;
  Element element;
  int64_t multiplier = 1;
  bool has_nat = false;
};

Mapping MappingOf(NumpyType type) {
  using enum ColumnType;
  constexpr Element kTime = Element::kInt64;
  switch (type) {
    case NumpyType::kInt8: return {kInt, Element::kInt8};
    case NumpyType::kInt16: return {kInt, Element::kInt16};
    case NumpyType::kInt32: return {kLong, Element::kInt32};
    case NumpyType::kInt64: return {kLong, Element::kInt64};
    case NumpyType::kUInt8: return {kInt, Element::kUInt8};
    case NumpyType::kUInt16: return {kInt, Element::kUInt16};
    case NumpyType::kUInt32: return {kLong, Element::kUInt32};
    case NumpyType::kUInt64: return {kLong, Element::kUInt64};
    case NumpyType::kFloat16: return {kFloat, Element::kFloat16};
    case NumpyType::kFloat32: return {kFloat, Element::kFloat32};
    case NumpyType::kFloat64: return {kDouble, Element::kFloat64};
    case NumpyType::kBool: return {kBoolean, Element::kBool8};
    case NumpyType::kDatetimeSeconds: return {kTimestamp, kTime, kMicros, true};
    case NumpyType::kDatetimeMillis: return {kDate, kTime, 1, true};
    case NumpyType::kDatetimeMicros: return {kTimestamp, kTime, 1, true};
    case NumpyType::kDatetimeNanos: return {kTimestampNanos, kTime, 1, true};
    case NumpyType::kDatetimeMinutes: return {kTimestamp, kTime, 60 * kMicros, true};
    case NumpyType::kDatetimeHours: return {kTimestamp, kTime, 3'600 * kMicros, true};
    case NumpyType::kDatetimeDays: return {kTimestamp, kTime, kMicrosPerDay, true};
    case NumpyType::kDatetimeWeeks: return {kTimestamp, kTime, 7 * kMicrosPerDay, true};
    case NumpyType::kDatetimeMonths:
    case NumpyType::kDatetimeYears: return {kTimestamp, kTime, 1, true};
    case NumpyType::kTimedeltaSeconds:
    case NumpyType::kTimedeltaMillis:
    case NumpyType::kTimedeltaMicros:
    case NumpyType::kTimedeltaNanos:
    case NumpyType::kTimedeltaMinutes:
    case NumpyType::kTimedeltaHours:
    case NumpyType::kTimedeltaDays: return {kLong, kTime, 1, true};
    case NumpyType::kUuid: return {kUuid, Element::kBytes16};
    case NumpyType::kLong256: return {kLong256, Element::kBytes32};
    case NumpyType::kDecimal64: return {kDecimal64, Element::kInt64};
    case NumpyType::kDecimal128: return {kDecimal128, Element::kBytes16};
    case NumpyType::kDecimal256: return {kDecimal256, Element::kBytes32};
    case NumpyType::kIpv4: return {kIpv4, Element::kUInt32};
    case NumpyType::kChar: return {kChar, Element::kUInt16};
    case NumpyType::kGeohash8: return {kGeohash, Element::kInt8};
    case NumpyType::kGeohash16: return {kGeohash, Element::kInt16};
    case NumpyType::kGeohash32: return {kGeohash, Element::kInt32};
    case NumpyType::kGeohash64: return {kGeohash, Element::kInt64};
    case NumpyType::kFloat64Arrays: return {kDoubleArray, Element::kFloat64};
    case NumpyType::kTimedeltaMonths:
    case NumpyType::kTimedeltaYears:
    case NumpyType::kCount: break;
  }
  return {kLong, kTime};
}

// Elements of one row's array, 0 if there is none.
Result<int64_t> RowElements(const NumpyArray& array, const std::string& label) {
  const NumpyExtras& extras = array.extras;
  if (extras.array_ndim < 1 || extras.array_ndim > kMaxArrayDimensions) {
    return InvalidArgument(label, ": arrays of ", extras.array_ndim,
                           " dimensions; there must be 1 to ", kMaxArrayDimensions);
  }
  if (extras.array_shape == nullptr) return InvalidArgument(label, ": the arrays have no shape");
  int64_t elements = 1;
  for (int i = 0; i < extras.array_ndim; ++i) {
    const int64_t extent = extras.array_shape[i];
    const auto product = CheckedMultiply(elements, extent);
    if (extent < 1 || !product) {
      return InvalidArgument(label, ": dimension ", i, " of the arrays has ", extent,
                             " elements, which makes too few or too many");
    }
    elements = *product;
  }
  return elements;
}

Status CheckExtras(const NumpyArray& array, const Column& column, const std::string& label) {
  const NumpyExtras& extras = array.extras;
  if (column.type == ColumnType::kGeohash) {
    const int widest = 8 << (array.type - static_cast<uint32_t>(NumpyType::kGeohash8));
    const int most = std::min(widest, kMaxGeohashBits);
    if (extras.geohash_bits < 1 || extras.geohash_bits > most) {
      return InvalidArgument(label, ": geohashes of ", extras.geohash_bits,
                             " bits; the type takes 1 to ", most);
    }
  }
  const int most_scale = MaxDecimalScale(column.type);
  if (most_scale > 0 && (extras.decimal_scale < 0 || extras.decimal_scale > most_scale)) {
    return InvalidArgument(label, ": a scale of ", extras.decimal_scale, " is outside 0 .. ",
                           most_scale);
  }
  return Status();
}

bool IsValid(const Validity& validity, int64_t row) {
  const int64_t bit = validity.offset + row;
  return validity.bits == nullptr || (validity.bits[bit / 8] >> (bit % 8) & 1) != 0;
}

// The microseconds of the first day of months or years since 1970 (proleptic Gregorian).
Status ComputeTimes(const NumpyArray& array, const std::string& label,
                    std::vector<int64_t>* computed) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const bool are_years = array.type == static_cast<uint32_t>(NumpyType::kDatetimeYears);
  const int64_t per_year = are_years ? 1 : 12;
  // What 64 bits of microseconds reach ends inside these.
  constexpr int64_t kMostYears = 300'000;
  const auto* data = static_cast<const std::byte*>(array.data);
  computed->resize(static_cast<size_t>(array.rows));
  for (int64_t row = 0; row < array.rows; ++row) {
    const auto value = LoadLittle<int64_t>(data + row * 8);
    int64_t& time = (*computed)[static_cast<size_t>(row)];
    time = kNotATime;
    if (value == kNotATime || !IsValid(array.validity, row)) continue;
    // Rounded down: month -1 is December 1969.
    const int64_t years = value / per_year - (value % per_year < 0 ? 1 : 0);
    const int64_t months = value - years * per_year;
    std::optional<int64_t> micros;
    if (years >= -kMostYears && years <= kMostYears) {
      // The calendar repeats every 400 years of 146,097 days; std::chrono's years have 16 bits.
      const int64_t cycles = years / 400;
      const auto first = year{static_cast<int>(1970 + years % 400)} /
                         month{static_cast<unsigned>(months + 1)} / day{1};
      const int64_t days =
          cycles * 146'097 + std::chrono::sys_days(first).time_since_epoch().count();
      micros = CheckedMultiply(days, kMicrosPerDay);
    }
    if (!micros) {
      return InvalidArgument(label, ": row ", row, ": ", value, are_years ? " years" : " months",
                             " since 1970 are no timestamp of 64 bits");
    }
    time = *micros;
  }
  return Status();
}

}  // namespace

Result<NumpyColumn> ImportNumpy(const NumpyArray& array) {
  if (!array.name.empty()) COLONNADE_RETURN_IF_ERROR(CheckColumnName(array.name));
  NumpyColumn imported;
  Column& column = imported.column;
  column.name = array.name;
  const std::string label = ColumnLabel(column);
  if (array.type >= static_cast<uint32_t>(NumpyType::kCount)) {
    return InvalidArgument(label, ": numpy type ", array.type, " is not known; they end at ",
                           static_cast<uint32_t>(NumpyType::kCount) - 1);
  }
  const auto type = static_cast<NumpyType>(array.type);
  if (type == NumpyType::kTimedeltaMonths || type == NumpyType::kTimedeltaYears)
    return Unsupported(label, ": spans of months and years have no fixed length");
  if (array.rows < 0) return InvalidArgument(label, ": ", array.rows, " rows");
  if (array.rows > kMaxRows)
    return LimitExceeded(label, ": ", array.rows, " rows, more than ", kMaxRows);
  const Mapping mapping = MappingOf(type);
  column.type = mapping.column;
  column.validity = array.validity;
  COLONNADE_RETURN_IF_ERROR(CheckExtras(array, column, label));
  int64_t row_elements = 1;
  if (type == NumpyType::kFloat64Arrays) {
    COLONNADE_ASSIGN_OR_RETURN(row_elements, RowElements(array, label));
  }
  const auto row_bytes =
      CheckedMultiply(row_elements, static_cast<int64_t>(ElementWidth(mapping.element)));
  const auto needed = row_bytes ? CheckedMultiply(*row_bytes, array.rows) : std::nullopt;
  if (!needed || static_cast<uint64_t>(*needed) > array.bytes) {
    return InvalidArgument(label, ": ", array.bytes, " bytes are not enough for ", array.rows,
                           " rows of ", row_elements, " values of type ",
                           ElementName(mapping.element));
  }
  if (array.data == nullptr && array.rows > 0)
    return InvalidArgument(label, ": the data are at null");

  if (type == NumpyType::kFloat64Arrays) {
    ArrayValues values;
    for (int i = 0; i < array.extras.array_ndim; ++i) {
      ArrayValues::Level& level = values.levels.emplace_back();
      level.size = array.extras.array_shape[i];
    }
    values.elements = array.data;
    column.values = std::move(values);
    return imported;
  }
  const void* data = array.data;
  if (type == NumpyType::kDatetimeMonths || type == NumpyType::kDatetimeYears) {
    COLONNADE_RETURN_IF_ERROR(ComputeTimes(array, label, &imported.computed));
    data = imported.computed.data();
  }
  if (column.type == ColumnType::kGeohash) column.geohash_bits = array.extras.geohash_bits;
  if (MaxDecimalScale(column.type) > 0) column.scale = array.extras.decimal_scale;
  column.values = FixedValues{data, mapping.element, mapping.multiplier, mapping.has_nat};
  return imported;
}

}  // namespace colonnade::questdb::wire
