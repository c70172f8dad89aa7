// ReadContext: what a thread that reads arrays carries along.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/cancel.h"
#include "base/memory_budget.h"

namespace colonnade::array {

/// Work done by reads, added up over threads. Read while running for progress.
struct ReadCounters {
  std::atomic<uint64_t> chunks_read = 0;    // fetched and decoded
  std::atomic<uint64_t> chunks_filled = 0;  // absent from the store
  std::atomic<uint64_t> cache_hits = 0;
  std::atomic<uint64_t> bytes_read = 0;  // from the store
  std::atomic<uint64_t> bytes_decoded = 0;
};

class ChunkCache;

/// What a reading thread carries: limits, counters, and buffers that it reuses. One per thread; not
/// thread-safe. Views read with it may be released on any thread.
class ReadContext {
 public:
  /// All must outlive the context and every view read with it; `cache` may be null.
  ReadContext(const CancelToken& cancel, MemoryBudget& budget, ReadCounters& counters,
              ChunkCache* cache);
  ~ReadContext();
  ReadContext(ReadContext&&) noexcept;

  const CancelToken& cancel() const { return *cancel_; }
  MemoryBudget& budget() const { return *budget_; }
  ReadCounters& counters() const { return *counters_; }
  ChunkCache* cache() const { return cache_; }

  struct Scratch;  // defined in array/chunk_reader.h
  Scratch& scratch() { return *scratch_; }

 private:
  const CancelToken* cancel_;
  MemoryBudget* budget_;
  ReadCounters* counters_;
  ChunkCache* cache_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace colonnade::array
