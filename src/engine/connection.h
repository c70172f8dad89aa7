// Connections: statements in, rows or files out.

#pragma once

#include <memory>

#include "engine/duckdb_headers.h"
#include "engine/engine.h"
#include "engine/query_state.h"

namespace colonnade::engine {

/// A database with what its tables need; shared by the engine and its connections. The resources
/// outlive the database, because cached coordinates give their memory back to them.
struct Database {
  Database(std::shared_ptr<EngineResources> resources, duckdb::DBConfig& config);

  std::shared_ptr<EngineResources> resources;
  duckdb::DuckDB database;
};

Result<std::unique_ptr<Connection>> OpenConnection(std::shared_ptr<Database> database);

}  // namespace colonnade::engine
