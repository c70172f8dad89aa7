#include "questdb/backoff.h"

#include <algorithm>

namespace colonnade::questdb {
namespace {

// a << shift, at most `max`.
Nanos Doubled(Nanos a, int64_t shift, Nanos max) {
  if (a >= max || a <= Nanos::zero()) return std::min(a, max);
  // Below `max` and so below 2^63: 62 doublings pass any maximum.
  for (int64_t i = 0; i < std::min<int64_t>(shift, 62); ++i) {
    if (a > max - a) return max;
    a += a;
  }
  return a;
}

// A duration as a wait of the clock's; those of centuries are cut.
Nanos ToNanos(std::chrono::milliseconds duration) {
  constexpr auto kLongest = std::chrono::duration_cast<std::chrono::milliseconds>(Nanos::max()) / 4;
  return std::min(duration, kLongest);
}

}  // namespace

Nanos Fraction(uint64_t random, Nanos count) {
  if (count <= Nanos::zero()) return Nanos::zero();
  // The high half of the product: no division, and no value is more than 2^-64 more likely.
  const auto product =
      static_cast<unsigned __int128>(random) * static_cast<uint64_t>(count.count());
  return Nanos(static_cast<int64_t>(product >> 64));
}

ReconnectBackoff::Limits ReconnectBackoff::Limits::Of(const ConnectOptions& options) {
  return {.initial = ToNanos(options.reconnect_initial_backoff),
          .max = ToNanos(options.reconnect_max_backoff),
          .budget = ToNanos(options.reconnect_max_duration)};
}

RetryDecision ReconnectBackoff::OnFailure(RoundFailure failure, Clock::time_point now,
                                          uint64_t random) {
  const Nanos left = limits_.budget - (now - start_);
  if (left <= Nanos::zero()) return {};
  if (failure == RoundFailure::kRoleRejected) next_ = limits_.initial;
  const Nanos wait = next_ / 2 + Fraction(random, next_);
  if (failure == RoundFailure::kUnreachable) next_ = Doubled(next_, 1, limits_.max);
  return {std::min(wait, left)};
}

void ReconnectBackoff::OnSuccess(Clock::time_point now) {
  start_ = now;
  next_ = limits_.initial;
}

FailoverBackoff::Limits FailoverBackoff::Limits::Of(const ConnectOptions& options) {
  return {.enabled = options.failover,
          .max_attempts = options.failover_max_attempts,
          .initial = ToNanos(options.failover_backoff_initial),
          .max = ToNanos(options.failover_backoff_max),
          .max_duration = ToNanos(options.failover_max_duration)};
}

RetryDecision FailoverBackoff::OnFailure(Clock::time_point now, uint64_t random) {
  const int64_t repetition = failures_++;
  if (!limits_.enabled || failures_ >= limits_.max_attempts) return {};
  const Nanos most = Doubled(limits_.initial, repetition, limits_.max);
  // Both ends included; the maximum is an hour, so that one more fits.
  const Nanos wait = Fraction(random, most + Nanos(1));
  if (limits_.max_duration == Nanos::zero()) return {wait};
  const Nanos left = limits_.max_duration - (now - start_);
  if (left <= Nanos::zero()) return {};
  return {std::min(wait, left)};
}

PoisonDetector::Limits PoisonDetector::Limits::Of(const ConnectOptions& options) {
  return {.max_strikes = options.max_frame_rejections,
          .min_window = ToNanos(options.poison_min_escalation_window),
          .initial_backoff = ToNanos(options.reconnect_initial_backoff),
          .max_backoff = ToNanos(options.reconnect_max_backoff)};
}

RetryDecision PoisonDetector::OnStrike(Clock::time_point now, uint64_t random) {
  if (strikes_ == 0) first_strike_ = now;
  ++strikes_;
  if (strikes_ >= limits_.max_strikes && now - first_strike_ >= limits_.min_window) return {};
  const Nanos dose =
      Doubled(limits_.initial_backoff, std::min<int64_t>(strikes_ - 1, 6), limits_.max_backoff);
  return {dose + Fraction(random, dose)};
}

}  // namespace colonnade::questdb
