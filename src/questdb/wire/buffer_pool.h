// BufferPool: memory for decoded columns that is used again when its last reader has let go of it,
// so that a stream of batches does not fault in new pages for each.

#pragma once

#include <cstddef>
#include <memory>

namespace colonnade::questdb::wire {

/// Thread-safe: pieces may be released on any thread, also after the pool is gone.
class BufferPool {
 public:
  /// Keeps at most `max_kept_bytes` of unused memory; what was used last stays longest.
  explicit BufferPool(size_t max_kept_bytes = size_t{64} << 20);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Uninitialised bytes, aligned to 64, given back when the last copy of `owner` goes.
  struct Piece {
    std::shared_ptr<const void> owner;
    std::byte* data = nullptr;
  };
  /// At least `bytes` bytes; also of none, the data is not null. May throw std::bad_alloc.
  Piece Take(size_t bytes);

  /// Unused memory that is kept now.
  size_t kept_bytes() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace colonnade::questdb::wire
