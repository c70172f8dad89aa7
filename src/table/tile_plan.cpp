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

// The bounds of the tiles along an axis if they are not equal: those of the chunks, if all
// variables agree.
std::vector<int64_t> TileBounds(size_t axis, int64_t extent,
                                std::span<const ChunkedVariable> variables) {
  std::span<const int64_t> common;
  for (const ChunkedVariable& variable : variables) {
    for (size_t dim = 0; dim < variable.axes.size(); ++dim) {
      if (variable.axes[dim] != axis) continue;
      const std::span<const int64_t> bounds = variable.BoundsOf(dim);
      if (bounds.empty() || variable.chunk_shape[dim] != extent) return {};
      if (!common.empty() && !std::ranges::equal(bounds, common)) return {};
      common = bounds;
    }
  }
  return {common.begin(), common.end()};
}

// Index of the tile that holds a position.
int64_t TileAt(int64_t position, int64_t extent, const std::vector<int64_t>& bounds) {
  if (bounds.empty()) return position / extent;
  return std::upper_bound(bounds.begin(), bounds.end(), position) - bounds.begin() - 1;
}

// Indices of the tiles that hold a selected position: one interval per run of positions, so that
// 10^12 tiles cost as much as one.
AxisSelection TilesOf(const AxisSelection& positions, int64_t extent,
                      const std::vector<int64_t>& bounds) {
  std::vector<array::Interval> runs;
  runs.reserve(positions.runs().size());
  for (const array::Interval& run : positions.runs()) {
    array::Interval tiles{TileAt(run.begin, extent, bounds),
                          TileAt(run.end - 1, extent, bounds) + 1};
    if (!runs.empty() && tiles.begin < runs.back().end) tiles.begin = runs.back().end;
    if (tiles.begin < tiles.end) runs.push_back(tiles);
  }
  return AxisSelection::Of(std::move(runs));
}

}  // namespace

std::span<const int64_t> ChunkedVariable::BoundsOf(size_t dim) const {
  if (chunk_bounds == nullptr || dim >= chunk_bounds->size()) return {};
  return (*chunk_bounds)[dim];
}

TilePlan::TilePlan(std::span<const int64_t> lengths, std::span<const ChunkedVariable> variables,
                   std::span<const ChunkedVariable> of_table, const Selection& selection,
                   int64_t max_cells)
    : lengths_(lengths.begin(), lengths.end()),
      tile_shape_(TileShape(lengths, variables, of_table, std::max<int64_t>(1, max_cells))) {
  assert(selection.size() == lengths.size());
  tiles_.reserve(lengths.size());
  for (size_t axis = 0; axis < lengths.size(); ++axis) {
    const bool is_read = std::ranges::any_of(variables, [axis](const ChunkedVariable& variable) {
      return std::ranges::find(variable.axes, axis) != variable.axes.end();
    });
    bounds_.push_back(TileBounds(axis, tile_shape_[axis], is_read ? variables : of_table));
    tiles_.push_back(TilesOf(selection[axis], tile_shape_[axis], bounds_[axis]));
  }
  tile_count_ = RowCount(tiles_);
}

array::Box TilePlan::TileBox(int64_t tile) const {
  assert(tile >= 0 && tile < tile_count_);
  array::Box box(lengths_.size());
  for (size_t axis = lengths_.size(); axis-- > 0;) {
    const int64_t index = tiles_[axis].PositionAt(tile % tiles_[axis].count());
    tile /= tiles_[axis].count();
    if (const std::vector<int64_t>& bounds = bounds_[axis]; !bounds.empty()) {
      const auto i = static_cast<size_t>(index);
      box[axis] = {bounds[i], bounds[i + 1]};
      continue;
    }
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
    if (tiles_[axis].count() <= 1) continue;
    if (!std::ranges::equal(bounds_[axis], variable.BoundsOf(d))) return true;
    if (bounds_[axis].empty() && tile_shape_[axis] % variable.chunk_shape[d] != 0) return true;
  }
  for (size_t axis = 0; axis < lengths_.size(); ++axis) {
    if (!has[axis] && tiles_[axis].count() > 1) return true;
  }
  return false;
}

int64_t ChunkCount(std::span<const int64_t> shape, const ChunkedVariable& chunks) {
  int64_t count = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0) return 0;
    const std::span<const int64_t> bounds = chunks.BoundsOf(d);
    count = SaturatingMultiply(count, bounds.empty() ? (shape[d] - 1) / chunks.chunk_shape[d] + 1
                                                     : static_cast<int64_t>(bounds.size()) - 1);
  }
  return count;
}

}  // namespace colonnade::table
