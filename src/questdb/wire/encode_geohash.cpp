// Geohashes: integers that travel in as few bytes as their precision needs.

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "questdb/wire/column_encoding.h"
#include "questdb/wire/fixed_kernels.h"

namespace colonnade::questdb::wire {
namespace {

template <typename Source>
Status AppendGeohashesOf(const FixedValues& values, ColumnEncoding& encoding) {
  using Pattern = std::make_unsigned_t<Source>;
  const int precision = encoding.column.geohash_bits;
  constexpr int kSourceBits = 8 * sizeof(Source);
  if (precision > kSourceBits) {
    return encoding.Bad("geohashes of ", precision, " bits do not come as ",
                        ElementName(values.element));
  }
  const auto most =
      static_cast<Pattern>(precision == kSourceBits ? std::numeric_limits<Pattern>::max()
                                                    : (uint64_t{1} << precision) - 1);
  const CpuLevel level = encoding.level;
  const auto* source = static_cast<const std::byte*>(values.values);
  if (source != nullptr) source += encoding.rows.begin * int64_t{sizeof(Source)};
  ValidRows& valid = encoding.valid;
  for (int64_t row = 0; values.minimum_is_null && row < valid.rows(); ++row) {
    if (LoadLittle<Source>(source + row * int64_t{sizeof(Source)}) !=
        std::numeric_limits<Source>::min()) {
      continue;
    }
    valid.words();
    valid.Remove(row / kWordRows, uint64_t{1} << (row % kWordRows));
  }
  // Without a bitmap, a server takes all ones for a missing value, which a precision of whole
  // bytes can hold.
  valid.AppendTo(precision % 8 == 0, encoding.message);
  encoding.message.AppendVarint(static_cast<uint64_t>(precision));

  const auto width = static_cast<size_t>((precision + 7) / 8);
  const auto count = static_cast<size_t>(valid.valid());
  net::MessageBuffer& message = encoding.message;
  const size_t begin = message.size();
  std::byte* const first = message.Extend(count * width + kKernelSlack);
  std::byte* target = first;
  for (int64_t row = 0; row < valid.rows(); row += kWordRows) {
    const int64_t rows = std::min(kWordRows, valid.rows() - row);
    const std::byte* from = source + row * int64_t{sizeof(Source)};
    const uint64_t word = valid.words()[row / kWordRows];
    if (AnyOutside<Pattern>(level, from, rows, 0, most)) {
      for (int64_t i = 0; i < rows; ++i) {
        const Source value = LoadLittle<Source>(from + i * int64_t{sizeof(Source)});
        if (static_cast<Pattern>(value) > most && (word >> i & 1) != 0)
          return encoding.BadRow(row + i, ": geohash ", value, " does not fit ", precision,
                                 " bits");
      }
    }
    std::byte* const block = target;
    for (int64_t i = 0; i < rows; ++i) {
      const uint64_t value = LoadLittle<Pattern>(from + i * int64_t{sizeof(Source)});
      std::memcpy(target, &value, sizeof(value));
      target += (word >> i & 1) * width;
    }
    MaskInPlace(message, block, begin + static_cast<size_t>(block - first),
                begin + static_cast<size_t>(target - first));
  }
  message.Truncate(begin + count * width);
  return Status();
}

}  // namespace

Status AppendGeohashes(const FixedValues& values, ColumnEncoding& encoding) {
  const int precision = encoding.column.geohash_bits;
  if (precision < 1 || precision > kMaxGeohashBits)
    return encoding.Bad("a precision of ", precision, " bits is outside 1 .. ", kMaxGeohashBits);
  switch (values.element) {
    case Element::kInt8: return AppendGeohashesOf<int8_t>(values, encoding);
    case Element::kInt16: return AppendGeohashesOf<int16_t>(values, encoding);
    case Element::kInt32: return AppendGeohashesOf<int32_t>(values, encoding);
    case Element::kInt64: return AppendGeohashesOf<int64_t>(values, encoding);
    default:
      return encoding.Bad("values of type ", ElementName(values.element),
                          " cannot be sent as geohash");
  }
}

}  // namespace colonnade::questdb::wire
