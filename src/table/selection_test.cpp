#include "table/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/random.h"

namespace colonnade::table {
namespace {

using array::Interval;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AxisSelection, MergesAdjacentRunsAndDropsEmptyOnes) {
  const AxisSelection selection = AxisSelection::Of({{0, 2}, {2, 2}, {2, 5}, {7, 8}});
  EXPECT_THAT(selection.runs(), ElementsAre(Interval{0, 5}, Interval{7, 8}));
  EXPECT_EQ(selection.count(), 6);
}

TEST(AxisSelection, OfAnEmptyAxisIsEmpty) {
  EXPECT_TRUE(AxisSelection::All(0).empty());
  EXPECT_THAT(AxisSelection::All(0).runs(), IsEmpty());
}

TEST(AxisSelection, CountsTheLongestAxisWithoutOverflow) {
  const AxisSelection all = AxisSelection::All(INT64_MAX);
  EXPECT_EQ(all.count(), INT64_MAX);
  EXPECT_EQ(all.CountWithin({1, INT64_MAX}), INT64_MAX - 1);
  EXPECT_EQ(all.PositionAt(INT64_MAX - 1), INT64_MAX - 1);
}

TEST(RowCount, IsTheProductAndOneWithoutAxes) {
  EXPECT_EQ(RowCount({}), 1);
  EXPECT_EQ(RowCount({AxisSelection::All(3), AxisSelection::All(4)}), 12);
  EXPECT_EQ(RowCount({AxisSelection::All(3), AxisSelection::All(0)}), 0);
}

AxisSelection RandomSelection(SeededRandom& random, std::set<int64_t>* positions) {
  std::vector<Interval> runs;
  int64_t at = 0;
  while (random.Chance(0.8)) {
    at += random.Uniform(0, 4);
    const int64_t end = at + random.Uniform(0, 5);
    runs.push_back({at, end});
    for (; at < end; ++at) positions->insert(at);
  }
  return AxisSelection::Of(std::move(runs));
}

// Oracle: a set of positions.
TEST(AxisSelectionProperty, AgreesWithASetOfPositions) {
  SeededRandom random;
  for (int round = 0; round < 2'000; ++round) {
    std::set<int64_t> a;
    std::set<int64_t> b;
    const AxisSelection selection = RandomSelection(random, &a);
    const AxisSelection other = RandomSelection(random, &b);
    ASSERT_EQ(selection.count(), static_cast<int64_t>(a.size()));
    int64_t n = 0;
    for (const int64_t position : a) ASSERT_EQ(selection.PositionAt(n++), position);

    const int64_t begin = random.Uniform(0, 30);
    const Interval interval{begin, begin + random.Uniform(0, 20)};
    const std::vector<int64_t> want(a.lower_bound(interval.begin), a.lower_bound(interval.end));
    std::vector<int64_t> got{-1};
    EXPECT_EQ(selection.PositionsWithin(interval, &got), static_cast<int64_t>(want.size()));
    EXPECT_EQ(std::vector<int64_t>(got.begin() + 1, got.end()), want);
    EXPECT_EQ(selection.CountWithin(interval), static_cast<int64_t>(want.size()));

    std::vector<Interval> both;
    for (const int64_t position : a) {
      if (b.contains(position)) both.push_back({position, position + 1});
    }
    EXPECT_EQ(selection.Intersect(other), AxisSelection::Of(both));
  }
}

}  // namespace
}  // namespace colonnade::table
