// Reads the tiles of a scan, block by block, on one thread.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "array/chunk_cache.h"
#include "table/table_source.h"
#include "table/tile_plan.h"
#include "table/tiled_scan.h"

namespace colonnade::table {

/// What all readers of a scan share. Immutable but for the cache, which is thread-safe.
struct ScanState {
  std::shared_ptr<const TableSource> source;
  std::shared_ptr<const array::Dataset> dataset;
  ScanRequest request;
  std::vector<std::optional<StoredColumn>> stored;  // per requested column
  std::vector<bool> keep_chunks;                    // per requested column
  std::unique_ptr<TilePlan> plan;
  std::unique_ptr<array::ChunkCache> cache;  // null if no column keeps chunks
  int64_t max_block_rows = 0;
};

std::unique_ptr<TileReader> MakeTileReader(std::shared_ptr<const ScanState> state,
                                           BlockFilter* filter);

}  // namespace colonnade::table
