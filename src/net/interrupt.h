// Interrupt: ends waits on streams from another thread.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "base/status.h"

namespace colonnade::net {

/// A flag that waits on streams watch: while it is set they end, and begin, with Cancelled.
/// Thread-safe; must outlive the waits that watch it. Takes one file descriptor.
class Interrupt {
 public:
  /// \error Io if the system gives no descriptor.
  static Result<std::unique_ptr<Interrupt>> Create();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Wakes whoever waits, now and until Clear. Not for signal handlers.
  void Set() noexcept;
  void Clear() noexcept;
  bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

  /// Readable while set: for poll(2).
  int descriptor() const noexcept { return descriptor_; }

 private:
  explicit Interrupt(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  std::mutex mutex_;  // the flag and the descriptor change together
  std::atomic<bool> set_ = false;
};

}  // namespace colonnade::net
