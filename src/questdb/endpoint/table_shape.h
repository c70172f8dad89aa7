// TableShape: what a table of the endpoint is made of, beside its rows.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "questdb/wire/column_type.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {

struct ColumnShape {
  std::string name;
  wire::ColumnType type = wire::ColumnType::kLong;
  int scale = 0;         // of a decimal
  int geohash_bits = 0;  // of a geohash
  int dimensions = 0;    // of arrays
  bool operator==(const ColumnShape&) const = default;

  /// The shape that a decoded column shows.
  static ColumnShape Of(const wire::DecodedColumn& column);
};

struct TableShape {
  std::string name;
  std::vector<ColumnShape> columns;
  size_t timestamp = 0;      // index of the designated timestamp
  std::vector<size_t> keys;  // indexes of the upsert keys; empty: rows are never replaced
  bool operator==(const TableShape&) const = default;

  /// The index of a column; letters of ASCII are the same in either case.
  std::optional<size_t> Find(std::string_view column) const;
};

/// "GEOHASH(20b)", "DECIMAL(18,2)", "DOUBLE[][]": as SQL writes it.
std::string TypeText(const ColumnShape& column);

/// The name with capital letters of ASCII made small: names are looked up by it.
std::string FoldName(std::string_view name);

/// Bytes that one value takes in memory: fixed for all types; text, bytes and arrays are referred
/// to.
size_t CellWidth(const ColumnShape& column);

/// Whether values are kept beside the cells: text, bytes, arrays.
bool IsVarying(wire::ColumnType type);
bool IsArray(wire::ColumnType type);
/// Whether a column of the type can hold NULL. A missing boolean, byte or short is false or 0.
bool IsNullable(wire::ColumnType type);

}  // namespace colonnade::questdb::endpoint
