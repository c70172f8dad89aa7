// Calendar arithmetic: dates to day numbers and back, Gregorian and Julian.
//
// Day 0 is 1970-01-01 of the Gregorian calendar. Years are astronomical: year 0 is 1 BC. Both
// calendars are proleptic here; which one a date is written in is the caller's business.

#pragma once

#include <cstdint>
#include <optional>

namespace colonnade::array::cf {

struct CivilDate {
  int64_t year = 1970;
  int month = 1;  // 1 … 12
  int day = 1;    // 1 … 31
  bool operator==(const CivilDate&) const = default;
};

/// Years beyond this are refused by everything that reads dates: far outside what a timestamp
/// holds, and far inside what int64 day arithmetic holds.
inline constexpr int64_t kMaxYear = 999'999;

/// The first day of the Gregorian calendar in the mixed one: 1582-10-15. The day before it is
/// 1582-10-04 of the Julian calendar.
inline constexpr int64_t kFirstGregorianDay = -141'427;

/// Days in a month; 0 if there is no such month.
int DaysInGregorianMonth(int64_t year, int month);
int DaysInJulianMonth(int64_t year, int month);

/// \pre the date exists in the calendar and |year| <= 2 · kMaxYear.
int64_t DayOfGregorian(const CivilDate& date);
int64_t DayOfJulian(const CivilDate& date);

/// \pre |day| <= 800,000,000
CivilDate JulianOfDay(int64_t day);

/// The Gregorian day that is written like the Julian date of `day`, or nothing if the Gregorian
/// calendar lacks that date (29 February 1500).
///
/// \pre |day| <= 700,000,000
std::optional<int64_t> GregorianDayWithJulianLabel(int64_t day);

/// Quotient rounded towards minus infinity, for a positive divisor.
constexpr int64_t FloorDivide(int64_t dividend, int64_t divisor) {
  return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

}  // namespace colonnade::array::cf
