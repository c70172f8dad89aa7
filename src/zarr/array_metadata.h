// ArrayMetadata: what the metadata document of one array says, whichever Zarr version wrote it.

#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "array/box.h"
#include "array/codec.h"
#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"
#include "zarr/chunk_key.h"
#include "zarr/fill_value.h"

namespace colonnade::zarr {

/// Dimensions that an array may have.
inline constexpr size_t kMaxRank = 64;
/// Bytes that the index of one shard may have.
inline constexpr uint64_t kMaxShardIndexBytes = uint64_t{64} << 20;

/// Where a shard keeps its index, and how.
struct ShardIndexFormat {
  array::Shape grid;  // inner chunks per shard along each dimension of the array
  /// Dimension i of the index is dimension order[i] of the array. Empty: the array's order.
  std::vector<size_t> order = {};
  /// Codecs around the whole shard, in encode order. If there are any, a shard cannot be read in
  /// part.
  std::vector<array::BytesCodec> compressors = {};
  std::endian endian = std::endian::little;
  bool checksum = false;  // a CRC-32C follows the entries
  bool at_start = false;

  /// Inner chunks in a shard. \pre the product fits (FinishArray checks it).
  uint64_t entries() const;
  /// Bytes of the index with its checksum.
  uint64_t bytes() const { return entries() * 16 + (checksum ? 4 : 0); }
};

/// One array. If `unavailable` is not OK, the other fields hold what could be understood.
struct ArrayMetadata {
  int zarr_version = 3;
  array::Shape shape;
  array::Shape chunk_shape;        // of a stored object: the shard's, if sharded
  array::Shape inner_chunk_shape;  // of what decodes alone; equal to chunk_shape if not sharded
  ChunkKeyEncoding keys;
  array::ElementType type;
  array::ChunkCodecs codecs;  // of an inner chunk
  std::optional<ShardIndexFormat> shard_index;
  FillValue fill;
  /// Why `fill` could not be read (v2 only): an error only for reads that need it.
  Status fill_problem;
  std::vector<std::optional<std::string>> dimension_names;  // one per extent
  Json attributes = Json::object();                         // without housekeeping
  Status unavailable;
  std::vector<std::string> notes;

  // For people.
  std::string stored_type;
  std::string codec_text;
  std::string fill_text;
};

/// Checks what both versions share (ranks, chunk extents, sizes against the limits) and completes
/// `metadata`: after it, shape, chunk shapes and dimension names have one length, and chunk extents
/// are positive, even if the array is unavailable.
void FinishArray(const array::CodecLimits& limits, ArrayMetadata* metadata);

/// Keeps the first problem only: what follows may be its consequence.
void MarkUnavailable(Status problem, ArrayMetadata* metadata);

/// Reads a list of extents: integers >= 0, at most kMaxRank of them. `integral_floats` accepts 10.0
/// below 2^53, which some v2 writers emit.
///
/// \error InvalidData naming `what` and the position.
Result<array::Shape> ParseExtents(const Json& json, std::string_view what, bool integral_floats);

/// Removes attributes that only carry structure: `_ARRAY_DIMENSIONS`, `_NCZARR…`, `_nc…`.
void RemoveHousekeeping(Json* attributes);

}  // namespace colonnade::zarr
