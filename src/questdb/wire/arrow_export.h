// Decoded columns as Arrow record batches. Buffers are handed over by reference, never copied.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::wire {

struct ArrowExportOptions {
  /// Decimal64 as Decimal128, for consumers without 64-bit decimals. Values are copied.
  bool widen_decimals = false;
  /// Symbols refer to a dictionary of only the values in the batch, in the order in which they come
  /// first, not to the connection's. Codes are copied.
  bool compact_symbols = false;
  /// Entries of the inner list levels of all columns of a batch together: a few bytes can claim
  /// millions.
  int64_t max_list_nodes = 16 << 20;
};

/// The schema of the batches of a result: every field is nullable and has the metadata
/// `questdb.column_type`; see the table "Arrow export" of the protocol's documentation.
/// \error LimitExceeded if memory runs out
Result<arrow::Schema> ExportSchema(const DecodedBlock& block,
                                   const ArrowExportOptions& options = {});

/// True if batches of the two blocks have one schema. Arrays of whose dimensions one block shows
/// nothing fit those of the other; AdoptDimensions makes them so.
bool SameExportSchema(const DecodedBlock& left, const DecodedBlock& right);

/// Gives arrays of whose dimensions `block` shows nothing those of `first`, so that it is exported
/// under the schema of `first`.
///
/// \pre SameExportSchema(first, block)
/// \returns false if `block` has dimensions where `first` shows none and its schema guessed
///     others: the schema of `first` cannot describe the batch
bool AdoptDimensions(const DecodedBlock& first, DecodedBlock& block);

/// The block as a struct array, independent of everything else. Its columns are independent of each
/// other: one that is kept keeps only its own memory.
/// \error LimitExceeded: more list nodes than the limit
Result<arrow::Array> ExportBatch(DecodedBlock block, const ArrowExportOptions& options = {});

}  // namespace colonnade::questdb::wire
