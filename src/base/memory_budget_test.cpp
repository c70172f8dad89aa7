#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <utility>

#include "support/counting_budget.h"
#include "support/status_matchers.h"

namespace colonnade {
namespace {

using ::testing::_;

TEST(MemoryReservation, GivesEverythingBackOnDestruction) {
  CountingBudget budget(100);
  {
    MemoryReservation reservation(budget);
    ASSERT_OK(reservation.Resize(60));
    ASSERT_OK(reservation.Resize(100));
    ASSERT_OK(reservation.Resize(30));
    EXPECT_EQ(budget.held(), 30u);
    EXPECT_EQ(reservation.bytes(), 30u);
  }
  EXPECT_EQ(budget.held(), 0u);
}

TEST(MemoryReservation, IsAsBeforeWhenTheBudgetRefuses) {
  CountingBudget budget(100);
  MemoryReservation reservation(budget);
  ASSERT_OK(reservation.Resize(40));
  EXPECT_THAT(reservation.Resize(101), StatusIs(StatusCode::kLimitExceeded, _));
  EXPECT_EQ(reservation.bytes(), 40u);
  EXPECT_EQ(budget.held(), 40u);
}

TEST(MemoryReservation, MovingHandsTheBytesOverOnce) {
  CountingBudget budget(100);
  MemoryReservation first(budget);
  ASSERT_OK(first.Resize(40));
  MemoryReservation second(budget);
  ASSERT_OK(second.Resize(50));
  second = std::move(first);
  EXPECT_EQ(budget.held(), 40u);
  MemoryReservation third = std::move(second);
  EXPECT_EQ(budget.held(), 40u);
  EXPECT_EQ(third.bytes(), 40u);
  EXPECT_EQ(second.bytes(), 0u);  // NOLINT(bugprone-use-after-move): a moved-from one is empty
  ASSERT_OK(second.Resize(60));
  EXPECT_EQ(budget.held(), 100u);
  MemoryReservation& alias = third;
  third = std::move(alias);
  EXPECT_EQ(third.bytes(), 40u);
  third.Reset();
  third.Reset();
  EXPECT_EQ(budget.held(), 60u);
}

TEST(MemoryReservation, WithoutABudgetNeverRefuses) {
  MemoryReservation reservation;
  ASSERT_OK(reservation.Resize(size_t{1} << 60));
  EXPECT_EQ(reservation.bytes(), size_t{1} << 60);
}

}  // namespace
}  // namespace colonnade
