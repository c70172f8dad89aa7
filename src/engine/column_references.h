// References of filters to the output of a scan, as references to the columns of what is scanned.

#pragma once

#include <functional>
#include <optional>

#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// The column behind a column id of a scan; nothing if there is none.
using ColumnOfId = std::function<std::optional<size_t>(duckdb::column_t id)>;

/// A copy of `expression` in which every reference to the output of `get` is a
/// BoundReferenceExpression whose index is `column_of` its column id. Null if the expression refers
/// to anything else: other tables, outer queries, fields of a column, ids without a column.
duckdb::unique_ptr<duckdb::Expression> OverColumns(const duckdb::Expression& expression,
                                                   const duckdb::LogicalGet& get,
                                                   const ColumnOfId& column_of);

}  // namespace colonnade::engine
