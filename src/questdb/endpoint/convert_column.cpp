#include "questdb/endpoint/convert_column.h"

#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/byte_order.h"
#include "questdb/wire/symbol_table.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;
using wire::DecodedColumn;

constexpr int64_t kNanosPerMicro = 1'000;

template <typename T>
wire::SharedBytes Share(std::vector<T> values) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return {owner, reinterpret_cast<const std::byte*>(owner->data()), owner->size() * sizeof(T)};
}

bool IsValidRow(const DecodedColumn& column, int64_t row) {
  return column.null_count == 0 ||
         (static_cast<uint8_t>(column.validity.data[row / 8]) >> (row % 8) & 1) != 0;
}

template <typename T>
T ValueAt(const DecodedColumn& column, int64_t row) {
  return LoadLittle<T>(column.values.data + row * int64_t{sizeof(T)});
}

bool IsInteger(ColumnType type) {
  return type == ColumnType::kByte || type == ColumnType::kShort || type == ColumnType::kInt ||
         type == ColumnType::kLong;
}
bool IsDecimal(ColumnType type) { return wire::MaxDecimalScale(type) > 0; }

// One conversion of one column.
class Conversion {
 public:
  Conversion(std::string_view table, const ColumnShape& target, DecodedColumn column, int64_t rows)
      : table_(table), target_(target), source_(std::move(column)), rows_(rows) {}

  Result<DecodedColumn> Run() {
    const ColumnType from = source_.type;
    const ColumnType to = target_.type;
    if (from == to && FitsAsItIs()) return Finish(std::move(source_.values));
    if (IsInteger(from)) {
      switch (to) {
        case ColumnType::kByte: return FromIntegers<int8_t>();
        case ColumnType::kShort: return FromIntegers<int16_t>();
        case ColumnType::kInt: return FromIntegers<int32_t>();
        case ColumnType::kLong:
        case ColumnType::kDate:
        case ColumnType::kTimestamp:
        case ColumnType::kTimestampNanos: return FromIntegers<int64_t>();
        case ColumnType::kFloat: return FromIntegers<float>();
        case ColumnType::kDouble: return FromIntegers<double>();
        default: return Mismatch();
      }
    }
    if (from == ColumnType::kFloat && to == ColumnType::kDouble) return Convert<float, double>();
    if (from == ColumnType::kDouble && to == ColumnType::kFloat) return Convert<double, float>();
    if (from == ColumnType::kTimestamp && to == ColumnType::kTimestampNanos) return ToNanos();
    if (from == ColumnType::kTimestampNanos && to == ColumnType::kTimestamp) return ToMicros();
    if (from == ColumnType::kVarchar && to == ColumnType::kSymbol) return ToSymbols();
    if (from == ColumnType::kSymbol && to == ColumnType::kVarchar) return ToText();
    if (IsDecimal(from) && IsDecimal(to) && source_.scale == target_.scale) return ToDecimals();
    return Mismatch();
  }

 private:
  bool FitsAsItIs() const {
    const bool same_arrays = !IsArray(target_.type) || source_.dimensions == 0 ||
                             source_.dimensions == target_.dimensions;
    return same_arrays && source_.geohash_bits == target_.geohash_bits &&
           source_.scale == target_.scale;
  }

  Status Mismatch() const {
    return InvalidArgument("table ", table_, ": column ", target_.name, " is ", TypeText(target_),
                           " and cannot hold ", TypeText(ColumnShape::Of(source_)));
  }
  template <typename T>
  Status Unfit(int64_t row, T value) const {
    return InvalidArgument("table ", table_, ": column ", target_.name, ": row ", row, ": ", value,
                           " does not fit ", TypeText(target_));
  }

  DecodedColumn Finish(wire::SharedBytes values) {
    source_.name = target_.name;
    source_.type = target_.type;
    source_.scale = target_.scale;
    source_.values = std::move(values);
    return std::move(source_);
  }

  template <typename To>
  Result<DecodedColumn> FromIntegers() {
    switch (source_.type) {
      case ColumnType::kByte: return Convert<int8_t, To>();
      case ColumnType::kShort: return Convert<int16_t, To>();
      case ColumnType::kInt: return Convert<int32_t, To>();
      default: return Convert<int64_t, To>();
    }
  }

  template <typename From, typename To>
  Result<DecodedColumn> Convert() {
    std::vector<To> values(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) {
      if (!IsValidRow(source_, row)) continue;
      const auto value = ValueAt<From>(source_, row);
      if constexpr (std::is_integral_v<To> && sizeof(To) < sizeof(From)) {
        if (value < std::numeric_limits<To>::min() || value > std::numeric_limits<To>::max()) {
          return Unfit(row, value);
        }
      }
      values[static_cast<size_t>(row)] = static_cast<To>(value);
    }
    return Finish(Share(std::move(values)));
  }

  Result<DecodedColumn> ToNanos() {
    std::vector<int64_t> values(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) {
      if (!IsValidRow(source_, row)) continue;
      const auto micros = ValueAt<int64_t>(source_, row);
      if (__builtin_mul_overflow(micros, kNanosPerMicro, &values[static_cast<size_t>(row)])) {
        return Unfit(row, micros);
      }
    }
    return Finish(Share(std::move(values)));
  }

  Result<DecodedColumn> ToMicros() {
    std::vector<int64_t> values(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) {
      if (!IsValidRow(source_, row)) continue;
      const auto nanos = ValueAt<int64_t>(source_, row);
      values[static_cast<size_t>(row)] =
          nanos / kNanosPerMicro - (nanos % kNanosPerMicro < 0 ? 1 : 0);
    }
    return Finish(Share(std::move(values)));
  }

  Result<DecodedColumn> ToSymbols() {
    std::unordered_map<std::string_view, uint32_t> codes;
    std::vector<std::string_view> texts;
    std::vector<uint32_t> values(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) {
      if (!IsValidRow(source_, row)) continue;
      const auto begin = LoadLittle<int32_t>(source_.offsets.data + row * 4);
      const auto end = LoadLittle<int32_t>(source_.offsets.data + (row + 1) * 4);
      const std::string_view text(reinterpret_cast<const char*>(source_.values.data) + begin,
                                  static_cast<size_t>(end - begin));
      const auto [known, is_new] = codes.emplace(text, static_cast<uint32_t>(texts.size()));
      if (is_new) texts.push_back(text);
      values[static_cast<size_t>(row)] = known->second;
    }
    wire::SymbolTable symbols;
    COLONNADE_RETURN_IF_ERROR(symbols.Append(texts));
    source_.symbols = symbols.Snapshot();
    source_.offsets = {};
    return Finish(Share(std::move(values)));
  }

  Result<DecodedColumn> ToText() {
    std::vector<int32_t> offsets(1, 0);
    std::vector<char> bytes;
    for (int64_t row = 0; row < rows_; ++row) {
      if (IsValidRow(source_, row)) {
        const std::string_view text = source_.symbols.text(ValueAt<uint32_t>(source_, row));
        if (text.size() > std::numeric_limits<int32_t>::max() - bytes.size()) {
          return LimitExceeded("table ", table_, ": column ", target_.name,
                               ": more than 2^31-1 bytes of text");
        }
        bytes.insert(bytes.end(), text.begin(), text.end());
      }
      offsets.push_back(static_cast<int32_t>(bytes.size()));
    }
    source_.symbols = {};
    source_.offsets = Share(std::move(offsets));
    return Finish(Share(std::move(bytes)));
  }

  // Two's complement of one width to another.
  Result<DecodedColumn> ToDecimals() {
    const size_t from = wire::FixedWidth(source_.type);
    const size_t to = wire::FixedWidth(target_.type);
    std::vector<std::byte> values(static_cast<size_t>(rows_) * to);
    for (int64_t row = 0; row < rows_; ++row) {
      if (!IsValidRow(source_, row)) continue;
      const std::byte* const value = source_.values.data + static_cast<size_t>(row) * from;
      std::byte* const target = values.data() + static_cast<size_t>(row) * to;
      const size_t kept = std::min(from, to);
      std::memcpy(target, value, kept);
      const bool is_negative = (target[kept - 1] & std::byte{0x80}) != std::byte{0};
      const std::byte sign = is_negative ? std::byte{0xFF} : std::byte{0};
      for (size_t i = kept; i < to; ++i) target[i] = sign;
      for (size_t i = kept; i < from; ++i) {
        if (value[i] != sign) return Unfit(row, "the decimal");
      }
    }
    return Finish(Share(std::move(values)));
  }

  std::string_view table_;
  const ColumnShape& target_;
  DecodedColumn source_;
  int64_t rows_;
};

int64_t ServerTime(ColumnType type, int64_t server_time_us) {
  return type == ColumnType::kTimestampNanos ? server_time_us * kNanosPerMicro : server_time_us;
}

}  // namespace

Result<DecodedColumn> ConvertColumn(std::string_view table, const ColumnShape& target,
                                    DecodedColumn column, int64_t rows) {
  return Conversion(table, target, std::move(column), rows).Run();
}

DecodedColumn FillTimestamps(DecodedColumn column, int64_t rows, int64_t server_time_us) {
  if (column.null_count == 0) return column;
  std::vector<int64_t> values(static_cast<size_t>(rows), ServerTime(column.type, server_time_us));
  for (int64_t row = 0; row < rows; ++row) {
    if (IsValidRow(column, row)) {
      values[static_cast<size_t>(row)] = ValueAt<int64_t>(column, row);
    }
  }
  column.null_count = 0;
  column.validity = {};
  column.values = Share(std::move(values));
  return column;
}

DecodedColumn ConstantTimestamps(const ColumnShape& target, int64_t rows, int64_t server_time_us) {
  DecodedColumn column;
  column.name = target.name;
  column.type = target.type;
  column.values = Share(
      std::vector<int64_t>(static_cast<size_t>(rows), ServerTime(target.type, server_time_us)));
  return column;
}

}  // namespace colonnade::questdb::endpoint
