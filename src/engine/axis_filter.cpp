#include "engine/axis_filter.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/duckdb_status.h"
#include "engine/vectors.h"

namespace colonnade::engine {
namespace {

using table::AxisSelection;

// Axes longer than this are not visited position by position while planning: the predicate stays
// with the rows.
constexpr int64_t kMaxEvaluatedLength = int64_t{1} << 31;

AxisSelection Union(const AxisSelection& a, const AxisSelection& b) {
  std::vector<array::Interval> runs = a.runs();
  runs.insert(runs.end(), b.runs().begin(), b.runs().end());
  std::sort(runs.begin(), runs.end(),
            [](const array::Interval& x, const array::Interval& y) { return x.begin < y.begin; });
  std::vector<array::Interval> merged;
  for (const array::Interval& run : runs) {
    if (!merged.empty() && run.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, run.end);
    } else {
      merged.push_back(run);
    }
  }
  return AxisSelection::Of(std::move(merged));
}

void AppendPosition(std::vector<array::Interval>& runs, int64_t position) {
  if (!runs.empty() && runs.back().end == position) {
    ++runs.back().end;
  } else {
    runs.push_back({position, position + 1});
  }
}

}  // namespace

bool TilePredicate::MayBeTrue(const std::vector<table::AxisPositions>& axes) const {
  return MayBe(true, axes);
}

bool TilePredicate::MayBe(bool value, const std::vector<table::AxisPositions>& axes) const {
  const auto child_may_be = [&](const auto& child) { return child->MayBe(value, axes); };
  switch (kind) {
    case Kind::kUnknown: return true;
    case Kind::kNot: return children[0]->MayBe(!value, axes);
    case Kind::kAnd:
      return value ? std::all_of(children.begin(), children.end(), child_may_be)
                   : std::any_of(children.begin(), children.end(), child_may_be);
    case Kind::kOr:
      return value ? std::any_of(children.begin(), children.end(), child_may_be)
                   : std::all_of(children.begin(), children.end(), child_may_be);
    case Kind::kAxis: break;
  }
  const table::AxisPositions& positions = axes[axis];
  if (positions.count == 0) return false;
  return (value ? is_true : is_false)
             .CountWithin({positions.at(0), positions.at(positions.count - 1) + 1}) > 0;
}

std::optional<AxisSelection> TilePredicate::Bound(size_t bound_axis, bool value) const {
  switch (kind) {
    case Kind::kUnknown: return std::nullopt;
    case Kind::kNot: return children[0]->Bound(bound_axis, !value);
    case Kind::kAxis: {
      const AxisSelection& positions = value ? is_true : is_false;
      if (axis == bound_axis) return positions;
      // Another axis: it restricts this one only if it can never hold at all.
      if (positions.empty()) return AxisSelection::Of({});
      return std::nullopt;
    }
    case Kind::kAnd:
    case Kind::kOr: break;
  }
  // AND is true (OR false) only where every child is: intersect. Otherwise any child suffices:
  // unite.
  const bool all = (kind == Kind::kAnd) == value;
  std::optional<AxisSelection> bound;
  for (size_t i = 0; i < children.size(); ++i) {
    auto child = children[i]->Bound(bound_axis, value);
    if (all) {
      if (child) bound = bound ? bound->Intersect(*child) : std::move(child);
    } else {
      if (!child) return std::nullopt;
      bound = bound ? Union(*bound, *child) : std::move(child);
    }
  }
  return bound;
}

Result<AxisSelection> AxisFilter::Evaluate(const duckdb::Expression& predicate, size_t axis,
                                           AxisSelection* is_false) {
  return EvaluateOver(source_.axes()[axis].length, predicate, is_false);
}

Result<bool> AxisFilter::EvaluateConstant(const duckdb::Expression& predicate) {
  COLONNADE_ASSIGN_OR_RETURN(const auto positions, EvaluateOver(1, predicate, nullptr));
  return !positions.empty();
}

Result<AxisSelection> AxisFilter::EvaluateOver(int64_t length, const duckdb::Expression& predicate,
                                               AxisSelection* is_false) {
  if (length > kMaxEvaluatedLength) return LimitExceeded("axis of ", length, " positions");
  try {
    // One chunk column per source column that is used.
    std::map<size_t, size_t> slots;
    duckdb::vector<duckdb::LogicalType> types;
    std::vector<std::shared_ptr<const table::AxisValues>> values;
    auto rewritten = predicate.Copy();
    Status failure;
    duckdb::ExpressionIterator::VisitExpressionMutable<duckdb::BoundReferenceExpression>(
        rewritten,
        [&](duckdb::BoundReferenceExpression& reference, duckdb::unique_ptr<duckdb::Expression>&) {
          const size_t column = reference.index;
          const auto [slot, is_new] = slots.emplace(column, values.size());
          if (is_new) {
            auto loaded = source_.LoadAxis(column, environment_);
            if (!loaded.ok() && failure.ok()) failure = loaded.status();
            values.push_back(loaded.ok() ? *std::move(loaded) : nullptr);
            types.push_back(reference.return_type);
          }
          reference.index = slot->second;
        });
    COLONNADE_RETURN_IF_ERROR(failure);
    std::vector<bool> constant(values.size());
    for (const auto& [column, slot] : slots) {
      constant[slot] = source_.columns()[column].kind == table::ColumnKind::kConstant;
    }

    duckdb::ExpressionExecutor executor(context_, *rewritten);
    std::vector<array::Interval> true_runs;
    std::vector<array::Interval> false_runs;
    duckdb::DataChunk input;
    if (!types.empty()) input.Initialize(duckdb::Allocator::Get(context_), types);
    for (int64_t begin = 0; begin < length; begin += STANDARD_VECTOR_SIZE) {
      COLONNADE_RETURN_IF_ERROR(environment_.cancel->Check());
      const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, length - begin);
      if (!types.empty()) input.Reset();
      for (size_t slot = 0; slot < values.size(); ++slot) {
        if (constant[slot]) {
          ReferenceConstant(*values[slot], 0, input.data[slot]);
        } else {
          ReferenceAxisRange(*values[slot], begin, count, input.data[slot]);
        }
      }
      input.SetCardinality(static_cast<duckdb::idx_t>(count));
      duckdb::Vector matches(duckdb::LogicalType::BOOLEAN);
      executor.ExecuteExpression(input, matches);
      duckdb::UnifiedVectorFormat format;
      matches.ToUnifiedFormat(static_cast<duckdb::idx_t>(count), format);
      const auto* data = duckdb::UnifiedVectorFormat::GetData<bool>(format);
      for (int64_t i = 0; i < count; ++i) {
        const auto index = format.sel->get_index(static_cast<duckdb::idx_t>(i));
        if (!format.validity.RowIsValid(index)) continue;
        if (data[index]) {
          AppendPosition(true_runs, begin + i);
        } else if (is_false != nullptr) {
          AppendPosition(false_runs, begin + i);
        }
      }
    }
    if (is_false != nullptr) *is_false = AxisSelection::Of(std::move(false_runs));
    return AxisSelection::Of(std::move(true_runs));
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

std::optional<std::vector<size_t>> AxisFilter::AxesOf(const duckdb::Expression& predicate) const {
  if (predicate.IsVolatile() || predicate.HasParameter() || predicate.HasSubquery())
    return std::nullopt;
  bool usable = true;
  std::set<size_t> axes;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundReferenceExpression>(
      predicate, [&](const duckdb::BoundReferenceExpression& reference) {
        if (reference.index >= source_.columns().size()) {
          usable = false;
          return;
        }
        const table::Column& column = source_.columns()[reference.index];
        if (column.kind == table::ColumnKind::kValues || !column.unavailable.ok()) usable = false;
        if (column.kind == table::ColumnKind::kAxis) axes.insert(column.axis);
      });
  if (!usable) return std::nullopt;
  return std::vector<size_t>(axes.begin(), axes.end());
}

std::unique_ptr<TilePredicate> AxisFilter::MakeTree(const duckdb::Expression& predicate) {
  auto node = std::make_unique<TilePredicate>();
  const auto axes = AxesOf(predicate);
  if (axes && axes->size() == 1) {
    auto is_true = Evaluate(predicate, axes->front(), &node->is_false);
    if (is_true.ok()) {
      node->kind = TilePredicate::Kind::kAxis;
      node->axis = axes->front();
      node->is_true = *std::move(is_true);
    }
    return node;
  }
  if (predicate.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONJUNCTION) {
    const auto& conjunction = predicate.Cast<duckdb::BoundConjunctionExpression>();
    node->kind = predicate.GetExpressionType() == duckdb::ExpressionType::CONJUNCTION_AND
                     ? TilePredicate::Kind::kAnd
                     : TilePredicate::Kind::kOr;
    for (const auto& child : conjunction.children) node->children.push_back(MakeTree(*child));
  } else if (predicate.GetExpressionType() == duckdb::ExpressionType::OPERATOR_NOT) {
    node->kind = TilePredicate::Kind::kNot;
    node->children.push_back(
        MakeTree(*predicate.Cast<duckdb::BoundOperatorExpression>().children[0]));
  }
  return node;
}

}  // namespace colonnade::engine
