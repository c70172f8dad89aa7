#include "questdb/wire/field_metadata.h"

#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/byte_order.h"
#include "base/quote.h"

namespace colonnade::questdb::wire {
namespace {

constexpr int32_t kMaxPairs = 65'536;

std::optional<ColumnType> TypeNamed(std::string_view name) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto type = ColumnTypeFromByte(static_cast<uint8_t>(byte));
    if (type && ColumnTypeName(*type) == name) return type;
  }
  return std::nullopt;
}

std::optional<int> Bits(std::string_view text) {
  int bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (bits < 1 || bits > kMaxGeohashBits) return std::nullopt;
  return bits;
}

std::optional<bool> Truth(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

// Reads a length, and the text that has it.
Status Take(const char** at, std::string_view* text) {
  const auto size = LoadLittle<int32_t>(*at);
  if (size < 0) return InvalidArgument("metadata with a text of ", size, " bytes");
  *text = {*at + sizeof(size), static_cast<size_t>(size)};
  *at += sizeof(size) + static_cast<size_t>(size);
  return Status();
}

}  // namespace

Result<FieldMetadata> ParseFieldMetadata(const char* metadata) {
  FieldMetadata parsed;
  if (metadata == nullptr) return parsed;
  const auto pairs = LoadLittle<int32_t>(metadata);
  if (pairs < 0 || pairs > kMaxPairs)
    return InvalidArgument("metadata of ", pairs, " pairs, which are not 0 to ", kMaxPairs);
  const char* at = metadata + sizeof(pairs);
  for (int32_t i = 0; i < pairs; ++i) {
    std::string_view key;
    std::string_view value;
    COLONNADE_RETURN_IF_ERROR(Take(&at, &key));
    COLONNADE_RETURN_IF_ERROR(Take(&at, &value));
    bool is_known = true;
    if (key == "questdb.column_type") {
      parsed.column_type = TypeNamed(value);
      is_known = parsed.column_type.has_value();
    } else if (key == "questdb.symbol") {
      parsed.symbol = Truth(value);
      is_known = parsed.symbol.has_value();
    } else if (key == "questdb.geohash_bits") {
      parsed.geohash_bits = Bits(value);
      is_known = parsed.geohash_bits.has_value();
    } else if (key == "ARROW:extension:name") {
      parsed.is_uuid = value == "arrow.uuid";
    }
    if (!is_known)
      return InvalidArgument("metadata ", key, " is ", Quote(value, 60),
                             ", which is no value of it");
  }
  return parsed;
}

}  // namespace colonnade::questdb::wire
