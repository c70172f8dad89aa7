// Statements as syntax trees: splitting a text, and turning rows into a file.

#pragma once

#include <string>
#include <vector>

#include "engine/duckdb_headers.h"
#include "engine/engine.h"

namespace colonnade::engine {

using Statements = duckdb::vector<duckdb::unique_ptr<duckdb::SQLStatement>>;

/// Splits and parses a text.
///
/// \error InvalidArgument if it does not parse or has no statement.
Result<Statements> ParseStatements(duckdb::Connection& connection, const std::string& sql);

/// `COPY (statement) TO path (FORMAT …)`. \pre the statement is a SELECT.
duckdb::unique_ptr<duckdb::SQLStatement> CopyTo(duckdb::unique_ptr<duckdb::SQLStatement> select,
                                                FileFormat format, const std::string& path);

/// The same rows for JSON, which has no NaN and no infinity: in top-level FLOAT and DOUBLE columns
/// those become the strings "nan", "inf" and "-inf". \pre the statement is a SELECT that gives
/// columns of these names and types.
duckdb::unique_ptr<duckdb::SQLStatement> WithJsonNumbers(
    duckdb::unique_ptr<duckdb::SQLStatement> select, const duckdb::vector<std::string>& names,
    const duckdb::vector<duckdb::LogicalType>& types);

/// `SELECT * FROM <rows>`. \pre `rows` outlives the statement's execution.
duckdb::unique_ptr<duckdb::SQLStatement> SelectFrom(duckdb::ColumnDataCollection& rows,
                                                    const duckdb::vector<std::string>& names);

}  // namespace colonnade::engine
