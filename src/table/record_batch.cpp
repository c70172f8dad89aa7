#include "table/record_batch.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "array/decode.h"
#include "arrow/batch_builder.h"
#include "arrow/stream.h"

namespace colonnade::table {
namespace {

using array::ValueType;

arrow::ColumnType ArrowType(ValueType type) {
  switch (type) {
    case ValueType::kBool: return arrow::ColumnType::kBool;
    case ValueType::kInt8: return arrow::ColumnType::kInt8;
    case ValueType::kInt16: return arrow::ColumnType::kInt16;
    case ValueType::kInt32: return arrow::ColumnType::kInt32;
    case ValueType::kInt64: return arrow::ColumnType::kInt64;
    case ValueType::kUInt8: return arrow::ColumnType::kUInt8;
    case ValueType::kUInt16: return arrow::ColumnType::kUInt16;
    case ValueType::kUInt32: return arrow::ColumnType::kUInt32;
    case ValueType::kUInt64: return arrow::ColumnType::kUInt64;
    case ValueType::kFloat32: return arrow::ColumnType::kFloat32;
    case ValueType::kFloat64: return arrow::ColumnType::kFloat64;
    case ValueType::kTimestampMicros: return arrow::ColumnType::kTimestampMicros;
    case ValueType::kTimestampNanos: return arrow::ColumnType::kTimestampNanos;
    case ValueType::kString: return arrow::ColumnType::kUtf8;
  }
  return arrow::ColumnType::kUtf8;
}

// Contiguous values and validity of one column of one batch.
struct Values {
  std::vector<std::byte> data;
  std::vector<uint64_t> validity;

  void Resize(size_t rows, uint32_t value_bytes) {
    data.assign(rows * value_bytes, std::byte{0});
    validity.assign((rows + 63) / 64, 0);
  }
  void SetValid(size_t row) { validity[row / 64] |= uint64_t{1} << (row % 64); }
};

// Calls `visit(out, begin, count)` for each run of consecutive rows that count.
template <typename Visit>
Status ForEachRun(const Block& block, Visit&& visit) {
  if (!block.rows.has_value()) return visit(int64_t{0}, int64_t{0}, block.row_count);
  const std::span<const uint32_t> rows = *block.rows;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    COLONNADE_RETURN_IF_ERROR(visit(static_cast<int64_t>(begin), int64_t{rows[begin]},
                                    static_cast<int64_t>(end - begin)));
    begin = end;
  }
  return Status();
}

void CopyValue(const AxisValues& values, int64_t from, uint32_t width, size_t row, Values* out) {
  if (values.is_sequence()) {
    std::memcpy(out->data.data() + row * width, &from, width);
    out->SetValid(row);
  } else if (values.is_valid(from)) {
    std::memcpy(out->data.data() + row * width, values.data + from * width, width);
    out->SetValid(row);
  }
}

Status FillFromAxis(const Block& block, const AxisColumn& column, uint32_t width, Values* out) {
  const AxisPositions& positions = block.axes[column.axis];
  int64_t inner = 1;  // rows that share a position before it changes
  for (size_t axis = column.axis + 1; axis < block.axes.size(); ++axis)
    inner *= block.axes[axis].count;
  return ForEachRun(block, [&](int64_t to, int64_t begin, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = positions.at((begin + i) / inner % positions.count);
      CopyValue(*column.values, position, width, static_cast<size_t>(to + i), out);
    }
    return Status();
  });
}

Status FillFromStored(const Block& block, const StridedColumn& column, uint32_t width,
                      Values* out) {
  std::vector<uint64_t> validity;
  return ForEachRun(block, [&](int64_t to, int64_t begin, int64_t count) -> Status {
    validity.assign(static_cast<size_t>(count + 63) / 64, 0);
    auto gathered = array::Gather(*column.plan, column.data, column.dimensions, begin, count,
                                  out->data.data() + to * width, validity.data());
    if (!gathered.ok()) return std::move(gathered).status();
    for (int64_t i = 0; i < count; ++i) {
      if ((validity[static_cast<size_t>(i) / 64] >> (i % 64) & 1) != 0)
        out->SetValid(static_cast<size_t>(to + i));
    }
    return Status();
  });
}

class BlockSource final : public arrow::BatchSource {
 public:
  BlockSource(std::shared_ptr<const TableSource> source, std::vector<size_t> columns,
              std::unique_ptr<Scan> scan, BlockFilter* filter)
      : source_(std::move(source)),
        columns_(std::move(columns)),
        scan_(std::move(scan)),
        filter_(filter) {}

  Result<arrow::Schema> GetSchema() override { return MakeSchema(*source_, columns_); }

  Result<std::optional<arrow::Array>> Next() override {
    if (reader_ == nullptr) {
      COLONNADE_ASSIGN_OR_RETURN(reader_, scan_->NewReader(filter_));
    }
    while (true) {
      if (is_open_) {
        COLONNADE_ASSIGN_OR_RETURN(const Block* block, reader_->Next());
        if (block != nullptr) {
          COLONNADE_ASSIGN_OR_RETURN(arrow::Array batch,
                                     MakeRecordBatch(*source_, columns_, *block));
          return std::optional<arrow::Array>(std::move(batch));
        }
        is_open_ = false;
      }
      if (next_tile_ == scan_->tile_count()) return std::optional<arrow::Array>();
      COLONNADE_RETURN_IF_ERROR(reader_->Open(next_tile_++));
      is_open_ = true;
    }
  }

 private:
  const std::shared_ptr<const TableSource> source_;
  const std::vector<size_t> columns_;
  const std::unique_ptr<Scan> scan_;
  BlockFilter* const filter_;
  std::unique_ptr<TileReader> reader_;
  int64_t next_tile_ = 0;
  bool is_open_ = false;
};

}  // namespace

Result<arrow::Schema> MakeSchema(const TableSource& source, const std::vector<size_t>& columns) {
  std::vector<arrow::Field> fields;
  for (const size_t index : columns) {
    if (index >= source.columns().size())
      return InvalidArgument(source.name(), ": no column ", index);
    const Column& column = source.columns()[index];
    arrow::Field field{column.name, ArrowType(column.type), {}};
    if (!column.comment.empty()) field.metadata.emplace_back("comment", column.comment);
    fields.push_back(std::move(field));
  }
  return arrow::MakeSchema(fields);
}

Result<arrow::Array> MakeRecordBatch(const TableSource& source, const std::vector<size_t>& columns,
                                     const Block& block) {
  const int64_t rows =
      block.rows.has_value() ? static_cast<int64_t>(block.rows->size()) : block.row_count;
  arrow::BatchBuilder builder(rows);
  Values values;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column& column = source.columns()[columns[i]];
    const uint32_t width = array::ValueSize(column.type);
    values.Resize(static_cast<size_t>(rows), width);
    if (const auto* axis = std::get_if<AxisColumn>(&block.columns[i])) {
      COLONNADE_RETURN_IF_ERROR(FillFromAxis(block, *axis, width, &values));
    } else if (const auto* constant = std::get_if<ConstantColumn>(&block.columns[i])) {
      for (int64_t row = 0; row < rows; ++row)
        CopyValue(*constant->values, 0, width, static_cast<size_t>(row), &values);
    } else {
      COLONNADE_RETURN_IF_ERROR(
          FillFromStored(block, std::get<StridedColumn>(block.columns[i]), width, &values)
              .WithContext(source.name() + ": column \"" + column.name + "\""));
    }
    if (column.type == ValueType::kString) {
      COLONNADE_RETURN_IF_ERROR(builder.AddText(
          reinterpret_cast<const std::string_view*>(values.data.data()), values.validity.data()));
    } else {
      COLONNADE_RETURN_IF_ERROR(builder.AddFixedWidth(ArrowType(column.type), values.data.data(),
                                                      values.validity.data()));
    }
  }
  return builder.Finish();
}

Result<arrow::ArrayStream> MakeArrayStream(std::shared_ptr<const TableSource> source,
                                           std::vector<size_t> columns, Selection selection,
                                           const ScanEnvironment& environment,
                                           BlockFilter* filter) {
  COLONNADE_ASSIGN_OR_RETURN(std::unique_ptr<Scan> scan,
                             source->NewScan({columns, std::move(selection), environment}));
  return arrow::MakeStream(std::make_unique<BlockSource>(std::move(source), std::move(columns),
                                                         std::move(scan), filter));
}

}  // namespace colonnade::table
