// Filters of a query on a stream table: as terms and SQL for the maker, and as what the scan checks
// itself.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/duckdb_headers.h"
#include "table/stream_table.h"

namespace colonnade::engine {

/// One conjunct of a query's filters on one stream table. Immutable.
struct StreamFilter {
  std::string sql;  // over the column names
  /// Terms that together say the same; empty if it cannot be said in terms.
  std::vector<table::FilterTerm> terms;
  /// What the scan evaluates on rows for which the maker does not vouch: references are columns of
  /// the table. Null if the plan above the scan does it.
  std::shared_ptr<const duckdb::Expression> check;
};

/// The filters as they are found while a query is planned; copied with the plan.
using StreamFilters = std::vector<std::shared_ptr<const StreamFilter>>;

/// Notes every filter that may be told to the maker in `known`, once, and erases from `filters` the
/// ones that the scan evaluates itself. Those that can raise an error or are volatile stay, and so
/// do IN lists so long that a join is faster. Idempotent, as the optimizer calls it repeatedly.
///
/// `names` are the table's columns in SQL.
void TakeFilters(const duckdb::LogicalGet& get, const std::vector<std::string>& names,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
                 StreamFilters* known);

/// All filters as one SQL expression; empty if there are none.
std::string FilterSql(const StreamFilters& filters);

/// The terms of all filters.
std::vector<table::FilterTerm> FilterTerms(const StreamFilters& filters);

/// Columns that the checks refer to, ascending.
std::vector<size_t> CheckedColumns(const StreamFilters& filters);

/// The conjunction of the checks whose terms are not all among the `exact` ones (positions in
/// FilterTerms), or null if nothing is left to check. References are positions in `columns`, which
/// are columns of the table.
duckdb::unique_ptr<duckdb::Expression> RemainingCheck(const StreamFilters& filters,
                                                      const std::vector<size_t>& exact,
                                                      const std::vector<size_t>& columns);

}  // namespace colonnade::engine
