#include "questdb/endpoint/result_sources.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "questdb/endpoint/stored_column.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;
using wire::DecodedBlock;
using wire::DecodedColumn;

class TableSource final : public BatchSource {
 public:
  TableSource(std::shared_ptr<const Table> table, int64_t rows)
      : table_(std::move(table)), rows_(rows), memory_(table_->columns().size()) {}

  Result<ResultRows> Next(int64_t max_rows) override {
    int64_t rows = std::min(max_rows, rows_ - begin_);
    for (const StoredColumn& column : table_->columns()) {
      if (rows > 1) rows = column.FitRows(begin_, rows);
    }
    columns_.clear();
    for (size_t i = 0; i < memory_.size(); ++i) {
      columns_.push_back(table_->columns()[i].View(begin_, rows, memory_[i]));
    }
    begin_ += rows;
    return ResultRows{.columns = columns_, .rows = rows};
  }

 private:
  std::shared_ptr<const Table> table_;
  int64_t rows_;
  int64_t begin_ = 0;
  std::vector<ViewMemory> memory_;  // of each column
  std::vector<wire::Column> columns_;
};

template <typename T>
wire::SharedBytes Share(std::vector<T> values) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return {owner, reinterpret_cast<const std::byte*>(owner->data()), owner->size() * sizeof(T)};
}

DecodedColumn TextColumn(std::string_view name, const std::vector<std::string>& texts) {
  std::vector<int32_t> offsets(1, 0);
  std::vector<char> bytes;
  for (const std::string& text : texts) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<int32_t>(bytes.size()));
  }
  DecodedColumn column;
  column.name = name;
  column.type = ColumnType::kVarchar;
  column.offsets = Share(std::move(offsets));
  column.values = Share(std::move(bytes));
  return column;
}

DecodedColumn BooleanColumn(std::string_view name, const std::vector<bool>& values) {
  std::vector<uint8_t> bits((values.size() + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]) bits[i / 8] |= static_cast<uint8_t>(1u << (i % 8));
  }
  DecodedColumn column;
  column.name = name;
  column.type = ColumnType::kBoolean;
  column.values = Share(std::move(bits));
  return column;
}

// A result that is made at once, as a table that nobody else knows.
std::unique_ptr<BatchSource> SourceOfBlock(const DecodedBlock& block) {
  TableShape shape;
  for (const DecodedColumn& column : block.columns) {
    shape.columns.push_back(ColumnShape::Of(column));
  }
  auto table = std::make_shared<Table>(std::move(shape));
  table->Apply(block);
  return SourceOfTable(std::move(table), block.rows);
}

// A parameter as a column of one row.
DecodedColumn BindColumn(const wire::Bind& bind) {
  DecodedColumn column;
  column.type = bind.type;
  column.scale = bind.scale;
  column.geohash_bits = bind.geohash_bits;
  std::vector<std::byte> value = bind.value;
  if (bind.is_null) {
    column.null_count = 1;
    column.validity = Share(std::vector<uint8_t>{0});
    value.clear();
  }
  if (IsVarying(bind.type)) {
    column.offsets = Share(std::vector<int32_t>{0, static_cast<int32_t>(value.size())});
  } else {
    value.resize(CellWidth(ColumnShape::Of(column)));
  }
  column.values = Share(std::move(value));
  return column;
}

}  // namespace

std::unique_ptr<BatchSource> SourceOfTable(std::shared_ptr<const Table> table, int64_t rows) {
  return std::make_unique<TableSource>(std::move(table), rows);
}

std::unique_ptr<BatchSource> SourceOfCount(int64_t count) {
  DecodedColumn column;
  column.name = "count";
  column.type = ColumnType::kLong;
  column.values = Share(std::vector<int64_t>{count});
  DecodedBlock block;
  block.rows = 1;
  block.columns.push_back(std::move(column));
  return SourceOfBlock(block);
}

Result<std::unique_ptr<BatchSource>> SourceOfBinds(const SelectBinds& select,
                                                   std::span<const wire::Bind> binds) {
  DecodedBlock block;
  block.rows = 1;
  std::vector<bool> named(binds.size());
  for (const size_t index : select.binds) {
    if (index >= binds.size()) {
      return InvalidArgument("undefined bind variable: $", index + 1);
    }
    if (named[index]) {
      return InvalidArgument("parameter $", index + 1, " is selected twice");
    }
    named[index] = true;
    DecodedColumn column = BindColumn(binds[index]);
    column.name = "$" + std::to_string(index + 1);
    block.columns.push_back(std::move(column));
  }
  return SourceOfBlock(block);
}

std::unique_ptr<BatchSource> SourceOfNames(std::string_view column,
                                           const std::vector<std::string>& names) {
  DecodedBlock block;
  block.rows = static_cast<int64_t>(names.size());
  block.columns.push_back(TextColumn(column, names));
  return SourceOfBlock(block);
}

std::unique_ptr<BatchSource> SourceOfColumns(const TableShape& shape) {
  std::vector<std::string> names;
  std::vector<std::string> types;
  std::vector<bool> designated;
  std::vector<bool> keys;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    names.push_back(shape.columns[i].name);
    types.push_back(TypeText(shape.columns[i]));
    designated.push_back(i == shape.timestamp);
    keys.push_back(std::find(shape.keys.begin(), shape.keys.end(), i) != shape.keys.end());
  }
  DecodedBlock block;
  block.rows = static_cast<int64_t>(names.size());
  block.columns.push_back(TextColumn("column", names));
  block.columns.push_back(TextColumn("type", types));
  block.columns.push_back(BooleanColumn("designated", designated));
  block.columns.push_back(BooleanColumn("upsertKey", keys));
  return SourceOfBlock(block);
}

}  // namespace colonnade::questdb::endpoint
