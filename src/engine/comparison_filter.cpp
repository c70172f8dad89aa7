#include "engine/comparison_filter.h"

#include <cmath>

#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/constant_filter.hpp"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

using array::ValueType;

bool IsNan(const duckdb::Value& value) {
  return (value.type().id() == duckdb::LogicalTypeId::FLOAT &&
          std::isnan(value.GetValue<float>())) ||
         (value.type().id() == duckdb::LogicalTypeId::DOUBLE &&
          std::isnan(value.GetValue<double>()));
}

// Calls `body` with a value of the C++ type; false for types without one.
template <typename Body>
bool WithType(ValueType type, Body&& body) {
  switch (type) {
    case ValueType::kInt8: body(int8_t{}); return true;
    case ValueType::kInt16: body(int16_t{}); return true;
    case ValueType::kInt32: body(int32_t{}); return true;
    case ValueType::kInt64: body(int64_t{}); return true;
    case ValueType::kUInt8: body(uint8_t{}); return true;
    case ValueType::kUInt16: body(uint16_t{}); return true;
    case ValueType::kUInt32: body(uint32_t{}); return true;
    case ValueType::kUInt64: body(uint64_t{}); return true;
    case ValueType::kFloat32: body(float{}); return true;
    case ValueType::kFloat64: body(double{}); return true;
    default: return false;
  }
}

template <typename T, typename Predicate>
void Keep(const T* values, int64_t count, uint8_t* hits, Predicate passes) {
  for (int64_t i = 0; i < count; ++i) hits[i] &= static_cast<uint8_t>(passes(values[i]));
}

}  // namespace

std::optional<ComparisonFilter> ComparisonFilter::Make(const duckdb::TableFilter& filter,
                                                       ValueType type) {
  if (!WithType(type, [](auto) {})) return std::nullopt;
  ComparisonFilter out;
  out.type_ = type;
  const auto add = [&](const duckdb::TableFilter& part) {
    if (part.filter_type != duckdb::TableFilterType::CONSTANT_COMPARISON) return false;
    const auto& comparison = part.Cast<duckdb::ConstantFilter>();
    switch (comparison.comparison_type) {
      case duckdb::ExpressionType::COMPARE_EQUAL:
      case duckdb::ExpressionType::COMPARE_NOTEQUAL:
      case duckdb::ExpressionType::COMPARE_LESSTHAN:
      case duckdb::ExpressionType::COMPARE_LESSTHANOREQUALTO:
      case duckdb::ExpressionType::COMPARE_GREATERTHAN:
      case duckdb::ExpressionType::COMPARE_GREATERTHANOREQUALTO: break;
      default: return false;
    }
    if (comparison.constant.IsNull() || comparison.constant.type() != TypeOf(type) ||
        IsNan(comparison.constant)) {
      return false;
    }
    out.comparisons_.push_back({comparison.comparison_type, comparison.constant});
    return true;
  };
  if (filter.filter_type == duckdb::TableFilterType::CONJUNCTION_AND) {
    for (const auto& child : filter.Cast<duckdb::ConjunctionAndFilter>().child_filters) {
      // NULL fails every comparison anyway.
      if (child->filter_type != duckdb::TableFilterType::IS_NOT_NULL && !add(*child))
        return std::nullopt;
    }
  } else if (!add(filter)) {
    return std::nullopt;
  }
  if (out.comparisons_.empty()) return std::nullopt;
  return out;
}

bool ComparisonFilter::Applies(const array::cf::DecodePlan& plan) {
  // A kept NaN is greater than every number in SQL; the comparisons here say otherwise.
  return plan.is_identity() && plan.sentinels.empty() &&
         (!plan.stored.is_float() || plan.nan_is_null);
}

void ComparisonFilter::Restrict(const std::byte* values, int64_t count, uint8_t* hits) const {
  WithType(type_, [&]<typename T>(T) {
    const T* in = reinterpret_cast<const T*>(values);
    for (const Comparison& comparison : comparisons_) {
      const T c = comparison.constant.GetValueUnsafe<T>();
      switch (comparison.op) {
        case duckdb::ExpressionType::COMPARE_EQUAL:
          Keep(in, count, hits, [c](T v) { return v == c; });
          break;
        case duckdb::ExpressionType::COMPARE_NOTEQUAL:
          Keep(in, count, hits, [c](T v) { return v < c || v > c; });  // false for NaN
          break;
        case duckdb::ExpressionType::COMPARE_LESSTHAN:
          Keep(in, count, hits, [c](T v) { return v < c; });
          break;
        case duckdb::ExpressionType::COMPARE_LESSTHANOREQUALTO:
          Keep(in, count, hits, [c](T v) { return v <= c; });
          break;
        case duckdb::ExpressionType::COMPARE_GREATERTHAN:
          Keep(in, count, hits, [c](T v) { return v > c; });
          break;
        default: Keep(in, count, hits, [c](T v) { return v >= c; }); break;
      }
    }
  });
}

}  // namespace colonnade::engine
