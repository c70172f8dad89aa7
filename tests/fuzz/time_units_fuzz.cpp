// CF time units are text from files: the parser must refuse or make a plan that decodes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "array/cf/decode_plan.h"
#include "array/decode_time.h"

using colonnade::array::Int128;
using colonnade::array::TimeDecoder;
using colonnade::array::ValueType;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Up to the first newline: the calendar; then the units.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t newline = text.find('\n');
  const bool has_calendar = newline != std::string_view::npos;
  const std::string_view calendar = has_calendar ? text.substr(0, newline) : std::string_view();
  const std::string_view units = has_calendar ? text.substr(newline + 1) : text;

  const auto plan = colonnade::array::cf::ParseTimeUnits(units, calendar);
  if (!plan.ok()) {
    if (plan.status().message().empty()) std::abort();
    return 0;
  }
  const ValueType target =
      plan->unit_nanos < 1'000 ? ValueType::kTimestampNanos : ValueType::kTimestampMicros;
  const auto range = colonnade::array::RangeOf(target);
  const TimeDecoder decoder(*plan, target);
  constexpr int64_t kNumbers[] = {
      0, 1, -1, 738'000, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  for (const int64_t number : kNumbers) {
    int64_t ticks = 0;
    if (decoder.FromInteger(number, &ticks) && (ticks < range.low || ticks > range.high)) {
      std::abort();
    }
    if (decoder.FromDouble(static_cast<double>(number) + 0.25, &ticks) &&
        (ticks < range.low || ticks > range.high)) {
      std::abort();
    }
    const auto& linear = decoder.linear();
    if (number >= linear.low && number <= linear.high) {
      const auto fast =
          static_cast<int64_t>(static_cast<uint64_t>(number) * linear.factor + linear.base);
      if (!decoder.FromInteger(number, &ticks) || ticks != fast) std::abort();
    }
  }
  return 0;
}
