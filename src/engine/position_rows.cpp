#include "engine/position_rows.h"

#include <algorithm>
#include <utility>

namespace colonnade::engine {

PositionRows::PositionRows(table::Selection selection, std::vector<AxisUse> uses)
    : selection_(std::move(selection)), uses_(std::move(uses)), inner_(uses_.size(), 1) {
  bool empty = false;
  for (size_t axis = 0; axis < uses_.size(); ++axis) {
    const int64_t count = selection_[axis].count();
    empty |= count == 0;
    if (uses_[axis] != AxisUse::kProduct) combination_rows_ *= count;
    if (uses_[axis] == AxisUse::kDiagonal) diagonal_ = std::max(diagonal_, count);
  }
  row_count_ = diagonal_;
  for (size_t axis = uses_.size(); axis-- > 0;) {
    if (uses_[axis] != AxisUse::kProduct) continue;
    inner_[axis] = row_count_;
    row_count_ *= selection_[axis].count();
  }
  if (empty) row_count_ = 0;
}

void PositionRows::Positions(size_t axis, int64_t begin, int64_t count, int64_t* out) const {
  const table::AxisSelection& selected = selection_[axis];
  const int64_t length = selected.count();
  if (uses_[axis] == AxisUse::kDiagonal) {
    for (int64_t i = 0; i < count; ++i) {
      out[i] = selected.PositionAt(std::min((begin + i) % diagonal_, length - 1));
    }
    return;
  }
  const int64_t inner = inner_[axis];
  for (int64_t i = 0; i < count;) {
    const int64_t run = std::min(inner - (begin + i) % inner, count - i);
    std::fill_n(out + i, run, selected.PositionAt((begin + i) / inner % length));
    i += run;
  }
}

void PositionRows::Multiplicities(int64_t begin, int64_t count, int64_t* out) const {
  for (int64_t i = 0; i < count; ++i) out[i] = (begin + i) % diagonal_ == 0 ? combination_rows_ : 0;
}

void PositionRows::Multiplicities(size_t axis, int64_t begin, int64_t count, int64_t* out) const {
  const int64_t length = selection_[axis].count();
  const int64_t each = length == 0 ? 0 : combination_rows_ / length;
  for (int64_t i = 0; i < count; ++i) out[i] = (begin + i) % diagonal_ < length ? each : 0;
}

}  // namespace colonnade::engine
