#include "array/chunk_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "array/chunk_cache.h"
#include "base/checked.h"

namespace colonnade::array {
namespace {

// Idle buffers of one context: enough for the columns of a wide scan, bounded for huge chunks.
constexpr size_t kMaxIdleBuffers = 64;
constexpr size_t kMaxIdleBytes = size_t{64} << 20;

size_t CapacityOf(const ChunkElements& chunk) {
  return chunk.elements.capacity() + chunk.text.capacity();
}

// Copies `count` elements of a constant size; the compiler unrolls per size.
template <size_t kSize>
void CopyRun(std::byte* to, int64_t to_stride, const std::byte* from, int64_t from_stride,
             int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, kSize);
  }
}

void CopyRun(std::byte* to, int64_t to_stride, const std::byte* from, int64_t from_stride,
             int64_t count, int64_t size) {
  if (to_stride == size && from_stride == size) {
    std::memcpy(to, from, static_cast<size_t>(count * size));
    return;
  }
  switch (size) {
    case 1: return CopyRun<1>(to, to_stride, from, from_stride, count);
    case 2: return CopyRun<2>(to, to_stride, from, from_stride, count);
    case 4: return CopyRun<4>(to, to_stride, from, from_stride, count);
    case 8: return CopyRun<8>(to, to_stride, from, from_stride, count);
    case 16: return CopyRun<16>(to, to_stride, from, from_stride, count);
    default:
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * to_stride, from + i * from_stride, static_cast<size_t>(size));
      }
  }
}

// Calls visit(to offset, from offset) for the start of every run along the last dimension.
template <typename Visit>
void ForEachRun(std::span<const int64_t> extents, std::span<const int64_t> to_strides,
                std::span<const int64_t> from_strides, Visit visit) {
  const size_t outer = extents.empty() ? 0 : extents.size() - 1;
  std::vector<int64_t> position(outer, 0);
  int64_t to = 0;
  int64_t from = 0;
  while (true) {
    visit(to, from);
    size_t dim = outer;
    while (dim > 0) {
      --dim;
      to += to_strides[dim];
      from += from_strides[dim];
      if (++position[dim] < extents[dim]) break;
      to -= to_strides[dim] * extents[dim];
      from -= from_strides[dim] * extents[dim];
      position[dim] = 0;
      if (dim == 0) return;
    }
    if (outer == 0) return;
  }
}

// Memory of an assembled box, and of the text its elements point at.
struct Assembled {
  explicit Assembled(MemoryBudget& budget) : elements(budget) {}
  Buffer elements;
  std::vector<std::shared_ptr<const void>> text;
};

// The dense buffer of `box`, filled chunk by chunk.
class Assembler {
 public:
  Assembler(const ElementType& type, const Box& box, ReadContext& context)
      : type_(type), box_(box), memory_(std::make_shared<Assembled>(context.budget())) {
    Shape shape;
    for (const Interval& interval : box) shape.push_back(interval.size());
    strides_ = DenseStrides(shape, int64_t{type.memory_size()});
    count_ = ElementCount(box);
  }

  Status Allocate(ReadContext& context) {
    const auto bytes =
        CheckedMultiply<uint64_t>(static_cast<uint64_t>(count_), uint64_t{type_.memory_size()});
    if (!bytes) return LimitExceeded("a box of ", count_, " elements is too large to hold");
    Status status = memory_->elements.Resize(*bytes);
    if (status.code() != StatusCode::kLimitExceeded) return status;
    RelieveMemory(context);
    return memory_->elements.Resize(*bytes);
  }

  // Copies the part of `chunk` that lies inside the box.
  void Add(const ChunkGrid& grid, std::span<const int64_t> index, const ArrayView& chunk) {
    const size_t rank = grid.rank();
    const int64_t size = type_.memory_size();
    std::vector<int64_t> extents(rank);
    int64_t to = 0;
    int64_t from = 0;
    for (size_t dim = 0; dim < rank; ++dim) {
      const int64_t chunk_begin = index[dim] * grid.chunk_shape()[dim];
      // Not chunk_begin + extent: that may overflow where a chunk hangs over a huge array.
      const int64_t chunk_end =
          chunk_begin + std::min(grid.chunk_shape()[dim], grid.shape()[dim] - chunk_begin);
      const int64_t begin = std::max(chunk_begin, box_[dim].begin);
      extents[dim] = std::min(chunk_end, box_[dim].end) - begin;
      to += (begin - box_[dim].begin) * strides_[dim];
      from += (begin - chunk_begin) * chunk.strides[dim];
    }
    std::byte* out = memory_->elements.data();
    const int64_t run = rank == 0 ? 1 : extents.back();
    const int64_t to_stride = rank == 0 ? size : strides_.back();
    const int64_t from_stride = rank == 0 ? size : chunk.strides.back();
    ForEachRun(extents, strides_, chunk.strides, [&](int64_t to_run, int64_t from_run) {
      CopyRun(out + to + to_run, to_stride, chunk.data + from + from_run, from_stride, run, size);
    });
    if (type_.is_text()) memory_->text.push_back(chunk.owner);
  }

  ArrayView Finish() && {
    ArrayView view;
    view.type = type_;
    view.data = memory_->elements.data();
    view.strides = std::move(strides_);
    view.owner = std::move(memory_);
    return view;
  }

 private:
  const ElementType& type_;
  const Box& box_;
  std::shared_ptr<Assembled> memory_;
  std::vector<int64_t> strides_;
  int64_t count_ = 0;
};

ArrayView EmptyView(const ElementType& type, size_t rank) {
  // Never read through, but a valid address of an element keeps pointer arithmetic defined.
  alignas(16) static constexpr std::byte kNothing[sizeof(std::string_view)] = {};
  ArrayView view;
  view.type = type;
  view.data = kNothing;
  view.strides.assign(rank, 0);
  return view;
}

// Moves `index` to the next chunk of `chunks` in C order; false after the last.
bool NextChunk(const Box& chunks, std::vector<int64_t>* index) {
  for (size_t dim = chunks.size(); dim-- > 0;) {
    if (++(*index)[dim] < chunks[dim].end) return true;
    (*index)[dim] = chunks[dim].begin;
  }
  return false;
}

}  // namespace

std::shared_ptr<ChunkElements> ChunkPool::Take(size_t bytes) {
  std::unique_ptr<ChunkElements> chunk;
  {
    const std::lock_guard lock(mutex_);
    auto best = idle_.end();
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
      const size_t capacity = (*it)->elements.capacity();
      if (capacity < bytes) continue;
      if (best == idle_.end() || capacity < (*best)->elements.capacity()) best = it;
    }
    if (best != idle_.end()) {
      idle_bytes_ -= CapacityOf(**best);
      chunk = std::move(*best);
      idle_.erase(best);
    }
  }
  if (chunk == nullptr) chunk = std::make_unique<ChunkElements>(budget_);
  return {chunk.release(), [pool = shared_from_this()](ChunkElements* returned) {
            pool->Return(std::unique_ptr<ChunkElements>(returned));
          }};
}

std::shared_ptr<ChunkElements> ChunkPool::TakeUnpooled() {
  return std::make_shared<ChunkElements>(budget_);
}

void ChunkPool::Trim() {
  std::vector<std::unique_ptr<ChunkElements>> freed;
  const std::lock_guard lock(mutex_);
  freed.swap(idle_);
  idle_bytes_ = 0;
}

void ChunkPool::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  Trim();
}

void ChunkPool::Return(std::unique_ptr<ChunkElements> chunk) {
  const size_t bytes = CapacityOf(*chunk);
  const std::lock_guard lock(mutex_);
  if (closed_ || idle_.size() >= kMaxIdleBuffers) return;
  // One buffer is kept however large it is: a scan of huge chunks must not allocate for each.
  if (!idle_.empty() && idle_bytes_ + bytes > kMaxIdleBytes) return;
  idle_bytes_ += bytes;
  idle_.push_back(std::move(chunk));
}

void RelieveMemory(ReadContext& context) {
  context.scratch().pool->Trim();
  context.scratch().objects.clear();
  if (context.cache() != nullptr) context.cache()->Evict(std::numeric_limits<size_t>::max());
}

Result<DecodedChunk> DecodeToView(const ChunkLayout& layout, Bytes encoded, bool pooled,
                                  ReadContext& context) {
  ReadContext::Scratch& scratch = context.scratch();
  size_t expected = layout.type.memory_size();
  for (const int64_t extent : layout.shape) expected *= static_cast<size_t>(extent);
  const auto take = [&] {
    return pooled ? scratch.pool->Take(expected) : scratch.pool->TakeUnpooled();
  };
  const auto decode = [&](ChunkElements* chunk) {
    return DecodeChunk(layout.codecs, layout.type, layout.shape, encoded, layout.limits,
                       scratch.codecs, chunk);
  };
  std::shared_ptr<ChunkElements> chunk = take();
  Status status = decode(chunk.get());
  if (status.code() == StatusCode::kLimitExceeded) {
    chunk.reset();
    RelieveMemory(context);
    chunk = take();
    status = decode(chunk.get());
  }
  if (!status.ok()) return status;
  context.counters().chunks_read.fetch_add(1, std::memory_order_relaxed);
  context.counters().bytes_decoded.fetch_add(chunk->elements.size() + chunk->text.size(),
                                             std::memory_order_relaxed);
  DecodedChunk decoded;
  decoded.bytes = CapacityOf(*chunk);
  decoded.view.type = layout.type;
  decoded.view.data = chunk->elements.data();
  decoded.view.strides = chunk->strides;
  decoded.view.owner = std::move(chunk);
  return decoded;
}

Result<ArrayView> ReadBox(const ChunkGrid& grid, const ElementType& type, const Box& box,
                          ChunkFetcher& fetcher, ReadContext& context) {
  COLONNADE_RETURN_IF_ERROR(grid.CheckBox(box));
  const size_t rank = grid.rank();
  if (std::ranges::any_of(box, [](const Interval& interval) { return interval.size() == 0; })) {
    return EmptyView(type, rank);
  }
  const Box chunks = grid.ChunksCovering(box);
  std::vector<int64_t> index(rank);
  bool one_chunk = true;
  for (size_t dim = 0; dim < rank; ++dim) {
    index[dim] = chunks[dim].begin;
    one_chunk = one_chunk && chunks[dim].size() == 1;
  }
  if (one_chunk) {
    COLONNADE_RETURN_IF_ERROR(context.cancel().Check());
    COLONNADE_ASSIGN_OR_RETURN(ArrayView view, fetcher.Fetch(index, context));
    for (size_t dim = 0; dim < rank; ++dim) {
      const int64_t chunk_begin = index[dim] * grid.chunk_shape()[dim];
      view.data += (box[dim].begin - chunk_begin) * view.strides[dim];
    }
    return view;
  }
  Assembler assembler(type, box, context);
  COLONNADE_RETURN_IF_ERROR(assembler.Allocate(context));
  do {
    COLONNADE_RETURN_IF_ERROR(context.cancel().Check());
    COLONNADE_ASSIGN_OR_RETURN(const ArrayView view, fetcher.Fetch(index, context));
    assembler.Add(grid, index, view);
  } while (NextChunk(chunks, &index));
  return std::move(assembler).Finish();
}

}  // namespace colonnade::array
