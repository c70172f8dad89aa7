// A statement while it runs: planned, executed piece by piece, its rows pulled.

#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "engine/connection.h"
#include "engine/duckdb_headers.h"
#include "engine/engine.h"
#include "engine/query_state.h"

namespace colonnade::engine {

/// What a connection and its results share; outlives both.
struct ConnectionState {
  std::shared_ptr<Database> database;
  duckdb::Connection connection;
  QueryState& state;
  std::function<Status()> poll;
  std::atomic<double> planning_ms = 0;
  std::atomic<double> execution_ms = 0;
  std::atomic<uint64_t> rows = 0;

  explicit ConnectionState(std::shared_ptr<Database> database_in)
      : database(std::move(database_in)),
        connection(database->database),
        state(QueryState::Get(*connection.context, *database->resources)) {}
};

/// Parameter values by their names, "1", "2", … for those by position.
using BoundParameters = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

enum class RunMode : uint8_t {
  kStream,      // rows are made as they are pulled
  kMaterialize  // runs to its end; rows are kept
};

/// Plans a statement and runs it until it has rows to give, or to its end. Polls in between.
///
/// \error what the statement raises; what the poll says.
Result<duckdb::unique_ptr<duckdb::QueryResult>> RunStatement(
    ConnectionState& connection, duckdb::unique_ptr<duckdb::SQLStatement> statement,
    BoundParameters parameters, RunMode mode);

/// The rows of a statement that RunStatement started.
std::unique_ptr<QueryResult> MakeQueryResult(std::shared_ptr<ConnectionState> connection,
                                             duckdb::unique_ptr<duckdb::QueryResult> result);

}  // namespace colonnade::engine
