// A MemoryBudget with a limit that tells what is held.

#pragma once

#include <atomic>
#include <cstddef>

#include "base/memory_budget.h"

namespace colonnade {

/// Refuses above `limit` bytes and counts. Thread-safe.
class CountingBudget final : public MemoryBudget {
 public:
  explicit CountingBudget(size_t limit) : limit_(limit) {}

  Status Reserve(size_t bytes) override {
    ++reserves_;
    size_t held = held_.load();
    do {
      if (bytes > limit_ - held) {
        return LimitExceeded("asked for ", bytes, " bytes above ", held, " of ", limit_);
      }
    } while (!held_.compare_exchange_weak(held, held + bytes));
    return {};
  }
  void Release(size_t bytes) noexcept override { held_ -= bytes; }

  size_t limit() const { return limit_; }
  size_t held() const { return held_; }
  size_t reserves() const { return reserves_; }

 private:
  const size_t limit_;
  std::atomic<size_t> held_ = 0;
  std::atomic<size_t> reserves_ = 0;
};

}  // namespace colonnade
