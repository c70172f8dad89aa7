// Codec lists of Zarr v3 and compressors and filters of v2 → the codecs of array/codec.h.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "array/box.h"
#include "array/codec.h"
#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"
#include "zarr/array_metadata.h"

namespace colonnade::zarr {

/// The codecs of one array.
struct CodecPipeline {
  array::ChunkCodecs codecs;                    // of a chunk, or of an inner chunk if sharded
  std::optional<ShardIndexFormat> shard_index;  // its grid is not filled in
  array::Shape inner_chunk_shape;               // if sharded; in the array's order of dimensions
  std::vector<std::string> notes;               // codecs that were skipped
};

/// Parses a v3 `codecs` list for an array of `rank` dimensions.
///
/// \error Unsupported naming a codec that is not read; InvalidData for a list that is out of order,
///     incomplete or badly configured.
Result<CodecPipeline> ParseV3Codecs(const Json& json, const array::ElementType& type, size_t rank);

/// Parses v2 `compressor` and `filters` (either may be null). An `object` array takes its type from
/// the filters: the type is then in `type`.
///
/// \error as above.
Result<array::ChunkCodecs> ParseV2Codecs(const Json& compressor, const Json& filters, bool object,
                                         array::ElementType* type);

/// As the codecs are listed: "transpose[1, 0], bytes(big), zstd",
/// "sharding_indexed[2, 2](bytes(little), zstd), gzip"
std::string Describe(const CodecPipeline& pipeline, const array::ElementType& type);

}  // namespace colonnade::zarr
