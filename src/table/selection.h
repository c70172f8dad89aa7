// Which positions of each axis a scan visits.

#pragma once

#include <cstdint>
#include <vector>

#include "array/box.h"

namespace colonnade::table {

/// Positions of one axis as ascending, disjoint, non-adjacent, non-empty intervals. A million
/// scattered positions cost 16 MB; a range costs one interval.
class AxisSelection {
 public:
  /// All positions of an axis of `length`.
  static AxisSelection All(int64_t length);
  /// \pre `runs` are ascending and disjoint; adjacent and empty ones are merged.
  static AxisSelection Of(std::vector<array::Interval> runs);

  const std::vector<array::Interval>& runs() const { return runs_; }
  int64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

  /// Positions in both.
  AxisSelection Intersect(const AxisSelection& other) const;
  /// Positions inside `interval`, appended to `out` in order; returns how many.
  int64_t PositionsWithin(array::Interval interval, std::vector<int64_t>* out) const;
  /// Number of positions inside `interval`.
  int64_t CountWithin(array::Interval interval) const;
  /// The position number `n`, counted from 0. O(log runs). \pre 0 <= n < count()
  int64_t PositionAt(int64_t n) const;

  bool operator==(const AxisSelection&) const = default;

 private:
  // Index of the first run that ends after `position`.
  size_t RunEndingAfter(int64_t position) const;
  // Positions before `position`.
  int64_t CountBefore(int64_t position) const;

  std::vector<array::Interval> runs_;
  std::vector<int64_t> starts_;  // positions before each run, for CountWithin in O(log n)
  int64_t count_ = 0;
};

/// One per axis. The selected rows are the product.
using Selection = std::vector<AxisSelection>;

/// Number of selected rows. \pre it fits int64 (a table's row count does).
int64_t RowCount(const Selection& selection);

}  // namespace colonnade::table
