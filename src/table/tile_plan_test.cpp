#include "table/tile_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/random.h"

namespace colonnade::table {
namespace {

using array::Interval;
using array::Shape;
using ::testing::ElementsAre;

Selection Everything(const Shape& lengths) {
  Selection selection;
  for (const int64_t length : lengths) selection.push_back(AxisSelection::All(length));
  return selection;
}

TilePlan Plan(const Shape& lengths, const std::vector<ChunkedVariable>& variables,
              int64_t max_cells = 1'000) {
  return TilePlan(lengths, variables, variables, Everything(lengths), max_cells);
}

TEST(TilePlan, IsTheChunkGridOfOneVariable) {
  const TilePlan plan = Plan({10, 7}, {{{0, 1}, {4, 7}}});
  EXPECT_THAT(plan.tile_shape(), ElementsAre(4, 7));
  EXPECT_EQ(plan.tile_count(), 3);
  EXPECT_THAT(plan.TileBox(2), ElementsAre(Interval{8, 10}, Interval{0, 7}));
  EXPECT_FALSE(plan.SharesChunks({{0, 1}, {4, 7}}));
}

TEST(TilePlan, CoversDifferingChunks) {
  const TilePlan plan = Plan({100, 100}, {{{0, 1}, {10, 5}}, {{1, 0}, {20, 5}}});
  EXPECT_THAT(plan.tile_shape(), ElementsAre(10, 20));
  EXPECT_FALSE(plan.SharesChunks({{0, 1}, {10, 5}}));
  EXPECT_FALSE(plan.SharesChunks({{1, 0}, {20, 5}}));
  EXPECT_TRUE(plan.SharesChunks({{0, 1}, {10, 15}}));
}

TEST(TilePlan, TakesTheLargestChunkWhenACoverWouldBeTooLarge) {
  const TilePlan plan = Plan({1'000, 1'000}, {{{0, 1}, {1, 900}}, {{0, 1}, {950, 1}}});
  EXPECT_THAT(plan.tile_shape(), ElementsAre(950, 1));
  EXPECT_TRUE(plan.SharesChunks({{0, 1}, {1, 900}}));
}

TEST(TilePlan, FollowsUnequalChunksThatAllVariablesHave) {
  const std::vector<std::vector<int64_t>> bounds = {{0, 3, 8, 10}, {}};
  const ChunkedVariable a = {{0, 1}, {5, 4}, &bounds};
  const std::vector<std::vector<int64_t>> swapped = {{}, {0, 3, 8, 10}};
  const ChunkedVariable b = {{1, 0}, {4, 5}, &swapped};
  const TilePlan plan = Plan({10, 7}, {a, b});
  EXPECT_THAT(plan.tile_shape(), ElementsAre(5, 4));
  ASSERT_EQ(plan.tile_count(), 6);
  EXPECT_THAT(plan.TileBox(0), ElementsAre(Interval{0, 3}, Interval{0, 4}));
  EXPECT_THAT(plan.TileBox(3), ElementsAre(Interval{3, 8}, Interval{4, 7}));
  EXPECT_THAT(plan.TileBox(5), ElementsAre(Interval{8, 10}, Interval{4, 7}));
  EXPECT_FALSE(plan.SharesChunks(a));
  EXPECT_FALSE(plan.SharesChunks(b));
  EXPECT_EQ(ChunkCount(Shape{10, 7}, a), 6);
  EXPECT_EQ(ChunkCount(Shape{7, 10}, b), 6);

  // Coordinates alone are visited in the same order.
  const std::vector<ChunkedVariable> of_table = {a, b};
  const TilePlan coordinates(Shape{10, 7}, std::span<const ChunkedVariable>(), of_table,
                             Everything({10, 7}), 20);
  ASSERT_EQ(coordinates.tile_count(), 6);
  EXPECT_THAT(coordinates.TileBox(2), ElementsAre(Interval{3, 8}, Interval{0, 4}));

  const TilePlan some(Shape{10, 7}, of_table, of_table,
                      {AxisSelection::Of({{2, 4}, {9, 10}}), AxisSelection::All(7)}, 1'000);
  EXPECT_EQ(some.tile_count(), 6);
  const TilePlan last(Shape{10, 7}, of_table, of_table,
                      {AxisSelection::Of({{8, 10}}), AxisSelection::All(7)}, 1'000);
  ASSERT_EQ(last.tile_count(), 2);
  EXPECT_THAT(last.TileBox(1), ElementsAre(Interval{8, 10}, Interval{4, 7}));
}

TEST(TilePlan, SharesUnequalChunksThatVariablesDisagreeOn) {
  const std::vector<std::vector<int64_t>> bounds = {{0, 3, 8, 10}};
  const std::vector<std::vector<int64_t>> others = {{0, 5, 7, 10}};
  const ChunkedVariable a = {{0}, {5}, &bounds};
  const ChunkedVariable b = {{0}, {5}, &others};
  const ChunkedVariable equal = {{0}, {5}};
  for (const std::vector<ChunkedVariable>& both :
       {std::vector{a, b}, std::vector{a, equal}, std::vector{equal, a}}) {
    const TilePlan plan = Plan({10}, both);
    ASSERT_EQ(plan.tile_count(), 2);
    EXPECT_THAT(plan.TileBox(1), ElementsAre(Interval{5, 10}));
    EXPECT_TRUE(plan.SharesChunks(a));
    EXPECT_FALSE(plan.SharesChunks(equal));
  }
}

TEST(TilePlan, KeepsAChunkWholeHoweverLargeItIs) {
  EXPECT_THAT(Plan({1'000, 1'000}, {{{0, 1}, {1'000, 500}}}).tile_shape(), ElementsAre(1'000, 500));
}

TEST(TilePlan, TakesAxesWithoutChunksWholeInnermostFirst) {
  EXPECT_THAT(Plan({50, 40, 30}, {}).tile_shape(), ElementsAre(1, 33, 30));
  EXPECT_THAT(Plan({500, 4, 30}, {{{1, 2}, {2, 30}}}).tile_shape(), ElementsAre(16, 2, 30));
  EXPECT_TRUE(Plan({500, 4, 30}, {{{1, 2}, {2, 30}}}).SharesChunks({{1, 2}, {2, 30}}));
}

TEST(TilePlan, TakesAxesThatNoVariableHasFromTheTable) {
  const Shape lengths{7, 6, 7};
  const ChunkedVariable corner{{0, 1}, {2, 2}};
  const std::vector<ChunkedVariable> of_table{corner, {{0, 1, 2}, {2, 2, 3}}};
  const TilePlan all(lengths, of_table, of_table, Everything(lengths), 1'000);
  const TilePlan some(lengths, std::span(of_table).first(1), of_table, Everything(lengths), 1'000);
  const TilePlan none(lengths, {}, of_table, Everything(lengths), 1'000);
  EXPECT_THAT(all.tile_shape(), ElementsAre(2, 2, 3));
  EXPECT_EQ(some.tile_shape(), all.tile_shape());
  EXPECT_EQ(none.tile_shape(), all.tile_shape());
  EXPECT_TRUE(some.SharesChunks(corner));
}

TEST(TilePlan, OfATableWithoutAxesIsOneTile) {
  const TilePlan plan = Plan({}, {});
  EXPECT_EQ(plan.tile_count(), 1);
  EXPECT_TRUE(plan.TileBox(0).empty());
}

TEST(TilePlan, OfAnEmptySelectionIsEmpty) {
  EXPECT_EQ(Plan({0, 5}, {{{0, 1}, {1, 5}}}).tile_count(), 0);
  const TilePlan plan(Shape{4, 5}, {}, {}, {AxisSelection::Of({}), AxisSelection::All(5)}, 10);
  EXPECT_EQ(plan.tile_count(), 0);
}

TEST(TilePlan, IsConstantTimeForHugeTables) {
  const int64_t length = int64_t{1} << 62;
  Selection selection{AxisSelection::Of({{1, length - 1}})};
  const std::vector<ChunkedVariable> variables{{{0}, {1}}};
  const TilePlan plan(Shape{length}, variables, variables, selection, 1'000);
  EXPECT_EQ(plan.tile_count(), length - 2);
  EXPECT_THAT(plan.TileBox(plan.tile_count() - 1), ElementsAre(Interval{length - 2, length - 1}));
}

TEST(TilePlan, SurvivesChunksLargerThanAnyTable) {
  const TilePlan plan = Plan({3, 3}, {{{0, 1}, {INT64_MAX, INT64_MAX}}});
  EXPECT_THAT(plan.tile_shape(), ElementsAre(3, 3));
  EXPECT_FALSE(plan.SharesChunks({{0, 1}, {INT64_MAX, INT64_MAX}}));
}

TEST(ChunkCount, RoundsUpAndSaturates) {
  EXPECT_EQ(ChunkCount(Shape{10, 7}, {{}, {4, 7}}), 3);
  EXPECT_EQ(ChunkCount(Shape{}, {{}, {}}), 1);
  EXPECT_EQ(ChunkCount(Shape{0, INT64_MAX}, {{}, {1, 1}}), 0);
  EXPECT_EQ(ChunkCount(Shape{INT64_MAX, 3}, {{}, {1, 1}}), INT64_MAX);
}

// Oracle: every selected cell belongs to exactly one listed tile, and every tile has one.
TEST(TilePlanProperty, TilesPartitionTheSelectedCells) {
  SeededRandom random;
  for (int round = 0; round < 500; ++round) {
    const Shape lengths{random.Uniform(0, 12), random.Uniform(1, 12)};
    Selection selection;
    for (const int64_t length : lengths) {
      std::vector<Interval> runs;
      for (int64_t i = 0; i < length; ++i) {
        if (random.Chance(0.4)) runs.push_back({i, i + 1});
      }
      selection.push_back(AxisSelection::Of(std::move(runs)));
    }
    std::vector<ChunkedVariable> variables;
    for (int64_t v = random.Uniform(0, 3); v > 0; --v)
      variables.push_back({{0, 1}, {random.Uniform(1, 5), random.Uniform(1, 14)}});
    const TilePlan plan(lengths, variables, variables, selection, random.Uniform(1, 40));
    std::multiset<std::pair<int64_t, int64_t>> got;
    for (int64_t tile = 0; tile < plan.tile_count(); ++tile) {
      const array::Box box = plan.TileBox(tile);
      std::vector<int64_t> rows;
      std::vector<int64_t> columns;
      selection[0].PositionsWithin(box[0], &rows);
      selection[1].PositionsWithin(box[1], &columns);
      ASSERT_FALSE(rows.empty() || columns.empty());
      for (const int64_t row : rows) {
        for (const int64_t column : columns) got.insert({row, column});
      }
    }
    std::multiset<std::pair<int64_t, int64_t>> want;
    std::vector<int64_t> rows;
    std::vector<int64_t> columns;
    selection[0].PositionsWithin({0, lengths[0]}, &rows);
    selection[1].PositionsWithin({0, lengths[1]}, &columns);
    for (const int64_t row : rows) {
      for (const int64_t column : columns) want.insert({row, column});
    }
    ASSERT_EQ(got, want);
  }
}

}  // namespace
}  // namespace colonnade::table
