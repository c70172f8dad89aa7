// A stream table over cells in memory that says what it was asked, does what it is told to, and
// counts what it hands out.

#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "arrow/batch_builder.h"
#include "arrow/schema.h"
#include "arrow/stream.h"
#include "table/stream_table.h"

namespace colonnade {

/// A value of any column: text, or a number (of booleans 0 or 1, of times the count of their unit).
using Cell = std::variant<int64_t, double, std::string>;

struct FakeColumn {
  arrow::Field field;
  std::vector<std::optional<Cell>> cells;  // nothing: NULL
};

/// Rows in order, cut into partitions of equal size.
class FakeStreamTable final : public table::StreamTable {
 public:
  struct Behaviour {
    int64_t partitions = 1;
    int64_t batch_rows = 1'000;
    bool project = true;       // or deliver all columns, whatever is asked
    bool know_rows = false;    // row_count()
    bool apply_terms = false;  // drop rows that a term rejects
    /// Positions of terms that the maker says it applied.
    std::function<std::vector<size_t>(const table::StreamRequest&)> claim;
    /// Called before every batch, with its number in the partition; an error ends the stream.
    std::function<Status(int64_t partition, int64_t batch)> before_batch;
    /// Changes the schema that streams have.
    std::function<void(ArrowSchema*)> disturb_schema;
    /// Changes batches after they were made.
    std::function<void(ArrowArray*)> disturb_batch;
    Status open_error;
  };

  /// What one Open was asked.
  struct Call {
    int64_t partition = 0;
    std::vector<size_t> columns;
    std::vector<table::FilterTerm> filters;
    std::string filter_sql;
    std::optional<int64_t> limit;
  };

  FakeStreamTable(std::string name, std::vector<FakeColumn> columns, Behaviour behaviour)
      : name_(std::move(name)), columns_(std::move(columns)), behaviour_(std::move(behaviour)) {
    std::vector<arrow::Field> fields;
    for (const FakeColumn& column : columns_) fields.push_back(column.field);
    schema_ = *arrow::MakeSchema(fields);
  }

  const std::string& name() const override { return name_; }
  const ArrowSchema& schema() const override { return *schema_.get(); }
  int64_t partition_count() const override { return behaviour_.partitions; }
  std::optional<int64_t> row_count() const override {
    return behaviour_.know_rows ? std::optional<int64_t>(rows()) : std::nullopt;
  }

  Result<table::OpenedStream> Open(int64_t partition,
                                   const table::StreamRequest& request) const override {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(
          {partition, request.columns, request.filters, request.filter_sql, request.limit});
    }
    if (!behaviour_.open_error.ok()) return behaviour_.open_error;
    table::OpenedStream opened;
    if (behaviour_.claim) opened.exact = behaviour_.claim(request);
    opened.stream = arrow::MakeStream(std::make_unique<Batches>(*this, partition, request));
    return opened;
  }

  int64_t rows() const {
    return columns_.empty() ? 0 : static_cast<int64_t>(columns_[0].cells.size());
  }
  std::vector<Call> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  int64_t batches_made() const { return batches_made_; }
  /// Streams that have been opened and not released.
  int64_t live_streams() const { return live_streams_; }

  /// What SQL says of a term on a row: NULL does not pass, NaN is the greatest number.
  bool Passes(const table::FilterTerm& term, int64_t row) const {
    using Op = table::FilterOperator;
    const auto& cell = columns_[term.column].cells[static_cast<size_t>(row)];
    if (term.op == Op::kIsNull) return !cell;
    if (term.op == Op::kIsNotNull) return cell.has_value();
    if (!cell) return false;
    return std::any_of(term.values.begin(), term.values.end(), [&](const table::Scalar& value) {
      const int order = Compare(*cell, value, columns_[term.column].field.type);
      switch (term.op) {
        case Op::kNotEqual: return order != 0;
        case Op::kLess: return order < 0;
        case Op::kLessOrEqual: return order <= 0;
        case Op::kGreater: return order > 0;
        case Op::kGreaterOrEqual: return order >= 0;
        default: return order == 0;
      }
    });
  }

 private:
  static int Compare(const Cell& cell, const table::Scalar& value, arrow::ColumnType type) {
    if (const auto* text = std::get_if<std::string>(&cell))
      return text->compare(std::get<std::string>(value.value));
    if (const auto* number = std::get_if<double>(&cell)) {
      const double other = std::get<double>(value.value);
      if (std::isnan(*number)) return 1;  // constants are no NaN
      return *number < other ? -1 : *number > other ? 1 : 0;
    }
    int64_t number = std::get<int64_t>(cell);
    if (type == arrow::ColumnType::kTimestampMicros) number *= 1'000;
    const int64_t other = std::holds_alternative<bool>(value.value)
                              ? int64_t{std::get<bool>(value.value)}
                              : std::get<int64_t>(value.value);
    return number < other ? -1 : number > other ? 1 : 0;
  }

  static size_t Width(arrow::ColumnType type) {
    switch (type) {
      case arrow::ColumnType::kBool:
      case arrow::ColumnType::kInt8: return 1;
      case arrow::ColumnType::kInt32:
      case arrow::ColumnType::kFloat32: return 4;
      default: return 8;
    }
  }

  static Status AddColumn(const FakeColumn& column, const std::vector<int64_t>& rows,
                          arrow::BatchBuilder* builder) {
    std::vector<uint64_t> validity(rows.size() / 64 + 1);
    std::vector<std::string_view> texts(rows.size());
    std::vector<std::byte> values(rows.size() * 8 + 8);
    const size_t width = Width(column.field.type);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto& cell = column.cells[static_cast<size_t>(rows[i])];
      if (!cell) continue;
      validity[i / 64] |= uint64_t{1} << (i % 64);
      if (const auto* text = std::get_if<std::string>(&*cell)) {
        texts[i] = *text;
      } else if (const auto* number = std::get_if<double>(&*cell)) {
        const auto narrow = static_cast<float>(*number);
        if (width == 4) {
          std::memcpy(&values[i * 4], &narrow, 4);
        } else {
          std::memcpy(&values[i * 8], number, 8);
        }
      } else {
        std::memcpy(&values[i * width], &std::get<int64_t>(*cell), width);
      }
    }
    if (column.field.type == arrow::ColumnType::kUtf8)
      return builder->AddText(texts.data(), validity.data());
    return builder->AddFixedWidth(column.field.type, values.data(), validity.data());
  }

  class Batches final : public arrow::BatchSource {
   public:
    Batches(const FakeStreamTable& table, int64_t partition, const table::StreamRequest& request)
        : table_(table), partition_(partition) {
      ++table_.live_streams_;
      for (size_t i = 0; i < table.columns_.size(); ++i) {
        if (!table.behaviour_.project ||
            std::find(request.columns.begin(), request.columns.end(), i) != request.columns.end())
          columns_.push_back(i);
      }
      const int64_t partitions = table.behaviour_.partitions;
      for (int64_t row = table.rows() * partition / partitions;
           row < table.rows() * (partition + 1) / partitions; ++row) {
        const bool passes = !table.behaviour_.apply_terms ||
                            std::all_of(request.filters.begin(), request.filters.end(),
                                        [&](const auto& term) { return table.Passes(term, row); });
        if (passes) rows_.push_back(row);
      }
    }
    ~Batches() override { --table_.live_streams_; }

    Result<arrow::Schema> GetSchema() override {
      COLONNADE_ASSIGN_OR_RETURN(auto schema, arrow::SelectColumns(table_.schema(), columns_));
      if (table_.behaviour_.disturb_schema) table_.behaviour_.disturb_schema(schema.get());
      return schema;
    }

    Result<std::optional<arrow::Array>> Next() override {
      if (table_.behaviour_.before_batch)
        COLONNADE_RETURN_IF_ERROR(table_.behaviour_.before_batch(partition_, batch_));
      if (next_ >= rows_.size()) return std::optional<arrow::Array>();
      ++batch_;
      ++table_.batches_made_;
      const size_t count =
          std::min(rows_.size() - next_, static_cast<size_t>(table_.behaviour_.batch_rows));
      const std::vector<int64_t> rows(rows_.begin() + static_cast<int64_t>(next_),
                                      rows_.begin() + static_cast<int64_t>(next_ + count));
      next_ += count;
      arrow::BatchBuilder builder(static_cast<int64_t>(count));
      for (const size_t column : columns_)
        COLONNADE_RETURN_IF_ERROR(AddColumn(table_.columns_[column], rows, &builder));
      COLONNADE_ASSIGN_OR_RETURN(auto batch, builder.Finish());
      batch->length = static_cast<int64_t>(count);  // also without columns
      if (table_.behaviour_.disturb_batch) table_.behaviour_.disturb_batch(batch.get());
      return std::optional<arrow::Array>(std::move(batch));
    }

   private:
    const FakeStreamTable& table_;
    const int64_t partition_;
    std::vector<size_t> columns_;
    std::vector<int64_t> rows_;
    size_t next_ = 0;
    int64_t batch_ = 0;
  };

  std::string name_;
  std::vector<FakeColumn> columns_;
  Behaviour behaviour_;
  arrow::Schema schema_;
  mutable std::mutex mutex_;
  mutable std::vector<Call> calls_;
  mutable std::atomic<int64_t> batches_made_ = 0;
  mutable std::atomic<int64_t> live_streams_ = 0;
};

}  // namespace colonnade
