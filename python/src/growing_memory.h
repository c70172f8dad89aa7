// A buffer for arrays whose length is not known before their last row has come.

#pragma once

#include <cstddef>
#include <utility>

namespace colonnade::python {

/// Memory that grows without being copied once it is large: then it is mapped in huge pages, whose
/// tables are moved to a larger range of addresses. Filling fresh memory costs more in page faults
/// than in bytes, and huge pages make those few. Move-only; not thread-safe.
class GrowingMemory {
 public:
  GrowingMemory() = default;
  ~GrowingMemory();
  GrowingMemory(GrowingMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        is_mapped_(std::exchange(other.is_mapped_, false)) {}
  GrowingMemory& operator=(GrowingMemory&&) = delete;

  /// Makes room for `bytes` more, which the caller writes, and returns where. What was there may
  /// move.
  ///
  /// \throws std::bad_alloc
  char* Extend(size_t bytes);

  /// Gives back what has not been used.
  void Trim();

  char* data() { return data_; }
  size_t size() const { return size_; }

 private:
  void Grow(size_t capacity);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  bool is_mapped_ = false;  // by mmap, else by malloc
};

}  // namespace colonnade::python
