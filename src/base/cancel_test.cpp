#include "base/cancel.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/status_matchers.h"

namespace colonnade {
namespace {

using ::testing::_;

TEST(CancelFlag, IsQuietUntilItIsSet) {
  CancelFlag flag;
  EXPECT_FALSE(flag.cancelled());
  EXPECT_OK(flag.Check());
  flag.Cancel();
  flag.Cancel();
  EXPECT_TRUE(flag.cancelled());
  EXPECT_THAT(flag.Check(), StatusIs(StatusCode::kCancelled, _));
}

TEST(CancelFlag, StopsALoopOnAnotherThread) {
  CancelFlag flag;
  Status stopped;
  std::thread loop([&] {
    while (stopped.ok()) stopped = flag.Check();
  });
  flag.Cancel();
  loop.join();
  EXPECT_EQ(stopped.code(), StatusCode::kCancelled);
}

TEST(NeverCancelled, IsNot) { EXPECT_OK(NeverCancelled().Check()); }

}  // namespace
}  // namespace colonnade
