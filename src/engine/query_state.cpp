#include "engine/query_state.h"

#include "engine/duckdb_status.h"

namespace colonnade::engine {
namespace {

void ResetReads(array::ReadCounters& counters) {
  counters.chunks_read = 0;
  counters.chunks_filled = 0;
  counters.cache_hits = 0;
  counters.bytes_read = 0;
  counters.bytes_decoded = 0;
}

}  // namespace

void QueryCounters::Reset() {
  ResetReads(data);
  ResetReads(coordinates);
  chunks_total = 0;
  tiles_total = 0;
  tiles_done = 0;
}

Status EngineMemory::Reserve(size_t bytes) {
  const auto database = database_.lock();
  if (!database) return InvalidState("the engine is closed");
  auto& buffers = duckdb::BufferManager::GetBufferManager(*database);
  try {
    buffers.ReserveMemory(bytes);
    return {};
  } catch (const std::exception&) {
    return LimitExceeded("the memory limit has no room for ", bytes, " more bytes (in use ",
                         buffers.GetUsedMemory(), " of ", buffers.GetMaxMemory(),
                         "); raise --memory-limit or lower --threads");
  }
}

void EngineMemory::Release(size_t bytes) noexcept {
  if (const auto database = database_.lock()) {
    duckdb::BufferManager::GetBufferManager(*database).FreeReservedMemory(bytes);
  }
}

QueryState& QueryState::Get(duckdb::ClientContext& context, EngineResources& resources) {
  return *context.registered_state->GetOrCreate<QueryState>(kName, context, resources.memory);
}

}  // namespace colonnade::engine
