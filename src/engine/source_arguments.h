// DuckDB values as the arguments of a source.

#pragma once

#include <string>
#include <vector>

#include "engine/duckdb_headers.h"
#include "engine/engine.h"

namespace colonnade::engine {

/// The SQL type of an option's value.
duckdb::LogicalType OptionType(SourceOption::Type type);

/// Adds the option `name` to `arguments` if it is declared.
///
/// \error InvalidArgument naming the option: not declared (with the declared ones), NULL, or of
/// another type.
Status SetOption(const std::vector<SourceOption>& declared, const std::string& name,
                 const duckdb::Value& value, SourceArguments* arguments);

}  // namespace colonnade::engine
