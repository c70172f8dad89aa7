// ChunkGrid: which chunks of an n-d array a box touches.
//
// Pure arithmetic on shapes; no I/O and no metadata.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "array/box.h"
#include "base/status.h"

namespace colonnade::array {

/// Regular grid of equal chunks laid over an array, as in Zarr. The last chunk of a dimension may
/// hang over the edge of the array.
///
/// Immutable after Create; safe to share between threads.
class ChunkGrid {
 public:
  /// The grid of a scalar: one chunk.
  ChunkGrid() = default;

  /// Makes a grid. `shape` and `chunk_shape` are in elements.
  ///
  /// \error InvalidArgument if the ranks differ, an extent is negative, or a chunk extent is not
  /// positive; LimitExceeded if the array has more elements than int64 counts.
  static Result<ChunkGrid> Create(Shape shape, Shape chunk_shape);

  size_t rank() const { return shape_.size(); }
  const Shape& shape() const { return shape_; }
  const Shape& chunk_shape() const { return chunk_shape_; }
  /// Chunks along each dimension.
  const Shape& chunk_counts() const { return counts_; }

  /// The smallest box of chunk indices covering `box` (in elements, inside the array). Every
  /// interval is empty if `box` is.
  Box ChunksCovering(const Box& box) const;

  /// Position of a chunk in the C order of the grid.
  int64_t LinearIndex(std::span<const int64_t> chunk) const;

  /// \error InvalidArgument if `box` has another rank or is not inside the array.
  Status CheckBox(const Box& box) const;

 private:
  Shape shape_;
  Shape chunk_shape_;  // invariant: same length, all > 0
  Shape counts_;       // invariant: the product fits int64
};

}  // namespace colonnade::array
