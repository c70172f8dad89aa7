#include "questdb/wire/symbol_table.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kAlignment = 64;  // what Arrow recommends
constexpr size_t kLeastEntries = 256;
constexpr size_t kLeastBytes = 4'096;

// What an empty dictionary refers to: Arrow's buffers are never null.
alignas(kAlignment) constexpr int32_t kNoOffsets[1] = {0};
constexpr char kNoData[1] = {0};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
template <typename T>
using Memory = std::unique_ptr<T[], Free>;

template <typename T>
Memory<T> Allocate(size_t count) {
  const size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return Memory<T>(static_cast<T*>(memory));
}

// At least `needed`, and at least twice what there was, so that appending stays linear.
size_t Grown(size_t capacity, size_t needed, size_t least, size_t most) {
  return std::max(needed, std::min(std::max(capacity * 2, least), most));
}

}  // namespace

struct SymbolTable::Heap {
  Memory<int32_t> offsets;  // max_entries + 1
  Memory<char> data;
  size_t max_entries = 0;
  size_t max_bytes = 0;
};

SymbolTable::SymbolTable(SymbolTable&& other) noexcept
    : limits_(other.limits_),
      heap_(std::move(other.heap_)),
      size_(std::exchange(other.size_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}

SymbolTable& SymbolTable::operator=(SymbolTable&& other) noexcept {
  if (this != &other) {
    limits_ = other.limits_;
    heap_ = std::move(other.heap_);
    size_ = std::exchange(other.size_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

std::string_view SymbolTable::text(size_t id) const {
  assert(id < size_);
  const int32_t* const offsets = heap_->offsets.get();
  return {heap_->data.get() + offsets[id], static_cast<size_t>(offsets[id + 1] - offsets[id])};
}

Status SymbolTable::Reserve(size_t entries, size_t bytes) {
  constexpr size_t kMost = std::numeric_limits<int32_t>::max();  // Arrow's offsets
  const size_t max_entries = std::min(limits_.max_entries, kMost);
  const size_t max_bytes = std::min(limits_.max_bytes, kMost);
  if (entries > max_entries - size_) {
    return LimitExceeded("symbol dictionary: ", entries, " entries more than ", size_, ", at most ",
                         max_entries, " are kept");
  }
  if (bytes > max_bytes - bytes_) {
    return LimitExceeded("symbol dictionary: ", bytes, " bytes more than ", bytes_, ", at most ",
                         max_bytes, " are kept");
  }
  const size_t needed_entries = size_ + entries;
  const size_t needed_bytes = bytes_ + bytes;
  const size_t had_entries = heap_ != nullptr ? heap_->max_entries : 0;
  const size_t had_bytes = heap_ != nullptr ? heap_->max_bytes : 0;
  if (heap_ != nullptr && needed_entries <= had_entries && needed_bytes <= had_bytes) return {};

  auto heap = std::make_shared<Heap>();
  heap->max_entries = needed_entries <= had_entries
                          ? had_entries
                          : Grown(had_entries, needed_entries, kLeastEntries, max_entries);
  heap->max_bytes = needed_bytes <= had_bytes
                        ? had_bytes
                        : Grown(had_bytes, needed_bytes, kLeastBytes, max_bytes);
  heap->offsets = Allocate<int32_t>(heap->max_entries + 1);
  heap->data = Allocate<char>(std::max<size_t>(heap->max_bytes, 1));
  heap->offsets[0] = 0;
  if (size_ != 0) {
    std::memcpy(heap->offsets.get(), heap_->offsets.get(), (size_ + 1) * sizeof(int32_t));
    std::memcpy(heap->data.get(), heap_->data.get(), bytes_);
  }
  heap_ = std::move(heap);
  return {};
}

Status SymbolTable::Append(std::span<const std::string_view> texts) {
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  COLONNADE_RETURN_IF_ERROR(Reserve(texts.size(), bytes));
  int32_t* offset = heap_->offsets.get() + size_;
  char* const data = heap_->data.get();
  size_t end = bytes_;
  for (const std::string_view text : texts) {
    if (!text.empty()) std::memcpy(data + end, text.data(), text.size());
    end += text.size();
    *++offset = static_cast<int32_t>(end);
  }
  size_ += texts.size();
  bytes_ = end;
  return {};
}

SymbolSnapshot SymbolTable::Snapshot() const {
  if (size_ == 0) return {nullptr, kNoOffsets, kNoData, 0};
  return {heap_, heap_->offsets.get(), heap_->data.get(), size_};
}

void SymbolTable::Clear() {
  heap_.reset();
  size_ = 0;
  bytes_ = 0;
}

}  // namespace colonnade::questdb::wire
