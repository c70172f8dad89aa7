#include "zarr/data_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

using array::ElementKind;
using array::ElementType;
using array::TimeUnit;

// Bytes of one fixed-width text element: longer ones are an attack, not data.
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 24;

std::optional<TimeUnit> UnitNamed(std::string_view name) {
  static constexpr std::pair<std::string_view, TimeUnit> kUnits[] = {
      {"Y", TimeUnit::kYear},
      {"M", TimeUnit::kMonth},
      {"W", TimeUnit::kWeek},
      {"D", TimeUnit::kDay},
      {"h", TimeUnit::kHour},
      {"m", TimeUnit::kMinute},
      {"s", TimeUnit::kSecond},
      {"ms", TimeUnit::kMillisecond},
      {"us", TimeUnit::kMicrosecond},
      {"\u03bcs", TimeUnit::kMicrosecond},
      {"\u00b5s", TimeUnit::kMicrosecond},
      {"ns", TimeUnit::kNanosecond},
      {"ps", TimeUnit::kPicosecond},
      {"fs", TimeUnit::kFemtosecond},
      {"as", TimeUnit::kAttosecond},
      {"generic", TimeUnit::kGeneric}};
  for (const auto& [unit_name, unit] : kUnits) {
    if (unit_name == name) return unit;
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseNumber(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<ElementKind> KindOfNumber(char kind, uint64_t size) {
  switch (kind) {
    case 'b': return size == 1 ? std::optional(ElementKind::kBool) : std::nullopt;
    case 'i':
      if (size == 1) return ElementKind::kInt8;
      if (size == 2) return ElementKind::kInt16;
      if (size == 4) return ElementKind::kInt32;
      if (size == 8) return ElementKind::kInt64;
      return std::nullopt;
    case 'u':
      if (size == 1) return ElementKind::kUInt8;
      if (size == 2) return ElementKind::kUInt16;
      if (size == 4) return ElementKind::kUInt32;
      if (size == 8) return ElementKind::kUInt64;
      return std::nullopt;
    case 'f':
      if (size == 2) return ElementKind::kFloat16;
      if (size == 4) return ElementKind::kFloat32;
      if (size == 8) return ElementKind::kFloat64;
      return std::nullopt;
    default: return std::nullopt;
  }
}

ElementType TimeType(ElementKind kind, TimeUnit unit, int32_t multiplier) {
  ElementType type = ElementType::Of(kind);
  type.unit = unit;
  type.multiplier = multiplier;
  return type;
}

// "8[25s]" after the kind of a datetime64 or timedelta64.
Result<ElementType> ParseV2Time(ElementKind kind, std::string_view rest, const Json& whole) {
  if (!rest.starts_with("8[") || !rest.ends_with("]")) {
    return InvalidData("dtype ", Quoted(whole), " must have a unit, as in \"<M8[ns]\"");
  }
  std::string_view unit_text = rest.substr(2, rest.size() - 3);
  uint64_t multiplier = 1;
  const size_t digits = unit_text.find_first_not_of("0123456789");
  if (digits != 0 && digits != std::string_view::npos) {
    multiplier = ParseNumber(unit_text.substr(0, digits)).value_or(0);
    unit_text.remove_prefix(digits);
  }
  const std::optional<TimeUnit> unit = UnitNamed(unit_text);
  if (!unit || multiplier < 1 || multiplier > INT32_MAX) {
    return InvalidData("dtype ", Quoted(whole), " has an unknown unit");
  }
  return TimeType(kind, *unit, static_cast<int32_t>(multiplier));
}

Result<ElementType> TextType(ElementKind kind, std::optional<uint64_t> bytes, const Json& whole) {
  if (!bytes || *bytes > kMaxTextBytes) {
    return InvalidData("data type ", Quoted(whole), " has no usable width (at most ", kMaxTextBytes,
                       " bytes)");
  }
  ElementType type;
  type.kind = kind;
  type.size = static_cast<uint32_t>(*bytes);
  return type;
}

Result<ElementType> ParseV3Time(ElementKind kind, const Extension& extension) {
  const Json* unit_json = extension.Find("unit");
  const std::optional<TimeUnit> unit = unit_json != nullptr && unit_json->is_string()
                                           ? UnitNamed(unit_json->get_ref<const std::string&>())
                                           : std::nullopt;
  if (!unit) return InvalidData("data type ", Quoted(extension.name), " has no known unit");
  int64_t multiplier = 1;
  if (const Json* factor = extension.Find("scale_factor")) {
    const bool usable = factor->is_number_integer() && *factor >= 1 && *factor <= INT32_MAX;
    if (!usable) {
      return InvalidData("data type ", Quoted(extension.name), ": scale_factor ", Quoted(*factor),
                         " is not an integer from 1 to 2^31-1");
    }
    multiplier = factor->get<int64_t>();
  }
  return TimeType(kind, *unit, static_cast<int32_t>(multiplier));
}

std::optional<uint64_t> LengthBytes(const Extension& extension) {
  const Json* length = extension.Find("length_bytes");
  if (length == nullptr || !length->is_number_unsigned()) return std::nullopt;
  return length->get<uint64_t>();
}

}  // namespace

Result<V2DataType> ParseV2DataType(const Json& json) {
  if (json.is_array()) return Unsupported("structured dtype ", Quoted(json), " is not supported");
  if (!json.is_string()) return InvalidData("dtype ", Quoted(json), " must be a string");
  std::string_view text = json.get_ref<const std::string&>();
  V2DataType result;
  const auto invalid = [&] { return InvalidData("dtype ", Quoted(json), " is not a NumPy type"); };
  if (text.size() < 2 || std::string_view("<>|").find(text[0]) == std::string_view::npos) {
    return invalid();
  }
  if (text[0] == '>') result.endian = std::endian::big;
  const char kind = text[1];
  const std::string_view rest = text.substr(2);
  if (kind == 'O' && rest.empty()) {
    result.object = true;
    return result;
  }
  if (kind == 'M' || kind == 'm') {
    const ElementKind time = kind == 'M' ? ElementKind::kDatetime64 : ElementKind::kTimedelta64;
    COLONNADE_ASSIGN_OR_RETURN(result.type, ParseV2Time(time, rest, json));
    return result;
  }
  const std::optional<uint64_t> size = ParseNumber(rest);
  if (!size) return invalid();
  if (kind == 'S') {
    COLONNADE_ASSIGN_OR_RETURN(result.type, TextType(ElementKind::kFixedBytes, size, json));
    return result;
  }
  if (kind == 'U') {
    const uint64_t bytes = std::min(*size, kMaxTextBytes) * 4;  // too many stay too many
    COLONNADE_ASSIGN_OR_RETURN(result.type, TextType(ElementKind::kFixedUtf32, bytes, json));
    return result;
  }
  const std::optional<ElementKind> number = KindOfNumber(kind, *size);
  if (!number) {
    const bool known = std::string_view("biufcVgG").find(kind) != std::string_view::npos;
    if (!known) return invalid();
    return Unsupported("dtype ", Quoted(json), " is not supported");
  }
  result.type = ElementType::Of(*number);
  return result;
}

Result<ElementType> ParseV3DataType(const Json& json) {
  COLONNADE_ASSIGN_OR_RETURN(const Extension extension, ParseExtension(json, "data type"));
  static constexpr std::pair<std::string_view, ElementKind> kPlain[] = {
      {"bool", ElementKind::kBool},       {"int8", ElementKind::kInt8},
      {"int16", ElementKind::kInt16},     {"int32", ElementKind::kInt32},
      {"int64", ElementKind::kInt64},     {"uint8", ElementKind::kUInt8},
      {"uint16", ElementKind::kUInt16},   {"uint32", ElementKind::kUInt32},
      {"uint64", ElementKind::kUInt64},   {"float16", ElementKind::kFloat16},
      {"float32", ElementKind::kFloat32}, {"float64", ElementKind::kFloat64}};
  for (const auto& [name, kind] : kPlain) {
    if (extension.name == name) return ElementType::Of(kind);
  }
  if (extension.name == "string") {
    ElementType type;
    type.kind = ElementKind::kString;
    type.size = 0;
    return type;
  }
  if (extension.name == "numpy.datetime64") {
    return ParseV3Time(ElementKind::kDatetime64, extension);
  }
  if (extension.name == "numpy.timedelta64") {
    return ParseV3Time(ElementKind::kTimedelta64, extension);
  }
  if (extension.name == "null_terminated_bytes") {
    return TextType(ElementKind::kFixedBytes, LengthBytes(extension), json);
  }
  if (extension.name == "fixed_length_utf32") {
    COLONNADE_ASSIGN_OR_RETURN(ElementType type,
                               TextType(ElementKind::kFixedUtf32, LengthBytes(extension), json));
    if (type.size % 4 != 0) {
      return InvalidData("data type ", Quoted(json), ": length_bytes is not a multiple of 4");
    }
    return type;
  }
  return Unsupported("data type ", Quoted(extension.name), " is not supported");
}

}  // namespace colonnade::zarr
