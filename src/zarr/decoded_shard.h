// DecodedShard: a shard that is compressed as a whole, decompressed.

#pragma once

#include <cstdint>

#include "array/codec.h"
#include "base/buffer.h"
#include "base/status.h"
#include "zarr/array_metadata.h"
#include "zarr/shard_index.h"

namespace colonnade::zarr {

/// A shard in memory with its index. Inner chunks lie in `bytes`, still encoded by their own
/// codecs.
struct DecodedShard {
  explicit DecodedShard(MemoryBudget& budget) : bytes(budget) {}

  int64_t number = 0;  // in the grid of shards
  Buffer bytes;        // empty if the shard does not exist
  ShardIndex index = ShardIndex::Absent();
};

/// Bytes that a shard may have, encoded or decoded, if each of its inner chunks has at most
/// `max_chunk_bytes`.
uint64_t MaxShardBytes(const ShardIndexFormat& format, uint64_t max_chunk_bytes,
                       const array::CodecLimits& limits);

/// Undoes format.compressors (\pre there are any) and parses the index, into `out`.
///
/// \error InvalidData if either is corrupt; LimitExceeded if the shard decodes to more than
/// `max_bytes` or expands more than `limits` allow, or there is no memory for it.
Status DecodeShard(Bytes encoded, const ShardIndexFormat& format, uint64_t max_bytes,
                   const array::CodecLimits& limits, array::CodecScratch& scratch,
                   MemoryBudget& budget, DecodedShard* out);

}  // namespace colonnade::zarr
