#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "array/cf/calendar.h"
#include "array/cf/decode_plan.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::array::cf {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

TimePlan Plan(int64_t unit_nanos, const CivilDate& date, int64_t nanos) {
  TimePlan plan;
  plan.unit_nanos = unit_nanos;
  plan.reference_day = DayOfGregorian(date);
  plan.reference_nanos = nanos;
  return plan;
}

TimePlan Parsed(std::string_view units) {
  Result<TimePlan> plan = ParseTimeUnits(units, "proleptic_gregorian");
  EXPECT_OK(plan) << units;
  return plan.ok() ? *plan : TimePlan();
}

Status Refused(std::string_view units, std::string_view calendar = "standard") {
  return ParseTimeUnits(units, calendar).status();
}

TEST(TimeUnits, KnowsUnitsInEverySpelling) {
  const std::pair<const char*, int64_t> kCases[] = {{"days", kDay},
                                                    {"day", kDay},
                                                    {"d", kDay},
                                                    {"D", kDay},
                                                    {"DAYS", kDay},
                                                    {"hours", kHour},
                                                    {"hour", kHour},
                                                    {"hr", kHour},
                                                    {"hrs", kHour},
                                                    {"h", kHour},
                                                    {"Hour", kHour},
                                                    {"minutes", kMinute},
                                                    {"minute", kMinute},
                                                    {"min", kMinute},
                                                    {"mins", kMinute},
                                                    {"seconds", kSecond},
                                                    {"second", kSecond},
                                                    {"sec", kSecond},
                                                    {"secs", kSecond},
                                                    {"s", kSecond},
                                                    {"milliseconds", 1'000'000},
                                                    {"millisecond", 1'000'000},
                                                    {"millisecs", 1'000'000},
                                                    {"msec", 1'000'000},
                                                    {"msecs", 1'000'000},
                                                    {"ms", 1'000'000},
                                                    {"microseconds", 1'000},
                                                    {"microsecond", 1'000},
                                                    {"microsecs", 1'000},
                                                    {"us", 1'000},
                                                    {"\u00B5s", 1'000},
                                                    {"\u03BCs", 1'000},
                                                    {"nanoseconds", 1},
                                                    {"nanosecond", 1},
                                                    {"ns", 1},
                                                    {"weeks", 7 * kDay},
                                                    {"week", 7 * kDay}};
  for (const auto& [unit, nanos] : kCases) {
    EXPECT_EQ(Parsed(std::string(unit) + " since 2000-01-01").unit_nanos, nanos) << unit;
  }
}

TEST(TimeUnits, RefusesUnitsWithoutAFixedLengthOrMeaning) {
  EXPECT_THAT(Refused("m since 2000-01-01"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("minutes, months or metres")));
  for (const char* unit : {"month", "months", "year", "years", "Months", "common_years"}) {
    EXPECT_THAT(Refused(std::string(unit) + " since 2000-01-01"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("no fixed length")))
        << unit;
  }
  for (const char* unit : {"ss", "mss", "dayss", "fortnights", "K", "da", "hs", "ds", "0"}) {
    EXPECT_THAT(Refused(std::string(unit) + " since 2000-01-01"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("unit is not known")))
        << unit;
  }
}

TEST(TimeUnits, ReadsReferencesAsFilesWriteThem) {
  const int64_t noon = 12 * kHour;
  const std::pair<const char*, TimePlan> kCases[] = {
      {"days since 2000-01-02", Plan(kDay, {2000, 1, 2}, 0)},
      {"  days \t since   2000-01-02  ", Plan(kDay, {2000, 1, 2}, 0)},
      {"days SINCE 2000-1-2", Plan(kDay, {2000, 1, 2}, 0)},
      {"days since 2000-01", Plan(kDay, {2000, 1, 1}, 0)},
      {"days since 2000", Plan(kDay, {2000, 1, 1}, 0)},
      {"days since 1-1-1 00:00:0.0", Plan(kDay, {1, 1, 1}, 0)},
      {"days since +2000-01-02", Plan(kDay, {2000, 1, 2}, 0)},
      {"days since -2000-01-02", Plan(kDay, {-2000, 1, 2}, 0)},
      {"days since 20000-01-02", Plan(kDay, {20000, 1, 2}, 0)},
      {"hour since 0000-01-01 00:00:00", Plan(kHour, {0, 1, 1}, 0)},
      {"days since 2000-01-02 12", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02 12:00", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02 12:3:4", Plan(kDay, {2000, 1, 2}, noon + 3 * kMinute + 4 * kSecond)},
      {"days since 2000-01-02T12:00:00", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02t12:00:00z", Plan(kDay, {2000, 1, 2}, noon)},
      {"Hour since 2001-12-31T23:00:00Z", Plan(kHour, {2001, 12, 31}, 23 * kHour)},
      {"days since 2000-01-02 12:00:00.25", Plan(kDay, {2000, 1, 2}, noon + kSecond / 4)},
      {"days since 2000-01-02 12:00:00.", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02 12:00:00.1234567899", Plan(kDay, {2000, 1, 2}, noon + 123'456'789)},
      {"days since 1970-01-01 00:00:00 UTC", Plan(kDay, {1970, 1, 1}, 0)},
      {"days since 1970-01-01 UTC", Plan(kDay, {1970, 1, 1}, 0)},
      {"days since 1970-01-01 00:00 GMT", Plan(kDay, {1970, 1, 1}, 0)},
      {"days since 2000-01-02 12:00:00 0:00", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02 12:00:00 +00:00", Plan(kDay, {2000, 1, 2}, noon)},
      {"days since 2000-01-02 12:00:00+05:30", Plan(kDay, {2000, 1, 2}, 6 * kHour + 30 * kMinute)},
      {"days since 2000-01-02 12:00:00 5:30", Plan(kDay, {2000, 1, 2}, 6 * kHour + 30 * kMinute)},
      {"days since 2000-01-02 12:00 -0530", Plan(kDay, {2000, 1, 2}, 17 * kHour + 30 * kMinute)},
      {"days since 2000-01-02 12:00:00 -5", Plan(kDay, {2000, 1, 2}, 17 * kHour)},
      {"days since 2000-01-02 00:00 +01:00", Plan(kDay, {2000, 1, 1}, 23 * kHour)},
      {"days since 1999-12-31 23:00 -02:00", Plan(kDay, {2000, 1, 1}, kHour)},
  };
  for (const auto& [units, plan] : kCases) EXPECT_EQ(Parsed(units), plan) << units;
}

TEST(TimeUnits, RefusesReferencesThatAreNoInstants) {
  const std::pair<const char*, const char*> kCases[] = {
      {"days since 2000-13-01", "month is out of range: 13"},
      {"days since 2000-00-01", "month is out of range: 0"},
      {"days since 2000-02-30", "the month has no day 30"},
      {"days since 1900-02-29", "the month has no day 29"},
      {"days since 2000-01-32", "day is out of range: 32"},
      {"days since 2000-01-01 24:00:00", "hour is out of range: 24"},
      {"days since 2000-01-01 12:60", "minute is out of range: 60"},
      {"days since 2000-01-01 12:00:60", "second is out of range: 60"},
      {"days since 2000-01-01 12:00:00 EST", "time zone is not an offset: EST"},
      {"days since 2000-01-01 12:00:00 +1:2:3", "not understood: :3"},
      {"days since 2000-01-01 12:00:00 Z Z", "not understood"},
      {"days since 2000-01-01T", "hour is missing"},
      {"days since 2000-01-", "day is missing"},
      {"days since tomorrow", "year is missing"},
      {"days since 20000101", "year has too many digits"},
      {"days since 2000-001-01", "month has too many digits"},
      {"days since", "<unit> since <reference>"},
      {"days after 2000-01-01", "<unit> since <reference>"},
      {"day as %Y%m%d.%f", "<unit> since <reference>"},
      {"", "<unit> since <reference>"},
      {"since 2000-01-01", "<unit> since <reference>"},
      {"days since 2000-01-01 12:00:00 +99", "zone's hour is out of range: 99"},
  };
  for (const auto& [units, message] : kCases) {
    EXPECT_THAT(Refused(units), StatusIs(StatusCode::kInvalidArgument, HasSubstr(message)))
        << units;
  }
  EXPECT_THAT(Refused("days since 2000-01-01" + std::string(1'000, ' ')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the limit is 256")));
  EXPECT_THAT(Refused(std::string_view("days since 2000-01-01\0", 22)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("time zone")));
}

TEST(TimeUnits, CalendarsOtherThanGregorianAreRefused) {
  for (const char* calendar : {"", "standard", "gregorian", "GREGORIAN", " standard "}) {
    ASSERT_OK_AND_ASSIGN(const TimePlan plan, ParseTimeUnits("days since 2000-01-01", calendar));
    EXPECT_TRUE(plan.julian_before_1582) << calendar;
  }
  ASSERT_OK_AND_ASSIGN(const TimePlan proleptic,
                       ParseTimeUnits("days since 2000-01-01", "proleptic_gregorian"));
  EXPECT_FALSE(proleptic.julian_before_1582);
  for (const char* calendar :
       {"noleap", "365_day", "all_leap", "366_day", "360_day", "julian", "none", "utc", "tai"}) {
    EXPECT_THAT(Refused("days since 2000-01-01", calendar),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(calendar)));
  }
}

TEST(TimeUnits, TheStandardCalendarIsJulianBeforeItsSwitch) {
  const auto day = [](const char* units) {
    const Result<TimePlan> plan = ParseTimeUnits(units, "standard");
    EXPECT_OK(plan) << units;
    return plan.ok() ? plan->reference_day : 0;
  };
  EXPECT_EQ(day("days since 1582-10-15"), kFirstGregorianDay);
  EXPECT_EQ(day("days since 1582-10-04"), kFirstGregorianDay - 1);
  EXPECT_EQ(day("days since 0001-01-01"), DayOfGregorian({1, 1, 1}) - 2);
  EXPECT_EQ(day("days since 1500-02-29"), DayOfJulian({1500, 2, 29}));
  EXPECT_EQ(day("days since -1-12-31"), DayOfJulian({0, 12, 31}));  // 1 BC
  for (const char* units : {"days since 1582-10-05", "days since 1582-10-14"}) {
    EXPECT_THAT(Refused(units), StatusIs(StatusCode::kInvalidArgument, HasSubstr("skips")));
  }
  EXPECT_THAT(Refused("hour since 0000-01-01 00:00:00"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no year 0")));
  EXPECT_THAT(Refused("days since 1500-02-29", "proleptic_gregorian"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no day 29")));
}

// Garbage near the grammar: never crashes, and what is accepted is in range.
TEST(TimeUnitsProperty, AcceptsOnlyPlansInRange) {
  SeededRandom random;
  constexpr std::string_view kPieces[] = {"days",  "s",  "since", " ",  "-",  ":",   "2000", "01",
                                          "12",    "T",  "Z",     "+",  ".",  "UTC", "\xC2", "9",
                                          "99999", "\t", "0",     "hr", "-1", "1582"};
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string units = random.Chance(0.8) ? "days since 2000-1" : "";
    for (int64_t i = random.Uniform(0, 8); i > 0; --i) {
      units += kPieces[random.Uniform(0, std::ssize(kPieces) - 1)];
    }
    const Result<TimePlan> plan = ParseTimeUnits(units, random.Chance(0.5) ? "" : "standard");
    if (!plan.ok()) {
      EXPECT_THAT(plan, StatusIs(StatusCode::kInvalidArgument, HasSubstr("t")));
      continue;
    }
    ++accepted;
    EXPECT_GE(plan->reference_nanos, 0) << units;
    EXPECT_LT(plan->reference_nanos, kDay) << units;
    EXPECT_GT(plan->unit_nanos, 0) << units;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace colonnade::array::cf
