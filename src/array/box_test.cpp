#include "array/box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace colonnade::array {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(Box, CountsTheElementsOfAShape) {
  EXPECT_EQ(ElementCount(Shape{2, 3, 5}), 30);
  EXPECT_EQ(ElementCount(Shape{kMax}), kMax);
}

TEST(Box, RankZeroHasOneElement) {
  EXPECT_EQ(ElementCount(Shape{}), 1);
  EXPECT_EQ(ElementCount(Box{}), 1);
}

TEST(Box, ACountThatDoesNotFitIsNothing) {
  EXPECT_EQ(ElementCount(Shape{int64_t{1} << 32, int64_t{1} << 32}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{kMax, 2}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{-1}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{0, -1}), std::nullopt);
}

TEST(Box, AnEmptyDimensionMakesZeroWhateverTheOthers) {
  EXPECT_EQ(ElementCount(Shape{0, kMax, kMax}), 0);
  EXPECT_EQ(ElementCount(Shape{kMax, kMax, 0}), 0);
  EXPECT_EQ(ElementCount(Box{{0, kMax}, {0, kMax}, {7, 7}}), 0);
}

TEST(Box, CountsTheElementsOfABox) { EXPECT_EQ(ElementCount(Box{{2, 5}, {10, 14}}), 12); }

TEST(Box, TheWholeBoxBeginsAtZero) {
  EXPECT_THAT(WholeBox(Shape{4, 0}), ElementsAre(Interval{0, 4}, Interval{0, 0}));
  EXPECT_THAT(WholeBox(Shape{}), IsEmpty());
}

TEST(Box, ShapesPrintAsLists) {
  EXPECT_EQ(ShapeToString(Shape{1460, 181, 360}), "[1460, 181, 360]");
  EXPECT_EQ(ShapeToString(Shape{}), "[]");
}

}  // namespace
}  // namespace colonnade::array
