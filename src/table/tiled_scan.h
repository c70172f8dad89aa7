// The scan of every table that is a product of axes: tiles, blocks, late reads.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "array/dataset.h"
#include "table/table_source.h"
#include "table/tile_plan.h"

namespace colonnade::table {

/// A kValues column of a request: where its values are.
struct StoredColumn {
  size_t variable = 0;       // of the dataset
  std::vector<size_t> axes;  // of the table, one per dimension of the variable
};

struct TiledScanOptions {
  int64_t max_block_rows = 65'536;
  int64_t max_tile_cells = 8'388'608;
  uint64_t chunk_cache_bytes = uint64_t{64} << 20;
};

/// Makes a scan of `request`. `stored` has an entry per requested column, set for those of kind
/// kValues; the others come from source->LoadAxis when the first tile is opened. `dataset` may be
/// null if none is stored. `of_table` are all variables that the table can read.
///
/// **Order.** Tiles in C order; rows of a tile in C order. Tiles follow the chunks of the requested
/// variables, and those of the table along axes that none of them has: where all variables are
/// chunked alike, rows come in one order whatever is requested.
/// **Reads.** Boxes are narrowed to the selection. The filter's columns are read first, the others
/// when a block of the tile has a row that passed.
///
/// \error InvalidArgument for a selection that is not inside the axes; the `unavailable` of a
/// requested column.
Result<std::unique_ptr<Scan>> MakeTiledScan(std::shared_ptr<const TableSource> source,
                                            std::shared_ptr<const array::Dataset> dataset,
                                            std::vector<std::optional<StoredColumn>> stored,
                                            std::span<const ChunkedVariable> of_table,
                                            const TiledScanOptions& options, ScanRequest request);

}  // namespace colonnade::table
