#include "array/chunk_cache.h"

#include <atomic>
#include <utility>

namespace colonnade::array {

uint64_t NewDatasetId() {
  static std::atomic<uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

size_t ChunkCache::Hash::operator()(const ChunkId& id) const {
  // Consecutive chunks must not fall into consecutive buckets of one variable only: mix all three.
  uint64_t hash = id.dataset * 0x9E3779B97F4A7C15U;
  hash = (hash ^ (hash >> 32) ^ id.variable) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ (hash >> 29) ^ static_cast<uint64_t>(id.chunk)) * 0x94D049BB133111EBU;
  return static_cast<size_t>(hash ^ (hash >> 31));
}

std::optional<ArrayView> ChunkCache::Find(const ChunkId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->chunk;
}

void ChunkCache::Insert(const ChunkId& id, ArrayView chunk, size_t bytes) {
  if (bytes > max_bytes_) return;
  std::list<Entry> dropped;
  const std::lock_guard lock(mutex_);
  if (by_id_.contains(id)) return;  // another thread was first; its copy is as good
  DropUntil(max_bytes_ - bytes, &dropped);
  entries_.push_front({id, std::move(chunk), bytes});
  by_id_.emplace(id, entries_.begin());
  bytes_ += bytes;
}

size_t ChunkCache::Evict(size_t bytes) {
  std::list<Entry> dropped;
  const std::lock_guard lock(mutex_);
  const size_t before = bytes_;
  DropUntil(bytes >= bytes_ ? 0 : bytes_ - bytes, &dropped);
  return before - bytes_;
}

size_t ChunkCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ChunkCache::DropUntil(size_t target, std::list<Entry>* dropped) {
  while (bytes_ > target && !entries_.empty()) {
    bytes_ -= entries_.back().bytes;
    by_id_.erase(entries_.back().id);
    dropped->splice(dropped->end(), entries_, std::prev(entries_.end()));
  }
}

}  // namespace colonnade::array
