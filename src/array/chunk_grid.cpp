#include "array/chunk_grid.h"

#include <cassert>
#include <utility>

namespace colonnade::array {
namespace {

// Quotient plus remainder: the usual (n + d - 1) / d overflows for extents near INT64_MAX.
int64_t CeilDiv(int64_t n, int64_t d) { return n / d + (n % d != 0 ? 1 : 0); }

}  // namespace

Result<ChunkGrid> ChunkGrid::Create(Shape shape, Shape chunk_shape) {
  if (shape.size() != chunk_shape.size()) {
    return InvalidArgument("chunk rank ", chunk_shape.size(), " differs from array rank ",
                           shape.size());
  }
  ChunkGrid grid;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (shape[dim] < 0 || chunk_shape[dim] <= 0) {
      return InvalidArgument("dimension ", dim, ": array extent ", shape[dim], ", chunk extent ",
                             chunk_shape[dim]);
    }
    grid.counts_.push_back(CeilDiv(shape[dim], chunk_shape[dim]));
  }
  if (!ElementCount(shape)) {
    return LimitExceeded("an array of shape ", ShapeToString(shape),
                         " has more elements than can be counted in 63 bits");
  }
  grid.shape_ = std::move(shape);
  grid.chunk_shape_ = std::move(chunk_shape);
  return grid;
}

Box ChunkGrid::ChunksCovering(const Box& box) const {
  assert(box.size() == rank());
  Box chunks(rank());
  for (size_t dim = 0; dim < rank(); ++dim) {
    if (box[dim].begin >= box[dim].end) return Box(rank());
    chunks[dim] = {box[dim].begin / chunk_shape_[dim], CeilDiv(box[dim].end, chunk_shape_[dim])};
  }
  return chunks;
}

int64_t ChunkGrid::LinearIndex(std::span<const int64_t> chunk) const {
  assert(chunk.size() == rank());
  int64_t index = 0;
  for (size_t dim = 0; dim < rank(); ++dim) index = index * counts_[dim] + chunk[dim];
  return index;
}

Status ChunkGrid::CheckBox(const Box& box) const {
  if (box.size() != rank()) {
    return InvalidArgument("box of rank ", box.size(), " on an array of rank ", rank());
  }
  for (size_t dim = 0; dim < rank(); ++dim) {
    if (box[dim].begin < 0 || box[dim].begin > box[dim].end || box[dim].end > shape_[dim]) {
      return InvalidArgument("dimension ", dim, ": [", box[dim].begin, ", ", box[dim].end,
                             ") is not inside an extent of ", shape_[dim]);
    }
  }
  return {};
}

}  // namespace colonnade::array
