// Tables that are given as objects: what a connection's TableFinder finds.

#pragma once

#include <memory>

#include "engine/duckdb_headers.h"
#include "engine/query_state.h"

namespace colonnade::engine {

/// The table function call that stands for an unqualified name that DuckDB does not know, or null
/// if the connection's finder does not know it either. Throws what the finder says.
duckdb::unique_ptr<duckdb::TableRef> ReplaceWithNamedTable(
    duckdb::ClientContext& context, const duckdb::ReplacementScanInput& input,
    EngineResources& resources);

/// Registers the table functions that such calls are of.
void RegisterNamedTables(duckdb::DatabaseInstance& database,
                         const std::shared_ptr<EngineResources>& resources);

}  // namespace colonnade::engine
