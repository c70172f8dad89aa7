#include "arrow/format.h"

#include <charconv>
#include <optional>

#include "base/quote.h"

namespace colonnade::arrow {
namespace {

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "1,2,3" → the numbers; nothing if one of them is none. The empty text has no numbers.
std::optional<std::vector<int64_t>> ParseList(std::string_view text) {
  std::vector<int64_t> numbers;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::optional<int64_t> number = ParseInteger(text.substr(0, comma));
    if (!number.has_value()) return std::nullopt;
    numbers.push_back(*number);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) return std::nullopt;  // a comma at the end
  }
  return numbers;
}

Format Fixed(int64_t bit_width, bool is_integer = false) {
  Format format;
  format.layout = Layout::kFixedWidth;
  format.bit_width = bit_width;
  format.is_integer = is_integer;
  return format;
}

Format Plain(Layout layout, bool is_utf8 = false) {
  Format format;
  format.layout = layout;
  format.is_utf8 = is_utf8;
  return format;
}

std::optional<Format> ParseLetter(char letter) {
  switch (letter) {
    case 'n': return Plain(Layout::kNull);
    case 'b': return Fixed(1);
    case 'c':
    case 'C': return Fixed(8, true);
    case 's':
    case 'S': return Fixed(16, true);
    case 'i':
    case 'I': return Fixed(32, true);
    case 'l':
    case 'L': return Fixed(64, true);
    case 'e': return Fixed(16);
    case 'f': return Fixed(32);
    case 'g': return Fixed(64);
    case 'z': return Plain(Layout::kBinary);
    case 'u': return Plain(Layout::kBinary, true);
    case 'Z': return Plain(Layout::kLargeBinary);
    case 'U': return Plain(Layout::kLargeBinary, true);
    default: return std::nullopt;
  }
}

// "d:precision,scale[,bits]"
std::optional<Format> ParseDecimal(std::string_view parameters) {
  const auto numbers = ParseList(parameters);
  if (!numbers.has_value() || numbers->size() < 2 || numbers->size() > 3) return std::nullopt;
  const int64_t bits = numbers->size() == 3 ? (*numbers)[2] : 128;
  const int64_t most = bits == 32 ? 9 : bits == 64 ? 18 : bits == 128 ? 38 : bits == 256 ? 76 : 0;
  if ((*numbers)[0] < 1 || (*numbers)[0] > most) return std::nullopt;
  Format decimal = Fixed(bits);
  decimal.decimal_scale = static_cast<int32_t>((*numbers)[1]);
  if (decimal.decimal_scale != (*numbers)[1]) return std::nullopt;
  return decimal;
}

// "ud:1,2" and "us:1,2"
std::optional<Format> ParseUnion(Layout layout, std::string_view parameters) {
  const auto ids = ParseList(parameters);
  if (!ids.has_value() || ids->size() > 128) return std::nullopt;
  Format format = Plain(layout);
  for (const int64_t id : *ids) {
    if (id < 0 || id > 127) return std::nullopt;
    for (const int8_t seen : format.type_ids) {
      if (seen == id) return std::nullopt;
    }
    format.type_ids.push_back(static_cast<int8_t>(id));
  }
  return format;
}

// Dates, times, timestamps, durations, intervals: all start with 't'.
std::optional<Format> ParseTemporal(std::string_view format) {
  if (format == "tdD" || format == "tts" || format == "ttm" || format == "tiM") return Fixed(32);
  if (format == "tdm" || format == "ttu" || format == "ttn" || format == "tDs" || format == "tDm" ||
      format == "tDu" || format == "tDn" || format == "tiD") {
    return Fixed(64);
  }
  if (format == "tin") return Fixed(128);
  // "tsu:" or "tsu:Europe/Paris"
  if (format.size() >= 4 && format[1] == 's' && format[3] == ':' &&
      std::string_view("smun").find(format[2]) != std::string_view::npos) {
    return Fixed(64);
  }
  return std::nullopt;
}

std::optional<Format> ParseNested(std::string_view format) {
  if (format == "+l") return Plain(Layout::kList);
  if (format == "+L") return Plain(Layout::kLargeList);
  if (format == "+vl") return Plain(Layout::kListView);
  if (format == "+vL") return Plain(Layout::kLargeListView);
  if (format == "+s") return Plain(Layout::kStruct);
  if (format == "+m") return Plain(Layout::kMap);
  if (format == "+r") return Plain(Layout::kRunEndEncoded);
  if (format.starts_with("+ud:")) return ParseUnion(Layout::kDenseUnion, format.substr(4));
  if (format.starts_with("+us:")) return ParseUnion(Layout::kSparseUnion, format.substr(4));
  if (format.starts_with("+w:")) {
    const std::optional<int64_t> size = ParseInteger(format.substr(3));
    if (!size.has_value() || *size < 0 || *size > INT32_MAX) return std::nullopt;
    Format list = Plain(Layout::kFixedList);
    list.list_size = *size;
    return list;
  }
  return std::nullopt;
}

std::optional<Format> Parse(std::string_view format) {
  if (format.size() == 1) return ParseLetter(format[0]);
  if (format.starts_with('t')) return ParseTemporal(format);
  if (format.starts_with('+')) return ParseNested(format);
  if (format.starts_with("d:")) return ParseDecimal(format.substr(2));
  if (format == "vz") return Plain(Layout::kBinaryView);
  if (format == "vu") return Plain(Layout::kBinaryView, true);
  if (format.starts_with("w:")) {
    const std::optional<int64_t> bytes = ParseInteger(format.substr(2));
    if (!bytes.has_value() || *bytes < 0 || *bytes > INT32_MAX) return std::nullopt;
    return Fixed(*bytes * 8);
  }
  return std::nullopt;
}

}  // namespace

Result<Format> ParseFormat(std::string_view format) {
  std::optional<Format> parsed = Parse(format);
  if (!parsed.has_value()) return InvalidData("Arrow format ", Quote(format), " is not known");
  return *std::move(parsed);
}

}  // namespace colonnade::arrow
