#include "table/selection.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace colonnade::table {

AxisSelection AxisSelection::All(int64_t length) {
  return Of({array::Interval{0, std::max<int64_t>(length, 0)}});
}

AxisSelection AxisSelection::Of(std::vector<array::Interval> runs) {
  AxisSelection selection;
  size_t kept = 0;
  for (const array::Interval& run : runs) {
    if (run.begin >= run.end) continue;
    assert(kept == 0 || run.begin >= runs[kept - 1].end);
    if (kept > 0 && run.begin <= runs[kept - 1].end) {
      runs[kept - 1].end = std::max(runs[kept - 1].end, run.end);
    } else {
      runs[kept++] = run;
    }
  }
  runs.resize(kept);
  selection.runs_ = std::move(runs);
  selection.starts_.reserve(kept);
  for (const array::Interval& run : selection.runs_) {
    selection.starts_.push_back(selection.count_);
    selection.count_ += run.size();
  }
  return selection;
}

size_t AxisSelection::RunEndingAfter(int64_t position) const {
  const auto run = std::partition_point(
      runs_.begin(), runs_.end(),
      [position](const array::Interval& candidate) { return candidate.end <= position; });
  return static_cast<size_t>(run - runs_.begin());
}

int64_t AxisSelection::CountBefore(int64_t position) const {
  const size_t run = RunEndingAfter(position);
  if (run == runs_.size()) return count_;
  return starts_[run] + std::max<int64_t>(position - runs_[run].begin, 0);
}

AxisSelection AxisSelection::Intersect(const AxisSelection& other) const {
  std::vector<array::Interval> both;
  size_t mine = 0;
  size_t theirs = 0;
  while (mine < runs_.size() && theirs < other.runs_.size()) {
    const array::Interval& a = runs_[mine];
    const array::Interval& b = other.runs_[theirs];
    const array::Interval overlap{std::max(a.begin, b.begin), std::min(a.end, b.end)};
    if (overlap.begin < overlap.end) both.push_back(overlap);
    if (a.end <= b.end) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return Of(std::move(both));
}

int64_t AxisSelection::PositionsWithin(array::Interval interval, std::vector<int64_t>* out) const {
  int64_t found = 0;
  for (size_t run = RunEndingAfter(interval.begin);
       run < runs_.size() && runs_[run].begin < interval.end; ++run) {
    const int64_t end = std::min(runs_[run].end, interval.end);
    for (int64_t position = std::max(runs_[run].begin, interval.begin); position < end;
         ++position) {
      out->push_back(position);
      ++found;
    }
  }
  return found;
}

int64_t AxisSelection::CountWithin(array::Interval interval) const {
  if (interval.begin >= interval.end) return 0;
  return CountBefore(interval.end) - CountBefore(interval.begin);
}

int64_t AxisSelection::PositionAt(int64_t n) const {
  assert(n >= 0 && n < count_);
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), n);
  const size_t run = static_cast<size_t>(after - starts_.begin()) - 1;
  return runs_[run].begin + (n - starts_[run]);
}

int64_t RowCount(const Selection& selection) {
  int64_t rows = 1;
  for (const AxisSelection& axis : selection) {
    if (axis.empty()) return 0;
    rows *= axis.count();
  }
  return rows;
}

}  // namespace colonnade::table
