#include "array/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace colonnade::array {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ArrayView, DenseStridesRunBackwards) {
  EXPECT_THAT(DenseStrides(Shape{2, 3, 5}, 4), ElementsAre(60, 20, 4));
  EXPECT_THAT(DenseStrides(Shape{}, 4), IsEmpty());
}

TEST(ArrayView, StridesOfAnEmptyArrayDoNotOverflow) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(DenseStrides(Shape{0, kMax, kMax}, 8).back(), 8);
}

TEST(ArrayView, IsConstantIfNoStrideMoves) {
  ArrayView view;
  EXPECT_TRUE(view.is_constant());
  view.strides = {0, 0};
  EXPECT_TRUE(view.is_constant());
  view.strides = {0, 8};
  EXPECT_FALSE(view.is_constant());
}

}  // namespace
}  // namespace colonnade::array
