// Message: a received WebSocket message in memory that is shared and used again.

#pragma once

#include <cstddef>
#include <memory>

#include "base/buffer.h"
#include "base/memory_budget.h"
#include "base/status.h"

namespace colonnade::net {

/// The bytes of one message, aligned to 64. Copies share them; when the last owner goes, in
/// whatever thread, the memory is kept for a later message. The bytes do not change.
struct Message {
  std::shared_ptr<const void> owner;
  Bytes payload;
};

/// Blocks of memory for messages, kept when they come back. Thread-safe; blocks may outlive it.
class MessagePool {
 public:
  /// A writable block; `owner` keeps it.
  struct Block {
    std::shared_ptr<void> owner;
    MutableBytes bytes;  // aligned to 64, uninitialised
  };

  /// `budget` counts what is lent and what is kept, and must outlive every block. At most
  /// `max_kept_bytes` are kept for later.
  explicit MessagePool(MemoryBudget& budget = UnlimitedMemory(), size_t max_kept_bytes = 64 << 20);

  /// \error LimitExceeded if the budget or the machine has no such room.
  Result<Block> Take(size_t bytes);

  size_t kept_bytes() const;

 private:
  struct State;
  struct Lent;
  std::shared_ptr<State> state_;
};

}  // namespace colonnade::net
