// MemoryBudget: what buffers that grow with the data are counted against.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace colonnade {

/// A limit on bytes held. Thread-safe. The engine implements it over its own memory limit, so that
/// decoded chunks and hash tables share one bound.
class MemoryBudget {
 public:
  virtual ~MemoryBudget() = default;

  /// Takes `bytes` from the budget; every success is paired with one Release of the same amount.
  ///
  /// \error LimitExceeded if the budget has no such room. The message has the bytes asked for.
  virtual Status Reserve(size_t bytes) = 0;
  virtual void Release(size_t bytes) noexcept = 0;
};

/// A budget that never refuses.
MemoryBudget& UnlimitedMemory();

/// Bytes taken from a budget, given back on destruction. Move-only.
class MemoryReservation {
 public:
  MemoryReservation() = default;
  /// An empty reservation; `budget` must outlive it.
  explicit MemoryReservation(MemoryBudget& budget) : budget_(&budget) {}
  ~MemoryReservation() { Reset(); }
  MemoryReservation(MemoryReservation&& other) noexcept;
  MemoryReservation& operator=(MemoryReservation&& other) noexcept;

  /// Grows or shrinks to `bytes`. On failure the reservation is as before.
  Status Resize(size_t bytes);
  void Reset() noexcept;
  size_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace colonnade
