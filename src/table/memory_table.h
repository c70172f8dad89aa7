// Tables held in memory: what the metadata functions (arrays, attributes of a store) return.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "array/element_type.h"
#include "base/status.h"
#include "table/table_source.h"

namespace colonnade::table {

/// Builds a TableSource of rows. Its one axis is called "row"; every column is a function of it.
///
///     MemoryTableBuilder builder("arrays");
///     const size_t name = builder.AddColumn("name", array::ValueType::kString);
///     const size_t rank = builder.AddColumn("rank", array::ValueType::kInt64);
///     builder.AppendString(name, "t2m");
///     builder.AppendInt(rank, 3);
///     COLONNADE_ASSIGN_OR_RETURN(auto table, std::move(builder).Finish());
class MemoryTableBuilder {
 public:
  explicit MemoryTableBuilder(std::string name);
  ~MemoryTableBuilder();
  MemoryTableBuilder(MemoryTableBuilder&&) noexcept;
  MemoryTableBuilder& operator=(MemoryTableBuilder&&) noexcept;

  /// Adds a column of kString, kBool, kInt64 or kFloat64; returns its position.
  /// \pre no value has been appended.
  size_t AddColumn(std::string name, array::ValueType type, std::string comment = "");

  /// Append one value to a column. \pre the column has that type (checked by Finish).
  void AppendString(size_t column, std::string_view value);
  void AppendBool(size_t column, bool value);
  void AppendInt(size_t column, int64_t value);
  void AppendDouble(size_t column, double value);
  void AppendNull(size_t column);

  /// \error InvalidArgument for a value of another type than its column's, columns of different
  /// lengths, and names that are equal ignoring case.
  Result<std::shared_ptr<const TableSource>> Finish() &&;

 private:
  struct ColumnData;
  // The column, after noting a failure if it is of another type.
  ColumnData& Expect(size_t column, array::ValueType type);

  std::string name_;
  std::vector<std::unique_ptr<ColumnData>> columns_;
  Status failure_;
};

}  // namespace colonnade::table
