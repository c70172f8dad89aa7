// ShardIndex: where the inner chunks of a shard lie (Zarr v3 codec "sharding_indexed").

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "zarr/array_metadata.h"

namespace colonnade::zarr {

/// The decoded index of one shard. Immutable; safe to share between threads.
class ShardIndex {
 public:
  struct Span {
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  /// The index of a shard that does not exist: every inner chunk is absent.
  static ShardIndex Absent() { return {}; }

  /// Parses an index.
  ///
  /// \param bytes the index as stored, format.bytes() of them.
  /// \param object_size bytes of the whole shard.
  /// \error InvalidData: wrong length, checksum mismatch, entries that together ask for many times
  /// the shard's size.
  static Result<ShardIndex> Parse(Bytes bytes, const ShardIndexFormat& format,
                                  uint64_t object_size);

  /// Where an inner chunk lies, or nothing if it is absent. Checked per entry, so that one bad
  /// entry does not hide the others.
  ///
  /// \pre `entry` < format.entries()
  /// \error InvalidData: empty, half absent, outside the shard, or inside its index.
  Result<std::optional<Span>> Find(uint64_t entry) const;

  size_t memory_bytes() const { return spans_.capacity() * sizeof(Span) + sizeof(*this); }

 private:
  ShardIndex() = default;

  std::vector<Span> spans_;  // empty: all absent
  uint64_t object_size_ = 0;
  Span index_;  // where the index itself lies
};

/// Decoded indexes of the shards used last, by variable and shard. Thread-safe.
class ShardIndexCache {
 public:
  explicit ShardIndexCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  std::shared_ptr<const ShardIndex> Find(uint64_t variable, int64_t shard);
  /// Keeps an index; the last one put is kept however large it is, because every inner chunk of its
  /// shard needs it.
  void Insert(uint64_t variable, int64_t shard, std::shared_ptr<const ShardIndex> index);

  size_t bytes() const;

 private:
  struct Key {
    uint64_t variable = 0;
    int64_t shard = 0;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>(
          (key.variable * 0x9E3779B97F4A7C15U ^ static_cast<uint64_t>(key.shard)) *
          0xBF58476D1CE4E5B9U);
    }
  };
  struct Entry {
    Key key;
    std::shared_ptr<const ShardIndex> index;
  };

  const size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<Key, std::list<Entry>::iterator, Hash> by_key_;
  size_t bytes_ = 0;
};

}  // namespace colonnade::zarr
