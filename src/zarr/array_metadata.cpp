#include "zarr/array_metadata.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/checked.h"
#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

std::optional<uint64_t> Product(const array::Shape& shape, uint64_t factor) {
  std::optional<uint64_t> product = factor;
  for (const int64_t extent : shape) {
    product = CheckedMultiply(*product, static_cast<uint64_t>(extent));
    if (!product) return std::nullopt;
  }
  return product;
}

Status CheckChunkExtents(std::string_view what, const array::Shape& shape, array::Shape* chunks) {
  if (chunks->size() != shape.size()) {
    return InvalidData(what, " ", array::ShapeToString(*chunks),
                       " has another rank than the shape ", array::ShapeToString(shape));
  }
  const bool empty = std::ranges::any_of(shape, [](int64_t extent) { return extent == 0; });
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    // Some writers give a zero-length axis chunks of length 0; there is nothing to divide.
    if (empty && (*chunks)[dim] == 0) (*chunks)[dim] = 1;
    if ((*chunks)[dim] <= 0) {
      return InvalidData(what, " ", array::ShapeToString(*chunks),
                         " must be positive, but dimension ", dim, " is not");
    }
  }
  return {};
}

Status CheckSizes(const array::CodecLimits& limits, const ArrayMetadata& metadata) {
  if (!array::ElementCount(metadata.shape)) {
    return InvalidData("shape ", array::ShapeToString(metadata.shape),
                       " has more elements than can be counted in 63 bits");
  }
  const uint64_t item = std::max<uint64_t>({metadata.type.size, metadata.type.memory_size(), 1});
  const std::optional<uint64_t> bytes = Product(metadata.inner_chunk_shape, item);
  if (!bytes || *bytes > limits.max_chunk_bytes) {
    return LimitExceeded("a chunk of shape ", array::ShapeToString(metadata.inner_chunk_shape),
                         " has ", bytes ? std::to_string(*bytes) : std::string("over 2^64"),
                         " bytes decoded, over the limit of ", limits.max_chunk_bytes);
  }
  return {};
}

Status CheckShards(ArrayMetadata* metadata) {
  array::Shape& grid = metadata->shard_index->grid;
  grid.clear();
  for (size_t dim = 0; dim < metadata->shape.size(); ++dim) {
    const int64_t shard = metadata->chunk_shape[dim];
    const int64_t inner = metadata->inner_chunk_shape[dim];
    if (shard % inner != 0) {
      return InvalidData("dimension ", dim, ": inner chunks of ", inner,
                         " do not divide shards of ", shard);
    }
    grid.push_back(shard / inner);
  }
  const std::optional<uint64_t> bytes = Product(grid, 16);
  if (!bytes || *bytes > kMaxShardIndexBytes) {
    return LimitExceeded("a shard of ", array::ShapeToString(grid),
                         " inner chunks has an index over the limit of ", kMaxShardIndexBytes,
                         " bytes");
  }
  return {};
}

Status CheckNames(const ArrayMetadata& metadata) {
  if (metadata.dimension_names.size() != metadata.shape.size()) {
    return InvalidData(metadata.dimension_names.size(), " dimension names for an array of rank ",
                       metadata.shape.size());
  }
  std::set<std::string_view> seen;
  for (const auto& name : metadata.dimension_names) {
    if (name && !seen.insert(*name).second) {
      return InvalidData("dimension name \"", *name, "\" occurs twice: it cannot be a table");
    }
  }
  return {};
}

Status Check(const array::CodecLimits& limits, ArrayMetadata* metadata) {
  COLONNADE_RETURN_IF_ERROR(CheckNames(*metadata));
  COLONNADE_RETURN_IF_ERROR(
      CheckChunkExtents("chunk shape", metadata->shape, &metadata->chunk_shape));
  if (metadata->shard_index) {
    COLONNADE_RETURN_IF_ERROR(
        CheckChunkExtents("inner chunk shape", metadata->shape, &metadata->inner_chunk_shape));
    COLONNADE_RETURN_IF_ERROR(CheckShards(metadata));
  } else {
    metadata->inner_chunk_shape = metadata->chunk_shape;
  }
  if (!metadata->codecs.order.empty() && metadata->codecs.order.size() != metadata->shape.size()) {
    return InvalidData("a transposition of ", metadata->codecs.order.size(),
                       " dimensions on an array of rank ", metadata->shape.size());
  }
  return CheckSizes(limits, *metadata);
}

}  // namespace

uint64_t ShardIndexFormat::entries() const {
  uint64_t count = 1;
  for (const int64_t extent : grid) count *= static_cast<uint64_t>(extent);
  return count;
}

void MarkUnavailable(Status problem, ArrayMetadata* metadata) {
  if (metadata->unavailable.ok()) metadata->unavailable = std::move(problem);
}

void FinishArray(const array::CodecLimits& limits, ArrayMetadata* metadata) {
  if (metadata->unavailable.ok()) MarkUnavailable(Check(limits, metadata), metadata);
  if (metadata->unavailable.ok()) return;
  // Whoever lists the array may rely on the lengths, though nobody can read it.
  const size_t rank = metadata->shape.size();
  metadata->dimension_names.resize(rank);
  std::set<std::string> seen;
  for (auto& name : metadata->dimension_names) {
    if (name && !seen.insert(*name).second) name.reset();
  }
  const auto usable = [rank](const array::Shape& chunks) {
    return chunks.size() == rank &&
           std::ranges::all_of(chunks, [](int64_t extent) { return extent > 0; });
  };
  if (!usable(metadata->chunk_shape)) {
    metadata->chunk_shape.clear();
    for (const int64_t extent : metadata->shape) {
      metadata->chunk_shape.push_back(std::max<int64_t>(extent, 1));
    }
  }
  if (!usable(metadata->inner_chunk_shape)) metadata->inner_chunk_shape = metadata->chunk_shape;
}

Result<array::Shape> ParseExtents(const Json& json, std::string_view what, bool integral_floats) {
  if (!json.is_array()) return InvalidData(what, " must be a list of integers");
  if (json.size() > kMaxRank) {
    return InvalidData(what, " has ", json.size(), " entries; at most ", kMaxRank,
                       " dimensions are supported");
  }
  array::Shape shape;
  for (size_t dim = 0; dim < json.size(); ++dim) {
    const Json& extent = json[dim];
    constexpr double kExact = 9007199254740992.0;  // 2^53: above it a double skips integers
    if (extent.is_number_unsigned() && extent.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX)) {
      shape.push_back(extent.get<int64_t>());
    } else if (extent.is_number_integer() && !extent.is_number_unsigned() &&
               extent.get<int64_t>() >= 0) {
      shape.push_back(extent.get<int64_t>());
    } else if (integral_floats && extent.is_number_float() && extent.get<double>() >= 0 &&
               extent.get<double>() < kExact &&
               extent.get<double>() == static_cast<double>(extent.get<int64_t>())) {
      shape.push_back(extent.get<int64_t>());
    } else {
      return InvalidData(what, ", dimension ", dim, ": ", Quoted(extent),
                         " is not an integer from 0 to 2^63-1");
    }
  }
  return shape;
}

void RemoveHousekeeping(Json* attributes) {
  if (!attributes->is_object()) return;
  for (auto it = attributes->begin(); it != attributes->end();) {
    const std::string& name = it.key();
    const bool hidden =
        name == "_ARRAY_DIMENSIONS" || name.starts_with("_NC") || name.starts_with("_nc");
    it = hidden ? attributes->erase(it) : std::next(it);
  }
}

}  // namespace colonnade::zarr
