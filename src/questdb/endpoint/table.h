// Table: the committed rows of one table in memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "questdb/endpoint/stored_column.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {

/// Not thread-safe.
class Table {
 public:
  explicit Table(TableShape shape);
  Table(Table&&) noexcept = default;
  Table& operator=(Table&&) noexcept = default;

  Table Clone() const;

  const TableShape& shape() const { return shape_; }
  const std::vector<StoredColumn>& columns() const { return columns_; }
  int64_t rows() const { return rows_; }

  /// Rows that are there already have no value in it.
  void AddColumn(const ColumnShape& column);

  /// \error LimitExceeded: the rows of the block, or its symbols, are more than the table can hold
  Status CheckRoom(const wire::DecodedBlock& block, int64_t max_rows) const;

  /// Appends rows in order; one whose upsert keys another row has replaces that row. Columns that
  /// the block lacks have no value. \pre the block's columns are of this table and its types,
  ///     CheckRoom has said yes
  void Apply(const wire::DecodedBlock& block);

 private:
  void MergeFrom(int64_t first_new);
  size_t Slot(int64_t row) const;
  void GrowIndex(int64_t rows);
  uint64_t HashKeys(int64_t row) const;
  bool SameKeys(int64_t left, int64_t right) const;

  TableShape shape_;
  std::vector<StoredColumn> columns_;
  int64_t rows_ = 0;
  // With upsert keys: open addressing, a power of two of slots, each the number of a row + 1, or 0.
  std::vector<uint64_t> index_;
};

}  // namespace colonnade::questdb::endpoint
