// Buffer: growable, uninitialised, budgeted bytes that are meant to be reused.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "base/memory_budget.h"
#include "base/status.h"

namespace colonnade {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// Bytes aligned to 64, counted against a MemoryBudget. Move-only; not thread-safe.
class Buffer {
 public:
  Buffer() = default;
  /// `budget` must outlive the buffer.
  explicit Buffer(MemoryBudget& budget) : reservation_(budget) {}
  /// A moved-from buffer is empty and keeps its budget.
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  /// Sets the size. Bytes below min(old, new) size keep their values; others are uninitialised. The
  /// allocation grows when needed and never shrinks, so a reused buffer stops allocating. While it
  /// grows, the old allocation, about to be freed, is not counted beside the new one.
  ///
  /// \error LimitExceeded if the budget or the machine has no such room; the buffer is as before.
  Status Resize(size_t bytes);

  /// Gives the allocation back.
  void Reset() noexcept;

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t capacity() const { return reservation_.bytes(); }
  Bytes bytes() const { return {data(), size_}; }
  MutableBytes mutable_bytes() { return {data(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  MemoryReservation reservation_;
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

}  // namespace colonnade
