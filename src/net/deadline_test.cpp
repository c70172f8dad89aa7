#include "net/deadline.h"

#include <gtest/gtest.h>

#include <limits>

namespace colonnade::net {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

TEST(Deadline, NeverDoesNotPass) {
  EXPECT_TRUE(Deadline::Never().never());
  EXPECT_FALSE(Deadline::Never().expired());
  EXPECT_EQ(Deadline::Never().poll_timeout(), -1);
}

TEST(Deadline, HasPassedAtItsMoment) {
  EXPECT_TRUE(Deadline::At(Clock::now()).expired());
  EXPECT_TRUE(Deadline::After(0ms).expired());
  EXPECT_TRUE(Deadline::After(-5s).expired());
  EXPECT_EQ(Deadline::After(-5s).poll_timeout(), 0);
  EXPECT_FALSE(Deadline::After(1h).expired());
}

TEST(Deadline, WaitsNeverZeroMillisecondsBeforeItsMoment) {
  // Rounded down, the last part of a millisecond would be spent polling.
  const Deadline deadline = Deadline::After(3600s);
  EXPECT_GT(deadline.poll_timeout(), 3500 * 1000);
  EXPECT_LE(deadline.poll_timeout(), 3600 * 1000);
  for (int i = 0; i < 100; ++i) {
    const Deadline soon = Deadline::After(200us);
    const int timeout = soon.poll_timeout();
    EXPECT_TRUE(timeout == 1 || soon.expired());
  }
}

TEST(Deadline, ADurationBeyondTheClockIsNever) {
  EXPECT_TRUE(Deadline::After(std::chrono::milliseconds::max()).never());
  EXPECT_TRUE(Deadline::After(Clock::duration::max()).never());
  EXPECT_TRUE(Deadline::After(std::chrono::hours::max()).never());
  EXPECT_FALSE(Deadline::After(std::chrono::hours(24 * 365)).never());
}

TEST(Deadline, ALongOneFitsThePoll) {
  EXPECT_EQ(Deadline::After(std::chrono::hours(24 * 365)).poll_timeout(),
            std::numeric_limits<int>::max());
}

TEST(Deadline, TheEarlierOfTwo) {
  const Deadline soon = Deadline::After(1s);
  EXPECT_EQ(Deadline::Earlier(soon, Deadline::Never()), soon);
  EXPECT_EQ(Deadline::Earlier(Deadline::Never(), soon), soon);
}

}  // namespace
}  // namespace colonnade::net
