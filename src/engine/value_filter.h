// The engine's table filters as a table::BlockFilter: predicates on values, inside the scan.

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/axis_filter.h"
#include "engine/comparison_filter.h"
#include "engine/duckdb_headers.h"
#include "table/table_source.h"

namespace colonnade::engine {

/// A pushed-down filter on one value column of a scan.
struct ValueFilter {
  size_t column = 0;  // position in ScanRequest::columns
  duckdb::LogicalType type;
  const duckdb::TableFilter* filter = nullptr;  // owned by the plan
  std::optional<ComparisonFilter> comparison;   // the same, if it is one
};

/// One per thread.
class TableFilters final : public table::BlockFilter {
 public:
  /// `filters` and `predicates` must outlive it.
  TableFilters(duckdb::ClientContext& context, const std::vector<ValueFilter>& filters,
               const std::vector<std::shared_ptr<const TilePredicate>>& predicates);

  bool MayMatch(const std::vector<table::AxisPositions>& axes) override;
  const std::vector<size_t>& columns() const override { return columns_; }
  Status Select(const table::Block& block, std::vector<uint32_t>* rows) override;

 private:
  Status SelectSlice(const table::Block& block, int64_t begin, int64_t count,
                     std::vector<uint32_t>* rows);

  const std::vector<ValueFilter>& filters_;
  const std::vector<std::shared_ptr<const TilePredicate>>& predicates_;
  std::vector<size_t> columns_;
  std::vector<duckdb::unique_ptr<duckdb::TableFilterState>> states_;
  std::vector<size_t> general_;  // filters of the current slice that are no comparison
  duckdb::DataChunk chunk_;      // one vector per filter
};

}  // namespace colonnade::engine
