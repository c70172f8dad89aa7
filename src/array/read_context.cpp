#include "array/read_context.h"

#include "array/chunk_reader.h"

namespace colonnade::array {

ReadContext::ReadContext(const CancelToken& cancel, MemoryBudget& budget, ReadCounters& counters,
                         ChunkCache* cache)
    : cancel_(&cancel),
      budget_(&budget),
      counters_(&counters),
      cache_(cache),
      scratch_(std::make_unique<Scratch>(budget)) {}

ReadContext::~ReadContext() = default;
ReadContext::ReadContext(ReadContext&&) noexcept = default;

}  // namespace colonnade::array
