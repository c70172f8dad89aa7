// ChunkCache: decoded chunks that will be asked for again.

#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "array/view.h"

namespace colonnade::array {

/// Names one chunk of one variable of one opened dataset.
struct ChunkId {
  uint64_t dataset = 0;  // from NewDatasetId
  uint64_t variable = 0;
  int64_t chunk = 0;  // linear index in the variable's grid
  bool operator==(const ChunkId&) const = default;
};

/// A number no other dataset of this process has.
uint64_t NewDatasetId();

/// Least recently used chunks are dropped when the bytes held exceed the limit. The bytes are those
/// of the chunks' own buffers, which stay counted in the budget of the context that decoded them:
/// that budget must outlive the cache. Thread-safe; two threads that miss the same chunk both
/// decode it.
class ChunkCache {
 public:
  explicit ChunkCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  /// The chunk, which becomes the most recently used, or nothing.
  std::optional<ArrayView> Find(const ChunkId& id);

  /// Keeps a chunk whose memory is `bytes`. One larger than the whole cache is not kept.
  void Insert(const ChunkId& id, ArrayView chunk, size_t bytes);

  /// Drops least recently used chunks until `bytes` are gone or the cache is empty. Memory comes
  /// back only when no reader holds the chunk any more. Returns the bytes dropped.
  size_t Evict(size_t bytes);

  size_t bytes() const;

 private:
  struct Hash {
    size_t operator()(const ChunkId& id) const;
  };
  struct Entry {
    ChunkId id;
    ArrayView chunk;
    size_t bytes = 0;
  };

  // Moves entries from the cold end to `dropped`, so that they die outside the lock.
  void DropUntil(size_t target, std::list<Entry>* dropped);

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<ChunkId, std::list<Entry>::iterator, Hash> by_id_;
  size_t bytes_ = 0;
};

}  // namespace colonnade::array
