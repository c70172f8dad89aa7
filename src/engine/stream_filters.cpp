#include "engine/stream_filters.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/expression/bound_between_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "engine/column_references.h"

namespace colonnade::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalTypeId;
using table::FilterOperator;
using table::FilterTerm;
using table::Scalar;

constexpr size_t kMostInValues = 20;        // above, the engine's own join is faster
constexpr size_t kMostTermValues = 10'000;  // above, an IN list is not given to the maker

//===--------------------------------------------------------------------===//
// Constants
//===--------------------------------------------------------------------===//

std::optional<Scalar> Times(Scalar::Type type, int64_t value, int64_t unit) {
  int64_t scaled = 0;
  if (__builtin_mul_overflow(value, unit, &scaled)) return std::nullopt;
  return Scalar{type, scaled};
}

// Nothing for NULL, NaN, infinite times and types without a scalar. A NaN equals itself in SQL and
// nowhere else.
std::optional<Scalar> ToScalar(const duckdb::Value& value) {
  if (value.IsNull()) return std::nullopt;
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN: return Scalar{Scalar::Type::kBool, value.GetValue<bool>()};
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER: return Scalar{Scalar::Type::kInteger, value.GetValue<int64_t>()};
    case LogicalTypeId::UBIGINT: {
      const auto number = value.GetValue<uint64_t>();
      if (number <= static_cast<uint64_t>(INT64_MAX))
        return Scalar{Scalar::Type::kInteger, static_cast<int64_t>(number)};
      return Scalar{Scalar::Type::kInteger, number};
    }
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
    case LogicalTypeId::DECIMAL: return Scalar{Scalar::Type::kDecimal, value.ToString()};
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const auto number = value.GetValue<double>();
      if (std::isnan(number)) return std::nullopt;
      return Scalar{Scalar::Type::kFloat, number};
    }
    case LogicalTypeId::VARCHAR:
      if (!duckdb::StringType::GetCollation(value.type()).empty()) return std::nullopt;
      return Scalar{Scalar::Type::kText, duckdb::StringValue::Get(value)};
    case LogicalTypeId::BLOB: return Scalar{Scalar::Type::kBinary, duckdb::StringValue::Get(value)};
    case LogicalTypeId::DATE: {
      const auto date = value.GetValue<duckdb::date_t>();
      if (!duckdb::Value::IsFinite(date)) return std::nullopt;
      return Scalar{Scalar::Type::kDate, int64_t{date.days}};
    }
    case LogicalTypeId::TIME:
      return Scalar{Scalar::Type::kTime, value.GetValue<duckdb::dtime_t>().micros};
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS: break;
    default: return std::nullopt;
  }
  const auto count = value.GetValueUnsafe<int64_t>();
  if (!duckdb::Value::IsFinite(duckdb::timestamp_t(count))) return std::nullopt;
  switch (value.type().id()) {
    case LogicalTypeId::TIMESTAMP: return Times(Scalar::Type::kTimestamp, count, 1'000);
    case LogicalTypeId::TIMESTAMP_TZ: return Times(Scalar::Type::kInstant, count, 1'000);
    case LogicalTypeId::TIMESTAMP_SEC: return Times(Scalar::Type::kTimestamp, count, 1'000'000'000);
    case LogicalTypeId::TIMESTAMP_MS: return Times(Scalar::Type::kTimestamp, count, 1'000'000);
    default: return Times(Scalar::Type::kTimestamp, count, 1);
  }
}

//===--------------------------------------------------------------------===//
// Terms
//===--------------------------------------------------------------------===//

std::optional<size_t> ColumnOf(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_REF) return std::nullopt;
  const auto& type = expression.return_type;
  if (type.id() == LogicalTypeId::VARCHAR && !duckdb::StringType::GetCollation(type).empty())
    return std::nullopt;
  return expression.Cast<duckdb::BoundReferenceExpression>().index;
}

std::optional<Scalar> ConstantOf(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return std::nullopt;
  return ToScalar(expression.Cast<duckdb::BoundConstantExpression>().value);
}

std::optional<FilterOperator> OperatorOf(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:  // the constant is not NULL
      return FilterOperator::kEqual;
    case ExpressionType::COMPARE_NOTEQUAL: return FilterOperator::kNotEqual;
    case ExpressionType::COMPARE_LESSTHAN: return FilterOperator::kLess;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO: return FilterOperator::kLessOrEqual;
    case ExpressionType::COMPARE_GREATERTHAN: return FilterOperator::kGreater;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO: return FilterOperator::kGreaterOrEqual;
    default: return std::nullopt;
  }
}

using Terms = std::optional<std::vector<FilterTerm>>;

Terms TermsOf(const duckdb::Expression& filter);

Terms Comparison(const duckdb::Expression& left, ExpressionType type,
                 const duckdb::Expression& right) {
  const auto column = ColumnOf(left);
  if (!column) {
    if (!ColumnOf(right)) return std::nullopt;
    return Comparison(right, duckdb::FlipComparisonExpression(type), left);
  }
  const auto op = OperatorOf(type);
  auto constant = ConstantOf(right);
  if (!op || !constant) return std::nullopt;
  return {{FilterTerm{*column, *op, {*std::move(constant)}}}};
}

Terms InTerm(const duckdb::BoundOperatorExpression& in) {
  const auto column = ColumnOf(*in.children[0]);
  if (!column || in.children.size() - 1 > kMostTermValues) return std::nullopt;
  FilterTerm term{*column, FilterOperator::kIn, {}};
  for (size_t i = 1; i < in.children.size(); ++i) {
    const auto& child = *in.children[i];
    if (child.GetExpressionClass() == ExpressionClass::BOUND_CONSTANT &&
        child.Cast<duckdb::BoundConstantExpression>().value.IsNull()) {
      continue;  // makes the rest NULL instead of false, which passes no more rows
    }
    auto constant = ConstantOf(child);
    if (!constant) return std::nullopt;
    term.values.push_back(*std::move(constant));
  }
  if (term.values.empty()) return std::nullopt;
  return {{std::move(term)}};
}

// `x = 1 OR x IN (2, 3)`.
Terms OrTerm(const duckdb::BoundConjunctionExpression& conjunction) {
  std::optional<FilterTerm> all;
  for (const auto& child : conjunction.children) {
    auto terms = TermsOf(*child);
    if (!terms || terms->size() != 1) return std::nullopt;
    FilterTerm& term = terms->front();
    if (term.op != FilterOperator::kEqual && term.op != FilterOperator::kIn) return std::nullopt;
    if (!all) {
      all = std::move(term);
      all->op = FilterOperator::kIn;
    } else if (all->column == term.column) {
      all->values.insert(all->values.end(), term.values.begin(), term.values.end());
    } else {
      return std::nullopt;
    }
  }
  if (!all || all->values.size() > kMostTermValues) return std::nullopt;
  return {{*std::move(all)}};
}

// Terms that together pass the same rows, or nothing.
Terms TermsOf(const duckdb::Expression& filter) {
  switch (filter.GetExpressionClass()) {
    case ExpressionClass::BOUND_COMPARISON: {
      const auto& comparison = filter.Cast<duckdb::BoundComparisonExpression>();
      return Comparison(*comparison.left, comparison.GetExpressionType(), *comparison.right);
    }
    case ExpressionClass::BOUND_BETWEEN: {
      const auto& between = filter.Cast<duckdb::BoundBetweenExpression>();
      auto terms = Comparison(*between.input, between.LowerComparisonType(), *between.lower);
      auto upper = Comparison(*between.input, between.UpperComparisonType(), *between.upper);
      if (!terms || !upper) return std::nullopt;
      terms->push_back(std::move(upper->front()));
      return terms;
    }
    case ExpressionClass::BOUND_CONJUNCTION: {
      const auto& conjunction = filter.Cast<duckdb::BoundConjunctionExpression>();
      if (filter.GetExpressionType() == ExpressionType::CONJUNCTION_OR) return OrTerm(conjunction);
      Terms all = std::vector<FilterTerm>();
      for (const auto& child : conjunction.children) {
        auto terms = TermsOf(*child);
        if (!terms) return std::nullopt;
        all->insert(all->end(), terms->begin(), terms->end());
      }
      return all;
    }
    case ExpressionClass::BOUND_OPERATOR: {
      const auto& call = filter.Cast<duckdb::BoundOperatorExpression>();
      if (call.children.empty()) return std::nullopt;
      const auto column = ColumnOf(*call.children[0]);
      switch (filter.GetExpressionType()) {
        case ExpressionType::COMPARE_IN: return InTerm(call);
        case ExpressionType::OPERATOR_IS_NULL:
          if (!column) return std::nullopt;
          return {{FilterTerm{*column, FilterOperator::kIsNull, {}}}};
        case ExpressionType::OPERATOR_IS_NOT_NULL:
          if (!column) return std::nullopt;
          return {{FilterTerm{*column, FilterOperator::kIsNotNull, {}}}};
        case ExpressionType::OPERATOR_NOT:
          if (!column) return std::nullopt;
          return {
              {FilterTerm{*column, FilterOperator::kEqual, {Scalar{Scalar::Type::kBool, false}}}}};
        default: return std::nullopt;
      }
    }
    case ExpressionClass::BOUND_REF: {
      const auto column = ColumnOf(filter);
      if (!column || filter.return_type.id() != LogicalTypeId::BOOLEAN) return std::nullopt;
      return {{FilterTerm{*column, FilterOperator::kEqual, {Scalar{Scalar::Type::kBool, true}}}}};
    }
    default: return std::nullopt;
  }
}

//===--------------------------------------------------------------------===//
// Text
//===--------------------------------------------------------------------===//

// Aliases stand in the text for what they name: columns get their names, and nothing else keeps
// one.
void NameColumns(duckdb::Expression& expression, const std::vector<std::string>& names) {
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_REF) {
    const auto column = expression.Cast<duckdb::BoundReferenceExpression>().index;
    expression.SetAlias(duckdb::KeywordHelper::WriteOptionallyQuoted(names[column]));
    return;
  }
  expression.SetAlias("");
  duckdb::ExpressionIterator::EnumerateChildren(
      expression, [&](duckdb::Expression& child) { NameColumns(child, names); });
}

// The filter as SQL; empty if its text would not be one expression.
std::string ToSql(const duckdb::Expression& filter, const std::vector<std::string>& names) {
  const auto named = filter.Copy();
  NameColumns(*named, names);
  std::string sql = named->ToString();
  try {
    if (duckdb::Parser::ParseExpressionList(sql).size() != 1) return {};
  } catch (const std::exception&) {
    return {};
  }
  return sql;
}

bool IsLongIn(const duckdb::Expression& filter) {
  return filter.GetExpressionType() == ExpressionType::COMPARE_IN &&
         filter.GetExpressionClass() == ExpressionClass::BOUND_OPERATOR &&
         filter.Cast<duckdb::BoundOperatorExpression>().children.size() > kMostInValues + 1;
}

bool SameFilter(const StreamFilter& left, const StreamFilter& right) {
  if (left.sql != right.sql || (left.check == nullptr) != (right.check == nullptr)) return false;
  return left.check == nullptr || left.check->Equals(*right.check);
}

}  // namespace

void TakeFilters(const duckdb::LogicalGet& get, const std::vector<std::string>& names,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
                 StreamFilters* known) {
  const auto column_of = [&](duckdb::column_t id) {
    return id < names.size() ? std::optional<size_t>(id) : std::nullopt;
  };
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> left;
  for (auto& filter : filters) {
    auto over_table = filter->IsVolatile() || filter->HasParameter() || filter->HasSubquery()
                          ? nullptr
                          : OverColumns(*filter, get, column_of);
    if (!over_table) {
      left.push_back(std::move(filter));
      continue;
    }
    auto noted = std::make_shared<StreamFilter>();
    noted->sql = ToSql(*over_table, names);
    if (auto terms = TermsOf(*over_table)) noted->terms = *std::move(terms);
    if (over_table->CanThrow() || IsLongIn(*over_table)) {
      left.push_back(std::move(filter));
    } else {
      noted->check = std::shared_ptr<const duckdb::Expression>(over_table.release());
    }
    const bool seen = std::any_of(known->begin(), known->end(),
                                  [&](const auto& other) { return SameFilter(*other, *noted); });
    if (!seen) known->push_back(std::move(noted));
  }
  filters = std::move(left);
}

std::string FilterSql(const StreamFilters& filters) {
  std::string sql;
  for (const auto& filter : filters) {
    if (filter->sql.empty()) continue;
    // The text of a comparison or conjunction has parentheses of its own.
    sql += (sql.empty() ? "" : " AND ") + filter->sql;
  }
  return sql;
}

std::vector<FilterTerm> FilterTerms(const StreamFilters& filters) {
  std::vector<FilterTerm> terms;
  for (const auto& filter : filters) {
    terms.insert(terms.end(), filter->terms.begin(), filter->terms.end());
  }
  return terms;
}

std::vector<size_t> CheckedColumns(const StreamFilters& filters) {
  std::set<size_t> columns;
  for (const auto& filter : filters) {
    if (!filter->check) continue;
    duckdb::ExpressionIterator::VisitExpression<duckdb::BoundReferenceExpression>(
        *filter->check, [&](const duckdb::BoundReferenceExpression& reference) {
          columns.insert(reference.index);
        });
  }
  return {columns.begin(), columns.end()};
}

duckdb::unique_ptr<duckdb::Expression> RemainingCheck(const StreamFilters& filters,
                                                      const std::vector<size_t>& exact,
                                                      const std::vector<size_t>& columns) {
  auto all = duckdb::make_uniq<duckdb::BoundConjunctionExpression>(ExpressionType::CONJUNCTION_AND);
  size_t first_term = 0;
  for (const auto& filter : filters) {
    const size_t end_term = first_term + filter->terms.size();
    bool vouched_for = !filter->terms.empty();
    for (size_t term = first_term; term < end_term; ++term) {
      vouched_for &= std::find(exact.begin(), exact.end(), term) != exact.end();
    }
    first_term = end_term;
    if (vouched_for || !filter->check) continue;
    auto check = filter->check->Copy();
    duckdb::ExpressionIterator::VisitExpressionMutable<duckdb::BoundReferenceExpression>(
        check,
        [&](duckdb::BoundReferenceExpression& reference, duckdb::unique_ptr<duckdb::Expression>&) {
          const auto column = std::find(columns.begin(), columns.end(), reference.index);
          reference.index = static_cast<duckdb::idx_t>(column - columns.begin());
        });
    all->children.push_back(std::move(check));
  }
  if (all->children.empty()) return nullptr;
  if (all->children.size() == 1) return std::move(all->children[0]);
  return all;
}

}  // namespace colonnade::engine
