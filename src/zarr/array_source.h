// ArraySource: the chunks of one Zarr array.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "array/chunk_grid.h"
#include "array/chunk_reader.h"
#include "array/view.h"
#include "base/json.h"
#include "store/store.h"
#include "zarr/array_metadata.h"
#include "zarr/decoded_shard.h"
#include "zarr/shard_index.h"

namespace colonnade::zarr {

/// Finds, fetches and decodes chunks of an array whose metadata is good. Thread-safe.
class ArraySource : public std::enable_shared_from_this<ArraySource> {
 public:
  struct Identity {
    uint64_t dataset = 0;   // for the chunk cache
    uint64_t variable = 0;  // ditto, and for `indexes`
    std::string path;       // in the store; "" for an array at its root
  };

  /// \pre metadata.unavailable.ok(). `store` and `indexes` must outlive the source.
  static Result<std::shared_ptr<const ArraySource>> Make(const store::Store& store,
                                                         ShardIndexCache& indexes,
                                                         Identity identity, ArrayMetadata metadata,
                                                         const array::CodecLimits& limits);

  /// Reads a box; see Dataset::Read. Messages begin with the chunk.
  Result<array::ArrayView> Read(const array::Box& box, bool keep_chunks,
                                array::ReadContext& context) const;

  /// Compares the metadata, which comes from consolidated metadata, with the array's own document,
  /// once.
  ///
  /// \error InvalidData if they disagree on where or how elements are stored, or the document is
  /// gone.
  Status Verify() const;

 private:
  class Fetcher;

  // Encoded bytes of one chunk, and what keeps them if that is not the context's scratch.
  struct Encoded {
    Bytes bytes;
    std::shared_ptr<const void> owner;
  };

  ArraySource(const store::Store& store, ShardIndexCache& indexes, Identity identity,
              ArrayMetadata metadata, const array::CodecLimits& limits);

  Result<array::ArrayView> FetchChunk(std::span<const int64_t> index, bool keep_chunks,
                                      array::ReadContext& context) const;
  // Nothing if the chunk is absent.
  Result<std::optional<Encoded>> ReadStored(std::span<const int64_t> index,
                                            array::ReadContext& context) const;
  Result<std::optional<Encoded>> ReadInner(std::span<const int64_t> index,
                                           array::ReadContext& context) const;
  // For shards that are compressed as a whole. The key is set.
  Result<std::shared_ptr<const DecodedShard>> FindDecodedShard(std::span<const int64_t> shard,
                                                               array::ReadContext& context) const;
  Result<std::shared_ptr<const ShardIndex>> FindShardIndex(std::span<const int64_t> shard,
                                                           array::ReadContext& context) const;
  Result<store::ReadResult> ReadKey(store::ByteRange range, uint64_t max_bytes,
                                    array::ReadContext& context) const;
  Result<array::ArrayView> Filled(array::ReadContext& context) const;
  void SetKey(std::span<const int64_t> index, char separator, std::string* key) const;

  const store::Store& store_;
  ShardIndexCache& indexes_;
  Identity identity_;
  ArrayMetadata metadata_;
  array::CodecLimits limits_;
  array::ChunkGrid grid_;           // of inner chunks
  array::ChunkGrid shard_grid_;     // if sharded
  uint64_t max_encoded_bytes_ = 0;  // of a chunk
  // One element in memory: a number, or a std::string_view of metadata_.fill.text.
  alignas(16) std::byte fill_element_[sizeof(std::string_view)] = {};
  mutable std::atomic<bool> verified_ = false;
};

}  // namespace colonnade::zarr
