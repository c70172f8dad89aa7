#include "net/message.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace colonnade::net {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMaxKeptBlocks = 64;

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Memory and what a budget was asked for it. The reservation goes last.
struct Allocation {
  MemoryReservation reservation;
  std::unique_ptr<std::byte, Free> memory;
  size_t capacity() const { return reservation.bytes(); }
};

// Powers of two and their halves between: what one message left fits the next one of about its
// size. Pages that a message does not reach are never touched.
size_t RoundedCapacity(size_t bytes) {
  constexpr size_t kSmallest = 256;
  if (bytes <= kSmallest) return kSmallest;
  const size_t above = std::bit_ceil(bytes);
  const size_t between = above / 4 * 3;
  return bytes <= between ? between : above;
}

}  // namespace

struct MessagePool::State {
  MemoryBudget& budget;
  const size_t max_kept_bytes;
  mutable std::mutex mutex;
  std::vector<Allocation> kept;
  size_t kept_bytes = 0;

  State(MemoryBudget& memory, size_t max_kept) : budget(memory), max_kept_bytes(max_kept) {}

  // The smallest kept block that fits and is not far too large; an empty one if there is none.
  Allocation TakeKept(size_t bytes) {
    const std::lock_guard lock(mutex);
    const size_t largest = std::max<size_t>(bytes <= (size_t{1} << 60) ? bytes * 4 : bytes, 4096);
    auto best = kept.end();
    for (auto block = kept.begin(); block != kept.end(); ++block) {
      if (block->capacity() < bytes || block->capacity() > largest) continue;
      if (best == kept.end() || block->capacity() < best->capacity()) best = block;
    }
    if (best == kept.end()) return {};
    Allocation found = std::move(*best);
    std::swap(*best, kept.back());
    kept.pop_back();
    kept_bytes -= found.capacity();
    return found;
  }

  void GiveBack(Allocation block) noexcept {
    const std::lock_guard lock(mutex);
    if (block.capacity() > max_kept_bytes) return;
    // Smaller ones make room: the sizes that are in use now come back again.
    while (kept_bytes + block.capacity() > max_kept_bytes || kept.size() >= kMaxKeptBlocks) {
      const auto smallest = std::min_element(
          kept.begin(), kept.end(),
          [](const Allocation& a, const Allocation& b) { return a.capacity() < b.capacity(); });
      if (smallest == kept.end() || smallest->capacity() >= block.capacity()) return;
      kept_bytes -= smallest->capacity();
      std::swap(*smallest, kept.back());
      kept.pop_back();
    }
    kept_bytes += block.capacity();
    kept.push_back(std::move(block));  // within what was reserved
  }
};

// What the owner of a lent block points to.
struct MessagePool::Lent {
  std::shared_ptr<State> pool;
  Allocation block;

  Lent(std::shared_ptr<State> from, Allocation memory)
      : pool(std::move(from)), block(std::move(memory)) {}
  ~Lent() { pool->GiveBack(std::move(block)); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
};

MessagePool::MessagePool(MemoryBudget& budget, size_t max_kept_bytes)
    : state_(std::make_shared<State>(budget, max_kept_bytes)) {
  state_->kept.reserve(kMaxKeptBlocks);
}

Result<MessagePool::Block> MessagePool::Take(size_t bytes) {
  if (bytes > static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max()) / 2) {
    return LimitExceeded("cannot allocate ", bytes, " bytes for a message");
  }
  Allocation block = state_->TakeKept(bytes);
  if (block.memory == nullptr) {
    const size_t capacity = RoundedCapacity(bytes);
    block.reservation = MemoryReservation(state_->budget);
    COLONNADE_RETURN_IF_ERROR(block.reservation.Resize(capacity));
    block.memory.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, capacity)));
    if (block.memory == nullptr) {
      return LimitExceeded("cannot allocate ", bytes, " bytes for a message");
    }
  }
  std::byte* const memory = block.memory.get();
  auto lent = std::make_shared<Lent>(state_, std::move(block));
  return Block{std::shared_ptr<void>(std::move(lent), memory), MutableBytes(memory, bytes)};
}

size_t MessagePool::kept_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->kept_bytes;
}

}  // namespace colonnade::net
