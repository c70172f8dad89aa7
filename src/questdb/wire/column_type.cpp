#include "questdb/wire/column_type.h"

namespace colonnade::questdb::wire {

std::optional<ColumnType> ColumnTypeFromByte(uint8_t byte) {
  // 0x08 was a type once; servers refuse it.
  if (byte < 0x01 || byte > 0x18 || byte == 0x08) return std::nullopt;
  return static_cast<ColumnType>(byte);
}

std::string_view ColumnTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kBoolean: return "boolean";
    case ColumnType::kByte: return "byte";
    case ColumnType::kShort: return "short";
    case ColumnType::kInt: return "int";
    case ColumnType::kLong: return "long";
    case ColumnType::kFloat: return "float";
    case ColumnType::kDouble: return "double";
    case ColumnType::kSymbol: return "symbol";
    case ColumnType::kTimestamp: return "timestamp";
    case ColumnType::kDate: return "date";
    case ColumnType::kUuid: return "uuid";
    case ColumnType::kLong256: return "long256";
    case ColumnType::kGeohash: return "geohash";
    case ColumnType::kVarchar: return "varchar";
    case ColumnType::kTimestampNanos: return "timestamp_ns";
    case ColumnType::kDoubleArray: return "double_array";
    case ColumnType::kLongArray: return "long_array";
    case ColumnType::kDecimal64: return "decimal64";
    case ColumnType::kDecimal128: return "decimal128";
    case ColumnType::kDecimal256: return "decimal256";
    case ColumnType::kChar: return "char";
    case ColumnType::kBinary: return "binary";
    case ColumnType::kIpv4: return "ipv4";
  }
  return "unknown";
}

size_t FixedWidth(ColumnType type) {
  switch (type) {
    case ColumnType::kByte: return 1;
    case ColumnType::kShort:
    case ColumnType::kChar: return 2;
    case ColumnType::kInt:
    case ColumnType::kFloat:
    case ColumnType::kIpv4: return 4;
    case ColumnType::kLong:
    case ColumnType::kDouble:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampNanos:
    case ColumnType::kDate:
    case ColumnType::kDecimal64: return 8;
    case ColumnType::kUuid:
    case ColumnType::kDecimal128: return 16;
    case ColumnType::kLong256:
    case ColumnType::kDecimal256: return 32;
    case ColumnType::kBoolean:
    case ColumnType::kSymbol:
    case ColumnType::kGeohash:
    case ColumnType::kVarchar:
    case ColumnType::kBinary:
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: return 0;
  }
  return 0;
}

bool HasNullBitmap(ColumnType type) {
  switch (type) {
    case ColumnType::kBoolean:
    case ColumnType::kByte:
    case ColumnType::kShort:
    case ColumnType::kInt:
    case ColumnType::kLong:
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kChar: return false;
    default: return true;
  }
}

int MaxDecimalScale(ColumnType type) {
  switch (type) {
    case ColumnType::kDecimal64: return 18;
    case ColumnType::kDecimal128: return 38;
    case ColumnType::kDecimal256: return 76;
    default: return 0;
  }
}

}  // namespace colonnade::questdb::wire
