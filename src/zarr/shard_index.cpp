#include "zarr/shard_index.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "array/codec.h"
#include "base/byte_order.h"
#include "base/checked.h"
#include "base/crc32c.h"

namespace colonnade::zarr {
namespace {

constexpr uint64_t kAbsent = UINT64_MAX;

// Entries may share bytes, but together they may not make a small object look like a huge one.
constexpr uint64_t kMaxAmplification = 16;
constexpr uint64_t kAlwaysAllowed = uint64_t{64} << 20;

}  // namespace

Result<ShardIndex> ShardIndex::Parse(Bytes bytes, const ShardIndexFormat& format,
                                     uint64_t object_size) {
  if (bytes.size() != format.bytes() || object_size < bytes.size()) {
    return InvalidData("the shard has ", object_size, " bytes, its index needs ", format.bytes());
  }
  const uint64_t count = format.entries();
  if (format.checksum) {
    const auto stored = LoadLittle<uint32_t>(bytes.data() + count * 16);
    const uint32_t computed = Crc32c(bytes.first(count * 16));
    if (stored != computed) {
      return InvalidData("the checksum of the shard index is wrong: stored ", stored, ", computed ",
                         computed);
    }
  }
  ShardIndex index;
  index.object_size_ = object_size;
  index.index_ = {format.at_start ? 0 : object_size - bytes.size(), bytes.size()};
  index.spans_.reserve(count);
  const auto load = [&](const std::byte* at) {
    const auto value = LoadLittle<uint64_t>(at);
    return format.endian == std::endian::big ? __builtin_bswap64(value) : value;
  };
  uint64_t total = 0;
  for (uint64_t entry = 0; entry < count; ++entry) {
    const std::byte* at = bytes.data() + entry * 16;
    const Span span = {load(at), load(at + 8)};
    index.spans_.push_back(span);
    // A length beyond the object is that entry's error, not the sum's.
    if (span.length <= object_size) total = CheckedAdd(total, span.length).value_or(UINT64_MAX);
  }
  const uint64_t allowed = std::max(
      kAlwaysAllowed, CheckedMultiply(object_size, kMaxAmplification).value_or(UINT64_MAX));
  if (total > allowed) {
    return InvalidData("the shard index asks for ", total, " bytes of a shard of ", object_size);
  }
  return index;
}

Result<std::optional<ShardIndex::Span>> ShardIndex::Find(uint64_t entry) const {
  if (spans_.empty()) return std::optional<Span>();
  assert(entry < spans_.size());
  const Span span = spans_[entry];
  if (span.offset == kAbsent && span.length == kAbsent) return std::optional<Span>();
  const auto invalid = [&](std::string_view problem) {
    return InvalidData("shard index entry ", entry, " (offset ", span.offset, ", ", span.length,
                       " bytes of ", object_size_, ") ", problem);
  };
  if (span.offset == kAbsent || span.length == kAbsent) return invalid("is only half absent");
  if (span.length == 0) return invalid("is empty");
  const std::optional<uint64_t> end = CheckedAdd(span.offset, span.length);
  if (!end || *end > object_size_) return invalid("lies outside the shard");
  if (span.offset < index_.offset + index_.length && *end > index_.offset) {
    return invalid("lies inside the index");
  }
  return std::optional<Span>(span);
}

std::shared_ptr<const ShardIndex> ShardIndexCache::Find(uint64_t variable, int64_t shard) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(Key{variable, shard});
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->index;
}

void ShardIndexCache::Insert(uint64_t variable, int64_t shard,
                             std::shared_ptr<const ShardIndex> index) {
  const Key key{variable, shard};
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return;  // another thread was first
  bytes_ += index->memory_bytes();
  entries_.push_front({key, std::move(index)});
  by_key_.emplace(key, entries_.begin());
  while (bytes_ > max_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().index->memory_bytes();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

size_t ShardIndexCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace colonnade::zarr
