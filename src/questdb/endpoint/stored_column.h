// StoredColumn: one column of a table in memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/column.h"
#include "questdb/wire/decoded_block.h"
#include "questdb/wire/symbol_dictionary.h"
#include "questdb/wire/symbol_table.h"

namespace colonnade::questdb::endpoint {

/// What the columns of a batch refer to beside the table itself. Reused from batch to batch.
struct ViewMemory {
  std::vector<int64_t> offsets;
  std::vector<std::byte> bytes;
  std::vector<std::vector<int64_t>> levels;
};

/// Cells of one width, one after the other, so that a row is replaced in place; text, bytes and
/// arrays lie in a heap that the cells refer to. Not thread-safe.
class StoredColumn {
 public:
  explicit StoredColumn(ColumnShape shape);

  const ColumnShape& shape() const { return shape_; }
  int64_t rows() const { return rows_; }

  /// A copy with memory of its own.
  StoredColumn Clone() const;

  /// Whether Append can take the column: dictionaries have limits.
  /// \error LimitExceeded
  Status CheckRoom(const wire::DecodedColumn& column) const;

  /// Appends rows of the column's own type and shape (arrays of which no row shows a dimension fit
  /// any). \pre CheckRoom has said yes
  void Append(const wire::DecodedColumn& column, int64_t rows);
  void AppendNulls(int64_t rows);

  /// Row `to` becomes what row `from` is.
  void CopyRow(int64_t from, int64_t to);
  void Truncate(int64_t rows);
  /// Whether two rows have the same value, or both none. NaN is NaN.
  bool SameValue(int64_t left, int64_t right) const;
  uint64_t HashValue(int64_t row) const;

  /// How many rows from `begin` on, at most `rows` and at least one, a batch should have: what they
  /// refer to is copied.
  int64_t FitRows(int64_t begin, int64_t rows) const;
  /// Rows as a column to be encoded, valid as long as neither this nor `memory` changes.
  wire::Column View(int64_t begin, int64_t rows, ViewMemory& memory) const;

 private:
  struct Reference {
    uint64_t begin = 0;
    uint64_t size = 0;
  };

  bool IsValid(int64_t row) const {
    return (validity_[static_cast<size_t>(row / 8)] >> (row % 8) & 1) != 0;
  }
  void SetValid(int64_t row, bool valid);
  Reference ReferenceAt(int64_t row) const;
  const std::byte* Cell(int64_t row) const {
    return cells_.data() + static_cast<size_t>(row) * width_;
  }
  void AppendValidity(const wire::DecodedColumn* column, int64_t rows);
  void AppendText(const wire::DecodedColumn& column, int64_t rows);
  void AppendArrays(const wire::DecodedColumn& column, int64_t rows);
  void AppendSymbols(const wire::DecodedColumn& column, int64_t rows);
  void ViewText(int64_t begin, int64_t rows, ViewMemory& memory, wire::Column& column) const;
  void ViewArrays(int64_t begin, int64_t rows, ViewMemory& memory, wire::Column& column) const;
  void CompactHeap();

  ColumnShape shape_;
  size_t width_ = 0;
  int64_t rows_ = 0;
  std::vector<std::byte> cells_;
  std::vector<uint8_t> validity_;  // a bit per row, set if it has a value
  int64_t null_count_ = 0;
  std::vector<std::byte> heap_;  // of an array: its extents as int64, then its elements
  uint64_t garbage_ = 0;         // bytes of the heap that no cell refers to
  // Of symbols: the code of a text, and the text of a code.
  std::unique_ptr<wire::SymbolDictionary> codes_;
  wire::SymbolTable texts_;
};

}  // namespace colonnade::questdb::endpoint
