#include "array/cf/calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace colonnade::array::cf {
namespace {

using ::testing::Optional;

TEST(Calendar, KnowsDatesOnWhichBothCalendarsAreFixed) {
  EXPECT_EQ(DayOfGregorian({1970, 1, 1}), 0);
  EXPECT_EQ(DayOfGregorian({2000, 3, 1}), 11'017);
  EXPECT_EQ(DayOfGregorian({1582, 10, 15}), kFirstGregorianDay);
  EXPECT_EQ(DayOfJulian({1582, 10, 4}), kFirstGregorianDay - 1);
  EXPECT_EQ(DayOfJulian({-4712, 1, 1}), -2'440'588);  // Julian day number 0
  EXPECT_EQ(DayOfGregorian({1, 1, 1}), DayOfJulian({1, 1, 1}) + 2);
}

// Oracle: counting days one by one from 1 January of year -1300.
TEST(CalendarProperty, AgreesWithCountingDays) {
  constexpr int64_t kFirstYear = -1'300;
  int64_t gregorian = DayOfGregorian({kFirstYear, 1, 1});
  int64_t julian = DayOfJulian({kFirstYear, 1, 1});
  for (int64_t year = kFirstYear; year < 2'500; ++year) {
    const bool by_four = year % 4 == 0;
    const bool is_leap = by_four && (year % 100 != 0 || year % 400 == 0);
    for (int month = 1; month <= 12; ++month) {
      const int usual = month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
      const int gregorian_days = month == 2 ? (is_leap ? 29 : 28) : usual;
      const int julian_days = month == 2 ? (by_four ? 29 : 28) : usual;
      ASSERT_EQ(DaysInGregorianMonth(year, month), gregorian_days) << year << "-" << month;
      ASSERT_EQ(DaysInJulianMonth(year, month), julian_days) << year << "-" << month;
      for (int day = 1; day <= gregorian_days; ++day) {
        ASSERT_EQ(DayOfGregorian({year, month, day}), gregorian++) << year << "-" << month;
      }
      for (int day = 1; day <= julian_days; ++day) {
        ASSERT_EQ(DayOfJulian({year, month, day}), julian) << year << "-" << month;
        ASSERT_EQ(JulianOfDay(julian), (CivilDate{year, month, day})) << julian;
        ++julian;
      }
    }
  }
  EXPECT_EQ(gregorian, DayOfGregorian({2'500, 1, 1}));
  EXPECT_EQ(julian, DayOfJulian({2'500, 1, 1}));
}

TEST(Calendar, LabelsSurviveUnlessTheGregorianCalendarLacksThem) {
  EXPECT_THAT(GregorianDayWithJulianLabel(DayOfJulian({1500, 3, 1})),
              Optional(DayOfGregorian({1500, 3, 1})));
  EXPECT_EQ(GregorianDayWithJulianLabel(DayOfJulian({1500, 2, 29})), std::nullopt);
  EXPECT_EQ(GregorianDayWithJulianLabel(DayOfJulian({-100, 2, 29})), std::nullopt);
  EXPECT_THAT(GregorianDayWithJulianLabel(DayOfJulian({1200, 2, 29})),
              Optional(DayOfGregorian({1200, 2, 29})));
  EXPECT_THAT(GregorianDayWithJulianLabel(DayOfJulian({-200'000, 12, 31})),
              Optional(DayOfGregorian({-200'000, 12, 31})));
}

TEST(Calendar, HasNoMonthThirteen) {
  EXPECT_EQ(DaysInGregorianMonth(2000, 0), 0);
  EXPECT_EQ(DaysInGregorianMonth(2000, 13), 0);
  EXPECT_EQ(DaysInJulianMonth(2000, 13), 0);
}

TEST(Calendar, FloorDivisionRoundsDown) {
  EXPECT_EQ(FloorDivide(7, 4), 1);
  EXPECT_EQ(FloorDivide(-7, 4), -2);
  EXPECT_EQ(FloorDivide(-8, 4), -2);
  EXPECT_EQ(FloorDivide(0, 4), 0);
}

}  // namespace
}  // namespace colonnade::array::cf
