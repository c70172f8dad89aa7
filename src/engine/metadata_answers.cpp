#include "engine/metadata_answers.h"

#include <algorithm>
#include <string_view>

#include "base/checked.h"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

using duckdb::idx_t;

//===--------------------------------------------------------------------===//
// count_positions(multiplicity [, argument]): the sum of multiplicities of rows whose argument is
// not NULL
//===--------------------------------------------------------------------===//

struct CountState {
  int64_t count;
};

idx_t StateSize(const duckdb::AggregateFunction&) { return sizeof(CountState); }

void Initialize(const duckdb::AggregateFunction&, duckdb::data_ptr_t state) {
  reinterpret_cast<CountState*>(state)->count = 0;
}

void Update(duckdb::Vector inputs[], duckdb::AggregateInputData&, idx_t input_count,
            duckdb::Vector& states, idx_t count) {
  duckdb::UnifiedVectorFormat multiplicity;
  duckdb::UnifiedVectorFormat argument;
  duckdb::UnifiedVectorFormat state;
  inputs[0].ToUnifiedFormat(count, multiplicity);
  if (input_count > 1) inputs[1].ToUnifiedFormat(count, argument);
  states.ToUnifiedFormat(count, state);
  const auto* multiplicities = duckdb::UnifiedVectorFormat::GetData<int64_t>(multiplicity);
  const auto* targets = duckdb::UnifiedVectorFormat::GetData<CountState*>(state);
  for (idx_t i = 0; i < count; ++i) {
    if (input_count > 1 && !argument.validity.RowIsValid(argument.sel->get_index(i))) continue;
    // Cannot overflow: the total is at most the table's row count.
    targets[state.sel->get_index(i)]->count += multiplicities[multiplicity.sel->get_index(i)];
  }
}

void Combine(duckdb::Vector& source, duckdb::Vector& target, duckdb::AggregateInputData&,
             idx_t count) {
  const auto* sources = duckdb::FlatVector::GetData<CountState*>(source);
  auto* targets = duckdb::FlatVector::GetData<CountState*>(target);
  for (idx_t i = 0; i < count; ++i) targets[i]->count += sources[i]->count;
}

void Finalize(duckdb::Vector& states, duckdb::AggregateInputData&, duckdb::Vector& result,
              idx_t count, idx_t offset) {
  if (states.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR) {
    result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
    duckdb::ConstantVector::GetData<int64_t>(result)[0] =
        duckdb::ConstantVector::GetData<CountState*>(states)[0]->count;
    return;
  }
  const auto* sources = duckdb::FlatVector::GetData<CountState*>(states);
  auto* out = duckdb::FlatVector::GetData<int64_t>(result);
  for (idx_t i = 0; i < count; ++i) out[offset + i] = sources[i]->count;
}

duckdb::AggregateFunction CountPositions(const duckdb::vector<duckdb::LogicalType>& arguments) {
  duckdb::AggregateFunction function("count_positions", arguments, duckdb::LogicalType::BIGINT,
                                     StateSize, Initialize, Update, Combine, Finalize,
                                     duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  return function;
}

//===--------------------------------------------------------------------===//
// Recognition
//===--------------------------------------------------------------------===//

bool IsCount(const duckdb::BoundAggregateExpression& aggregate) {
  return !aggregate.IsDistinct() &&
         (aggregate.function.name == "count_star" || aggregate.function.name == "count");
}

// Aggregates whose value does not change when a row is repeated.
bool IgnoresRepetition(const duckdb::BoundAggregateExpression& aggregate) {
  static constexpr std::string_view kNames[] = {"min",     "max",     "bool_and",
                                                "bool_or", "bit_and", "bit_or"};
  const std::string_view name = aggregate.function.name;
  return aggregate.IsDistinct() ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool Volatile(const duckdb::LogicalOperator& op) {
  return std::any_of(op.expressions.begin(), op.expressions.end(),
                     [](const auto& e) { return e->IsVolatile(); });
}

// The scan below `op`, through projections and filters, if it reads coordinates only.
duckdb::LogicalGet* FindCoordinateScan(duckdb::LogicalOperator& op) {
  duckdb::LogicalOperator* node = &op;
  while (node->type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION ||
         node->type == duckdb::LogicalOperatorType::LOGICAL_FILTER) {
    if (Volatile(*node)) return nullptr;
    node = node->children[0].get();
  }
  if (node->type != duckdb::LogicalOperatorType::LOGICAL_GET) return nullptr;
  auto& get = node->Cast<duckdb::LogicalGet>();
  if (get.extra_info.sample_options || !get.bind_data || !get.children.empty() ||
      get.ordinality_idx.IsValid()) {
    return nullptr;
  }
  auto* bind = dynamic_cast<ScanBindData*>(get.bind_data.get());
  if (bind == nullptr || bind->collapsed) return nullptr;
  for (const auto& id : get.GetColumnIds()) {
    const auto column = bind->SourceColumn(id.GetPrimaryIndex());
    if (!column) continue;  // a row count
    const table::Column& source = bind->source->columns()[*column];
    if (source.kind == table::ColumnKind::kValues || !source.unavailable.ok()) return nullptr;
  }
  // Filters are keyed by table column; all must be among the columns read.
  for (const auto& [column, filter] : get.table_filters.filters) {
    const auto source = bind->SourceColumn(column);
    if (!source || bind->source->columns()[*source].kind == table::ColumnKind::kValues)
      return nullptr;
  }
  return &get;
}

// The axes that a scan's columns and filters use.
std::vector<bool> UsedAxes(const duckdb::LogicalGet& get, const ScanBindData& bind) {
  std::vector<bool> used(bind.source->axes().size(), false);
  const auto use = [&](duckdb::column_t id) {
    const auto column = bind.SourceColumn(id);
    if (!column) return;
    const table::Column& source = bind.source->columns()[*column];
    if (source.kind == table::ColumnKind::kAxis) used[source.axis] = true;
  };
  for (const auto& id : get.GetColumnIds()) use(id.GetPrimaryIndex());
  for (const auto& [column, filter] : get.table_filters.filters) use(column);
  return used;
}

// Makes the scan visit the used axes only.
void Collapse(duckdb::LogicalGet& get) {
  auto& bind = get.bind_data->Cast<ScanBindData>();
  bind.kept_axes = UsedAxes(get, bind);
  bind.multiplicity = 1;
  for (size_t axis = 0; axis < bind.kept_axes.size(); ++axis) {
    if (!bind.kept_axes[axis]) bind.multiplicity *= (*bind.selection)[axis].count();
  }
  bind.collapsed = true;
  if (get.has_estimated_cardinality) {
    int64_t rows = 1;
    for (size_t axis = 0; axis < bind.kept_axes.size(); ++axis) {
      if (bind.kept_axes[axis]) rows *= (*bind.selection)[axis].count();
    }
    get.estimated_cardinality = static_cast<idx_t>(rows);
  }
}

// Adds the multiplicity to the scan and carries it up through projections and filters to `op`'s
// output.
duckdb::unique_ptr<duckdb::Expression> CarryMultiplicity(duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION) {
    auto& projection = op.Cast<duckdb::LogicalProjection>();
    auto below = CarryMultiplicity(*op.children[0]);
    const idx_t index = projection.expressions.size();
    projection.expressions.push_back(std::move(below));
    op.types.push_back(duckdb::LogicalType::BIGINT);
    return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        duckdb::LogicalType::BIGINT, duckdb::ColumnBinding(projection.table_index, index));
  }
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_FILTER) {
    auto& filter = op.Cast<duckdb::LogicalFilter>();
    const idx_t index = op.children[0]->GetColumnBindings().size();
    auto below = CarryMultiplicity(*op.children[0]);
    // The new column is the child's last one.
    if (!filter.projection_map.empty()) filter.projection_map.push_back(index);
    return below;
  }
  auto& get = op.Cast<duckdb::LogicalGet>();
  get.virtual_columns.emplace(MultiplicityColumnId(),
                              duckdb::TableColumn("multiplicity", duckdb::LogicalType::BIGINT));
  const idx_t index = get.GetColumnIds().size();
  get.AddColumnId(MultiplicityColumnId());
  if (!get.projection_ids.empty()) get.projection_ids.push_back(index);
  return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
      duckdb::LogicalType::BIGINT, duckdb::ColumnBinding(get.table_index, index));
}

void RewriteAggregate(duckdb::LogicalAggregate& aggregate) {
  bool has_count = false;
  for (const auto& expression : aggregate.expressions) {
    const auto& call = expression->Cast<duckdb::BoundAggregateExpression>();
    if (call.order_bys || call.IsVolatile()) return;
    if (IsCount(call)) {
      has_count = true;
    } else if (!IgnoresRepetition(call)) {
      return;
    }
  }
  auto* get = FindCoordinateScan(*aggregate.children[0]);
  if (get == nullptr) return;
  Collapse(*get);
  if (!has_count) return;
  const auto multiplicity = CarryMultiplicity(*aggregate.children[0]);
  for (auto& expression : aggregate.expressions) {
    auto& call = expression->Cast<duckdb::BoundAggregateExpression>();
    if (!IsCount(call)) continue;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> arguments;
    duckdb::vector<duckdb::LogicalType> types;
    arguments.push_back(multiplicity->Copy());
    types.push_back(duckdb::LogicalType::BIGINT);
    for (auto& child : call.children) {
      types.push_back(child->return_type);
      arguments.push_back(std::move(child));
    }
    auto count = duckdb::make_uniq<duckdb::BoundAggregateExpression>(
        CountPositions(types), std::move(arguments), std::move(call.filter), nullptr,
        duckdb::AggregateType::NON_DISTINCT);
    count->SetAlias(call.GetAlias());
    expression = std::move(count);
  }
}

void Rewrite(duckdb::OptimizerExtensionInput& input,
             duckdb::unique_ptr<duckdb::LogicalOperator>& op) {
  for (auto& child : op->children) Rewrite(input, child);
  if (op->type == duckdb::LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) {
    RewriteAggregate(op->Cast<duckdb::LogicalAggregate>());
  } else if (op->type == duckdb::LogicalOperatorType::LOGICAL_DISTINCT) {
    auto& distinct = op->Cast<duckdb::LogicalDistinct>();
    if (distinct.distinct_type != duckdb::DistinctType::DISTINCT) return;
    if (auto* get = FindCoordinateScan(*op->children[0])) Collapse(*get);
  }
}

void OptimizePlan(duckdb::OptimizerExtensionInput& input,
                  duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
  if (PushdownEnabled(input.context)) Rewrite(input, plan);
}

}  // namespace

void RegisterMetadataAnswers(duckdb::DBConfig& config) {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = OptimizePlan;
  duckdb::OptimizerExtension::Register(config, std::move(extension));
}

}  // namespace colonnade::engine
