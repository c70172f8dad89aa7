#include "table/tile_plan.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace colonnade::table {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

int64_t SaturatingMultiply(int64_t a, int64_t b) { return CheckedMultiply(a, b).value_or(kMost); }

int64_t Cells(std::span<const int64_t> shape) {
  int64_t cells = 1;
  for (const int64_t extent : shape) cells = SaturatingMultiply(cells, extent);
  return cells;
}

// The variable's chunk along the table's axes, inside the axes; 1 where it has none.
array::Shape ChunkInTable(const ChunkedVariable& variable, std::span<const int64_t> lengths) {
  array::Shape shape(lengths.size(), 1);
  for (size_t d = 0; d < variable.axes.size(); ++d) {
    const size_t axis = variable.axes[d];
    shape[axis] =
        std::clamp<int64_t>(variable.chunk_shape[d], 1, std::max<int64_t>(1, lengths[axis]));
  }
  return shape;
}

// The tile for reading `variables`: 0 along axes that none of them has.
array::Shape Cover(std::span<const int64_t> lengths, std::span<const ChunkedVariable> variables,
                   int64_t max_cells) {
  array::Shape cover(lengths.size(), 1);
  array::Shape largest(lengths.size(), 1);
  std::vector<bool> is_chunked(lengths.size(), false);
  int64_t largest_cells = 0;
  for (const ChunkedVariable& variable : variables) {
    array::Shape chunk = ChunkInTable(variable, lengths);
    for (size_t axis = 0; axis < lengths.size(); ++axis)
      cover[axis] = std::max(cover[axis], chunk[axis]);
    for (const size_t axis : variable.axes) is_chunked[axis] = true;
    if (const int64_t cells = Cells(chunk); cells > largest_cells) {
      largest_cells = cells;
      largest = std::move(chunk);
    }
  }
  const int64_t cover_cells = Cells(cover);
  array::Shape tile = cover_cells <= max_cells || cover_cells <= largest_cells ? std::move(cover)
                                                                               : std::move(largest);
  for (size_t axis = 0; axis < lengths.size(); ++axis) {
    if (!is_chunked[axis]) tile[axis] = 0;
  }
  return tile;
}

array::Shape TileShape(std::span<const int64_t> lengths, std::span<const ChunkedVariable> variables,
                       std::span<const ChunkedVariable> of_table, int64_t max_cells) {
  array::Shape tile = Cover(lengths, variables, max_cells);
  const array::Shape of_all = Cover(lengths, of_table, max_cells);
  int64_t cells = 1;
  for (const int64_t extent : tile) cells = SaturatingMultiply(cells, std::max<int64_t>(1, extent));
  for (size_t axis = lengths.size(); axis-- > 0;) {
    if (tile[axis] > 0) continue;
    const int64_t whole = of_all[axis] > 0 ? of_all[axis] : std::max<int64_t>(1, lengths[axis]);
    tile[axis] = std::clamp<int64_t>(max_cells / cells, 1, whole);
    cells = SaturatingMultiply(cells, tile[axis]);
  }
  return tile;
}

// Indices of the tiles that hold a selected position: one interval per run of positions, so that
// 10^12 tiles cost as much as one.
AxisSelection TilesOf(const AxisSelection& positions, int64_t extent) {
  std::vector<array::Interval> runs;
  runs.reserve(positions.runs().size());
  for (const array::Interval& run : positions.runs()) {
    array::Interval tiles{run.begin / extent, (run.end - 1) / extent + 1};
    if (!runs.empty() && tiles.begin < runs.back().end) tiles.begin = runs.back().end;
    if (tiles.begin < tiles.end) runs.push_back(tiles);
  }
  return AxisSelection::Of(std::move(runs));
}

}  // namespace

TilePlan::TilePlan(std::span<const int64_t> lengths, std::span<const ChunkedVariable> variables,
                   std::span<const ChunkedVariable> of_table, const Selection& selection,
                   int64_t max_cells)
    : lengths_(lengths.begin(), lengths.end()),
      tile_shape_(TileShape(lengths, variables, of_table, std::max<int64_t>(1, max_cells))) {
  assert(selection.size() == lengths.size());
  tiles_.reserve(lengths.size());
  for (size_t axis = 0; axis < lengths.size(); ++axis)
    tiles_.push_back(TilesOf(selection[axis], tile_shape_[axis]));
  tile_count_ = RowCount(tiles_);
}

array::Box TilePlan::TileBox(int64_t tile) const {
  assert(tile >= 0 && tile < tile_count_);
  array::Box box(lengths_.size());
  for (size_t axis = lengths_.size(); axis-- > 0;) {
    const int64_t index = tiles_[axis].PositionAt(tile % tiles_[axis].count());
    tile /= tiles_[axis].count();
    const int64_t begin = index * tile_shape_[axis];
    box[axis] = {begin, begin + std::min(tile_shape_[axis], lengths_[axis] - begin)};
  }
  return box;
}

bool TilePlan::SharesChunks(const ChunkedVariable& variable) const {
  std::vector<bool> has(lengths_.size(), false);
  for (size_t d = 0; d < variable.axes.size(); ++d) {
    const size_t axis = variable.axes[d];
    has[axis] = true;
    if (tiles_[axis].count() > 1 && tile_shape_[axis] % variable.chunk_shape[d] != 0) return true;
  }
  for (size_t axis = 0; axis < lengths_.size(); ++axis) {
    if (!has[axis] && tiles_[axis].count() > 1) return true;
  }
  return false;
}

int64_t ChunkCount(std::span<const int64_t> shape, std::span<const int64_t> chunk_shape) {
  int64_t count = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0) return 0;
    count = SaturatingMultiply(count, (shape[d] - 1) / chunk_shape[d] + 1);
  }
  return count;
}

}  // namespace colonnade::table
