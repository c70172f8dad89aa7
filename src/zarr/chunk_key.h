// ChunkKeyEncoding: chunk index → key in the store.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace colonnade::zarr {

/// Zarr v3 §"Chunk key encoding", and the form that v2 arrays use.
struct ChunkKeyEncoding {
  enum class Kind : uint8_t { kDefault, kV2 };
  Kind kind = Kind::kDefault;
  char separator = '/';
  /// The metadata names no separator: old v2 writers left it out even where they used '/'.
  bool separator_assumed = false;

  /// Appends the key of `chunk`, relative to the array, to `key`: "c/0/1", "0.1"; "c" and "0" for
  /// rank 0.
  void Append(std::span<const int64_t> chunk, std::string* key) const;
};

/// Parses a v3 `chunk_key_encoding`.
///
/// \error Unsupported naming an unknown encoding; InvalidData for a bad separator.
Result<ChunkKeyEncoding> ParseChunkKeyEncoding(const Json& json);

}  // namespace colonnade::zarr
