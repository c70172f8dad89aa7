#include "array/decode_time.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "array/cf/calendar.h"

namespace colonnade::array {
namespace {

constexpr int64_t kNanosPerDay = 86'400'000'000'000;

Int128 FloorDivide(Int128 dividend, Int128 divisor) {
  return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

// The nearest integer, halves away from zero.
Int128 Round(double value) { return static_cast<Int128>(value < 0 ? value - 0.5 : value + 0.5); }

bool CheckedMultiplyAdd(Int128 number, Int128 factor, Int128 base, Int128* result) {
  return !__builtin_mul_overflow(number, factor, result) &&
         !__builtin_add_overflow(*result, base, result);
}

}  // namespace

TimeDecoder::TimeDecoder(const cf::TimePlan& plan, ValueType target)
    : plan_(plan), range_(RangeOf(target)) {
  const int64_t nanos_per_tick = target == ValueType::kTimestampNanos ? 1 : 1'000;
  ticks_per_day_ = kNanosPerDay / nanos_per_tick;
  base_ = Int128{plan.reference_day} * ticks_per_day_ +
          (plan.reference_nanos + nanos_per_tick / 2) / nanos_per_tick;
  if (plan.unit_months != 0 || plan.nanos_divisor != 1) return;
  // Microseconds are only chosen for units of whole microseconds.
  factor_ = Int128{plan.unit_nanos / nanos_per_tick} * plan.multiplier;
  if (factor_ <= 0) return;

  const Int128 first_tick =
      plan.julian_before_1582
          ? std::max<Int128>(range_.low, Int128{cf::kFirstGregorianDay} * ticks_per_day_)
          : Int128{range_.low};
  const Int128 low = -FloorDivide(base_ - first_tick, factor_);
  const Int128 high = FloorDivide(range_.high - base_, factor_);
  constexpr Int128 kMin = std::numeric_limits<int64_t>::min();
  constexpr Int128 kMax = std::numeric_limits<int64_t>::max();
  if (low > high || low > kMax || high < kMin) return;
  linear_.low = static_cast<int64_t>(std::max(low, kMin));
  linear_.high = static_cast<int64_t>(std::min(high, kMax));
  linear_.factor = static_cast<uint64_t>(factor_);
  linear_.base = static_cast<uint64_t>(base_);
  linear_.factor_as_double = static_cast<double>(factor_);
}

bool TimeDecoder::FromInteger(Int128 number, int64_t* ticks) const {
  if (plan_.unit_months != 0) return FromMonths(number, ticks);
  Int128 result = 0;
  if (plan_.nanos_divisor != 1) {
    const Int128 units = number * plan_.multiplier * plan_.unit_nanos;
    return Finish(FloorDivide(units, plan_.nanos_divisor) + base_, ticks);
  }
  return CheckedMultiplyAdd(number, factor_, base_, &result) && Finish(result, ticks);
}

bool TimeDecoder::FromDouble(double number, int64_t* ticks) const {
  constexpr double kLimit = 0x1p100;  // far outside every range, far inside Int128
  if (!(std::fabs(number) < kLimit) || factor_ == 0) return false;
  const double whole = std::trunc(number);
  Int128 result = 0;
  if (!CheckedMultiplyAdd(static_cast<Int128>(whole), factor_, base_, &result)) return false;
  return Finish(result + Round((number - whole) * linear_.factor_as_double), ticks);
}

bool TimeDecoder::FromMonths(Int128 number, int64_t* ticks) const {
  const Int128 months = number * plan_.multiplier * plan_.unit_months;
  if (months > 12 * cf::kMaxYear || months < -12 * cf::kMaxYear) return false;
  const int64_t month = static_cast<int64_t>(months);
  const int64_t year = cf::FloorDivide(month, 12);
  const int64_t day = cf::DayOfGregorian({1970 + year, static_cast<int>(month - 12 * year) + 1, 1});
  return Finish(Int128{day} * ticks_per_day_, ticks);
}

bool TimeDecoder::Finish(Int128 ticks, int64_t* result) const {
  if (plan_.julian_before_1582 && ticks < Int128{cf::kFirstGregorianDay} * ticks_per_day_) {
    // A label is never more than a few years from its instant, so this loses nothing.
    constexpr int64_t kEarliestDay = -400'000'000;
    const Int128 day = FloorDivide(ticks, ticks_per_day_);
    if (day < kEarliestDay) return false;
    const std::optional<int64_t> label = cf::GregorianDayWithJulianLabel(static_cast<int64_t>(day));
    if (!label) return false;
    ticks += (*label - day) * ticks_per_day_;
  }
  if (ticks < range_.low || ticks > range_.high) return false;
  *result = static_cast<int64_t>(ticks);
  return true;
}

}  // namespace colonnade::array
