// The table function over streams: scans any table::StreamTable.
//
// The maker is told at run time which columns, filters and limit the query has. Whatever it makes
// of them, the rows are the query's: filters that it does not vouch for are evaluated here.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/arrow_columns.h"
#include "engine/duckdb_headers.h"
#include "engine/query_state.h"
#include "engine/stream_filters.h"
#include "table/stream_table.h"

namespace colonnade::engine {

/// A column of a stream table, or why it cannot be read.
struct StreamColumn {
  std::string name;  // in SQL: unique ignoring case
  ArrowColumn arrow;
  Status unsupported;
};

/// Bind data of a scan. Copied by the planner; what is behind the pointers is immutable.
struct StreamBindData : duckdb::TableFunctionData {
  StreamBindData(std::shared_ptr<EngineResources> resources,
                 std::shared_ptr<const table::StreamTable> table);

  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override;
  bool Equals(const duckdb::FunctionData& other) const override;
  bool SupportStatementCache() const override { return false; }

  std::shared_ptr<EngineResources> resources;
  std::shared_ptr<const table::StreamTable> table;
  std::shared_ptr<const std::vector<StreamColumn>> columns;  // FillStreamColumns
  StreamFilters filters;
  std::optional<int64_t> limit;  // rows that are needed of the whole table
};

/// The scan function. Its bind, set by the caller, makes a StreamBindData and calls
/// FillStreamColumns.
duckdb::TableFunction MakeStreamFunction(const std::string& name);

/// Sets `bind.columns` and the result of a bind: the columns of the table's schema. Opens nothing.
///
/// A column of a type that SQL has no place for is VARCHAR, and an error only when it is read.
/// Throws InvalidData for a malformed schema, or one without columns.
void FillStreamColumns(duckdb::ClientContext& context, StreamBindData& bind,
                       duckdb::vector<duckdb::LogicalType>& types,
                       duckdb::vector<duckdb::string>& names);

/// Registers the rule that tells scans how many rows are needed: those under a LIMIT with nothing
/// but projections in between, and without filters.
void RegisterStreamLimits(duckdb::DBConfig& config);

}  // namespace colonnade::engine
