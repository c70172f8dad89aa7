// Table functions that open sources, and `FROM 'text'` as a call of one.

#pragma once

#include <memory>

#include "engine/duckdb_headers.h"
#include "engine/query_state.h"

namespace colonnade::engine {

/// Adds the replacement scan for `FROM 'text'`. Before the database is opened: the list is read
/// without a lock.
void RegisterNames(duckdb::DBConfig& config, const std::shared_ptr<EngineResources>& resources);

/// Registers one table function per SourceFunction of the resources.
void RegisterSourceFunctions(duckdb::DatabaseInstance& database,
                             const std::shared_ptr<EngineResources>& resources);

}  // namespace colonnade::engine
