#include "temporal_values.h"

#include <datetime.h>

#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

#include "array_reader.h"

namespace colonnade::python {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();  // how the engine stores infinity

// A day of the proleptic Gregorian calendar.
struct Day {
  int64_t year;
  int month;
  int day;
  bool in_python() const { return year >= 1 && year <= 9999; }
};

// Howard Hinnant's civil_from_days.
Day DayOf(int64_t days_since_1970) {
  const int64_t days = days_since_1970 + 719'468;
  const int64_t era = DivideDown(days, 146'097).quotient;
  const int64_t of_era = days - era * 146'097;
  const int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * of_year + 2) / 153;
  const int month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          static_cast<int>(of_year - (153 * shifted_month + 2) / 5 + 1)};
}

std::string DayText(const Day& day, std::string_view rest) {
  char text[40];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d",
                static_cast<long long>(day.year > 0 ? day.year : 1 - day.year), day.month, day.day);
  return std::string(text) + (day.year > 0 ? "" : " (BC)") + std::string(rest);
}

std::string ClockText(int64_t micros) {
  char text[64];
  int length = std::snprintf(text, sizeof(text), "%02lld:%02lld:%02lld",
                             static_cast<long long>(micros / 3'600'000'000),
                             static_cast<long long>(micros / 60'000'000 % 60),
                             static_cast<long long>(micros / 1'000'000 % 60));
  if (micros % 1'000'000 != 0) {
    std::snprintf(text + length, sizeof(text) - static_cast<size_t>(length), ".%06lld",
                  static_cast<long long>(micros % 1'000'000));
    length += 7;
    while (text[length - 1] == '0') --length;
  }
  return std::string(text, static_cast<size_t>(length));
}

PyObject* DateObject(int64_t days, bool infinite) {
  if (infinite) return days > 0 ? PyDate_FromDate(9999, 12, 31) : PyDate_FromDate(1, 1, 1);
  const Day day = DayOf(days);
  if (!day.in_python()) return Text(DayText(day, ""));
  return PyDate_FromDate(static_cast<int>(day.year), day.month, day.day);
}

PyObject* TimeObject(int64_t micros) {
  if (micros < 0 || micros >= kMicrosPerDay) return Text(ClockText(micros));
  return PyTime_FromTime(
      static_cast<int>(micros / 3'600'000'000), static_cast<int>(micros / 60'000'000 % 60),
      static_cast<int>(micros / 1'000'000 % 60), static_cast<int>(micros % 1'000'000));
}

PyObject* DurationObject(int64_t days, int64_t micros) {
  const FloorDivision whole = DivideDown(micros, kMicrosPerDay);
  days += whole.quotient;
  constexpr int64_t kMost = 999'999'999;  // datetime.timedelta's
  if (days > kMost || days < -kMost) {
    PyErr_Format(PyExc_OverflowError, "an interval of %lld days does not fit datetime.timedelta",
                 static_cast<long long>(days));
    return nullptr;
  }
  return PyDelta_FromDSU(static_cast<int>(days), static_cast<int>(whole.remainder / 1'000'000),
                         static_cast<int>(whole.remainder % 1'000'000));
}

// Units per second of 's', 'm', 'u', 'n'.
int64_t PerSecond(char unit) {
  return unit == 's' ? 1 : unit == 'm' ? 1'000 : unit == 'u' ? 1'000'000 : 1'000'000'000;
}

// Microseconds of a count, which is split first so that nothing overflows.
struct Instant {
  int64_t days;
  int64_t micros;  // of the day
};

Instant InstantOf(int64_t value, int64_t per_second) {
  const auto [days, rest] = DivideDown(value, per_second * 86'400);
  return {days, per_second > 1'000'000 ? rest / 1'000 : rest * (1'000'000 / per_second)};
}

nb::object ZoneNamed(const std::string& name) {
  if (name == "UTC" || name == "Etc/UTC" || name == "Z") return nb::borrow(PyDateTime_TimeZone_UTC);
  if (name.size() == 6 && (name[0] == '+' || name[0] == '-') && name[3] == ':') {
    const int minutes =
        (name[1] - '0') * 600 + (name[2] - '0') * 60 + (name[4] - '0') * 10 + (name[5] - '0');
    const nb::object offset =
        nb::steal(Checked(PyDelta_FromDSU(0, (name[0] == '-' ? -minutes : minutes) * 60, 0)));
    return nb::steal(Checked(PyTimeZone_FromOffset(offset.ptr())));
  }
  try {
    return Attribute("zoneinfo", "ZoneInfo")(nb::str(name.data(), name.size()));
  } catch (nb::python_error&) {
    RaiseStatus(NotFound("time zone \"", name, "\" is not known to Python's zoneinfo; ",
                         "SET TimeZone = 'UTC', or install the tzdata package"));
  }
}

std::unique_ptr<ValueReader> TimestampReader(char unit, const std::string& zone) {
  const int64_t per_second = PerSecond(unit);
  const nb::object tz = zone.empty() ? nb::none() : ZoneNamed(zone);
  const nb::object utc = nb::borrow(PyDateTime_TimeZone_UTC);
  return Fixed<int64_t>([per_second, tz, utc](int64_t value) -> PyObject* {
    const bool aware = !tz.is_none();
    const auto make = [&](int year, int month, int day, int64_t micros) {
      return PyDateTimeAPI->DateTime_FromDateAndTime(
          year, month, day, static_cast<int>(micros / 3'600'000'000),
          static_cast<int>(micros / 60'000'000 % 60), static_cast<int>(micros / 1'000'000 % 60),
          static_cast<int>(micros % 1'000'000), aware ? utc.ptr() : Py_None,
          PyDateTimeAPI->DateTimeType);
    };
    if (value == kNever) return make(9999, 12, 31, kMicrosPerDay - 1);
    if (value == -kNever) return make(1, 1, 1, 0);
    const Instant instant = InstantOf(value, per_second);
    const Day day = DayOf(instant.days);
    if (!day.in_python())
      return Text(DayText(day, " " + ClockText(instant.micros) + (aware ? "+00" : "")));
    PyObject* made = make(static_cast<int>(day.year), day.month, day.day, instant.micros);
    if (made == nullptr || !aware || tz.is(utc)) return made;
    const nb::object in_utc = nb::steal(made);
    PyObject* there = PyObject_CallMethod(in_utc.ptr(), "astimezone", "O", tz.ptr());
    if (there != nullptr || !PyErr_ExceptionMatches(PyExc_OverflowError)) return there;
    PyErr_Clear();  // the zone's clock is past the end of year 9999
    return Py_NewRef(in_utc.ptr());
  });
}

}  // namespace

std::unique_ptr<ValueReader> MakeTemporalReader(const ArrowSchema& schema) {
  if (PyDateTimeAPI == nullptr) {
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == nullptr) throw nb::python_error();
  }
  const std::string_view format = schema.format;
  if (format == "tdD") {
    return Fixed<int32_t>([](int32_t days) {
      constexpr int32_t kInfinite = std::numeric_limits<int32_t>::max();
      return DateObject(days, days == kInfinite || days == -kInfinite);
    });
  }
  if (format == "tdm") {
    return Fixed<int64_t>(
        [](int64_t millis) { return DateObject(DivideDown(millis, 86'400'000).quotient, false); });
  }
  if (format == "tts" || format == "ttm") {
    const int64_t micros = format == "tts" ? 1'000'000 : 1'000;
    return Fixed<int32_t>([micros](int32_t value) { return TimeObject(value * micros); });
  }
  if (format == "ttu") return Fixed<int64_t>([](int64_t value) { return TimeObject(value); });
  if (format == "ttn")
    return Fixed<int64_t>([](int64_t value) { return TimeObject(value / 1'000); });
  if (format.substr(0, 2) == "ts" && format.size() >= 4)
    return TimestampReader(format[2], std::string(format.substr(4)));
  if (format.substr(0, 2) == "tD" && format.size() == 3) {
    const int64_t per_second = PerSecond(format[2]);
    return Fixed<int64_t>([per_second](int64_t value) {
      const Instant length = InstantOf(value, per_second);
      return DurationObject(length.days, length.micros);
    });
  }
  if (format == "tiM")
    return Fixed<int32_t>([](int32_t months) { return DurationObject(int64_t{months} * 30, 0); });
  if (format == "tiD") {
    return Fixed<DayMilli>(
        [](DayMilli value) { return DurationObject(value.days, int64_t{value.millis} * 1'000); });
  }
  if (format == "tin") {
    return Fixed<MonthDayNano>([](MonthDayNano value) {
      return DurationObject(int64_t{value.months} * 30 + value.days,
                            DivideDown(value.nanos, 1'000).quotient);
    });
  }
  RaiseUnsupported(schema);
}

}  // namespace colonnade::python
