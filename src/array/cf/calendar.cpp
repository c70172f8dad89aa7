#include "array/cf/calendar.h"

namespace colonnade::array::cf {
namespace {

// Day numbers are computed in years that begin on 1 March, so that the leap day is the last day of
// its year and month lengths follow 153 days per five months.
struct MarchDate {
  int64_t year;
  int64_t day_of_year;  // 0 = 1 March
};

MarchDate ToMarchYear(const CivilDate& date) {
  const int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
  return {date.year - (date.month <= 2 ? 1 : 0), (153 * month + 2) / 5 + date.day - 1};
}

CivilDate FromMarchYear(const MarchDate& march) {
  const int64_t month = (5 * march.day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(march.day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = march.year + (date.month <= 2 ? 1 : 0);
  return date;
}

int DaysInMonth(bool leap, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12) return 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

constexpr int64_t kDaysPer4Years = 1'461;
// Day numbers of 1 March of year 0.
constexpr int64_t kGregorianEpoch = -719'468;
constexpr int64_t kJulianEpoch = -719'470;

}  // namespace

int DaysInGregorianMonth(int64_t year, int month) {
  return DaysInMonth(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0), month);
}

int DaysInJulianMonth(int64_t year, int month) { return DaysInMonth(year % 4 == 0, month); }

int64_t DayOfGregorian(const CivilDate& date) {
  const MarchDate march = ToMarchYear(date);
  return 365 * march.year + FloorDivide(march.year, 4) - FloorDivide(march.year, 100) +
         FloorDivide(march.year, 400) + march.day_of_year + kGregorianEpoch;
}

int64_t DayOfJulian(const CivilDate& date) {
  const MarchDate march = ToMarchYear(date);
  return 365 * march.year + FloorDivide(march.year, 4) + march.day_of_year + kJulianEpoch;
}

CivilDate JulianOfDay(int64_t day) {
  const int64_t since_epoch = day - kJulianEpoch;
  const int64_t era = FloorDivide(since_epoch, kDaysPer4Years);
  const int64_t of_era = since_epoch - era * kDaysPer4Years;
  const int64_t year_of_era = (of_era - of_era / (kDaysPer4Years - 1)) / 365;
  return FromMarchYear({era * 4 + year_of_era, of_era - 365 * year_of_era});
}

std::optional<int64_t> GregorianDayWithJulianLabel(int64_t day) {
  const CivilDate label = JulianOfDay(day);
  if (label.day > DaysInGregorianMonth(label.year, label.month)) return std::nullopt;
  return DayOfGregorian(label);
}

}  // namespace colonnade::array::cf
