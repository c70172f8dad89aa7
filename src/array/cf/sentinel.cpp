#include "array/cf/sentinel.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "array/cf/base64.h"
#include "base/byte_order.h"
#include "base/half.h"
#include "base/quote.h"

namespace colonnade::array::cf {
namespace {

using Int128 = __int128;

uint32_t BitWidth(const ElementType& type) { return type.size * 8; }

bool InRange(Int128 value, const ElementType& type) {
  const uint32_t bits = BitWidth(type);
  if (type.is_unsigned()) return value >= 0 && value < Int128{1} << bits;
  const Int128 half = Int128{1} << (bits - 1);
  return value >= -half && value < half;
}

// A whole JSON number, exactly; 1e3 and 1000.0 count.
std::optional<Int128> WholeNumber(const Json& constant) {
  if (constant.is_number_unsigned()) return constant.get<uint64_t>();
  if (constant.is_number_integer()) return constant.get<int64_t>();
  if (!constant.is_number_float()) return std::nullopt;
  const double number = constant.get<double>();
  if (!(std::fabs(number) < 0x1p65) || number != std::trunc(number)) return std::nullopt;
  return static_cast<Int128>(number);
}

Result<StoredValue> ParseInteger(const Json& constant, const ElementType& written,
                                 const ElementType& stored) {
  const std::optional<Int128> number = WholeNumber(constant);
  if (!number || (!InRange(*number, stored) && !InRange(*number, written))) {
    return InvalidArgument(ToString(stored), " has no such value");
  }
  // Keep the bits of the stored width, then extend them the way the stored type is signed.
  const uint32_t unused = 64 - BitWidth(stored);
  const uint64_t bits = static_cast<uint64_t>(*number) << unused;
  StoredValue value;
  if (stored.is_unsigned()) {
    value.u = bits >> unused;
  } else {
    value.i = static_cast<int64_t>(bits) >> unused;
  }
  return value;
}

// "0x7fc00000": the bits of the stored float type.
std::optional<double> ParseFloatBits(std::string_view text, const ElementType& stored) {
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return std::nullopt;
  text.remove_prefix(2);
  uint64_t bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (stored.size < 8 && bits >> BitWidth(stored) != 0) return std::nullopt;
  if (stored.kind == ElementKind::kFloat64) return std::bit_cast<double>(bits);
  if (stored.kind == ElementKind::kFloat32) {
    return double{std::bit_cast<float>(static_cast<uint32_t>(bits))};
  }
  return double{HalfToFloat(static_cast<uint16_t>(bits))};
}

std::optional<double> ParseFloatText(std::string_view text, const ElementType& stored,
                                     SentinelForm form) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity" || text == "inf") return kInfinity;
  if (text == "-Infinity" || text == "-inf") return -kInfinity;
  if (const std::optional<double> value = ParseFloatBits(text, stored)) return value;
  if (form == SentinelForm::kBase64Attribute) {
    const std::optional<std::string> bytes = DecodeBase64(text);
    if (bytes && bytes->size() == sizeof(double)) return LoadLittle<double>(bytes->data());
  }
  return std::nullopt;
}

// The nearest value of the stored type, as a cast would make it; nothing if it is out of range.
std::optional<double> RoundToStored(double value, const ElementType& stored) {
  if (!std::isfinite(value) || stored.kind == ElementKind::kFloat64) return value;
  if (stored.kind == ElementKind::kFloat16) return RoundToHalf(value);
  // The first double that rounds to a float infinity: halfway between the largest float and 2^128.
  constexpr double kFloatOverflow = 0x1.ffffffp127;
  if (std::fabs(value) >= kFloatOverflow) return std::nullopt;
  return double{static_cast<float>(value)};
}

Result<Sentinel> ParseFloat(const Json& constant, const ElementType& stored, SentinelForm form) {
  std::optional<double> value;
  if (constant.is_number()) {
    value = constant.get<double>();
  } else if (constant.is_string()) {
    value = ParseFloatText(constant.get_ref<const std::string&>(), stored, form);
    if (!value) return InvalidArgument("not a number");
  } else {
    return InvalidArgument("not a number");
  }
  value = RoundToStored(*value, stored);
  if (!value) return InvalidArgument(ToString(stored), " has no such value");
  Sentinel sentinel;
  sentinel.is_nan = std::isnan(*value);
  sentinel.value.f = *value;
  return sentinel;
}

std::string WithoutPadding(std::string text) {
  text.resize(text.find_last_not_of('\0') + 1);  // npos + 1 is 0
  return text;
}

Result<Sentinel> ParseText(const Json& constant, const ElementType& stored, SentinelForm form) {
  if (!constant.is_string()) return InvalidArgument("not text");
  const std::string& text = constant.get_ref<const std::string&>();
  Sentinel sentinel;
  if (stored.kind == ElementKind::kFixedBytes && form != SentinelForm::kAttribute) {
    const std::optional<std::string> bytes = DecodeBase64(text);
    if (form == SentinelForm::kZarrFill) {
      // The whole element, so the length tells base64 from plain text.
      if (bytes && bytes->size() == stored.size) {
        sentinel.texts = {WithoutPadding(*bytes)};
        return sentinel;
      }
    } else if (bytes && bytes->size() <= stored.size && !WithoutPadding(*bytes).empty()) {
      // Writers differ, and "TkE=" may be text as well as base64 of "NA": either spelling matches.
      sentinel.texts.push_back(WithoutPadding(*bytes));
    }
  }
  sentinel.texts.push_back(stored.kind == ElementKind::kString ? text : WithoutPadding(text));
  return sentinel;
}

}  // namespace

Result<Sentinel> ParseSentinel(const Json& constant, const ElementType& written,
                               const ElementType& stored, SentinelForm form) {
  if (stored.is_text()) return ParseText(constant, stored, form);
  if (stored.is_float()) return ParseFloat(constant, stored, form);
  Sentinel sentinel;
  if (stored.kind == ElementKind::kBool) {
    const std::optional<Int128> number = WholeNumber(constant);
    if (constant.is_boolean()) {
      sentinel.value.u = constant.get<bool>() ? 1 : 0;
    } else if (number && (*number == 0 || *number == 1)) {
      sentinel.value.u = static_cast<uint64_t>(*number);
    } else {
      return InvalidArgument("not a boolean");
    }
    return sentinel;
  }
  const bool is_time =
      stored.kind == ElementKind::kDatetime64 || stored.kind == ElementKind::kTimedelta64;
  if (is_time && constant.is_string() && constant.get_ref<const std::string&>() == "NaT") {
    sentinel.value.i = std::numeric_limits<int64_t>::min();
    return sentinel;
  }
  COLONNADE_ASSIGN_OR_RETURN(sentinel.value, ParseInteger(constant, written, stored));
  return sentinel;
}

std::string BriefJson(const Json& value) {
  if (value.is_array()) return internal::Concat("a list of ", value.size());
  if (value.is_object()) return "an object";
  if (value.is_string()) return Quote(value.get_ref<const std::string&>(), 60);
  return value.dump();
}

}  // namespace colonnade::array::cf
