// DecodedBlock: the rows of a table block after decoding, in the layouts of Arrow.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "questdb/wire/column_type.h"
#include "questdb/wire/symbol_table.h"

namespace colonnade::questdb::wire {

/// Bytes that a decoder has filled, aligned to 64, shared by whoever still reads them. Where the
/// wire's bytes are the dense layout already and lie aligned, they are the received message itself.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  const std::byte* data = nullptr;
  size_t size = 0;
};

/// One decoded column: dense, one slot per row. Slots of missing values hold QuestDB's null value
/// of the type (the minimum, NaN, all ones for a geohash, 0 for IPV4, "" for text); only `validity`
/// says that they are missing.
struct DecodedColumn {
  std::string name;
  ColumnType type = ColumnType::kLong;
  int64_t null_count = 0;
  SharedBytes validity;  // Arrow's polarity; empty if null_count is 0
  /// Fixed width: the values, little-endian. UUIDs are in the order of their text (RFC 4122);
  /// geohashes are integers of 1, 2, 4 or 8 bytes. Booleans: bits. Symbols: uint32 codes. Text and
  /// bytes: the bytes. Arrays: the elements, 8 bytes each.
  SharedBytes values;
  SharedBytes offsets;                    // text and bytes: rows + 1 int32
  std::vector<SharedBytes> list_offsets;  // arrays: int32 per level, outermost first
  SymbolSnapshot symbols;                 // of a symbol column
  int scale = 0;                          // of a decimal
  int geohash_bits = 0;                   // of a geohash
  int dimensions = 0;                     // of arrays; 0 if no row shows it
};

struct DecodedBlock {
  std::string table;  // empty in results
  int64_t rows = 0;
  std::vector<DecodedColumn> columns;
};

}  // namespace colonnade::questdb::wire
