// Table functions of one text, and calls of them.

#pragma once

#include <string>

#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// Registers `function`, which has all but its argument and `info`, for every connection. One that
/// has the name already is replaced.
void RegisterTableFunction(duckdb::DatabaseInstance& database, duckdb::TableFunction function,
                           duckdb::shared_ptr<duckdb::TableFunctionInfo> info);

/// `function('argument')` in FROM.
duckdb::unique_ptr<duckdb::TableFunctionRef> TableFunctionCall(const std::string& function,
                                                               const std::string& argument);

}  // namespace colonnade::engine
