// What a running query lends to its scans: budget, cancellation, counters.

#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "array/dataset.h"
#include "base/cancel.h"
#include "base/memory_budget.h"
#include "engine/duckdb_headers.h"
#include "engine/engine.h"
#include "table/table_source.h"

namespace colonnade::engine {

/// Counters of one connection's current query; scans add, any thread reads.
struct QueryCounters {
  array::ReadCounters data;         // blocks of value columns
  array::ReadCounters coordinates;  // coordinates loaded whole
  std::atomic<uint64_t> chunks_total = 0;
  std::atomic<uint64_t> tiles_total = 0;
  std::atomic<uint64_t> tiles_done = 0;

  void Reset();
};

/// The interrupt flag of a DuckDB query as a CancelToken.
class InterruptToken final : public CancelToken {
 public:
  explicit InterruptToken(duckdb::ClientContext& context) : context_(context) {}
  bool cancelled() const noexcept override { return context_.IsInterrupted(); }

 private:
  duckdb::ClientContext& context_;
};

/// DuckDB's memory limit as a MemoryBudget: what scans hold and what operators hold share one
/// bound. Coordinates stay with their tables, so it must outlive every table; it may outlive the
/// database, and then counts nothing.
class EngineMemory final : public MemoryBudget {
 public:
  /// Called once, before the first Reserve.
  void Attach(const duckdb::shared_ptr<duckdb::DatabaseInstance>& database) {
    database_ = database;
  }
  Status Reserve(size_t bytes) override;
  void Release(size_t bytes) noexcept override;

 private:
  duckdb::weak_ptr<duckdb::DatabaseInstance> database_;
};

/// What every scan of one engine shares.
struct EngineResources {
  EngineMemory memory;
  Sources sources;
};

/// Registered with the client context of each connection under kName; owns the environment of its
/// scans.
class QueryState final : public duckdb::ClientContextState {
 public:
  static constexpr const char* kName = "colonnade";

  QueryState(duckdb::ClientContext& context, MemoryBudget& memory)
      : cancel_(context), memory_(memory) {}

  static QueryState& Get(duckdb::ClientContext& context, EngineResources& resources);

  /// For value columns, and for coordinates. Valid as long as the connection.
  table::ScanEnvironment data_environment() { return {&cancel_, &memory_, &counters_.data}; }
  table::ScanEnvironment coordinate_environment() {
    return {&cancel_, &memory_, &counters_.coordinates};
  }
  QueryCounters& counters() { return counters_; }

  void QueryEnd() override { found_tables.clear(); }

  /// Tables by names that the engine does not know; may be empty.
  TableFinder find_table;
  /// What find_table found for the statement that is being planned, by name.
  std::map<std::string, TableObject> found_tables;

 private:
  InterruptToken cancel_;
  MemoryBudget& memory_;
  QueryCounters counters_;
};

}  // namespace colonnade::engine
