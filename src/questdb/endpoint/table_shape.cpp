#include "questdb/endpoint/table_shape.h"

#include <algorithm>

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;

constexpr size_t kReferenceBytes = 16;  // where a value begins and how long it is

char Fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

ColumnShape ColumnShape::Of(const wire::DecodedColumn& column) {
  return {.name = column.name,
          .type = column.type,
          .scale = column.scale,
          .geohash_bits = column.geohash_bits,
          .dimensions = column.dimensions};
}

std::optional<size_t> TableShape::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (std::equal(column.begin(), column.end(), columns[i].name.begin(), columns[i].name.end(),
                   [](char a, char b) { return Fold(a) == Fold(b); })) {
      return i;
    }
  }
  return std::nullopt;
}

std::string TypeText(const ColumnShape& column) {
  switch (column.type) {
    case ColumnType::kBoolean: return "BOOLEAN";
    case ColumnType::kByte: return "BYTE";
    case ColumnType::kShort: return "SHORT";
    case ColumnType::kInt: return "INT";
    case ColumnType::kLong: return "LONG";
    case ColumnType::kFloat: return "FLOAT";
    case ColumnType::kDouble: return "DOUBLE";
    case ColumnType::kSymbol: return "SYMBOL";
    case ColumnType::kTimestamp: return "TIMESTAMP";
    case ColumnType::kTimestampNanos: return "TIMESTAMP_NS";
    case ColumnType::kDate: return "DATE";
    case ColumnType::kUuid: return "UUID";
    case ColumnType::kLong256: return "LONG256";
    case ColumnType::kGeohash: return internal::Concat("GEOHASH(", column.geohash_bits, "b)");
    case ColumnType::kVarchar: return "VARCHAR";
    case ColumnType::kBinary: return "BINARY";
    case ColumnType::kChar: return "CHAR";
    case ColumnType::kIpv4: return "IPV4";
    case ColumnType::kDecimal64:
    case ColumnType::kDecimal128:
    case ColumnType::kDecimal256:
      return internal::Concat("DECIMAL(", wire::MaxDecimalScale(column.type), ",", column.scale,
                              ")");
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: {
      std::string text = column.type == ColumnType::kDoubleArray ? "DOUBLE" : "LONG";
      for (int i = 0; i < column.dimensions; ++i) text += "[]";
      return text;
    }
  }
  return std::string(wire::ColumnTypeName(column.type));
}

std::string FoldName(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) c = Fold(c);
  return folded;
}

size_t CellWidth(const ColumnShape& column) {
  if (IsVarying(column.type)) return kReferenceBytes;
  if (column.type == ColumnType::kBoolean) return 1;
  if (column.type == ColumnType::kSymbol) return 4;
  if (column.type != ColumnType::kGeohash) return wire::FixedWidth(column.type);
  // One value more than there are geohashes of the precision, for NULL.
  const int bits = column.geohash_bits;
  return bits < 8 ? 1 : bits < 16 ? 2 : bits < 32 ? 4 : 8;
}

bool IsArray(ColumnType type) {
  return type == ColumnType::kDoubleArray || type == ColumnType::kLongArray;
}

bool IsVarying(ColumnType type) {
  return type == ColumnType::kVarchar || type == ColumnType::kBinary || IsArray(type);
}

bool IsNullable(ColumnType type) {
  return type != ColumnType::kBoolean && type != ColumnType::kByte && type != ColumnType::kShort;
}

}  // namespace colonnade::questdb::endpoint
