#include "questdb/endpoint/table.h"

#include <algorithm>
#include <utility>

namespace colonnade::questdb::endpoint {

Table::Table(TableShape shape) : shape_(std::move(shape)) {
  for (const ColumnShape& column : shape_.columns) columns_.emplace_back(column);
}

Table Table::Clone() const {
  Table copy(TableShape{});
  copy.shape_ = shape_;
  for (const StoredColumn& column : columns_) copy.columns_.push_back(column.Clone());
  copy.rows_ = rows_;
  copy.index_ = index_;
  return copy;
}

void Table::AddColumn(const ColumnShape& column) {
  shape_.columns.push_back(column);
  columns_.emplace_back(column).AppendNulls(rows_);
}

Status Table::CheckRoom(const wire::DecodedBlock& block, int64_t max_rows) const {
  if (block.rows > max_rows - rows_) {
    return LimitExceeded("table ", shape_.name, ": more than ", max_rows, " rows");
  }
  for (const wire::DecodedColumn& column : block.columns) {
    const auto index = shape_.Find(column.name);
    if (!index) continue;
    const Status room = columns_[*index].CheckRoom(column);
    if (!room.ok()) return room.WithContext("table " + shape_.name);
  }
  return {};
}

void Table::Apply(const wire::DecodedBlock& block) {
  const int64_t first_new = rows_;
  std::vector<bool> filled(columns_.size());
  for (const wire::DecodedColumn& column : block.columns) {
    const auto index = shape_.Find(column.name);
    if (!index || filled[*index]) continue;
    columns_[*index].Append(column, block.rows);
    filled[*index] = true;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!filled[i]) columns_[i].AppendNulls(block.rows);
  }
  rows_ += block.rows;
  if (!shape_.keys.empty()) MergeFrom(first_new);
}

// Looks at rows from `first_new` on in order: each replaces the one that has its keys, or stays,
// moved up to where no row is left.
void Table::MergeFrom(int64_t first_new) {
  GrowIndex(rows_);
  int64_t end = first_new;
  for (int64_t row = first_new; row < rows_; ++row) {
    uint64_t& slot = index_[Slot(row)];
    const int64_t place = slot != 0 ? static_cast<int64_t>(slot - 1) : end++;
    slot = static_cast<uint64_t>(place) + 1;
    for (StoredColumn& column : columns_) column.CopyRow(row, place);
  }
  for (StoredColumn& column : columns_) column.Truncate(end);
  rows_ = end;
}

// Where the row with the keys of `row` is, or would be.
size_t Table::Slot(int64_t row) const {
  const size_t mask = index_.size() - 1;
  size_t slot = HashKeys(row) & mask;
  while (index_[slot] != 0 && !SameKeys(static_cast<int64_t>(index_[slot] - 1), row)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

// Makes the index at least twice as large as there are rows.
void Table::GrowIndex(int64_t rows) {
  size_t size = std::max<size_t>(index_.size(), 64);
  while (size < static_cast<size_t>(rows) * 2) size *= 2;
  if (size == index_.size()) return;
  const std::vector<uint64_t> old = std::exchange(index_, std::vector<uint64_t>(size));
  for (const uint64_t slot : old) {
    if (slot != 0) index_[Slot(static_cast<int64_t>(slot - 1))] = slot;
  }
}

uint64_t Table::HashKeys(int64_t row) const {
  uint64_t hash = 0;
  for (const size_t key : shape_.keys) {
    hash = (hash ^ columns_[key].HashValue(row)) * 0xFF51AFD7ED558CCD;
    hash ^= hash >> 32;
  }
  return hash;
}

bool Table::SameKeys(int64_t left, int64_t right) const {
  return std::all_of(shape_.keys.begin(), shape_.keys.end(),
                     [&](size_t key) { return columns_[key].SameValue(left, right); });
}

}  // namespace colonnade::questdb::endpoint
