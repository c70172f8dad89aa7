#include "questdb/wire/buffer_pool.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kAlignment = 64;

// Pieces come in sizes of four steps per power of two, so that at most a fifth of one is unused and
// a column whose size varies a little finds the same pieces again.
constexpr int kFirstShift = 6;  // 64 bytes
constexpr size_t kSizes = 4 * (48 - kFirstShift);

struct SizeClass {
  size_t index;
  size_t bytes;
};

SizeClass ClassOf(size_t bytes) {
  if (bytes <= kAlignment * 4) {
    const size_t units = bytes == 0 ? 1 : (bytes + kAlignment - 1) / kAlignment;
    return {units - 1, units * kAlignment};
  }
  // From here on a step is a quarter of the power of two below, a multiple of 64 bytes.
  const auto shift = static_cast<int>(std::bit_width(bytes - 1)) - 1;
  const size_t step = size_t{1} << (shift - 2);
  const size_t steps = (bytes + step - 1) / step;  // 5 to 8
  return {4 * static_cast<size_t>(shift - kFirstShift - 1) + steps - 5, steps * step};
}

// A piece that is not in use, written into its own memory. It stands in two lists, both from the
// newest to the oldest: of its size and of all.
struct Unused {
  SizeClass size;
  Unused* newer = nullptr;
  Unused* older = nullptr;
  Unused* newer_of_size = nullptr;
  Unused* older_of_size = nullptr;
};
static_assert(sizeof(Unused) <= kAlignment);

}  // namespace

class BufferPool::State {
 public:
  explicit State(size_t max_kept_bytes) : max_kept_bytes_(max_kept_bytes) {}
  ~State() {
    while (oldest_ != nullptr) Free(Unlink(oldest_));
  }

  std::byte* Take(SizeClass size) {
    {
      const std::lock_guard guard(mutex_);
      if (Unused* found = newest_of_size_[size.index]) {
        return reinterpret_cast<std::byte*>(Unlink(found));
      }
    }
    void* memory = std::aligned_alloc(kAlignment, size.bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<std::byte*>(memory);
  }

  void GiveBack(std::byte* data, SizeClass size) noexcept {
    if (size.bytes > max_kept_bytes_) return std::free(data);
    Unused* surplus = nullptr;
    {
      const std::lock_guard guard(mutex_);
      while (kept_bytes_ > max_kept_bytes_ - size.bytes) {
        Unused* const dropped = Unlink(oldest_);
        dropped->older = surplus;
        surplus = dropped;
      }
      Link(new (data) Unused{size});
    }
    while (surplus != nullptr) {
      Unused* const next = surplus->older;
      Free(surplus);
      surplus = next;
    }
  }

  size_t kept_bytes() const {
    const std::lock_guard guard(mutex_);
    return kept_bytes_;
  }

 private:
  static void Free(Unused* piece) { std::free(piece); }

  void Link(Unused* piece) {
    piece->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = piece;
    newest_ = piece;
    Unused*& newest_of_size = newest_of_size_[piece->size.index];
    piece->older_of_size = newest_of_size;
    if (newest_of_size != nullptr) newest_of_size->newer_of_size = piece;
    newest_of_size = piece;
    kept_bytes_ += piece->size.bytes;
  }

  Unused* Unlink(Unused* piece) {
    (piece->newer != nullptr ? piece->newer->older : newest_) = piece->older;
    (piece->older != nullptr ? piece->older->newer : oldest_) = piece->newer;
    (piece->newer_of_size != nullptr ? piece->newer_of_size->older_of_size
                                     : newest_of_size_[piece->size.index]) = piece->older_of_size;
    if (piece->older_of_size != nullptr) piece->older_of_size->newer_of_size = piece->newer_of_size;
    kept_bytes_ -= piece->size.bytes;
    return piece;
  }

  const size_t max_kept_bytes_;
  mutable std::mutex mutex_;
  size_t kept_bytes_ = 0;
  Unused* newest_ = nullptr;
  Unused* oldest_ = nullptr;
  std::array<Unused*, kSizes> newest_of_size_{};
};

BufferPool::BufferPool(size_t max_kept_bytes) : state_(std::make_shared<State>(max_kept_bytes)) {}
BufferPool::~BufferPool() = default;

BufferPool::Piece BufferPool::Take(size_t bytes) {
  if (bytes > size_t{1} << 46) throw std::bad_alloc();
  const SizeClass size = ClassOf(bytes);
  std::byte* const data = state_->Take(size);
  // The deleter runs also if making the owner fails.
  std::shared_ptr<const void> owner(
      data, [state = state_, data, size](const void*) { state->GiveBack(data, size); });
  return {std::move(owner), data};
}

size_t BufferPool::kept_bytes() const { return state_->kept_bytes(); }

}  // namespace colonnade::questdb::wire
