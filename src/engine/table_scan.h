// The one table function: scans any table::TableSource.
//
// Planning narrows the positions of each axis by evaluating predicates on coordinates; execution
// turns the blocks of the remaining tiles into vectors.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/axis_filter.h"
#include "engine/duckdb_headers.h"
#include "engine/position_rows.h"
#include "engine/query_state.h"
#include "table/table_source.h"

namespace colonnade::engine {

/// Column ids that are not visible columns start here (DuckDB's virtual columns).
duckdb::column_t MultiplicityColumnId();
duckdb::column_t MultiplicityColumnId(size_t diagonal_axis);

/// Bind data of a scan. Copied by the planner; what is behind the pointers is immutable.
struct ScanBindData : duckdb::TableFunctionData {
  ScanBindData(std::shared_ptr<EngineResources> resources,
               std::shared_ptr<const table::TableSource> source);

  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override;
  bool Equals(const duckdb::FunctionData& other) const override;
  bool SupportStatementCache() const override { return false; }

  /// The source's column behind a column id; nothing for row counts and the multiplicity.
  std::optional<size_t> SourceColumn(duckdb::column_t id) const;

  std::shared_ptr<EngineResources> resources;
  std::shared_ptr<const table::TableSource> source;
  std::vector<size_t> visible;  // source columns in the order of the table's columns
  std::shared_ptr<const table::Selection> selection;
  std::vector<std::shared_ptr<const TilePredicate>> tile_predicates;
  /// What an answer from coordinates does with each axis (PositionRows); empty: the scan gives the
  /// table's rows.
  std::vector<AxisUse> axis_uses;
  /// Catalog entry that the scan is of, if it is of one.
  duckdb::optional_ptr<duckdb::TableCatalogEntry> entry;
};

/// SQL type of a column.
duckdb::LogicalType TypeOf(array::ValueType type);

/// The scan function; `pushdown` off leaves every predicate to the engine's row filters.
duckdb::TableFunction MakeScanFunction(const std::string& name, bool pushdown);

/// Binds a scan of `source`: fills the types and names of its visible columns, and leaves pushdown
/// out if it is switched off.
duckdb::unique_ptr<duckdb::FunctionData> BindScan(duckdb::ClientContext& context,
                                                  duckdb::TableFunctionBindInput& input,
                                                  std::shared_ptr<EngineResources> resources,
                                                  std::shared_ptr<const table::TableSource> source,
                                                  duckdb::vector<duckdb::LogicalType>& types,
                                                  duckdb::vector<duckdb::string>& names);

/// Hidden columns of a source as virtual columns.
duckdb::virtual_column_map_t VirtualColumns(const table::TableSource& source);

/// True if the setting colonnade_pushdown is on.
bool PushdownEnabled(duckdb::ClientContext& context);

}  // namespace colonnade::engine
