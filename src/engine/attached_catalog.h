// `ATTACH 'uri' AS x (TYPE name)`: any table::Catalog as a read-only DuckDB database.

#pragma once

#include <memory>

#include "engine/duckdb_headers.h"
#include "engine/query_state.h"

namespace colonnade::engine {

/// Registers one storage extension per CatalogType of the resources.
void RegisterCatalogTypes(duckdb::DBConfig& config,
                          const std::shared_ptr<EngineResources>& resources);

}  // namespace colonnade::engine
