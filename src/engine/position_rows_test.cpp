#include "engine/position_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "support/random.h"

namespace colonnade::engine {
namespace {

using table::AxisSelection;
using table::Selection;
using ::testing::ElementsAre;

std::vector<int64_t> PositionsOf(const PositionRows& rows, size_t axis) {
  std::vector<int64_t> out(static_cast<size_t>(rows.row_count()));
  // In two calls, so that a beginning in the middle of a run is covered.
  const int64_t half = rows.row_count() / 2;
  rows.Positions(axis, 0, half, out.data());
  rows.Positions(axis, half, rows.row_count() - half, out.data() + half);
  return out;
}

TEST(PositionRows, DiagonalAxesRunSideBySideAndRepeatTheirLastPosition) {
  const PositionRows rows(
      {AxisSelection::All(2), AxisSelection::Of({{5, 6}, {8, 10}}), AxisSelection::All(100)},
      {AxisUse::kDiagonal, AxisUse::kDiagonal, AxisUse::kCounted});
  ASSERT_EQ(rows.row_count(), 3);
  EXPECT_THAT(PositionsOf(rows, 0), ElementsAre(0, 1, 1));
  EXPECT_THAT(PositionsOf(rows, 1), ElementsAre(5, 8, 9));
  std::vector<int64_t> counts(3);
  rows.Multiplicities(0, 3, counts.data());
  EXPECT_THAT(counts, ElementsAre(600, 0, 0));
  rows.Multiplicities(size_t{0}, 0, 3, counts.data());
  EXPECT_THAT(counts, ElementsAre(300, 300, 0));
}

TEST(PositionRows, WithoutVisitedAxesThereIsOneRow) {
  const PositionRows rows({AxisSelection::All(7), AxisSelection::All(5)},
                          {AxisUse::kCounted, AxisUse::kCounted});
  ASSERT_EQ(rows.row_count(), 1);
  int64_t count = 0;
  rows.Multiplicities(0, 1, &count);
  EXPECT_EQ(count, 35);
}

TEST(PositionRows, AnEmptyAxisLeavesNoRows) {
  for (const AxisUse use : {AxisUse::kCounted, AxisUse::kProduct, AxisUse::kDiagonal}) {
    EXPECT_EQ(PositionRows({AxisSelection::All(3), AxisSelection::All(0)}, {AxisUse::kProduct, use})
                  .row_count(),
              0);
  }
}

// Oracle: count the table's rows per combination of the product axes, and per position of a
// diagonal one.
TEST(PositionRowsProperty, EveryCombinationIsVisitedAndCountedOnce) {
  SeededRandom random;
  for (int round = 0; round < 300; ++round) {
    const size_t rank = static_cast<size_t>(random.Uniform(1, 4));
    Selection selection;
    std::vector<AxisUse> uses;
    int64_t total = 1;
    for (size_t axis = 0; axis < rank; ++axis) {
      const int64_t begin = random.Uniform(0, 5);
      selection.push_back(AxisSelection::Of(
          {{begin, begin + random.Uniform(1, 3)}, {20, 20 + random.Uniform(1, 3)}}));
      uses.push_back(static_cast<AxisUse>(random.Uniform(0, 2)));
      total *= selection[axis].count();
    }
    const PositionRows rows(selection, uses);
    int64_t combinations = 1;
    std::vector<std::vector<int64_t>> positions(rank);
    for (size_t axis = 0; axis < rank; ++axis) {
      if (uses[axis] == AxisUse::kCounted) continue;
      if (uses[axis] == AxisUse::kProduct) combinations *= selection[axis].count();
      positions[axis] = PositionsOf(rows, axis);
    }
    const size_t count = static_cast<size_t>(rows.row_count());
    const auto combination_of = [&](size_t row) {
      std::vector<int64_t> key;
      for (size_t axis = 0; axis < rank; ++axis) {
        if (uses[axis] == AxisUse::kProduct) key.push_back(positions[axis][row]);
      }
      return key;
    };
    std::map<std::vector<int64_t>, int64_t> counted;
    std::vector<int64_t> multiplicities(count);
    rows.Multiplicities(0, rows.row_count(), multiplicities.data());
    for (size_t row = 0; row < count; ++row) counted[combination_of(row)] += multiplicities[row];
    ASSERT_EQ(static_cast<int64_t>(counted.size()), combinations) << "round " << round;
    for (const auto& [key, sum] : counted)
      ASSERT_EQ(sum, total / combinations) << "round " << round;

    for (size_t axis = 0; axis < rank; ++axis) {
      if (uses[axis] != AxisUse::kDiagonal) continue;
      rows.Multiplicities(axis, 0, rows.row_count(), multiplicities.data());
      std::map<std::vector<int64_t>, int64_t> per_position;
      for (size_t row = 0; row < count; ++row) {
        auto key = combination_of(row);
        key.push_back(positions[axis][row]);
        per_position[key] += multiplicities[row];
      }
      const int64_t length = selection[axis].count();
      ASSERT_EQ(static_cast<int64_t>(per_position.size()), combinations * length)
          << "round " << round;
      for (const auto& [key, sum] : per_position) ASSERT_EQ(sum, total / combinations / length);
    }
  }
}

}  // namespace
}  // namespace colonnade::engine
