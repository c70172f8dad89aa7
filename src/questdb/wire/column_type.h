// Column types of the QuestDB wire protocol (QWP 1) and what is fixed about each.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace colonnade::questdb::wire {

/// The byte that stands for a type in a table block and in a bind parameter.
enum class ColumnType : uint8_t {
  kBoolean = 0x01,
  kByte = 0x02,
  kShort = 0x03,
  kInt = 0x04,
  kLong = 0x05,
  kFloat = 0x06,
  kDouble = 0x07,
  kSymbol = 0x09,
  kTimestamp = 0x0A,  // microseconds since 1970
  kDate = 0x0B,       // milliseconds since 1970
  kUuid = 0x0C,
  kLong256 = 0x0D,
  kGeohash = 0x0E,
  kVarchar = 0x0F,
  kTimestampNanos = 0x10,
  kDoubleArray = 0x11,
  kLongArray = 0x12,  // servers send it and refuse to take it
  kDecimal64 = 0x13,
  kDecimal128 = 0x14,
  kDecimal256 = 0x15,
  kChar = 0x16,
  kBinary = 0x17,
  kIpv4 = 0x18,
};

/// The type of a byte from the wire, or nothing if there is none.
std::optional<ColumnType> ColumnTypeFromByte(uint8_t byte);

/// QuestDB's name in lower case: "timestamp_ns", "decimal128".
std::string_view ColumnTypeName(ColumnType type);

/// Bytes of one value on the wire; 0 for types whose values have no fixed size (boolean, symbol,
/// varchar, binary, arrays) and for geohash, whose width follows from its precision.
size_t FixedWidth(ColumnType type);

/// True for the types whose missing values are told by a bitmap. The others have a value that
/// stands for NULL, or no NULL at all (boolean, byte, short).
bool HasNullBitmap(ColumnType type);

/// Largest scale of a decimal type: 18, 38, 76; 0 for other types.
int MaxDecimalScale(ColumnType type);

inline constexpr int kMaxGeohashBits = 60;
inline constexpr int kMaxArrayDimensions = 32;

}  // namespace colonnade::questdb::wire
