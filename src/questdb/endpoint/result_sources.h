// Where the rows of results come from.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "questdb/endpoint/statement.h"
#include "questdb/endpoint/store.h"
#include "questdb/endpoint/table.h"

namespace colonnade::questdb::endpoint {

/// The first `rows` rows of a table, which does not change while the pointer is held.
std::unique_ptr<BatchSource> SourceOfTable(std::shared_ptr<const Table> table, int64_t rows);

/// One row, one LONG `count`.
std::unique_ptr<BatchSource> SourceOfCount(int64_t count);

/// One row of the parameters, each as it came, in columns `$1`, `$2`. A missing BOOLEAN, BYTE or
/// SHORT is false or 0.
/// \error InvalidArgument for a parameter that was not given
Result<std::unique_ptr<BatchSource>> SourceOfBinds(const SelectBinds& select,
                                                   std::span<const wire::Bind> binds);

/// Names as a VARCHAR column.
std::unique_ptr<BatchSource> SourceOfNames(std::string_view column,
                                           const std::vector<std::string>& names);

/// Columns of a table: `column` and `type` (VARCHAR), `designated` and `upsertKey` (BOOLEAN).
std::unique_ptr<BatchSource> SourceOfColumns(const TableShape& shape);

}  // namespace colonnade::questdb::endpoint
