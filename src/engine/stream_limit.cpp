// LIMIT above a scan of a stream table: the maker is told.

#include <utility>

#include "base/checked.h"
#include "duckdb/planner/operator/logical_limit.hpp"
#include "engine/stream_scan.h"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

// LIMIT plus OFFSET, if both are known.
std::optional<int64_t> RowsNeeded(const duckdb::LogicalLimit& limit) {
  if (limit.limit_val.Type() != duckdb::LimitNodeType::CONSTANT_VALUE) return std::nullopt;
  const auto rows = static_cast<int64_t>(limit.limit_val.GetConstantValue());
  switch (limit.offset_val.Type()) {
    case duckdb::LimitNodeType::UNSET: return rows;
    case duckdb::LimitNodeType::CONSTANT_VALUE:
      return CheckedAdd(rows, static_cast<int64_t>(limit.offset_val.GetConstantValue()));
    default: return std::nullopt;
  }
}

// The scan of a stream table whose first rows are the first rows of `op`, if there is one.
StreamBindData* FindScan(duckdb::LogicalOperator& op) {
  duckdb::LogicalOperator* node = &op;
  while (node->type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION)
    node = node->children[0].get();
  if (node->type != duckdb::LogicalOperatorType::LOGICAL_GET) return nullptr;
  auto& get = node->Cast<duckdb::LogicalGet>();
  auto* bind = dynamic_cast<StreamBindData*>(get.bind_data.get());
  if (bind == nullptr || !bind->filters.empty() || !get.table_filters.filters.empty() ||
      get.dynamic_filters || get.extra_info.sample_options || !get.children.empty() ||
      get.ordinality_idx.IsValid()) {
    return nullptr;
  }
  return bind;
}

void Visit(duckdb::LogicalOperator& op) {
  for (auto& child : op.children) Visit(*child);
  if (op.type != duckdb::LogicalOperatorType::LOGICAL_LIMIT) return;
  const auto rows = RowsNeeded(op.Cast<duckdb::LogicalLimit>());
  if (!rows) return;
  if (auto* bind = FindScan(*op.children[0])) bind->limit = rows;
}

void OptimizePlan(duckdb::OptimizerExtensionInput& input,
                  duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
  if (PushdownEnabled(input.context)) Visit(*plan);
}

}  // namespace

void RegisterStreamLimits(duckdb::DBConfig& config) {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = OptimizePlan;
  duckdb::OptimizerExtension::Register(config, std::move(extension));
}

}  // namespace colonnade::engine
