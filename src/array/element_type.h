// Element types of stored arrays, and the value types that decoding makes of them.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace colonnade::array {

/// Kind of one element as it is stored.
enum class ElementKind : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat16,
  kFloat32,
  kFloat64,
  kDatetime64,   // int64 multiples of `multiplier` `unit`s since 1970-01-01; INT64_MIN is NaT
  kTimedelta64,  // int64 multiples; INT64_MIN is NaT
  kFixedBytes,   // `size` bytes, NUL-padded (NumPy S<n>)
  kFixedUtf32,   // `size` bytes of UTF-32 code points, NUL-padded (NumPy U<n>)
  kString,       // variable length UTF-8
};

/// Units of datetime64 and timedelta64, as NumPy names them.
enum class TimeUnit : uint8_t {
  kGeneric,
  kYear,
  kMonth,
  kWeek,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond,
  kNanosecond,
  kPicosecond,
  kFemtosecond,
  kAttosecond,
};

struct ElementType {
  ElementKind kind = ElementKind::kFloat64;
  uint32_t size = 8;  // bytes of one stored element; 0 for kString and for zero-width fixed text
  TimeUnit unit = TimeUnit::kGeneric;  // kDatetime64, kTimedelta64
  int32_t multiplier = 1;              // ditto, >= 1

  bool operator==(const ElementType&) const = default;

  /// True for the kinds whose elements decode to text. In memory (ArrayView) their elements are
  /// std::string_view, whatever the stored form.
  bool is_text() const {
    return kind == ElementKind::kFixedBytes || kind == ElementKind::kFixedUtf32 ||
           kind == ElementKind::kString;
  }
  bool is_integer() const { return kind >= ElementKind::kInt8 && kind <= ElementKind::kUInt64; }
  bool is_unsigned() const { return kind >= ElementKind::kUInt8 && kind <= ElementKind::kUInt64; }
  bool is_float() const { return kind >= ElementKind::kFloat16 && kind <= ElementKind::kFloat64; }
  /// Bytes of one element in an ArrayView.
  uint32_t memory_size() const { return is_text() ? uint32_t{sizeof(std::string_view)} : size; }

  /// A type of fixed width: its size follows from the kind.
  static ElementType Of(ElementKind kind);
};

/// "int16", "float32", "datetime64[25s]", "fixed_utf32[12]", "string".
std::string ToString(const ElementType& type);

/// Type of a decoded column: what SQL sees.
enum class ValueType : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat32,
  kFloat64,
  kTimestampMicros,  // int64 microseconds since 1970-01-01, no zone
  kTimestampNanos,   // int64 nanoseconds
  kString,           // UTF-8; std::string_view in memory
};

/// Bytes of one value in memory (bool is one byte, text is std::string_view).
uint32_t ValueSize(ValueType type);
std::string_view ToString(ValueType type);

}  // namespace colonnade::array
