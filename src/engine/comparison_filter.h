// The commonest predicate inside a scan, value against constant, over values that lie ready in
// memory.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "array/cf/decode_plan.h"
#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// A conjunction of comparisons of one numeric column with constants, evaluated without vectors.
/// Immutable.
class ComparisonFilter {
 public:
  /// Nothing if the filter is anything else, or a constant is NULL, NaN or of another type than the
  /// column.
  static std::optional<ComparisonFilter> Make(const duckdb::TableFilter& filter,
                                              array::ValueType type);

  /// True if the comparison may run on stored values of this plan: they are the values, and what is
  /// missing can be told by comparing (NaN).
  static bool Applies(const array::cf::DecodePlan& plan);

  /// Clears hits[i] (0 or 1) unless value i passes every comparison. NaN passes none.
  /// \pre `values` holds `count` values of the type given to Make.
  void Restrict(const std::byte* values, int64_t count, uint8_t* hits) const;

 private:
  struct Comparison {
    duckdb::ExpressionType op;
    duckdb::Value constant;
  };
  array::ValueType type_ = array::ValueType::kInt64;
  std::vector<Comparison> comparisons_;
};

}  // namespace colonnade::engine
