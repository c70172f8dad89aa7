// The rows of an answer from coordinates: combinations of positions, each standing for many rows of
// the table.

#pragma once

#include <cstdint>
#include <vector>

#include "table/selection.h"

namespace colonnade::engine {

/// What an answer from coordinates does with an axis.
enum class AxisUse : uint8_t {
  kCounted,   // not visited: its positions only multiply
  kProduct,   // visited in every combination with the other product axes
  kDiagonal,  // visited once per combination, side by side with the other diagonal axes
};

/// Rows are the C-order product of the product axes times the longest diagonal axis, which runs
/// fastest. A shorter diagonal axis repeats its last position: every position of it is there at
/// least once, which is all that MIN, MAX and DISTINCT of one axis need, and the repeated ones
/// count as nothing. So `SELECT min(time), max(lat)` over a million by a thousand positions visits
/// a million rows, not their product.
///
/// Immutable.
class PositionRows {
 public:
  /// \pre one use per axis; the row count of `selection` fits int64.
  PositionRows(table::Selection selection, std::vector<AxisUse> uses);

  int64_t row_count() const { return row_count_; }

  /// Positions of rows [begin, begin + count) on a visited axis.
  void Positions(size_t axis, int64_t begin, int64_t count, int64_t* out) const;

  /// How many rows of the table each of the rows stands for, if a combination of the product axes
  /// is counted once.
  void Multiplicities(int64_t begin, int64_t count, int64_t* out) const;

  /// Ditto, if each position of a diagonal axis is counted once per combination.
  void Multiplicities(size_t axis, int64_t begin, int64_t count, int64_t* out) const;

 private:
  table::Selection selection_;
  std::vector<AxisUse> uses_;
  std::vector<int64_t> inner_;    // rows that share one position of a product axis
  int64_t diagonal_ = 1;          // length of the longest diagonal axis
  int64_t combination_rows_ = 1;  // table rows per combination of the product axes
  int64_t row_count_ = 1;
};

}  // namespace colonnade::engine
