// The grammar of CF time units: "<unit> since <reference>".

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "array/cf/calendar.h"
#include "array/cf/decode_plan.h"

namespace colonnade::array::cf {
namespace {

constexpr size_t kMaxUnitsBytes = 256;
constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMinute = 60 * kNanosPerSecond;
constexpr int64_t kNanosPerHour = 60 * kNanosPerMinute;
constexpr int64_t kNanosPerDay = 24 * kNanosPerHour;

struct UnitName {
  std::string_view name;
  int64_t nanos;
};

// What cftime accepts, plus weeks and the abbreviations of the two finest units.
constexpr UnitName kUnits[] = {
    {"nanosecond", 1},
    {"nanosec", 1},
    {"nsec", 1},
    {"ns", 1},
    {"microsecond", 1'000},
    {"microsec", 1'000},
    {"usec", 1'000},
    {"us", 1'000},
    {"\u00B5s", 1'000},  // micro sign
    {"\u03BCs", 1'000},  // Greek mu
    {"millisecond", 1'000'000},
    {"millisec", 1'000'000},
    {"msec", 1'000'000},
    {"ms", 1'000'000},
    {"second", kNanosPerSecond},
    {"sec", kNanosPerSecond},
    {"s", kNanosPerSecond},
    {"minute", kNanosPerMinute},
    {"min", kNanosPerMinute},
    {"hour", kNanosPerHour},
    {"hr", kNanosPerHour},
    {"h", kNanosPerHour},
    {"day", kNanosPerDay},
    {"d", kNanosPerDay},
    {"week", 7 * kNanosPerDay},
};

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes words and numbers off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char next() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }

  bool SkipBlanks() {
    const size_t before = rest_.size();
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
    return rest_.size() != before;
  }

  bool Skip(char c) {
    if (next() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view Word() {
    size_t size = 0;
    while (size < rest_.size() && !IsBlank(rest_[size])) ++size;
    return Take(size);
  }

  std::string_view Digits() {
    size_t size = 0;
    while (size < rest_.size() && IsDigit(rest_[size])) ++size;
    return Take(size);
  }

 private:
  std::string_view Take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

// A field of one to `max_digits` digits between low and high.
Result<int64_t> Field(std::string_view name, std::string_view digits, size_t max_digits,
                      int64_t low, int64_t high) {
  int64_t value = 0;
  if (digits.empty()) return InvalidArgument("the ", name, " is missing");
  if (digits.size() > max_digits) return InvalidArgument("the ", name, " has too many digits");
  for (const char digit : digits) value = value * 10 + (digit - '0');
  if (value < low || value > high) {
    return InvalidArgument("the ", name, " is out of range: ", value);
  }
  return value;
}

Result<int64_t> ParseUnit(std::string_view text) {
  std::string unit = Lower(text);
  const auto find = [&]() -> const UnitName* {
    const auto* found = std::ranges::find(kUnits, unit, &UnitName::name);
    return found == std::end(kUnits) ? nullptr : found;
  };
  const UnitName* found = find();
  // A plural of a word, not of a letter: "ss" is nothing.
  if (found == nullptr && unit.size() > 2 && unit.ends_with('s')) {
    unit.pop_back();
    if (unit.size() > 1 && !unit.ends_with('s')) found = find();
  }
  if (found != nullptr) return found->nanos;
  if (unit == "m") return InvalidArgument("the unit \"m\" may be minutes, months or metres");
  if (unit == "month" || unit == "year" || unit == "common_year") {
    return InvalidArgument("the unit has no fixed length");
  }
  return InvalidArgument("the unit is not known");
}

// Day number of the reference date, by the rules of its calendar.
Result<int64_t> ParseDate(Scanner& scanner, bool mixed) {
  const bool negative = scanner.next() == '-';
  if (!scanner.Skip('-')) scanner.Skip('+');
  COLONNADE_ASSIGN_OR_RETURN(int64_t year, Field("year", scanner.Digits(), 6, 0, kMaxYear));
  int64_t month = 1;
  int64_t day = 1;
  if (scanner.Skip('-')) {
    COLONNADE_ASSIGN_OR_RETURN(month, Field("month", scanner.Digits(), 2, 1, 12));
    if (scanner.Skip('-')) {
      COLONNADE_ASSIGN_OR_RETURN(day, Field("day", scanner.Digits(), 2, 1, 31));
    }
  }
  if (mixed && year == 0) return InvalidArgument("the standard calendar has no year 0");
  if (negative) year = mixed ? 1 - year : -year;

  const CivilDate date{year, static_cast<int>(month), static_cast<int>(day)};
  const int64_t gregorian = DayOfGregorian(date);
  const bool julian = mixed && gregorian < kFirstGregorianDay;
  const int days_in_month =
      julian ? DaysInJulianMonth(year, date.month) : DaysInGregorianMonth(year, date.month);
  if (date.day > days_in_month) return InvalidArgument("the month has no day ", day);
  if (!julian) return gregorian;
  const int64_t day_number = DayOfJulian(date);
  if (day_number >= kFirstGregorianDay) {
    return InvalidArgument("the standard calendar skips 1582-10-05 to 1582-10-14");
  }
  return day_number;
}

// Nanoseconds into the day.
Result<int64_t> ParseTimeOfDay(Scanner& scanner) {
  COLONNADE_ASSIGN_OR_RETURN(const int64_t hour, Field("hour", scanner.Digits(), 2, 0, 23));
  int64_t nanos = hour * kNanosPerHour;
  if (!scanner.Skip(':')) return nanos;
  COLONNADE_ASSIGN_OR_RETURN(const int64_t minute, Field("minute", scanner.Digits(), 2, 0, 59));
  nanos += minute * kNanosPerMinute;
  if (!scanner.Skip(':')) return nanos;
  COLONNADE_ASSIGN_OR_RETURN(const int64_t second, Field("second", scanner.Digits(), 2, 0, 59));
  nanos += second * kNanosPerSecond;
  if (!scanner.Skip('.')) return nanos;
  int64_t digit_nanos = kNanosPerSecond / 10;
  for (const char digit : scanner.Digits()) {  // none after the point is fine: "12:00:00."
    nanos += (digit - '0') * digit_nanos;
    digit_nanos /= 10;  // 0 after nine digits: finer ones are cut off
  }
  return nanos;
}

// Nanoseconds that local time is ahead of UTC.
Result<int64_t> ParseZone(Scanner& scanner) {
  const bool west = scanner.next() == '-';
  const bool sign = scanner.Skip('-') || scanner.Skip('+');
  if (!sign && !IsDigit(scanner.next())) {
    const std::string_view word = scanner.Word();
    const std::string zone = Lower(word);
    if (zone == "z" || zone == "utc" || zone == "gmt") return 0;
    return InvalidArgument("the time zone is not an offset: ", word);
  }
  const std::string_view digits = scanner.Digits();
  const bool compact = digits.size() == 4;  // +0530
  COLONNADE_ASSIGN_OR_RETURN(
      const int64_t hours, Field("zone's hour", compact ? digits.substr(0, 2) : digits, 2, 0, 23));
  int64_t minutes = 0;
  if (compact || scanner.Skip(':')) {
    COLONNADE_ASSIGN_OR_RETURN(
        minutes, Field("zone's minute", compact ? digits.substr(2) : scanner.Digits(), 2, 0, 59));
  }
  const int64_t ahead = hours * kNanosPerHour + minutes * kNanosPerMinute;
  return west ? -ahead : ahead;
}

// Everything after "since".
Status ParseReference(std::string_view text, TimePlan* plan) {
  Scanner scanner(text);
  COLONNADE_ASSIGN_OR_RETURN(plan->reference_day, ParseDate(scanner, plan->julian_before_1582));
  int64_t nanos = 0;
  int64_t zone = 0;
  const bool marked = scanner.Skip('T') || scanner.Skip('t');
  const bool blank = !marked && scanner.SkipBlanks();
  if (marked || (blank && IsDigit(scanner.next()))) {
    COLONNADE_ASSIGN_OR_RETURN(nanos, ParseTimeOfDay(scanner));
    scanner.SkipBlanks();
  }
  if (!scanner.done()) {
    COLONNADE_ASSIGN_OR_RETURN(zone, ParseZone(scanner));
  }
  if (!scanner.done()) return InvalidArgument("not understood: ", scanner.rest());
  nanos -= zone;
  const int64_t day_shift = FloorDivide(nanos, kNanosPerDay);
  plan->reference_day += day_shift;
  plan->reference_nanos = nanos - day_shift * kNanosPerDay;
  return {};
}

}  // namespace

Result<TimePlan> ParseTimeUnits(std::string_view units, std::string_view calendar) {
  if (units.size() > kMaxUnitsBytes) {
    return InvalidArgument("time units of ", units.size(), " bytes; the limit is ", kMaxUnitsBytes);
  }
  TimePlan plan;
  const std::string name = Lower(Trim(calendar.substr(0, kMaxUnitsBytes)));
  if (name.empty() || name == "standard" || name == "gregorian") {
    plan.julian_before_1582 = true;
  } else if (name != "proleptic_gregorian") {
    return InvalidArgument("the calendar is not Gregorian: ", name);
  }
  Scanner scanner(Trim(units));
  const std::string_view unit = scanner.Word();
  scanner.SkipBlanks();
  if (Lower(scanner.Word()) != "since" || !scanner.SkipBlanks()) {
    return InvalidArgument("time units are not \"<unit> since <reference>\"");
  }
  COLONNADE_ASSIGN_OR_RETURN(plan.unit_nanos, ParseUnit(unit));
  COLONNADE_RETURN_IF_ERROR(ParseReference(scanner.rest(), &plan));
  return plan;
}

}  // namespace colonnade::array::cf
