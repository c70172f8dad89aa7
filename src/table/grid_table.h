// GridTable: the variables of one grid as a TableSource.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "array/dataset.h"
#include "table/coordinate_cache.h"
#include "table/roles.h"
#include "table/table_source.h"
#include "table/tiled_scan.h"

namespace colonnade::table {

/// A column of a grid and where its values come from.
struct GridColumn {
  Column column;
  size_t variable = kNoVariable;  // none: the column's values are positions
  std::vector<size_t> axes;       // of the table, one per dimension of the variable
};

/// What makes a GridTable.
struct GridPlan {
  std::string name;
  std::vector<Axis> axes;
  std::vector<GridColumn> columns;
};

std::shared_ptr<const TableSource> MakeGridTable(std::shared_ptr<const array::Dataset> dataset,
                                                 std::shared_ptr<CoordinateCache> coordinates,
                                                 GridPlan plan, const TiledScanOptions& options);

}  // namespace colonnade::table
