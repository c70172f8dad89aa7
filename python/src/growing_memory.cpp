#include "growing_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace colonnade::python {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kMapped = 2 * kHugePage;  // from here on memory is mapped
constexpr size_t kPage = 4'096;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// A range that starts at a huge page.
char* MapAligned(size_t bytes) {
  void* mapped = mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<char*>(mapped);
  const size_t before =
      RoundUp(reinterpret_cast<uintptr_t>(begin), kHugePage) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, kHugePage - before);
  madvise(begin + before, bytes, MADV_HUGEPAGE);  // a wish: small pages work as well
  return begin + before;
}

}  // namespace

GrowingMemory::~GrowingMemory() {
  if (is_mapped_) {
    munmap(data_, capacity_);
  } else {
    std::free(data_);
  }
}

char* GrowingMemory::Extend(size_t bytes) {
  if (bytes > capacity_ - size_) Grow(std::max(size_ + bytes, 2 * capacity_));
  size_ += bytes;
  return data_ + (size_ - bytes);
}

void GrowingMemory::Grow(size_t capacity) {
  if (capacity < kMapped && !is_mapped_) {
    void* moved = std::realloc(data_, capacity);
    if (moved == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
    return;
  }
  capacity = RoundUp(capacity, kHugePage);
  char* larger = MapAligned(capacity);
  if (is_mapped_) {
    if (mremap(data_, capacity_, capacity_, MREMAP_MAYMOVE | MREMAP_FIXED, larger) == MAP_FAILED) {
      munmap(larger, capacity);
      throw std::bad_alloc();
    }
  } else {
    if (size_ > 0) std::memcpy(larger, data_, size_);
    std::free(data_);
  }
  data_ = larger;
  capacity_ = capacity;
  is_mapped_ = true;
}

void GrowingMemory::Trim() {
  if (size_ == 0) return;
  if (!is_mapped_) {
    if (void* moved = std::realloc(data_, size_); moved != nullptr) {
      data_ = static_cast<char*>(moved);
      capacity_ = size_;
    }
    return;
  }
  const size_t used = RoundUp(size_, kPage);
  if (used < capacity_ && munmap(data_ + used, capacity_ - used) == 0) capacity_ = used;
}

}  // namespace colonnade::python
