#include "questdb/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "support/random.h"

namespace colonnade::questdb {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using RoundFailure = ReconnectBackoff::RoundFailure;

constexpr uint64_t kLeast = 0;
constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kMiddle = uint64_t{1} << 63;

const Clock::time_point kStart{hours(1000)};

TEST(Backoff, FractionsFillTheRangeAndStayInside) {
  EXPECT_EQ(Fraction(kLeast, Nanos(1000)), Nanos(0));
  EXPECT_EQ(Fraction(kMiddle, Nanos(1000)), Nanos(500));
  EXPECT_EQ(Fraction(kMost, Nanos(1000)), Nanos(999));
  EXPECT_EQ(Fraction(kMost, Nanos(1)), Nanos(0));
  EXPECT_EQ(Fraction(kMost, Nanos(0)), Nanos(0));
  EXPECT_EQ(Fraction(kMost, Nanos(-5)), Nanos(0));
  EXPECT_EQ(Fraction(kMost, Nanos::max()), Nanos::max() - Nanos(1));
  // Each of ten equal parts of the bits is one of ten numbers.
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Fraction(kMost / 10 * i + kMost / 20, Nanos(10)), Nanos(i));
  }
}

TEST(ReconnectBackoff, DoublesUpToTheLargestAndSpreadsEachWaitAroundItsCentre) {
  const std::vector<int> centres = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
  for (const uint64_t random : {kLeast, kMiddle, kMost}) {
    ReconnectBackoff backoff({}, kStart);
    for (const int centre : centres) {
      const Nanos base = milliseconds(centre);
      const Nanos expected = random == kLeast    ? base / 2
                             : random == kMiddle ? base
                                                 : base / 2 + base - Nanos(1);
      EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, random).wait, expected);
    }
  }
}

TEST(ReconnectBackoff, GivesUpWhenTheBudgetIsUsedUp) {
  ReconnectBackoff backoff({.budget = milliseconds(250)}, kStart);
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(100));
  // The wait of 200 ms ends with the budget.
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart + milliseconds(110), kMiddle).wait,
            milliseconds(140));
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart + milliseconds(250), kMiddle).wait,
            std::nullopt);
  EXPECT_EQ(
      backoff.OnFailure(RoundFailure::kRoleRejected, kStart + milliseconds(251), kMiddle).wait,
      std::nullopt);
}

TEST(ReconnectBackoff, ABudgetOfZeroIsOneAttempt) {
  ReconnectBackoff backoff({.budget = Nanos(0)}, kStart);
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kLeast).wait, std::nullopt);
}

TEST(ReconnectBackoff, StaysAtTheInitialWaitWhileAllAreOfTheWrongRole) {
  ReconnectBackoff backoff({}, kStart);
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(100));
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(200));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(backoff.OnFailure(RoundFailure::kRoleRejected, kStart, kMiddle).wait,
              milliseconds(100));
  }
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(100));
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(200));
}

TEST(ReconnectBackoff, BeginsAnewAfterASuccess) {
  ReconnectBackoff backoff({.budget = milliseconds(1000)}, kStart);
  for (int i = 0; i < 3; ++i) (void)backoff.OnFailure(RoundFailure::kUnreachable, kStart, kLeast);
  const auto later = kStart + milliseconds(5000);
  backoff.OnSuccess(later);
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, later + milliseconds(10), kMiddle).wait,
            milliseconds(100));
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, later + milliseconds(1000), kMiddle).wait,
            std::nullopt);
}

TEST(ReconnectBackoff, TakesItsLimitsFromTheOptionsEvenTheLongest) {
  ConnectOptions options;
  options.reconnect_initial_backoff = milliseconds(7);
  options.reconnect_max_backoff = milliseconds(9);
  options.reconnect_max_duration = milliseconds::max();
  ReconnectBackoff backoff(ReconnectBackoff::Limits::Of(options), kStart);
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart, kMiddle).wait, milliseconds(7));
  EXPECT_EQ(backoff.OnFailure(RoundFailure::kUnreachable, kStart + hours(100'000), kMiddle).wait,
            milliseconds(9));
}

TEST(FailoverBackoff, SpreadsEachWaitOverAllOfItAndCountsTheFirstAttempt) {
  const std::vector<int> most = {50, 100, 200, 400, 800, 1000, 1000};
  for (const uint64_t random : {kLeast, kMost}) {
    FailoverBackoff backoff({}, kStart);
    for (const int longest : most) {
      EXPECT_EQ(backoff.OnFailure(kStart, random).wait,
                random == kLeast ? Nanos(0) : Nanos(milliseconds(longest)));
    }
    EXPECT_EQ(backoff.OnFailure(kStart, random).wait, std::nullopt);
    EXPECT_EQ(backoff.failures(), 8);
  }
}

TEST(FailoverBackoff, DoesNotWaitWithoutAnInitialBackoff) {
  FailoverBackoff backoff({.initial = Nanos(0)}, kStart);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(backoff.OnFailure(kStart, kMost).wait, Nanos(0));
  EXPECT_EQ(backoff.OnFailure(kStart, kMost).wait, std::nullopt);
}

TEST(FailoverBackoff, GivesUpAtOnceWhereItIsOffOrOneAttemptIsAllowed) {
  EXPECT_EQ(FailoverBackoff({.enabled = false}, kStart).OnFailure(kStart, kMost).wait,
            std::nullopt);
  EXPECT_EQ(FailoverBackoff({.max_attempts = 1}, kStart).OnFailure(kStart, kMost).wait,
            std::nullopt);
}

TEST(FailoverBackoff, EndsWithItsDurationUnlessThatIsUnbounded) {
  FailoverBackoff bounded({.max_duration = milliseconds(60)}, kStart);
  EXPECT_EQ(bounded.OnFailure(kStart + milliseconds(1), kMost).wait, milliseconds(50));
  EXPECT_EQ(bounded.OnFailure(kStart + milliseconds(52), kMost).wait, milliseconds(8));
  EXPECT_EQ(bounded.OnFailure(kStart + milliseconds(60), kMost).wait, std::nullopt);

  FailoverBackoff unbounded({.max_duration = Nanos(0)}, kStart);
  EXPECT_EQ(unbounded.OnFailure(kStart + hours(10'000), kMost).wait, milliseconds(50));
}

TEST(FailoverBackoff, SurvivesTheMostAttemptsOfTheLongestWaits) {
  ConnectOptions options;
  options.failover_max_attempts = 1024;
  options.failover_backoff_initial = milliseconds(1);
  options.failover_backoff_max = milliseconds(3'600'000);
  options.failover_max_duration = milliseconds(0);
  FailoverBackoff backoff(FailoverBackoff::Limits::Of(options), kStart);
  for (int i = 0; i < 1023; ++i) {
    const Nanos expected = i < 22 ? Nanos(milliseconds(1LL << i)) : Nanos(milliseconds(3'600'000));
    ASSERT_EQ(backoff.OnFailure(kStart, kMost).wait, expected) << i;
  }
  EXPECT_EQ(backoff.OnFailure(kStart, kMost).wait, std::nullopt);
}

TEST(PoisonDetector, NeedsBothTheStrikesAndTheWindow) {
  PoisonDetector detector({});
  // Many strikes in a short time are a server that restarts.
  for (int i = 0; i < 50; ++i) {
    EXPECT_NE(detector.OnStrike(kStart + milliseconds(i), kLeast).wait, std::nullopt);
  }
  EXPECT_NE(detector.OnStrike(kStart + milliseconds(4999), kLeast).wait, std::nullopt);
  EXPECT_EQ(detector.OnStrike(kStart + milliseconds(5000), kLeast).wait, std::nullopt);

  // And a few over a long time.
  PoisonDetector slow({});
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(slow.OnStrike(kStart + hours(i), kLeast).wait, std::nullopt);
  }
  EXPECT_EQ(slow.OnStrike(kStart + hours(3), kLeast).wait, std::nullopt);
}

TEST(PoisonDetector, ForgetsStrikesWhenAnAcknowledgementArrives) {
  PoisonDetector detector({});
  for (int i = 0; i < 3; ++i) (void)detector.OnStrike(kStart + hours(i), kLeast);
  detector.OnProgress();
  EXPECT_EQ(detector.strikes(), 0);
  for (int i = 3; i < 6; ++i) {
    EXPECT_NE(detector.OnStrike(kStart + hours(i), kLeast).wait, std::nullopt);
  }
  EXPECT_EQ(detector.OnStrike(kStart + hours(6), kLeast).wait, std::nullopt);
}

TEST(PoisonDetector, PacesStrikesByADoseThatDoublesSixTimes) {
  ConnectOptions options;
  options.max_frame_rejections = 100;
  options.reconnect_max_backoff = milliseconds(50'000);
  PoisonDetector detector(PoisonDetector::Limits::Of(options));
  for (const int dose : {100, 200, 400, 800, 1600, 3200, 6400, 6400, 6400}) {
    EXPECT_EQ(detector.OnStrike(kStart, kLeast).wait, milliseconds(dose));
  }
  EXPECT_EQ(detector.OnStrike(kStart, kMost).wait, milliseconds(12'800) - Nanos(1));

  PoisonDetector capped({.max_strikes = 100, .max_backoff = milliseconds(300)});
  for (const int dose : {100, 200, 300, 300}) {
    EXPECT_EQ(capped.OnStrike(kStart, kLeast).wait, milliseconds(dose));
  }
}

// Whatever happens, waits stay in their range and a budget that has passed is the end.
TEST(BackoffProperty, KeepsItsBoundsUnderRandomFailures) {
  SeededRandom random;
  for (int run = 0; run < 500; ++run) {
    const Nanos initial = milliseconds(random.Uniform(1, 500));
    const Nanos max = initial + milliseconds(random.Uniform(0, 5'000));
    const Nanos budget = milliseconds(random.Uniform(0, 60'000));
    ReconnectBackoff backoff({.initial = initial, .max = max, .budget = budget}, kStart);
    Clock::time_point now = kStart;
    int rounds = 0;
    while (true) {
      now += milliseconds(random.Uniform(0, 300));
      const bool role = random.Chance(0.2);
      const auto decision = backoff.OnFailure(
          role ? RoundFailure::kRoleRejected : RoundFailure::kUnreachable, now, random.engine()());
      if (!decision.wait) {
        EXPECT_GE(now - kStart, budget);
        break;
      }
      ASSERT_LT(now - kStart, budget);
      ASSERT_LT(*decision.wait, role ? initial * 3 / 2 + Nanos(1) : max * 3 / 2 + Nanos(1));
      ASSERT_GE(*decision.wait, std::min(initial / 2, budget - (now - kStart)));
      now += *decision.wait;
      ASSERT_LT(++rounds, 500'000);
    }
  }
}

}  // namespace
}  // namespace colonnade::questdb
