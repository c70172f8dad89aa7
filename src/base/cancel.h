// CancelToken: asks a long loop to stop.

#pragma once

#include <atomic>

#include "base/status.h"

namespace colonnade {

/// Polled by every loop over data, at least once per chunk. Thread-safe. The engine implements it
/// over the running query's interrupt flag.
class CancelToken {
 public:
  virtual ~CancelToken() = default;

  virtual bool cancelled() const noexcept = 0;

  /// \error Cancelled if cancelled() is true.
  Status Check() const;
};

/// A token set by its owner.
class CancelFlag final : public CancelToken {
 public:
  bool cancelled() const noexcept override { return flag_.load(std::memory_order_relaxed); }
  void Cancel() noexcept { flag_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_ = false;
};

/// The token of work that nobody cancels.
const CancelToken& NeverCancelled();

}  // namespace colonnade
