// Decoding of dictionary sections and table blocks: bytes from the other side become columns.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "questdb/wire/buffer_pool.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/decoded_block.h"
#include "questdb/wire/symbol_table.h"

namespace colonnade::questdb::wire {

struct DecodeLimits {
  int64_t max_rows = 1'048'576;
  int64_t max_columns = 2'048;
  size_t max_name_bytes = 127;
  int64_t max_array_elements = 16 << 20;  // of one row
  /// Entries of the inner levels of all lists of a block: a few bytes can claim millions.
  int64_t max_list_nodes = 16 << 20;
  size_t max_decoded_bytes = size_t{1} << 30;        // of one block, offsets and bitmaps included
  size_t max_decompressed_bytes = size_t{64} << 20;  // of one message
};

/// What differs between the two directions.
struct DecodeOptions {
  bool gorilla = false;            // header flag 0x04
  bool delta_dictionary = true;    // header flag 0x08
  bool date_has_encoding = false;  // results, with the flag 0x04
  /// As servers read what they are sent: every type may have a bitmap of missing values, told by
  /// any flag but 0; without one, the values that stand for NULL are missing.
  bool ingest = false;
  DecodeLimits limits;
};

struct ColumnDefinition {
  std::string name;
  ColumnType type = ColumnType::kLong;
  bool operator==(const ColumnDefinition&) const = default;
};

/// Reads a dictionary section and appends it to `table`, all or nothing.
///
/// `overlap_allowed`: what ingest allows, entries that the table has already (which must be the
/// same); results always begin at the table's size.
///
/// \error ProtocolError: a gap, an overlap, text that is not UTF-8; NotFound for a gap when
///     overlap_allowed (the server's answer to it is another); LimitExceeded.
Status DecodeDictionarySection(ByteReader& reader, bool overlap_allowed, SymbolTable& table);

/// Reads name, row count and, unless `schema` is given, column definitions; then the column bodies.
///
/// \param message owns the bytes of `reader`; columns may refer to it. Null: they are copied.
/// \error ProtocolError naming the column, and what was expected and found; LimitExceeded
Result<DecodedBlock> DecodeBlock(ByteReader& reader, std::shared_ptr<const void> message,
                                 const std::vector<ColumnDefinition>* schema,
                                 const SymbolTable& symbols, const DecodeOptions& options,
                                 BufferPool& pool);

}  // namespace colonnade::questdb::wire
