// When to try again: the clocks and dice of reconnecting, without clocks and dice.
//
// State machines that are told the time and handed random bits, and say what to do. They never
// wait. Not thread-safe: each belongs to one call or connection.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "questdb/connect_options.h"

namespace colonnade::questdb {

using Clock = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;

/// A number in [0, count) out of 64 random bits; 0 if there is none. Monotonic in the bits.
Nanos Fraction(uint64_t random, Nanos count);

/// What to do after a failure.
struct RetryDecision {
  /// How long to wait before the next attempt; nothing: give up.
  std::optional<Nanos> wait;
  bool operator==(const RetryDecision&) const = default;
};

/// Reconnecting for ingest: waits that double from the initial to the largest, each spread over
/// [b/2, 3b/2), within a budget of time that begins with the first attempt.
///
/// A wait is cut short at the end of the budget, so that the last attempt begins there and not long
/// before. A budget of 0 is one attempt.
class ReconnectBackoff {
 public:
  struct Limits {
    Nanos initial = std::chrono::milliseconds(100);  // > 0
    Nanos max = std::chrono::milliseconds(5'000);    // >= initial
    Nanos budget = std::chrono::milliseconds(300'000);

    static Limits Of(const ConnectOptions& options);
  };
  enum class RoundFailure : uint8_t {
    kUnreachable,
    /// Every endpoint refused because of its role: a promotion may be under way, so that the wait
    /// is the initial one, and doubling begins anew.
    kRoleRejected,
  };

  /// `start`: when the first attempt begins.
  ReconnectBackoff(const Limits& limits, Clock::time_point start)
      : limits_(limits), start_(start), next_(limits.initial) {}

  /// A round has failed.
  RetryDecision OnFailure(RoundFailure failure, Clock::time_point now, uint64_t random);
  /// The connection stands. What fails later begins anew, with the budget of that moment.
  void OnSuccess(Clock::time_point now);

 private:
  Limits limits_;
  Clock::time_point start_;
  Nanos next_;  // the base of the next wait
};

/// Running a query again elsewhere: attempts and time are limited, waits are spread over
/// [0, min(initial << n, max)] for the n-th repetition, counted from 0.
class FailoverBackoff {
 public:
  struct Limits {
    bool enabled = true;
    int64_t max_attempts = 8;  // with the first
    Nanos initial = std::chrono::milliseconds(50);
    Nanos max = std::chrono::milliseconds(1'000);
    Nanos max_duration = std::chrono::milliseconds(30'000);  // 0: unbounded

    static Limits Of(const ConnectOptions& options);
  };

  /// `start`: when the first attempt begins.
  FailoverBackoff(const Limits& limits, Clock::time_point start) : limits_(limits), start_(start) {}

  /// An attempt has failed in a way that another server may not. A wait is cut short at the end of
  /// the budget.
  RetryDecision OnFailure(Clock::time_point now, uint64_t random);
  /// Attempts that have failed.
  int64_t failures() const { return failures_; }

 private:
  Limits limits_;
  Clock::time_point start_;
  int64_t failures_ = 0;
};

/// Tells a frame that kills every connection from a server that has trouble: strikes of the oldest
/// frame that is not acknowledged, counted while nothing is.
///
/// A strike is a refusal that may heal, or a connection that ended otherwise than in order while
/// the frame was on its way.
class PoisonDetector {
 public:
  struct Limits {
    int64_t max_strikes = 4;                                 // > 0
    Nanos min_window = std::chrono::milliseconds(5'000);     // from the first strike
    Nanos initial_backoff = std::chrono::milliseconds(100);  // > 0
    Nanos max_backoff = std::chrono::milliseconds(5'000);

    static Limits Of(const ConnectOptions& options);
  };

  explicit PoisonDetector(const Limits& limits) : limits_(limits) {}

  /// Another strike. Sending the frame again waits for [dose, 2 dose), dose = initial <<
  /// min(strikes - 1, 6) and at most the largest backoff; giving up means that the frame is the
  /// cause: there have been `max_strikes`, over at least `min_window`.
  RetryDecision OnStrike(Clock::time_point now, uint64_t random);
  /// An acknowledgement moved on.
  void OnProgress() { strikes_ = 0; }
  int64_t strikes() const { return strikes_; }

 private:
  Limits limits_;
  int64_t strikes_ = 0;
  Clock::time_point first_strike_;
};

}  // namespace colonnade::questdb
