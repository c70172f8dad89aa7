#include "table/memory_table.h"

#include <cassert>
#include <cstring>
#include <deque>
#include <optional>
#include <unordered_set>
#include <utility>

#include "table/names.h"
#include "table/tiled_scan.h"

namespace colonnade::table {

struct MemoryTableBuilder::ColumnData {
  Column column;
  int64_t rows = 0;
  bool has_null = false;
  std::vector<std::byte> values;  // one of the column's type per row
  std::vector<uint64_t> validity;
  std::deque<std::string> texts;  // of valid rows; a deque, so that they stay where they are

  void AddRow(bool valid) {
    if (rows % 64 == 0) validity.push_back(0);
    validity.back() |= uint64_t{valid} << (rows % 64);
    has_null |= !valid;
    ++rows;
  }
  template <typename Value>
  void Append(Value value) {
    AddRow(true);
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    values.insert(values.end(), bytes, bytes + sizeof(value));
  }
};

namespace {

class MemoryTable final : public TableSource, public std::enable_shared_from_this<MemoryTable> {
 public:
  MemoryTable(std::string name, int64_t rows, std::vector<Column> columns,
              std::vector<std::shared_ptr<const AxisValues>> values)
      : name_(std::move(name)),
        axes_{{"row", rows}},
        columns_(std::move(columns)),
        values_(std::move(values)) {}

  const std::string& name() const override { return name_; }
  const std::vector<Axis>& axes() const override { return axes_; }
  const std::vector<Column>& columns() const override { return columns_; }

  Result<std::shared_ptr<const AxisValues>> LoadAxis(
      size_t column, const ScanEnvironment& /*environment*/) const override {
    if (column >= values_.size()) return InvalidArgument(name_, ": no column ", column);
    return values_[column];
  }

  Result<std::unique_ptr<Scan>> NewScan(ScanRequest request) const override {
    std::vector<std::optional<StoredColumn>> stored(request.columns.size());
    return MakeTiledScan(shared_from_this(), nullptr, std::move(stored), {}, {},
                         std::move(request));
  }

 private:
  const std::string name_;
  const std::vector<Axis> axes_;
  const std::vector<Column> columns_;
  const std::vector<std::shared_ptr<const AxisValues>> values_;
};

}  // namespace

MemoryTableBuilder::MemoryTableBuilder(std::string name) : name_(std::move(name)) {}
MemoryTableBuilder::~MemoryTableBuilder() = default;
MemoryTableBuilder::MemoryTableBuilder(MemoryTableBuilder&&) noexcept = default;
MemoryTableBuilder& MemoryTableBuilder::operator=(MemoryTableBuilder&&) noexcept = default;

size_t MemoryTableBuilder::AddColumn(std::string name, array::ValueType type, std::string comment) {
  auto data = std::make_unique<ColumnData>();
  data->column.name = std::move(name);
  data->column.type = type;
  data->column.kind = ColumnKind::kAxis;
  data->column.comment = std::move(comment);
  columns_.push_back(std::move(data));
  return columns_.size() - 1;
}

MemoryTableBuilder::ColumnData& MemoryTableBuilder::Expect(size_t column, array::ValueType type) {
  ColumnData& data = *columns_.at(column);
  if (data.column.type != type && failure_.ok()) {
    failure_ = InvalidArgument(name_, ": column \"", data.column.name, "\" of type ",
                               array::ToString(data.column.type), " got a value of type ",
                               array::ToString(type));
  }
  return data;
}

void MemoryTableBuilder::AppendString(size_t column, std::string_view value) {
  ColumnData& data = Expect(column, array::ValueType::kString);
  data.Append(std::string_view(data.texts.emplace_back(value)));
}

void MemoryTableBuilder::AppendBool(size_t column, bool value) {
  Expect(column, array::ValueType::kBool).Append(value);
}

void MemoryTableBuilder::AppendInt(size_t column, int64_t value) {
  Expect(column, array::ValueType::kInt64).Append(value);
}

void MemoryTableBuilder::AppendDouble(size_t column, double value) {
  Expect(column, array::ValueType::kFloat64).Append(value);
}

void MemoryTableBuilder::AppendNull(size_t column) {
  ColumnData& data = *columns_.at(column);
  data.AddRow(false);
  // All bits zero are 0, false, and the empty std::string_view.
  data.values.resize(data.values.size() + array::ValueSize(data.column.type));
}

Result<std::shared_ptr<const TableSource>> MemoryTableBuilder::Finish() && {
  COLONNADE_RETURN_IF_ERROR(failure_);
  const int64_t rows = columns_.empty() ? 0 : columns_[0]->rows;
  std::unordered_set<std::string> names;
  std::vector<Column> columns;
  std::vector<std::shared_ptr<const AxisValues>> values;
  for (std::unique_ptr<ColumnData>& column : columns_) {
    if (column->rows != rows) {
      return InvalidArgument(name_, ": column \"", column->column.name, "\" has ", column->rows,
                             " rows, \"", columns_[0]->column.name, "\" ", rows);
    }
    if (!names.insert(FoldCase(column->column.name)).second)
      return InvalidArgument(name_, ": two columns are called \"", column->column.name, "\"");
  }
  for (std::unique_ptr<ColumnData>& column : columns_) {
    columns.push_back(column->column);
    column->values.reserve(1);  // data() must not be null: that would mean positions
    const std::shared_ptr<const ColumnData> owner = std::move(column);
    auto axis = std::make_shared<AxisValues>();
    axis->type = owner->column.type;
    axis->length = rows;
    axis->data = owner->values.data();
    axis->validity = owner->has_null ? owner->validity.data() : nullptr;
    axis->owner = owner;
    values.push_back(std::move(axis));
  }
  return std::shared_ptr<const TableSource>(
      std::make_shared<MemoryTable>(std::move(name_), rows, std::move(columns), std::move(values)));
}

}  // namespace colonnade::table
