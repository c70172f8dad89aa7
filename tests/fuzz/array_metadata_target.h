// What the fuzz targets of array metadata check of any result.

#pragma once

#include <cstdlib>
#include <memory>

#include "array/read_context.h"
#include "store/memory_store.h"
#include "zarr/array_metadata.h"
#include "zarr/array_source.h"

namespace colonnade::zarr {

/// Aborts unless `metadata` keeps the promises of FinishArray; reads an element of an array that is
/// available, from a store that has no chunks.
inline void CheckArrayMetadata(ArrayMetadata metadata) {
  const size_t rank = metadata.shape.size();
  if (rank > kMaxRank || metadata.dimension_names.size() != rank) std::abort();
  if (metadata.chunk_shape.size() != rank || metadata.inner_chunk_shape.size() != rank) {
    std::abort();
  }
  for (size_t dim = 0; dim < rank; ++dim) {
    if (metadata.shape[dim] < 0 || metadata.inner_chunk_shape[dim] <= 0) std::abort();
    if (metadata.chunk_shape[dim] <= 0) std::abort();
  }
  if (!metadata.unavailable.ok()) {
    if (metadata.unavailable.message().size() > 2000) std::abort();
    return;
  }
  array::Box box;
  for (const int64_t extent : metadata.shape) {
    if (extent == 0) return;
    box.push_back({extent - 1, extent});
  }
  const store::MemoryStore store("empty");
  ShardIndexCache indexes(1 << 20);
  const bool fillable = metadata.fill_problem.ok();
  const auto source = ArraySource::Make(store, indexes, {1, 0, "a"}, std::move(metadata), {});
  if (!source.ok()) std::abort();
  array::ReadCounters counters;
  array::ReadContext context(NeverCancelled(), UnlimitedMemory(), counters, nullptr);
  const auto view = (*source)->Read(box, false, context);
  if (view.ok() != fillable) std::abort();
  if (view.ok() && (!view->is_constant() || view->strides.size() != rank)) std::abort();
}

}  // namespace colonnade::zarr
