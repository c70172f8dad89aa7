#include "zarr/fill_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/half.h"
#include "base/utf8.h"
#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

using array::ElementKind;
using array::ElementType;

Status NotOfType(const Json& json, const ElementType& type) {
  return InvalidData("fill value ", Quoted(json), " is not a value of type ",
                     array::ToString(type));
}

// Code points of valid UTF-8.
size_t CountCodePoints(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void TrimNuls(std::string* text) {
  while (!text->empty() && text->back() == '\0') text->pop_back();
}

template <typename T>
void Store(T value, FillValue* fill) {
  std::memcpy(fill->bytes.data(), &value, sizeof(T));
}

void StoreBits(uint64_t bits, FillValue* fill) { Store(bits, fill); }  // little-endian host

Json NumberOrName(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

// The sentinel is what the stored bytes mean, not what was written: 0.1 of a float32 is its float.
void FinishFloat(uint32_t size, FillValue* fill) {
  if (size == 8) {
    double value;
    std::memcpy(&value, fill->bytes.data(), sizeof(value));
    fill->sentinel = NumberOrName(value);
  } else if (size == 4) {
    float value;
    std::memcpy(&value, fill->bytes.data(), sizeof(value));
    fill->sentinel = NumberOrName(value);
  } else {
    uint16_t half;
    std::memcpy(&half, fill->bytes.data(), sizeof(half));
    fill->sentinel = NumberOrName(HalfToFloat(half));
  }
}

std::optional<uint64_t> ParseHexBits(std::string_view text, uint32_t size) {
  if (!text.starts_with("0x") || text.size() != 2 + size_t{size} * 2) return std::nullopt;
  uint64_t bits = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bits;
}

// Narrowing a double beyond the largest float is undefined in C++; NumPy gives infinity.
float NarrowToFloat(double value) {
  constexpr double kLimit = 3.4028235677973366e38;  // halfway to the next power: rounds to infinity
  if (value >= kLimit) return std::numeric_limits<float>::infinity();
  if (value <= -kLimit) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

Result<FillValue> ParseFloat(const Json& json, const ElementType& type) {
  FillValue fill;
  double value = 0;
  if (json.is_number()) {
    value = json.get<double>();
  } else if (json == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (json == "Infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (json == "-Infinity") {
    value = -std::numeric_limits<double>::infinity();
  } else if (json.is_string()) {
    const auto bits = ParseHexBits(json.get_ref<const std::string&>(), type.size);
    if (!bits) return NotOfType(json, type);
    StoreBits(*bits, &fill);
    FinishFloat(type.size, &fill);
    return fill;
  } else {
    return NotOfType(json, type);
  }
  if (type.size == 8) {
    Store(value, &fill);
  } else if (type.size == 4) {
    Store(NarrowToFloat(value), &fill);
  } else {
    Store(HalfFromDouble(value), &fill);
  }
  FinishFloat(type.size, &fill);
  return fill;
}

Result<FillValue> ParseInteger(const Json& json, const ElementType& type) {
  FillValue fill;
  if (!json.is_number_integer()) return NotOfType(json, type);
  const unsigned bits = type.size * 8;
  const bool fits_unsigned = json.is_number_unsigned();
  if (type.is_unsigned()) {
    if (!fits_unsigned && json.get<int64_t>() < 0) return NotOfType(json, type);
    const auto value = json.get<uint64_t>();
    if (bits < 64 && value >> bits != 0) return NotOfType(json, type);
    StoreBits(value, &fill);
    fill.sentinel = value;
    return fill;
  }
  if (fits_unsigned && json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return NotOfType(json, type);
  }
  const auto value = json.get<int64_t>();
  const int64_t max = INT64_MAX >> (64 - bits);
  if (value > max || value < -max - 1) return NotOfType(json, type);
  StoreBits(static_cast<uint64_t>(value), &fill);
  fill.sentinel = value;
  return fill;
}

Result<FillValue> ParseTime(const Json& json, const ElementType& type) {
  if (json == "NaT") return ParseInteger(std::numeric_limits<int64_t>::min(), type);
  return ParseInteger(json, type);
}

Result<FillValue> TextFill(std::string text, const Json& json, const ElementType& type) {
  if (type.kind != ElementKind::kString) TrimNuls(&text);
  if (!IsUtf8(text)) {
    return InvalidData("fill value ", Quoted(json), " is not UTF-8 text once decoded");
  }
  const bool too_long =
      (type.kind == ElementKind::kFixedBytes && text.size() > type.size) ||
      (type.kind == ElementKind::kFixedUtf32 && CountCodePoints(text) > type.size / 4);
  if (too_long) return NotOfType(json, type);
  FillValue fill;
  fill.sentinel = text;
  fill.text = std::move(text);
  return fill;
}

Result<FillValue> ParseText(const Json& json, const ElementType& type) {
  if (!json.is_string()) return NotOfType(json, type);
  const auto& text = json.get_ref<const std::string&>();
  if (type.kind != ElementKind::kFixedBytes) return TextFill(text, json, type);
  std::optional<std::string> bytes = DecodeBase64(text);
  if (!bytes) return NotOfType(json, type);
  return TextFill(*std::move(bytes), json, type);
}

}  // namespace

uint16_t HalfFromDouble(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 48 & 0x8000);
  if (std::isnan(value)) return sign | 0x7E00;
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  if (magnitude >= 65520) return sign | 0x7C00;  // halfway between 65504 and 2^16 rounds up
  // The exponent of the half's last place: 2^-24 below 2^-14, else 10 binary digits below the top.
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int place = std::max(exponent - 11, -24);
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -place)));
  // Units of 2^-24 are the encoding itself for subnormals; a carry into the exponent is right too.
  const uint32_t biased = static_cast<uint32_t>(place + 24) << 10;
  return static_cast<uint16_t>(sign | (biased + units));
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 4) {
    const std::string_view group = text.substr(i, 4);
    const bool last = i + 4 == text.size();
    const size_t padding = !last ? 0 : group.ends_with("==") ? 2 : group.ends_with("=") ? 1 : 0;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int value = k < 4 - padding ? digit(group[k]) : 0;
      if (value < 0) return std::nullopt;
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    for (size_t k = 0; k < 3 - padding; ++k) {
      bytes.push_back(static_cast<char>(bits >> (16 - 8 * k) & 0xFF));
    }
  }
  return bytes;
}

Result<FillValue> ParseV3Fill(const Json& json, const ElementType& type) {
  if (type.kind == ElementKind::kBool) {
    if (!json.is_boolean()) return NotOfType(json, type);
    FillValue fill;
    StoreBits(json.get<bool>() ? 1 : 0, &fill);
    fill.sentinel = json;
    return fill;
  }
  if (type.is_integer()) return ParseInteger(json, type);
  if (type.is_float()) return ParseFloat(json, type);
  if (type.is_text()) return ParseText(json, type);
  return ParseTime(json, type);
}

Result<FillValue> ParseV2Fill(const Json& json, const ElementType& type) {
  // Writers leave out chunks of the type's default under such a document, and expect them back.
  if (json.is_null()) {
    FillValue fill;
    if (type.kind == ElementKind::kDatetime64 || type.kind == ElementKind::kTimedelta64) {
      const int64_t nat = std::numeric_limits<int64_t>::min();
      std::memcpy(fill.bytes.data(), &nat, sizeof(nat));
    }
    return fill;
  }
  Json value = json;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!type.is_float() && json.is_number_float() && std::fabs(json.get<double>()) < kExact &&
      std::trunc(json.get<double>()) == json.get<double>()) {
    value = static_cast<int64_t>(json.get<double>());
  }
  if (type.is_text() && value == 0) value = "";
  if (type.kind == ElementKind::kBool && (value == 0 || value == 1)) value = value == 1;
  return ParseV3Fill(value, type);
}

}  // namespace colonnade::zarr
