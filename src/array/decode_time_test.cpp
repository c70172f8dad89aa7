#include "array/decode_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "array/cf/calendar.h"
#include "array/decode.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::array {
namespace {

constexpr int64_t kDayMicros = 86'400'000'000;
constexpr char kStandard[] = "standard";
constexpr char kProleptic[] = "proleptic_gregorian";
constexpr std::nullopt_t kNoValue = std::nullopt;

template <typename T>
ElementKind KindOf() {
  if constexpr (std::is_same_v<T, float>) return ElementKind::kFloat32;
  if constexpr (std::is_same_v<T, double>) return ElementKind::kFloat64;
  if constexpr (std::is_same_v<T, int32_t>) return ElementKind::kInt32;
  if constexpr (std::is_same_v<T, int16_t>) return ElementKind::kInt16;
  if constexpr (std::is_same_v<T, uint64_t>) return ElementKind::kUInt64;
  return ElementKind::kInt64;
}

// One value through the plan, as a scan does it.
std::optional<int64_t> DecodeOne(const cf::DecodePlan& plan, const void* stored) {
  EXPECT_TRUE(plan.time.has_value());
  const GatherDimension dimension = {.count = 1, .positions = nullptr, .stride = 8};
  int64_t ticks = 0;
  uint64_t validity = 0;
  const Result<bool> missing =
      Gather(plan, static_cast<const std::byte*>(stored), {&dimension, 1}, 0, 1, &ticks, &validity);
  EXPECT_OK(missing);
  EXPECT_EQ(missing.ok() && *missing, (validity & 1) == 0);
  if ((validity & 1) == 0) return std::nullopt;
  return ticks;
}

template <typename T>
std::optional<int64_t> Decode(T stored, const char* units, const char* calendar = kStandard) {
  const Json attributes = {{"units", units}, {"calendar", calendar}};
  return DecodeOne(cf::MakeDecodePlan(ElementType::Of(KindOf<T>()), attributes, {}), &stored);
}

std::optional<int64_t> Datetime(int64_t stored, TimeUnit unit, int32_t multiplier = 1) {
  return DecodeOne(
      cf::MakeDecodePlan({ElementKind::kDatetime64, 8, unit, multiplier}, Json::object(), {}),
      &stored);
}

struct Instant {
  const char* units;
  const char* calendar;
  int64_t stored;
  std::optional<int64_t> micros;  // of the label, read as a proleptic Gregorian date
};

// Labels by cftime 1.6.6 (num2date), whose year -1 is 1 BC in the standard calendar.
const Instant kInstants[] = {
    {"days since 1970-01-01", kStandard, 0, 0},                          // 1970-01-01 00:00:00
    {"days since 1970-01-01", kStandard, -1, -86400000000},              // 1969-12-31 00:00:00
    {"days since 1970-01-01", kStandard, 1, 86400000000},                // 1970-01-02 00:00:00
    {"days since 1970-01-01", kStandard, -141427, -12219292800000000},   // 1582-10-15 00:00:00
    {"days since 1970-01-01", kStandard, -141428, -12220243200000000},   // 1582-10-04 00:00:00
    {"days since 1970-01-01", kStandard, -141793, -12251779200000000},   // 1581-10-04 00:00:00
    {"days since 1970-01-01", kStandard, 19782, 1709164800000000},       // 2024-02-29 00:00:00
    {"days since 1970-01-01", kProleptic, -141427, -12219292800000000},  // 1582-10-15 00:00:00
    {"days since 1970-01-01", kProleptic, -141428, -12219379200000000},  // 1582-10-14 00:00:00
    {"days since 1970-01-01", kProleptic, -719162, -62135596800000000},  // 0001-01-01 00:00:00
    {"days since 1970-01-01", kProleptic, -719163, -62135683200000000},  // 0000-12-31 00:00:00
    {"days since 1582-10-04", kStandard, 0, -12220243200000000},         // 1582-10-04 00:00:00
    {"days since 1582-10-04", kStandard, 1, -12219292800000000},         // 1582-10-15 00:00:00
    {"days since 1582-10-04", kStandard, -1, -12220329600000000},        // 1582-10-03 00:00:00
    {"days since 1582-10-15", kStandard, 0, -12219292800000000},         // 1582-10-15 00:00:00
    {"days since 1582-10-15", kStandard, -1, -12220243200000000},        // 1582-10-04 00:00:00
    {"days since 1582-10-15", kProleptic, 0, -12219292800000000},        // 1582-10-15 00:00:00
    {"days since 1582-10-15", kProleptic, -1, -12219379200000000},       // 1582-10-14 00:00:00
    {"days since 0001-01-01", kStandard, 0, -62135596800000000},         // 0001-01-01 00:00:00
    {"days since 0001-01-01", kStandard, 1, -62135510400000000},         // 0001-01-02 00:00:00
    {"days since 0001-01-01", kStandard, 577736, -12220243200000000},    // 1582-10-04 00:00:00
    {"days since 0001-01-01", kStandard, 577735, -12220329600000000},    // 1582-10-03 00:00:00
    {"days since 0001-01-01", kStandard, 693595, -2209161600000000},     // 1899-12-30 00:00:00
    {"days since 0001-01-01", kStandard, 730120, 946598400000000},       // 1999-12-31 00:00:00
    {"days since 0001-01-01", kStandard, 738000, 1627430400000000},      // 2021-07-28 00:00:00
    {"days since 0001-01-01", kProleptic, 0, -62135596800000000},        // 0001-01-01 00:00:00
    {"days since 0001-01-01", kProleptic, 730120, 946771200000000},      // 2000-01-02 00:00:00
    {"hours since 0001-01-01 00:00:00", kStandard, 17522904,
     946684800000000},  // 2000-01-01 00:00:00
    {"hours since 0001-01-01 00:00:00", kStandard, 17067072,
     -694310400000000},                                                    // 1948-01-01 00:00:00
    {"days since 1-1-1 00:00:0.0", kStandard, 675000, -3815769600000000},  // 1849-01-31 00:00:00
    {"days since 0049-09-01", kStandard, 107, -60590592000000000},         // 0049-12-17 00:00:00
    {"days since 0049-09-01", kStandard, 0, -60599836800000000},           // 0049-09-01 00:00:00
    {"days since 0049-09-01", kStandard, 1, -60599750400000000},           // 0049-09-02 00:00:00
    {"days since 0049-09-01", kStandard, 3650, -60284476800000000},        // 0059-08-30 00:00:00
    {"days since 1500-02-28", kStandard, 0, -14826758400000000},           // 1500-02-28 00:00:00
    {"days since 1500-02-28", kStandard, 1, kNoValue},                     // 1500-02-29 00:00:00
    {"days since 1500-02-28", kStandard, 2, -14826672000000000},           // 1500-03-01 00:00:00
    {"days since 1500-02-28", kProleptic, 0, -14826758400000000},          // 1500-02-28 00:00:00
    {"days since 1500-02-28", kProleptic, 1, -14826672000000000},          // 1500-03-01 00:00:00
    {"days since 1400-01-01", kStandard, 59, kNoValue},                    // 1400-02-29 00:00:00
    {"days since 1400-01-01", kStandard, 60, -17982345600000000},          // 1400-03-01 00:00:00
    {"days since 1400-01-01", kStandard, 61, -17982259200000000},          // 1400-03-02 00:00:00
    {"hours since 1900-01-01 00:00:0.0", kStandard, 1051896,
     1577836800000000},                                                     // 2020-01-01 00:00:00
    {"hours since 1900-01-01 00:00:0.0", kStandard, 0, -2208988800000000},  // 1900-01-01 00:00:00
    {"hours since 1900-01-01 00:00:0.0", kStandard, 1093584,
     1727913600000000},                                                       // 2024-10-03 00:00:00
    {"hour since 1980-01-14 14:00:00", kStandard, 0, 316706400000000},        // 1980-01-14 14:00:00
    {"hour since 1980-01-14 14:00:00", kStandard, 400000, 1756706400000000},  // 2025-09-01 06:00:00
    {"Hour since 2001-12-31T23:00:00Z", kStandard, 1, 1009843200000000},      // 2002-01-01 00:00:00
    {"Hour since 2001-12-31T23:00:00Z", kStandard, 8760, 1041375600000000},   // 2002-12-31 23:00:00
    {"days since 1970-01-01 00:00:00 UTC", kStandard, 11016,
     951782400000000},  // 2000-02-29 00:00:00
    {"seconds since 1992-10-8 15:15:42.5 -06:00", kStandard, 0,
     718578942500000},  // 1992-10-08 21:15:42.500000
    {"seconds since 1992-10-8 15:15:42.5 -06:00", kStandard, 100,
     718579042500000},  // 1992-10-08 21:17:22.500000
    {"days since 2000-01-01 12:00:00 +05:30", kStandard, 0,
     946708200000000},  // 2000-01-01 06:30:00
    {"days since 2000-01-01 12:00:00 +05:30", kStandard, 59,
     951805800000000},  // 2000-02-29 06:30:00
    {"days since 2000-01-01 12:00:00 +05:30", kStandard, 60,
     951892200000000},                                                        // 2000-03-01 06:30:00
    {"days since 2000-01-01 00:00:00-05:30", kStandard, 0, 946704600000000},  // 2000-01-01 05:30:00
    {"days since 2000-01-01 00:00:00-05:30", kStandard, 59,
     951802200000000},                                                      // 2000-02-29 05:30:00
    {"minutes since 1999-12-31 23:59", kStandard, 1, 946684800000000},      // 2000-01-01 00:00:00
    {"days since 1899-12-31", kStandard, 59, -2203977600000000},            // 1900-02-28 00:00:00
    {"days since 1899-12-31", kStandard, 60, -2203891200000000},            // 1900-03-01 00:00:00
    {"days since 2000-02-29", kStandard, 0, 951782400000000},               // 2000-02-29 00:00:00
    {"days since 2000-02-29", kStandard, 366, 983404800000000},             // 2001-03-01 00:00:00
    {"days since 2000-02-29", kStandard, 1461, 1078012800000000},           // 2004-02-29 00:00:00
    {"days since 2262-04-11 23:47:16", kStandard, 0, 9223372036000000},     // 2262-04-11 23:47:16
    {"days since 2262-04-11 23:47:16", kStandard, 1, 9223458436000000},     // 2262-04-12 23:47:16
    {"seconds since 1970-01-01", kStandard, 9223372036, 9223372036000000},  // 2262-04-11 23:47:16
    {"seconds since 1970-01-01", kStandard, 9223372037, 9223372037000000},  // 2262-04-11 23:47:17
    {"seconds since 1970-01-01", kStandard, 253402300799,
     253402300799000000},  // 9999-12-31 23:59:59
    {"seconds since 1970-01-01", kStandard, 253402300800,
     253402300800000000},                                             // 10000-01-01 00:00:00
    {"days since 9999-12-31", kStandard, 0, 253402214400000000},      // 9999-12-31 00:00:00
    {"days since 9999-12-31", kStandard, 1, 253402300800000000},      // 10000-01-01 00:00:00
    {"days since 9999-12-31", kStandard, 365, 253433750400000000},    // 10000-12-30 00:00:00
    {"days since 20000-01-01", kStandard, 0, 568971820800000000},     // 20000-01-01 00:00:00
    {"days since 20000-01-01", kStandard, 366, 569003443200000000},   // 20001-01-01 00:00:00
    {"days since -100-03-01", kStandard, 0, -65286259200000000},      // -0100-03-01 00:00:00
    {"days since -100-03-01", kStandard, -1, -65286345600000000},     // -0100-02-28 00:00:00
    {"days since -100-03-01", kStandard, 36600, -62124019200000000},  // 0001-05-15 00:00:00
    {"days since -100-03-01", kProleptic, 0, -65317795200000000},     // -0100-03-01 00:00:00
    {"days since -100-03-01", kProleptic, -1, -65317881600000000},    // -0100-02-28 00:00:00
    {"days since 0000-01-01", kProleptic, 0, -62167219200000000},     // 0000-01-01 00:00:00
    {"days since 0000-01-01", kProleptic, 730485, 946684800000000},   // 2000-01-01 00:00:00
    {"milliseconds since 1970-01-01", kStandard, -1, -1000},          // 1969-12-31 23:59:59.999000
    {"milliseconds since 1970-01-01", kStandard, 1704067200123,
     1704067200123000},  // 2024-01-01 00:00:00.123000
    {"milliseconds since 1970-01-01", kStandard, -12219292800000,
     -12219292800000000},  // 1582-10-15 00:00:00
    {"milliseconds since 1970-01-01", kStandard, -12219292800001,
     -12220156800001000},  // 1582-10-04 23:59:59.999000
    {"microseconds since 1970-01-01", kStandard, -12219292800000000,
     -12219292800000000},  // 1582-10-15 00:00:00
    {"microseconds since 1970-01-01", kStandard, -12219292800001000,
     -12220156800001000},                                          // 1582-10-04 23:59:59.999000
    {"microseconds since 1970-01-01", kStandard, 1, 1},            // 1970-01-01 00:00:00.000001
    {"days since 1582-10-01", kStandard, 3, -12220243200000000},   // 1582-10-04 00:00:00
    {"days since 1582-10-01", kStandard, 4, -12219292800000000},   // 1582-10-15 00:00:00
    {"days since 1582-10-01", kStandard, 14, -12218428800000000},  // 1582-10-25 00:00:00
    {"hours since 1582-10-04 23:00:00", kStandard, 0, -12220160400000000},  // 1582-10-04 23:00:00
    {"hours since 1582-10-04 23:00:00", kStandard, 1, -12219292800000000},  // 1582-10-15 00:00:00
    {"minutes since 1582-10-15 00:30:00 +01:00", kStandard, 0,
     -12220158600000000},  // 1582-10-04 23:30:00
    {"minutes since 1582-10-15 00:30:00 +01:00", kStandard, 30,
     -12219292800000000},  // 1582-10-15 00:00:00
};

TEST(DecodeTime, AgreesWithCftime) {
  for (const Instant& instant : kInstants) {
    EXPECT_EQ(Decode(instant.stored, instant.units, instant.calendar), instant.micros)
        << instant.stored << " " << instant.units << ", " << instant.calendar;
    // Doubles hold all of these exactly.
    EXPECT_EQ(Decode(static_cast<double>(instant.stored), instant.units, instant.calendar),
              instant.micros)
        << instant.stored << " " << instant.units << ", " << instant.calendar;
  }
}

TEST(DecodeTime, FractionsAreRoundedToTheNearestTick) {
  EXPECT_EQ(Decode(0.5, "days since 1970-01-01"), kDayMicros / 2);
  EXPECT_EQ(Decode(-0.25, "days since 1970-01-01"), -kDayMicros / 4);
  EXPECT_EQ(Decode(0.25F, "hours since 1970-01-01"), 900'000'000);
  EXPECT_EQ(Decode(1e-6 * 0.4, "seconds since 1970-01-01"), 0);
  EXPECT_EQ(Decode(1e-6 * 0.6, "seconds since 1970-01-01"), 1);
  EXPECT_EQ(Decode(-1e-6 * 0.6, "seconds since 1970-01-01"), -1);
  EXPECT_EQ(Decode(1.5, "nanoseconds since 1970-01-01"), 2);
  EXPECT_EQ(Decode(0.25, "microseconds since 1970-01-01"), 0);
  EXPECT_EQ(Decode(0, "seconds since 1970-01-01 00:00:00.0000006"), 1);
}

TEST(DecodeTime, FractionsKeepTheirDigitsFarFromTheReference) {
  // 43 bits of fraction remain; a product with the whole would leave 53 for both.
  const double days = 738'000.0 + 1.0 / 1'024;
  EXPECT_EQ(Decode(days, "days since 0001-01-01"), 1'627'430'400'000'000 + 84'375'000);
  EXPECT_EQ(Decode(days, "days since 0001-01-01", kProleptic),
            *Decode(days, "days since 0001-01-01") + 2 * kDayMicros);
}

TEST(DecodeTime, LargeIntegersAreExact) {
  EXPECT_EQ(Decode(int64_t{9'007'199'254'740'993}, "nanoseconds since 1970-01-01"),
            9'007'199'254'740'993);
  EXPECT_EQ(Decode(int64_t{9'007'199'254'740'993}, "microseconds since 1970-01-01"),
            9'007'199'254'740'993);
  // The reference alone is out of range in nanoseconds; the sum is not.
  EXPECT_EQ(Decode(uint64_t{12'219'292'800'000'000'000U + 5}, "ns since 1582-10-15"), 5);
}

TEST(DecodeTime, InstantsOutOfRangeAreMissing) {
  EXPECT_EQ(Decode(INT64_MAX, "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(INT64_MIN, "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(INT64_MAX, "weeks since 999999-01-01"), kNoValue);
  EXPECT_EQ(Decode(UINT64_MAX, "microseconds since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(1e300, "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(-1e19, "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(1e9, "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(std::numeric_limits<double>::infinity(), "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(std::nan(""), "days since 1970-01-01"), kNoValue);
  EXPECT_EQ(Decode(std::nanf(""), "days since 1970-01-01"), kNoValue);
}

TEST(DecodeTime, ReservedTimestampsAreNeverMade) {
  const char* micros = "microseconds since 1970-01-01";
  const char* nanos = "nanoseconds since 1970-01-01";
  for (const char* calendar : {kStandard, kProleptic}) {
    EXPECT_EQ(Decode(INT64_MAX, micros, calendar), kNoValue);
    EXPECT_EQ(Decode(INT64_MAX - 1, micros, calendar), INT64_MAX - 1);
    EXPECT_EQ(Decode(INT64_MAX, nanos, calendar), kNoValue);
    EXPECT_EQ(Decode(INT64_MIN, nanos, calendar), kNoValue);
    EXPECT_EQ(Decode(INT64_MIN + 1, nanos, calendar), kNoValue);
    EXPECT_EQ(Decode(INT64_MAX - 1, nanos, calendar), INT64_MAX - 1);
  }
  EXPECT_EQ(Decode(INT64_MIN + 2, nanos, kProleptic), INT64_MIN + 2);
  EXPECT_EQ(Decode(kMicrosRange.low, micros, kProleptic), kMicrosRange.low);
  EXPECT_EQ(Decode(kMicrosRange.low - 1, micros, kProleptic), kNoValue);
  EXPECT_EQ(Datetime(INT64_MAX, TimeUnit::kMicrosecond), kNoValue);
  EXPECT_EQ(Datetime(INT64_MIN, TimeUnit::kMicrosecond), kNoValue);
  EXPECT_EQ(Datetime(kMicrosRange.low - 1, TimeUnit::kMicrosecond), kNoValue);
  EXPECT_EQ(Datetime(kMicrosRange.low, TimeUnit::kMicrosecond), kMicrosRange.low);
  EXPECT_EQ(Datetime(INT64_MIN + 1, TimeUnit::kNanosecond), kNoValue);
  EXPECT_EQ(Datetime(INT64_MAX, TimeUnit::kNanosecond), kNoValue);
  EXPECT_EQ(Datetime(INT64_MAX - 1, TimeUnit::kNanosecond), INT64_MAX - 1);
}

TEST(DecodeTime, DatetimesOfEveryUnit) {
  EXPECT_EQ(Datetime(3, TimeUnit::kWeek), 21 * kDayMicros);
  EXPECT_EQ(Datetime(-3, TimeUnit::kDay), -3 * kDayMicros);
  EXPECT_EQ(Datetime(3, TimeUnit::kHour), 10'800'000'000);
  EXPECT_EQ(Datetime(3, TimeUnit::kMinute), 180'000'000);
  EXPECT_EQ(Datetime(3, TimeUnit::kSecond), 3'000'000);
  EXPECT_EQ(Datetime(3, TimeUnit::kMillisecond), 3'000);
  EXPECT_EQ(Datetime(3, TimeUnit::kMicrosecond), 3);
  EXPECT_EQ(Datetime(3, TimeUnit::kNanosecond), 3);
  EXPECT_EQ(Datetime(3'999, TimeUnit::kPicosecond), 3);
  EXPECT_EQ(Datetime(-1, TimeUnit::kPicosecond), -1);
  EXPECT_EQ(Datetime(-1'000, TimeUnit::kPicosecond), -1);
  EXPECT_EQ(Datetime(3'000'000, TimeUnit::kFemtosecond), 3);
  EXPECT_EQ(Datetime(INT64_MAX, TimeUnit::kAttosecond), 9'223'372'036);
  EXPECT_EQ(Datetime(2, TimeUnit::kSecond, 25), 50'000'000);
  EXPECT_EQ(Datetime(2, TimeUnit::kNanosecond, 100), 200);
  EXPECT_EQ(Datetime(3, TimeUnit::kPicosecond, 500), 1);
  for (int unit = 1; unit <= static_cast<int>(TimeUnit::kAttosecond); ++unit) {
    EXPECT_EQ(Datetime(INT64_MIN, static_cast<TimeUnit>(unit)), kNoValue) << unit;
    EXPECT_EQ(Datetime(INT64_MIN, static_cast<TimeUnit>(unit), INT32_MAX), kNoValue) << unit;
    EXPECT_EQ(Datetime(0, static_cast<TimeUnit>(unit), INT32_MAX), 0) << unit;
  }
  EXPECT_EQ(Datetime(1, TimeUnit::kWeek, INT32_MAX), kNoValue);
  EXPECT_EQ(Datetime(INT64_MAX, TimeUnit::kWeek, INT32_MAX), kNoValue);
}

TEST(DecodeTime, YearsAndMonthsFollowTheCalendar) {
  const auto micros = [](int64_t year, int month) {
    return cf::DayOfGregorian({year, month, 1}) * kDayMicros;
  };
  EXPECT_EQ(Datetime(0, TimeUnit::kYear), 0);
  EXPECT_EQ(Datetime(30, TimeUnit::kYear), 946'684'800'000'000);
  EXPECT_EQ(Datetime(-1, TimeUnit::kMonth), micros(1969, 12));
  EXPECT_EQ(Datetime(362, TimeUnit::kMonth), 951'868'800'000'000);  // 2000-03-01
  EXPECT_EQ(Datetime(-12, TimeUnit::kMonth), micros(1969, 1));
  EXPECT_EQ(Datetime(-1'970, TimeUnit::kYear), micros(0, 1));
  EXPECT_EQ(Datetime(2, TimeUnit::kMonth, 3), micros(1970, 7));
  EXPECT_EQ(Datetime(10, TimeUnit::kYear, 10), micros(2070, 1));
  EXPECT_EQ(Datetime(292'000, TimeUnit::kYear), micros(293'970, 1));
  EXPECT_EQ(Datetime(293'000, TimeUnit::kYear), kNoValue);
  EXPECT_EQ(Datetime(-293'000, TimeUnit::kYear), kNoValue);
  EXPECT_EQ(Datetime(INT64_MAX, TimeUnit::kMonth), kNoValue);
}

TEST(DecodeTime, MasksAndPackingComeBeforeTime) {
  const Json attributes = {{"units", "hours since 1970-01-01"},
                           {"scale_factor", 0.5},
                           {"add_offset", 1},
                           {"_FillValue", -1}};
  const cf::DecodePlan plan =
      cf::MakeDecodePlan(ElementType::Of(ElementKind::kInt16), attributes, {});
  EXPECT_EQ(plan.value, ValueType::kTimestampMicros);
  const int16_t stored[] = {3, -1};
  EXPECT_EQ(DecodeOne(plan, &stored[0]), 9'000'000'000);
  EXPECT_EQ(DecodeOne(plan, &stored[1]), kNoValue);
}

TEST(DecodeTime, OnlyPlansThatCanMissSayTheyMay) {
  const auto may_be = [](ElementKind kind, const char* units) {
    return MayBeMissing(cf::MakeDecodePlan(ElementType::Of(kind), {{"units", units}}, {}));
  };
  EXPECT_FALSE(may_be(ElementKind::kInt16, "days since 1900-01-01"));
  EXPECT_FALSE(may_be(ElementKind::kUInt32, "minutes since 1900-01-01"));
  EXPECT_TRUE(may_be(ElementKind::kInt32, "days since 1900-01-01"));
  EXPECT_TRUE(may_be(ElementKind::kInt16, "days since 1600-01-01"));  // reaches Julian leap days
  EXPECT_TRUE(may_be(ElementKind::kInt64, "seconds since 1970-01-01"));
  EXPECT_TRUE(may_be(ElementKind::kFloat32, "seconds since 1970-01-01"));
}

// Oracle: exact arithmetic in 128 bits and one day at a time for Julian labels.
TEST(DecodeTimeProperty, BlocksAgreeWithExactArithmetic) {
  SeededRandom random;
  const std::pair<const char*, int64_t> kUnits[] = {{"days", kDayMicros},
                                                    {"hours", kDayMicros / 24},
                                                    {"seconds", 1'000'000},
                                                    {"microseconds", 1},
                                                    {"weeks", 7 * kDayMicros}};
  for (int round = 0; round < 200; ++round) {
    const auto& [unit, factor] = kUnits[random.Uniform(0, 4)];
    const bool standard = random.Chance(0.5);
    const int64_t year = random.Uniform(1, 3'000);
    const std::string units =
        std::string(unit) + " since " + std::to_string(year) + "-03-01 06:00:00";
    const int64_t day =
        standard && year <= 1582 ? cf::DayOfJulian({year, 3, 1}) : cf::DayOfGregorian({year, 3, 1});
    const Int128 base = Int128{day} * kDayMicros + kDayMicros / 4;
    const cf::DecodePlan plan =
        cf::MakeDecodePlan(ElementType::Of(ElementKind::kInt64),
                           {{"units", units}, {"calendar", standard ? kStandard : kProleptic}}, {});
    const int64_t spread = random.Chance(0.3) ? INT64_MAX : kDayMicros * 600'000 / factor;
    std::vector<int64_t> stored(static_cast<size_t>(random.Uniform(1, 300)));
    for (int64_t& value : stored) value = random.Uniform(-spread, spread);
    std::vector<int64_t> values(stored.size());
    std::vector<uint64_t> validity((stored.size() + 63) / 64);
    const GatherDimension dimension = {std::ssize(stored), nullptr, 8};
    ASSERT_OK(Gather(plan, reinterpret_cast<const std::byte*>(stored.data()), {&dimension, 1}, 0,
                     std::ssize(stored), values.data(), validity.data()));
    for (size_t i = 0; i < stored.size(); ++i) {
      Int128 want = base + Int128{stored[i]} * factor;
      bool missing = want > Int128{INT64_MAX} * 2 || want < Int128{INT64_MIN} * 2;
      const Int128 switch_micros = Int128{cf::kFirstGregorianDay} * kDayMicros;
      if (!missing && standard && want < switch_micros) {
        Int128 number = want / kDayMicros;
        if (number * kDayMicros > want) --number;
        const auto label = cf::JulianOfDay(static_cast<int64_t>(number));
        missing = label.day > cf::DaysInGregorianMonth(label.year, label.month);
        want += (cf::DayOfGregorian(label) - number) * kDayMicros;
      }
      missing = missing || want < kMicrosRange.low || want > kMicrosRange.high;
      ASSERT_EQ((validity[i / 64] >> (i % 64) & 1) == 0, missing) << units << " " << stored[i];
      if (!missing) {
        ASSERT_EQ(values[i], static_cast<int64_t>(want)) << units << " " << stored[i];
      }
    }
  }
}

}  // namespace
}  // namespace colonnade::array
