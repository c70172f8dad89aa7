#include "engine/metadata_answers.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

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

// Without it the engine answers an ungrouped aggregate through a hash table.
void SimpleUpdate(duckdb::Vector inputs[], duckdb::AggregateInputData&, idx_t input_count,
                  duckdb::data_ptr_t state, idx_t count) {
  duckdb::UnifiedVectorFormat multiplicity;
  duckdb::UnifiedVectorFormat argument;
  inputs[0].ToUnifiedFormat(count, multiplicity);
  if (input_count > 1) inputs[1].ToUnifiedFormat(count, argument);
  const auto* multiplicities = duckdb::UnifiedVectorFormat::GetData<int64_t>(multiplicity);
  int64_t& total = reinterpret_cast<CountState*>(state)->count;
  for (idx_t i = 0; i < count; ++i) {
    if (input_count > 1 && !argument.validity.RowIsValid(argument.sel->get_index(i))) continue;
    total += multiplicities[multiplicity.sel->get_index(i)];
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
                                     duckdb::FunctionNullHandling::SPECIAL_HANDLING, SimpleUpdate);
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
  if (bind == nullptr || !bind->axis_uses.empty()) return nullptr;
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

// The axes that `expression`, evaluated on the output of `op`, depends on; false if it has unknown
// references.
bool CollectAxes(const duckdb::Expression& expression, const duckdb::LogicalOperator& op,
                 std::set<size_t>* axes) {
  bool known = true;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundColumnRefExpression>(
      expression, [&](const duckdb::BoundColumnRefExpression& reference) {
        const duckdb::LogicalOperator* node = &op;
        while (node->type == duckdb::LogicalOperatorType::LOGICAL_FILTER)
          node = node->children[0].get();
        const idx_t index = reference.binding.column_index;
        if (node->type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION) {
          const auto& projection = node->Cast<duckdb::LogicalProjection>();
          if (reference.binding.table_index != projection.table_index ||
              index >= projection.expressions.size()) {
            known = false;
          } else {
            known &= CollectAxes(*projection.expressions[index], *projection.children[0], axes);
          }
          return;
        }
        const auto& get = node->Cast<duckdb::LogicalGet>();
        if (reference.binding.table_index != get.table_index ||
            index >= get.GetColumnIds().size()) {
          known = false;
          return;
        }
        const auto& bind = get.bind_data->Cast<ScanBindData>();
        const auto column = bind.SourceColumn(get.GetColumnIds()[index].GetPrimaryIndex());
        if (!column) return;
        const table::Column& source = bind.source->columns()[*column];
        if (source.kind == table::ColumnKind::kAxis) axes->insert(source.axis);
      });
  return known;
}

// Axes of the filters between `op` and its scan: their combinations decide which rows there are.
bool CollectFilterAxes(const duckdb::LogicalOperator& op, std::set<size_t>* axes) {
  const duckdb::LogicalOperator* node = &op;
  while (node->type != duckdb::LogicalOperatorType::LOGICAL_GET) {
    const duckdb::LogicalOperator& child = *node->children[0];
    if (node->type == duckdb::LogicalOperatorType::LOGICAL_FILTER) {
      for (const auto& expression : node->expressions) {
        if (!CollectAxes(*expression, child, axes)) return false;
      }
    }
    node = &child;
  }
  return true;
}

// Makes the scan visit the combinations of `product` axes and, side by side, the `diagonal` ones.
void Collapse(duckdb::LogicalGet& get, const std::set<size_t>& product,
              const std::set<size_t>& diagonal) {
  auto& bind = get.bind_data->Cast<ScanBindData>();
  bind.axis_uses.assign(bind.source->axes().size(), AxisUse::kCounted);
  for (const size_t axis : product) bind.axis_uses[axis] = AxisUse::kProduct;
  for (const size_t axis : diagonal) bind.axis_uses[axis] = AxisUse::kDiagonal;
  get.estimated_cardinality =
      static_cast<idx_t>(PositionRows(*bind.selection, bind.axis_uses).row_count());
  get.has_estimated_cardinality = true;
}

// Adds a multiplicity to the scan and carries it up through projections and filters to `op`'s
// output.
duckdb::unique_ptr<duckdb::Expression> CarryMultiplicity(duckdb::LogicalOperator& op,
                                                         duckdb::column_t id) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION) {
    auto& projection = op.Cast<duckdb::LogicalProjection>();
    auto below = CarryMultiplicity(*op.children[0], id);
    const idx_t index = projection.expressions.size();
    projection.expressions.push_back(std::move(below));
    op.types.push_back(duckdb::LogicalType::BIGINT);
    return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        duckdb::LogicalType::BIGINT, duckdb::ColumnBinding(projection.table_index, index));
  }
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_FILTER) {
    auto& filter = op.Cast<duckdb::LogicalFilter>();
    const idx_t index = op.children[0]->GetColumnBindings().size();
    auto below = CarryMultiplicity(*op.children[0], id);
    // The new column is the child's last one.
    if (!filter.projection_map.empty()) filter.projection_map.push_back(index);
    return below;
  }
  auto& get = op.Cast<duckdb::LogicalGet>();
  get.virtual_columns.emplace(id, duckdb::TableColumn("multiplicity", duckdb::LogicalType::BIGINT));
  const idx_t index = get.GetColumnIds().size();
  get.AddColumnId(id);
  if (!get.projection_ids.empty()) get.projection_ids.push_back(index);
  return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
      duckdb::LogicalType::BIGINT, duckdb::ColumnBinding(get.table_index, index));
}

// count(x) as count_positions(multiplicity, x).
void ReplaceCount(duckdb::unique_ptr<duckdb::Expression>& expression,
                  duckdb::unique_ptr<duckdb::Expression> multiplicity) {
  auto& call = expression->Cast<duckdb::BoundAggregateExpression>();
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> arguments;
  duckdb::vector<duckdb::LogicalType> types;
  arguments.push_back(std::move(multiplicity));
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

void RewriteAggregate(duckdb::LogicalAggregate& aggregate) {
  for (const auto& expression : aggregate.expressions) {
    const auto& call = expression->Cast<duckdb::BoundAggregateExpression>();
    if (call.order_bys || call.IsVolatile() || (!IsCount(call) && !IgnoresRepetition(call))) return;
  }
  duckdb::LogicalOperator& input = *aggregate.children[0];
  auto* get = FindCoordinateScan(input);
  if (get == nullptr) return;

  std::set<size_t> product;
  if (!CollectFilterAxes(input, &product)) return;
  for (const auto& group : aggregate.groups) {
    if (group->IsVolatile() || !CollectAxes(*group, input, &product)) return;
  }
  std::vector<std::set<size_t>> axes(aggregate.expressions.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto& call = aggregate.expressions[i]->Cast<duckdb::BoundAggregateExpression>();
    for (const auto& child : call.children) {
      if (!CollectAxes(*child, input, &axes[i])) return;
    }
    if (call.filter && !CollectAxes(*call.filter, input, &axes[i])) return;
  }
  // An aggregate of two axes needs their combinations; one of a single axis only its positions.
  for (bool grown = true; grown;) {
    grown = false;
    for (std::set<size_t>& used : axes) {
      for (const size_t axis : product) used.erase(axis);
      if (used.size() < 2) continue;
      product.insert(used.begin(), used.end());
      grown = true;
    }
  }
  std::set<size_t> diagonal;
  for (const std::set<size_t>& used : axes) diagonal.insert(used.begin(), used.end());
  Collapse(*get, product, diagonal);

  std::map<duckdb::column_t, duckdb::unique_ptr<duckdb::Expression>> carried;
  for (size_t i = 0; i < axes.size(); ++i) {
    auto& expression = aggregate.expressions[i];
    if (!IsCount(expression->Cast<duckdb::BoundAggregateExpression>())) continue;
    const duckdb::column_t id =
        axes[i].empty() ? MultiplicityColumnId() : MultiplicityColumnId(*axes[i].begin());
    auto& multiplicity = carried[id];
    if (!multiplicity) multiplicity = CarryMultiplicity(input, id);
    ReplaceCount(expression, multiplicity->Copy());
  }
}

// The distinct rows of coordinates are the distinct rows of the combinations of their positions.
void RewriteDistinct(duckdb::LogicalDistinct& distinct) {
  if (distinct.distinct_type != duckdb::DistinctType::DISTINCT) return;
  auto* get = FindCoordinateScan(*distinct.children[0]);
  if (get == nullptr) return;
  std::set<size_t> product;
  const auto& bind = get->bind_data->Cast<ScanBindData>();
  for (const auto& id : get->GetColumnIds()) {
    const auto column = bind.SourceColumn(id.GetPrimaryIndex());
    if (column && bind.source->columns()[*column].kind == table::ColumnKind::kAxis) {
      product.insert(bind.source->columns()[*column].axis);
    }
  }
  Collapse(*get, product, {});
}

void Rewrite(duckdb::OptimizerExtensionInput& input,
             duckdb::unique_ptr<duckdb::LogicalOperator>& op) {
  for (auto& child : op->children) Rewrite(input, child);
  if (op->type == duckdb::LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) {
    RewriteAggregate(op->Cast<duckdb::LogicalAggregate>());
  } else if (op->type == duckdb::LogicalOperatorType::LOGICAL_DISTINCT) {
    RewriteDistinct(op->Cast<duckdb::LogicalDistinct>());
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
