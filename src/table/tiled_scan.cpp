#include "table/tiled_scan.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "array/chunk_cache.h"
#include "base/checked.h"
#include "table/tile_reader.h"

namespace colonnade::table {
namespace {

class TiledScan final : public Scan {
 public:
  explicit TiledScan(std::shared_ptr<const ScanState> state) : state_(std::move(state)) {}

  int64_t tile_count() const override { return state_->plan->tile_count(); }

  int64_t chunk_count() const override {
    int64_t count = 0;
    for (size_t i = 0; i < state_->stored.size(); ++i) {
      if (!state_->stored[i].has_value()) continue;
      const size_t index = state_->stored[i]->variable;
      // A variable asked for twice is read twice only in name: its chunks count once.
      bool seen = false;
      for (size_t j = 0; j < i; ++j)
        seen |= state_->stored[j].has_value() && state_->stored[j]->variable == index;
      if (seen) continue;
      const array::Variable& variable = state_->dataset->variables()[index];
      const ChunkedVariable chunks = {{}, variable.chunk_shape, &variable.chunk_bounds};
      count = CheckedAdd(count, ChunkCount(variable.shape, chunks))
                  .value_or(std::numeric_limits<int64_t>::max());
    }
    return count;
  }

  Result<std::unique_ptr<TileReader>> NewReader(BlockFilter* filter) override {
    return MakeTileReader(state_, filter);
  }

 private:
  std::shared_ptr<const ScanState> state_;
};

Status CheckRequest(const TableSource& source, const ScanRequest& request) {
  const std::vector<Axis>& axes = source.axes();
  if (request.selection.size() != axes.size()) {
    return InvalidArgument(source.name(), ": ", request.selection.size(), " selections for ",
                           axes.size(), " axes");
  }
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const auto& runs = request.selection[axis].runs();
    if (!runs.empty() && (runs.front().begin < 0 || runs.back().end > axes[axis].length)) {
      return InvalidArgument(source.name(), ": axis \"", axes[axis].name, "\": selection [",
                             runs.front().begin, ", ", runs.back().end, ") of length ",
                             axes[axis].length);
    }
  }
  for (const size_t column : request.columns) {
    if (column >= source.columns().size())
      return InvalidArgument(source.name(), ": no column ", column);
    const Column& info = source.columns()[column];
    if (!info.unavailable.ok())
      return info.unavailable.WithContext(source.name() + ": column \"" + info.name + "\"");
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<Scan>> MakeTiledScan(std::shared_ptr<const TableSource> source,
                                            std::shared_ptr<const array::Dataset> dataset,
                                            std::vector<std::optional<StoredColumn>> stored,
                                            std::span<const ChunkedVariable> of_table,
                                            const TiledScanOptions& options, ScanRequest request) {
  COLONNADE_RETURN_IF_ERROR(CheckRequest(*source, request));
  assert(stored.size() == request.columns.size());

  array::Shape lengths;
  for (const Axis& axis : source->axes()) lengths.push_back(axis.length);
  std::vector<ChunkedVariable> variables;
  for (const auto& column : stored) {
    if (!column.has_value()) continue;
    const array::Variable& variable = dataset->variables()[column->variable];
    variables.push_back({column->axes, variable.chunk_shape, &variable.chunk_bounds});
  }

  auto state = std::make_shared<ScanState>();
  state->plan = std::make_unique<TilePlan>(lengths, variables, of_table, request.selection,
                                           options.max_tile_cells);
  state->source = std::move(source);
  state->dataset = std::move(dataset);
  state->stored = std::move(stored);
  state->request = std::move(request);
  // Row numbers inside a block are 32 bits wide.
  state->max_block_rows = std::clamp<int64_t>(options.max_block_rows, 1, int64_t{1} << 31);
  state->keep_chunks.assign(state->stored.size(), false);
  bool keeps_any = false;
  for (size_t i = 0, v = 0; i < state->stored.size(); ++i) {
    if (!state->stored[i].has_value()) continue;
    state->keep_chunks[i] = state->plan->SharesChunks(variables[v++]);
    keeps_any |= state->keep_chunks[i];
  }
  if (keeps_any) state->cache = std::make_unique<array::ChunkCache>(options.chunk_cache_bytes);
  return std::unique_ptr<Scan>(std::make_unique<TiledScan>(std::move(state)));
}

}  // namespace colonnade::table
