// TilePlan: how a scan cuts a table into tiles. Pure arithmetic; nothing here grows with the number
// of tiles.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "array/box.h"
#include "table/selection.h"

namespace colonnade::table {

/// A variable as the table sees it: chunks along some of the table's axes.
struct ChunkedVariable {
  std::vector<size_t> axes;  // of the table, one per dimension of the variable
  array::Shape chunk_shape;  // in the variable's order; all > 0
  /// array::Variable::chunk_bounds, or null. Used during the call only.
  const std::vector<std::vector<int64_t>>* chunk_bounds = nullptr;

  /// The bounds along a dimension; empty if its chunks are equal.
  std::span<const int64_t> BoundsOf(size_t dim) const;
};

/// Boxes laid over the axes of a table, of which those count that hold a selected position. They
/// are equal, except along axes where all variables have the same unequal chunks.
///
/// Immutable; safe to share between threads.
class TilePlan {
 public:
  /// The tiles for reading `variables`: the smallest box that holds one chunk of each of them, if
  /// that has at most `max_cells` cells or is no larger than the largest chunk; else the chunk of
  /// the variable with the largest one. Along axes that none of the variables has, the tile is the
  /// one for reading `of_table`, all that the table can read, so that rows keep their order when
  /// fewer variables are read. Axes without any chunks are taken whole, innermost first, as long as
  /// the tile stays within `max_cells`.
  ///
  /// \pre one selection per axis, inside its length.
  TilePlan(std::span<const int64_t> lengths, std::span<const ChunkedVariable> variables,
           std::span<const ChunkedVariable> of_table, const Selection& selection,
           int64_t max_cells);

  /// Tiles with a selected row.
  int64_t tile_count() const { return tile_count_; }
  /// Extent of a tile along each axis, at most the axis' length (1 for an empty axis); the largest
  /// where they differ.
  const array::Shape& tile_shape() const { return tile_shape_; }

  /// The box of a tile; tiles are numbered in C order. \pre 0 <= tile < tile_count()
  array::Box TileBox(int64_t tile) const;

  /// True if a chunk of the variable is wanted by more than one tile.
  bool SharesChunks(const ChunkedVariable& variable) const;

 private:
  array::Shape lengths_;
  array::Shape tile_shape_;
  std::vector<std::vector<int64_t>> bounds_;  // per axis; empty if the tiles are equal along it
  Selection tiles_;  // along each axis: indices of tiles with a selected position
  int64_t tile_count_ = 0;
};

/// Number of chunks of an array of `shape`, or the largest int64 if there are more.
int64_t ChunkCount(std::span<const int64_t> shape, const ChunkedVariable& chunks);

}  // namespace colonnade::table
