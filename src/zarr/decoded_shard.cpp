#include "zarr/decoded_shard.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"

namespace colonnade::zarr {

uint64_t MaxShardBytes(const ShardIndexFormat& format, uint64_t max_chunk_bytes,
                       const array::CodecLimits& limits) {
  const uint64_t chunks =
      CheckedMultiply(format.entries(), max_chunk_bytes).value_or(limits.max_chunk_bytes);
  return std::min(limits.max_chunk_bytes,
                  CheckedAdd(chunks, format.bytes()).value_or(limits.max_chunk_bytes));
}

Status DecodeShard(Bytes encoded, const ShardIndexFormat& format, uint64_t max_bytes,
                   const array::CodecLimits& limits, array::CodecScratch& scratch,
                   MemoryBudget& budget, DecodedShard* out) {
  // The size is not known beforehand, so it is limited as that of text is.
  constexpr uint64_t kAlwaysAllowed = uint64_t{16} << 20;
  const uint64_t expanded =
      CheckedMultiply(uint64_t{encoded.size()}, limits.max_expansion).value_or(UINT64_MAX);
  const uint64_t limit = std::min(max_bytes, std::max(expanded, kAlwaysAllowed));
  Bytes data = encoded;
  Buffer decoded(budget);
  for (auto codec = format.compressors.rbegin(); codec != format.compressors.rend(); ++codec) {
    Buffer next(budget);
    COLONNADE_RETURN_IF_ERROR(
        array::DecodeBytes(*codec, data, limit, /*exact=*/false, scratch, &next));
    decoded = std::move(next);
    data = decoded.bytes();
  }
  const size_t index_bytes = std::min<uint64_t>(format.bytes(), data.size());
  COLONNADE_ASSIGN_OR_RETURN(out->index, ShardIndex::Parse(format.at_start ? data.first(index_bytes)
                                                                           : data.last(index_bytes),
                                                           format, data.size()));
  out->bytes = std::move(decoded);
  return {};
}

}  // namespace colonnade::zarr
