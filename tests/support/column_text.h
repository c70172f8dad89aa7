// Decoded columns as text: "10 null 30 40". Slow and plain, by the contract of DecodedColumn.

#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/byte_order.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade {

inline bool IsMissing(const questdb::wire::DecodedColumn& column, int64_t row) {
  return column.null_count != 0 &&
         (static_cast<uint8_t>(column.validity.data[row / 8]) >> (row % 8) & 1) == 0;
}

/// The slot of a row, whether it is missing or not.
inline std::string SlotText(const questdb::wire::DecodedColumn& column, int64_t row) {
  using questdb::wire::ColumnType;
  const std::byte* const values = column.values.data;
  const auto number = [&]<typename T>(T) {
    return std::to_string(+LoadLittle<T>(values + row * static_cast<int64_t>(sizeof(T))));
  };
  const auto floating = [&]<typename T>(T) {
    char text[32];
    const T value = LoadLittle<T>(values + row * static_cast<int64_t>(sizeof(T)));
    std::snprintf(text, sizeof(text), "%.17g", static_cast<double>(value));
    return std::string(text);
  };
  const auto hex = [&](int64_t width) {
    std::string text;
    for (int64_t i = row * width; i < (row + 1) * width; ++i) {
      char digits[3];
      std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(values[i]));
      text += digits;
    }
    return text;
  };
  const auto offset = [](const questdb::wire::SharedBytes& offsets, int64_t i) {
    return LoadLittle<int32_t>(offsets.data + i * 4);
  };
  switch (column.type) {
    case ColumnType::kBoolean:
      return (static_cast<uint8_t>(values[row / 8]) >> (row % 8) & 1) != 0 ? "true" : "false";
    case ColumnType::kByte: return number(int8_t{});
    case ColumnType::kShort: return number(int16_t{});
    case ColumnType::kChar: return number(uint16_t{});
    case ColumnType::kInt: return number(int32_t{});
    case ColumnType::kIpv4: return number(uint32_t{});
    case ColumnType::kFloat: return floating(float{});
    case ColumnType::kDouble: return floating(double{});
    case ColumnType::kLong:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampNanos:
    case ColumnType::kDate:
    case ColumnType::kDecimal64: return number(int64_t{});
    case ColumnType::kUuid:
    case ColumnType::kDecimal128: return hex(16);
    case ColumnType::kLong256:
    case ColumnType::kDecimal256: return hex(32);
    case ColumnType::kGeohash:
      if (column.geohash_bits < 8) return number(int8_t{});
      if (column.geohash_bits < 16) return number(int16_t{});
      if (column.geohash_bits < 32) return number(int32_t{});
      return number(int64_t{});
    case ColumnType::kSymbol: {
      const auto code = LoadLittle<uint32_t>(values + row * 4);
      return code < column.symbols.size ? std::string(column.symbols.text(code)) : "no such code";
    }
    case ColumnType::kVarchar:
    case ColumnType::kBinary: {
      const int32_t begin = offset(column.offsets, row);
      return "'" +
             std::string(reinterpret_cast<const char*>(values) + begin,
                         static_cast<size_t>(offset(column.offsets, row + 1) - begin)) +
             "'";
    }
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: {
      const auto list = [&](auto& self, size_t level, int64_t entry) -> std::string {
        std::string text = "[";
        const auto& offsets = column.list_offsets[level];
        for (int64_t i = offset(offsets, entry); i < offset(offsets, entry + 1); ++i) {
          if (text.size() > 1) text += ",";
          if (level + 1 < column.list_offsets.size()) {
            text += self(self, level + 1, i);
          } else if (column.type == ColumnType::kLongArray) {
            text += std::to_string(LoadLittle<int64_t>(values + i * 8));
          } else {
            char digits[32];
            std::snprintf(digits, sizeof(digits), "%.17g", LoadLittle<double>(values + i * 8));
            text += digits;
          }
        }
        return text + "]";
      };
      return list(list, 0, row);
    }
  }
  return "no such type";
}

/// All rows of a column.
inline std::string ColumnText(const questdb::wire::DecodedColumn& column, int64_t rows) {
  std::string text;
  for (int64_t row = 0; row < rows; ++row) {
    if (row > 0) text += " ";
    text += IsMissing(column, row) ? "null" : SlotText(column, row);
  }
  return text;
}

/// All columns, a line each: "name type: values".
inline std::string BlockText(const questdb::wire::DecodedBlock& block) {
  std::string text;
  for (const questdb::wire::DecodedColumn& column : block.columns) {
    text += column.name + " " + std::string(questdb::wire::ColumnTypeName(column.type)) + ": " +
            ColumnText(column, block.rows) + "\n";
  }
  return text;
}

}  // namespace colonnade
