// Predicates over coordinates, evaluated once per position instead of once per row.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/duckdb_headers.h"
#include "engine/query_state.h"
#include "table/selection.h"
#include "table/table_source.h"

namespace colonnade::engine {

/// A predicate over several axes as a tree of single-axis parts, precise enough to skip tiles: it
/// answers "can any row of this box be true", never wrongly no. Immutable.
class TilePredicate {
 public:
  enum class Kind : uint8_t { kAnd, kOr, kNot, kAxis, kUnknown };

  Kind kind = Kind::kUnknown;
  std::vector<std::unique_ptr<TilePredicate>> children;
  // kAxis: positions where the part is true, and where it is false (the others are NULL).
  size_t axis = 0;
  table::AxisSelection is_true = table::AxisSelection::All(0);
  table::AxisSelection is_false = table::AxisSelection::All(0);
  std::string text;  // of the whole predicate, to recognise it again

  bool MayBeTrue(const std::vector<table::AxisPositions>& axes) const;

  /// Positions of `axis` at which the predicate may be true, whatever the other axes are. Nothing
  /// if unknown.
  std::optional<table::AxisSelection> Bound(size_t axis, bool value) const;

 private:
  bool MayBe(bool value, const std::vector<table::AxisPositions>& axes) const;
};

/// Evaluates predicates of one scan while it is planned or started.
class AxisFilter {
 public:
  /// All must outlive it.
  AxisFilter(duckdb::ClientContext& context, const table::TableSource& source,
             const table::ScanEnvironment& environment)
      : context_(context), source_(source), environment_(environment) {}

  /// Positions of `axis` for which `predicate` is true. Its column references have been replaced by
  /// BoundReferenceExpressions whose index is a *source* column, all of them of `axis` or constant.
  ///
  /// \error whatever the predicate raises, LoadAxis' errors; the caller then leaves the predicate
  /// to the rows.
  Result<table::AxisSelection> Evaluate(const duckdb::Expression& predicate, size_t axis,
                                        table::AxisSelection* is_false = nullptr);

  /// True if `predicate`, over constant columns only, is true.
  Result<bool> EvaluateConstant(const duckdb::Expression& predicate);

  /// The tree of a predicate over several axes; parts that cannot be evaluated are kUnknown.
  std::unique_ptr<TilePredicate> MakeTree(const duckdb::Expression& predicate);

  /// The axes that a predicate (with references as above) depends on; nothing if it uses a value
  /// column, or cannot be evaluated early (volatile, parameters, subqueries).
  std::optional<std::vector<size_t>> AxesOf(const duckdb::Expression& predicate) const;

 private:
  Result<table::AxisSelection> EvaluateOver(int64_t length, const duckdb::Expression& predicate,
                                            table::AxisSelection* is_false);

  duckdb::ClientContext& context_;
  const table::TableSource& source_;
  table::ScanEnvironment environment_;
};

}  // namespace colonnade::engine
