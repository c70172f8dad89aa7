// What the encoders of all kinds of columns share: the column in hand and where it goes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/column.h"
#include "questdb/wire/cpu_level.h"
#include "questdb/wire/valid_rows.h"

namespace colonnade::questdb::wire {

/// One column of one block while it is encoded.
struct ColumnEncoding {
  const Column& column;
  RowRange rows;
  /// Has been loaded with the column's validity.
  ValidRows& valid;
  net::MessageBuffer& message;
  /// Timestamps carry an encoding byte and may be delta-of-delta coded.
  bool has_encoding_byte = false;
  /// Missing values are told by a bitmap and left out.
  bool has_bitmap = false;
  /// The instructions that may be used.
  CpuLevel level = CpuLevel::kBase;

  /// InvalidArgument: `column 'x': row 7` and what follows. `row` counts from the range's begin.
  template <typename... Args>
  Status BadRow(int64_t row, const Args&... args) const {
    return InvalidArgument(ColumnLabel(column), ": row ", rows.begin + row, args...);
  }
  template <typename... Args>
  Status Bad(const Args&... args) const {
    return InvalidArgument(ColumnLabel(column), ": ", args...);
  }
};

/// Masks what has been written into the message from `begin` to `end` as it is.
inline void MaskInPlace(net::MessageBuffer& message, std::byte* target, size_t begin, size_t end) {
  if (message.key() != 0) net::MaskCopy(target, target, end - begin, message.key(), begin);
}

/// Each appends a whole body, null section included.
/// \error as BlockEncoder::AppendColumn
Status AppendFixed(const FixedValues& values, ColumnEncoding& encoding);
Status AppendGeohashes(const FixedValues& values, ColumnEncoding& encoding);
Status AppendBits(const BitValues& values, ColumnEncoding& encoding);
Status AppendVarying(const VaryingValues& values, ColumnEncoding& encoding);
/// The texts of codes: VARCHAR and BINARY out of a dictionary.
Status AppendLookedUp(const SymbolValues& values, ColumnEncoding& encoding);
Status AppendArrays(const ArrayValues& values, ColumnEncoding& encoding);

}  // namespace colonnade::questdb::wire
