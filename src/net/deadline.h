// Deadline: until when a wait may last.

#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace colonnade::net {

/// A moment of the steady clock, or never. A deadline that has passed still lets an operation look
/// once, without waiting, at whether it can proceed.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr Deadline Never() { return Deadline(Clock::time_point::max()); }
  static constexpr Deadline At(Clock::time_point moment) { return Deadline(moment); }
  /// `duration` from now; one that does not fit the clock is never, one below zero has passed.
  template <typename Rep, typename Period>
  static Deadline After(std::chrono::duration<Rep, Period> duration) {
    using Duration = std::chrono::duration<Rep, Period>;
    const Clock::time_point now = Clock::now();
    const Clock::duration room = Clock::time_point::max() - now;
    if (duration >= std::chrono::duration_cast<Duration>(room)) return Never();
    return Deadline(
        now + std::chrono::duration_cast<Clock::duration>(std::max(duration, Duration::zero())));
  }

  constexpr bool never() const { return moment_ == Clock::time_point::max(); }
  constexpr Clock::time_point moment() const { return moment_; }
  bool expired() const { return !never() && Clock::now() >= moment_; }
  /// What is left, at least zero; the longest duration if never.
  Clock::duration remaining() const {
    if (never()) return Clock::duration::max();
    return std::max(moment_ - Clock::now(), Clock::duration::zero());
  }
  /// What is left for poll(2): milliseconds rounded up, 0 if it has passed, -1 if never.
  int poll_timeout() const {
    if (never()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
    return static_cast<int>(std::min<decltype(left)>(left, std::numeric_limits<int>::max()));
  }

  static constexpr Deadline Earlier(Deadline a, Deadline b) {
    return a.moment_ < b.moment_ ? a : b;
  }
  constexpr bool operator==(const Deadline&) const = default;

 private:
  explicit constexpr Deadline(Clock::time_point moment) : moment_(moment) {}
  Clock::time_point moment_;
};

}  // namespace colonnade::net
