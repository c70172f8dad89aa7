// What the metadata of an Arrow field say about the column it is to become.

#pragma once

#include <optional>

#include "base/status.h"
#include "questdb/wire/column_type.h"

namespace colonnade::questdb::wire {

struct FieldMetadata {
  std::optional<ColumnType> column_type;  // questdb.column_type
  std::optional<bool> symbol;             // questdb.symbol
  std::optional<int> geohash_bits;        // questdb.geohash_bits, 1 to 60
  bool is_uuid = false;                   // the extension type arrow.uuid
};

/// Reads the key-value pairs of the Arrow C data interface (which does not tell their extent); null
/// is none. Other keys are passed over.
///
/// \error InvalidArgument: negative or too many pairs, negative lengths, values that are not one of
/// their key's
Result<FieldMetadata> ParseFieldMetadata(const char* metadata);

}  // namespace colonnade::questdb::wire
