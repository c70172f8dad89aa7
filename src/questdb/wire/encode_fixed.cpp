// Columns whose values have one width, in the caller's memory and on the wire.

#include <algorithm>
#include <limits>
#include <type_traits>

#include "questdb/wire/column_encoding.h"
#include "questdb/wire/fixed_kernels.h"
#include "questdb/wire/fixed_pass.h"
#include "questdb/wire/gorilla.h"

namespace colonnade::questdb::wire {
namespace {

// The rows of a chunk, masked, are written while its source and target are in the first cache.
struct Chunk {
  int64_t begin;
  int64_t rows;
};

template <typename Each>
void ForEachChunk(int64_t rows, const Each& each) {
  for (int64_t begin = 0; begin < rows; begin += kChunkRows)
    each(Chunk{begin, std::min(kChunkRows, rows - begin)});
}

// The scale, which the values of decimals are preceded by.
void AppendScale(const Column& column, net::MessageBuffer& message) {
  if (MaxDecimalScale(column.type) > 0) message.AppendLittle(static_cast<uint8_t>(column.scale));
}

// The bits that stand for a missing value in types without a bitmap.
uint64_t MissingValue(ColumnType type) {
  switch (type) {
    case ColumnType::kInt: return 0x80000000;
    case ColumnType::kLong: return 0x8000000000000000;
    case ColumnType::kFloat: return 0x7FC00000;
    case ColumnType::kDouble: return 0x7FF8000000000000;
    default: return 0;
  }
}

// Encodes values of `Source` as values of `Target`, which is at least as wide.
template <typename Source, typename Target>
class Conversion {
 public:
  Conversion(const FixedValues& values, ColumnEncoding& encoding)
      : values_(values),
        encoding_(encoding),
        source_(static_cast<const std::byte*>(values.values)),
        level_(encoding.level) {
    if (values.values != nullptr) source_ += encoding.rows.begin * int64_t{sizeof(Source)};
    if constexpr (kIsInteger) FindBounds();
  }

  Status Append() {
    ValidRows& valid = encoding_.valid;
    net::MessageBuffer& message = encoding_.message;
    const Column& column = encoding_.column;
    // A missing value that is the smallest 64-bit integer is what a LONG has for it anyway.
    const bool is_long =
        column.type == ColumnType::kLong && sizeof(Source) == 8 && values_.multiplier == 1;
    bool looks_for_minimum = kIsInteger && std::is_signed_v<Source> && values_.minimum_is_null &&
                             (encoding_.has_bitmap || !is_long);
    if (looks_for_minimum && (!valid.all() || !encoding_.has_bitmap || sizeof(Source) != 8)) {
      MarkMinimum();
      looks_for_minimum = false;
    }
    const size_t begin = message.size();
    while (true) {
      if (column.is_designated_timestamp() && !valid.all()) return MissingTimestamp();
      if (encoding_.has_bitmap) {
        valid.AppendTo(false, message);
      } else {
        message.AppendLittle(uint8_t{0});
      }
      AppendScale(column, message);
      COLONNADE_ASSIGN_OR_RETURN(const bool is_done, AppendValues(looks_for_minimum));
      if (is_done) return Status();
      // The first missing value was found when the flag had been written: all over again.
      message.Truncate(begin);
      MarkMinimum();
      looks_for_minimum = false;
    }
  }

 private:
  static constexpr bool kIsInteger = std::is_integral_v<Source>;
  static constexpr bool kIsSame =
      std::is_same_v<Source, Target> || (kIsInteger && sizeof(Source) == sizeof(Target));

  const std::byte* At(int64_t row) const { return source_ + row * int64_t{sizeof(Source)}; }

  // The range of sources whose product the target holds.
  void FindBounds() {
    if constexpr (kIsInteger) {
      using Wide = __int128;
      const Wide factor = values_.multiplier;
      Wide low = Wide{std::numeric_limits<Target>::min()} / factor;
      const Wide high = Wide{std::numeric_limits<Target>::max()} / factor;
      if (encoding_.column.is_designated_timestamp()) low = 0;
      constexpr Wide kLeast = std::numeric_limits<Source>::min();
      constexpr Wide kMost = std::numeric_limits<Source>::max();
      has_bounds_ = low > kLeast || high < kMost;
      low_ = static_cast<Bound>(std::max(low, kLeast));
      high_ = static_cast<Bound>(std::min(high, kMost));
    }
  }

  void MarkMinimum() {
    if constexpr (kIsInteger) {
      constexpr Source kMinimum = std::numeric_limits<Source>::min();
      ValidRows& valid = encoding_.valid;
      valid.words();
      for (int64_t row = 0; row < valid.rows(); row += kWordRows) {
        const int64_t count = std::min(kWordRows, valid.rows() - row);
        if (!AnyIs<Source>(level_, At(row), count, kMinimum)) continue;
        uint64_t missing = 0;
        for (int64_t i = 0; i < count; ++i)
          missing |= uint64_t{LoadLittle<Source>(At(row + i)) == kMinimum} << i;
        valid.Remove(row / kWordRows, missing);
      }
    }
  }

  Status MissingTimestamp() const {
    for (int64_t row = 0; row < encoding_.valid.rows(); ++row) {
      if (!encoding_.valid.is_valid(row)) return encoding_.BadRow(row, " has no value");
    }
    return Status();
  }

  // False: there is a smallest integer, which nobody has looked for yet.
  Result<bool> AppendValues(bool looks_for_minimum) {
    if (encoding_.has_encoding_byte) return AppendTimestamps(looks_for_minimum);
    ValidRows& valid = encoding_.valid;
    net::MessageBuffer& message = encoding_.message;
    const bool is_compact = encoding_.has_bitmap;
    const auto count = static_cast<size_t>(is_compact ? valid.valid() : valid.rows());
    const size_t begin = message.size();
    std::byte* const first = message.Extend(count * sizeof(Target) + kKernelSlack);
    if (kIsSame && valid.all() && values_.multiplier == 1 && !has_bounds_ && !looks_for_minimum) {
      net::MaskCopy(first, At(0), count * sizeof(Target), message.key(), begin);
      message.Truncate(begin + count * sizeof(Target));
      return true;
    }
    FixedPass pass = PassTo(first, message.MaskWord(begin), looks_for_minimum);
    if (RunFixedPass(level_, values_.element, sizeof(Target), false, pass)) {
      message.Truncate(begin + count * sizeof(Target));
      if (!pass.is_outside) return true;
      if (looks_for_minimum) return false;
      COLONNADE_RETURN_IF_ERROR(CheckRows(Chunk{0, valid.rows()}));
      return Internal("a value out of range was found and lost");
    }
    std::byte* target = first;
    Status status;
    bool has_minimum = false;
    ForEachChunk(valid.rows(), [&](Chunk chunk) {
      if (!status.ok() || has_minimum) return;
      status = CheckChunk(chunk, looks_for_minimum, &has_minimum);
      if (!status.ok() || has_minimum) return;
      const size_t at = begin + static_cast<size_t>(target - first);
      if (valid.all() && kIsSame && values_.multiplier == 1) {
        const size_t bytes = static_cast<size_t>(chunk.rows) * sizeof(Target);
        net::MaskCopy(target, At(chunk.begin), bytes, message.key(), at);
        target += bytes;
        return;
      }
      std::byte* const end = WriteChunk(chunk, is_compact, target);
      MaskInPlace(message, target, at, begin + static_cast<size_t>(end - first));
      target = end;
    });
    message.Truncate(begin + count * sizeof(Target));
    if (!status.ok()) return status;
    return !has_minimum;
  }

  FixedPass PassTo(std::byte* target, uint64_t mask, bool looks_for_minimum) {
    ValidRows& valid = encoding_.valid;
    FixedPass pass;
    pass.source = source_;
    pass.rows = valid.rows();
    pass.valid = valid.all() ? nullptr : valid.words();
    pass.is_compact = encoding_.has_bitmap && !valid.all();
    pass.filling = MissingValue(encoding_.column.type);
    pass.factor = static_cast<uint64_t>(values_.multiplier);
    if constexpr (kIsInteger) {
      // A smallest integer that nobody has looked for yet is to be found as well.
      pass.has_bounds = has_bounds_ || looks_for_minimum;
      pass.low = static_cast<int64_t>(low_);
      pass.high = static_cast<int64_t>(high_);
      constexpr auto kMinimum = static_cast<int64_t>(std::numeric_limits<Source>::min());
      if (looks_for_minimum && pass.low == kMinimum) ++pass.low;
    }
    pass.mask = mask;
    pass.target = target;
    return pass;
  }

  Result<bool> AppendTimestamps(bool looks_for_minimum) {
    ValidRows& valid = encoding_.valid;
    const auto count = static_cast<size_t>(valid.valid());
    std::vector<int64_t> dense(count + kKernelSlack / sizeof(int64_t));
    auto* target = reinterpret_cast<std::byte*>(dense.data());
    Status status;
    bool has_minimum = false;
    ForEachChunk(valid.rows(), [&](Chunk chunk) {
      if (!status.ok() || has_minimum) return;
      status = CheckChunk(chunk, looks_for_minimum, &has_minimum);
      if (status.ok() && !has_minimum) target = WriteChunk(chunk, true, target);
    });
    if (!status.ok()) return status;
    if (has_minimum) return false;
    const auto coded = GorillaEncode(dense.data(), count);
    encoding_.message.AppendLittle(uint8_t{coded.has_value()});
    encoding_.message.Append(coded ? Bytes(*coded) : std::as_bytes(std::span(dense.data(), count)));
    return true;
  }

  Status CheckChunk(Chunk chunk, bool looks_for_minimum, bool* has_minimum) {
    if constexpr (kIsInteger) {
      if (looks_for_minimum &&
          AnyIs<Source>(level_, At(chunk.begin), chunk.rows, std::numeric_limits<Source>::min())) {
        *has_minimum = true;
        return Status();
      }
      if (!has_bounds_ || !AnyOutside<Source>(level_, At(chunk.begin), chunk.rows, low_, high_))
        return Status();
      return CheckRows(chunk);
    }
    return Status();
  }

  // The error of the first row that has a value out of range.
  Status CheckRows(Chunk chunk) {
    if constexpr (kIsInteger) {
      for (int64_t row = chunk.begin; row < chunk.begin + chunk.rows; ++row) {
        const Source value = LoadLittle<Source>(At(row));
        if ((value >= low_ && value <= high_) || !encoding_.valid.is_valid(row)) continue;
        if (encoding_.column.is_designated_timestamp() && value < 0)
          return encoding_.BadRow(row, ": ", value, " lies before 1970");
        if (values_.multiplier != 1) {
          return encoding_.BadRow(row, ": ", value, " times ", values_.multiplier,
                                  " does not fit type ", ColumnTypeName(encoding_.column.type));
        }
        return encoding_.BadRow(row, ": ", value, " does not fit type ",
                                ColumnTypeName(encoding_.column.type));
      }
    }
    return Status();
  }

  // Writes the chunk unmasked; returns where it ends.
  std::byte* WriteChunk(Chunk chunk, bool is_compact, std::byte* target) {
    ValidRows& valid = encoding_.valid;
    const size_t bytes = static_cast<size_t>(chunk.rows) * sizeof(Target);
    if (valid.all()) {
      ConvertChunk(chunk, target);
      return target + bytes;
    }
    const uint64_t* words = valid.words() + chunk.begin / kWordRows;
    if (!is_compact) {
      ConvertChunk(chunk, target);
      using Word = std::conditional_t<
          sizeof(Target) == 8, uint64_t,
          std::conditional_t<sizeof(Target) == 4, uint32_t,
                             std::conditional_t<sizeof(Target) == 2, uint16_t, uint8_t>>>;
      FillMissing<Word>(level_, target, words, chunk.rows,
                        static_cast<Word>(MissingValue(encoding_.column.type)));
      return target + bytes;
    }
    const std::byte* source = At(chunk.begin);
    alignas(64) std::byte converted[kIsSame ? 1 : kChunkRows * sizeof(Target)];
    alignas(64) std::byte multiplied[sizeof(Target) == 8 && kIsSame ? kChunkRows * 8 : 1];
    if constexpr (!kIsSame) {
      ConvertChunk(chunk, converted);
      source = converted;
    } else if constexpr (sizeof(Target) == 8) {
      if (values_.multiplier != 1) {
        ConvertChunk(chunk, multiplied);
        source = multiplied;
      }
    }
    return target + Compact<sizeof(Target)>(level_, source, words, chunk.rows, target) *
                        int64_t{sizeof(Target)};
  }

  void ConvertChunk(Chunk chunk, std::byte* target) {
    if constexpr (kIsInteger && sizeof(Target) == 8) {
      if (values_.multiplier != 1) {
        Multiply<Source>(level_, At(chunk.begin), chunk.rows, values_.multiplier, target);
        return;
      }
    }
    if constexpr (kIsSame) {
      std::memcpy(target, At(chunk.begin), static_cast<size_t>(chunk.rows) * sizeof(Target));
    } else {
      Convert<Source, Target>(level_, At(chunk.begin), chunk.rows, target);
    }
  }

  using Bound = std::conditional_t<kIsInteger, Source, char>;

  const FixedValues& values_;
  ColumnEncoding& encoding_;
  const std::byte* source_;
  CpuLevel level_;
  bool has_bounds_ = false;
  Bound low_ = 0;
  Bound high_ = 0;
};

Status Unfit(const FixedValues& values, const ColumnEncoding& encoding) {
  return encoding.Bad("values of type ", ElementName(values.element), " cannot be sent as ",
                      ColumnTypeName(encoding.column.type));
}

template <typename Target>
Status AppendIntegers(const FixedValues& values, ColumnEncoding& encoding) {
  const auto append = [&]<typename Source>(Source) -> Status {
    if constexpr (sizeof(Source) > sizeof(Target)) {
      return Unfit(values, encoding);
    } else {
      return Conversion<Source, Target>(values, encoding).Append();
    }
  };
  switch (values.element) {
    case Element::kInt8: return append(int8_t{});
    case Element::kInt16: return append(int16_t{});
    case Element::kInt32: return append(int32_t{});
    case Element::kInt64: return append(int64_t{});
    case Element::kUInt8: return append(uint8_t{});
    case Element::kUInt16: return append(uint16_t{});
    case Element::kUInt32: return append(uint32_t{});
    case Element::kUInt64: return append(uint64_t{});
    default: return Unfit(values, encoding);
  }
}

// Values of 16 or 32 bytes, which are copied as they are or, UUIDs, backwards.
template <size_t kWidth>
Status AppendWide(const FixedValues& values, ColumnEncoding& encoding) {
  ValidRows& valid = encoding.valid;
  net::MessageBuffer& message = encoding.message;
  valid.AppendTo(false, message);
  AppendScale(encoding.column, message);
  const bool is_reversed = encoding.column.type == ColumnType::kUuid;
  const CpuLevel level = encoding.level;
  const auto* source = static_cast<const std::byte*>(values.values);
  if (source != nullptr) source += encoding.rows.begin * int64_t{kWidth};
  const size_t count = static_cast<size_t>(valid.valid()) * kWidth;
  const size_t begin = message.size();
  std::byte* const first = message.Extend(count + kKernelSlack);
  FixedPass pass;
  pass.source = source;
  pass.rows = valid.rows();
  pass.valid = valid.all() ? nullptr : valid.words();
  pass.is_compact = true;
  pass.mask = message.MaskWord(begin);
  pass.target = first;
  const bool is_copy = valid.all() && !is_reversed;
  if (is_copy) net::MaskCopy(first, source, count, message.key(), begin);
  if (is_copy || RunFixedPass(level, values.element, kWidth, is_reversed, pass)) {
    message.Truncate(begin + count);
    return Status();
  }
  std::byte* target = first;
  ForEachChunk(valid.rows(), [&](Chunk chunk) {
    const std::byte* from = source + chunk.begin * int64_t{kWidth};
    const size_t at = begin + static_cast<size_t>(target - first);
    int64_t written = chunk.rows;
    alignas(64) std::byte compact[kWidth == 16 ? kChunkRows * 16 + kKernelSlack : 1];
    if (!valid.all()) {
      const uint64_t* words = valid.words() + chunk.begin / kWordRows;
      std::byte* const to = is_reversed ? compact : target;
      written = Compact<kWidth>(level, from, words, chunk.rows, to);
      from = to;
    }
    if constexpr (kWidth == 16) {
      if (is_reversed) Reverse16(level, from, written, target);
    }
    const size_t bytes = static_cast<size_t>(written) * kWidth;
    MaskInPlace(message, target, at, at + bytes);
    target += bytes;
  });
  message.Truncate(begin + count);
  return Status();
}

// A decimal of 128 bits whose values 64 bits hold, as results are exported for consumers that have
// no smaller one.
Status AppendNarrowDecimals(const FixedValues& values, ColumnEncoding& encoding) {
  const auto* source = static_cast<const std::byte*>(values.values);
  std::vector<int64_t> narrow(static_cast<size_t>(encoding.rows.size()));
  for (int64_t row = 0; row < encoding.rows.size(); ++row) {
    const std::byte* value = source + (encoding.rows.begin + row) * 16;
    const auto low = LoadLittle<int64_t>(value);
    const auto high = LoadLittle<int64_t>(value + 8);
    if (high != (low < 0 ? -1 : 0) && encoding.valid.is_valid(row))
      return encoding.BadRow(row, ": the decimal does not fit type decimal64");
    narrow[static_cast<size_t>(row)] = low;
  }
  const FixedValues narrowed{narrow.data(), Element::kInt64};
  ColumnEncoding inner = encoding;
  inner.rows = {0, encoding.rows.size()};
  return Conversion<int64_t, int64_t>(narrowed, inner).Append();
}

Status AppendDecimals(const FixedValues& values, ColumnEncoding& encoding) {
  const Column& column = encoding.column;
  if (column.scale < 0 || column.scale > MaxDecimalScale(column.type)) {
    return encoding.Bad("a scale of ", column.scale, " is outside 0 .. ",
                        MaxDecimalScale(column.type), " of type ", ColumnTypeName(column.type));
  }
  if (column.type == ColumnType::kDecimal64) {
    if (values.element == Element::kInt32)
      return Conversion<int32_t, int64_t>(values, encoding).Append();
    if (values.element == Element::kInt64)
      return Conversion<int64_t, int64_t>(values, encoding).Append();
    if (values.element == Element::kBytes16) return AppendNarrowDecimals(values, encoding);
  }
  if (column.type == ColumnType::kDecimal128 && values.element == Element::kBytes16)
    return AppendWide<16>(values, encoding);
  if (column.type == ColumnType::kDecimal256 && values.element == Element::kBytes32)
    return AppendWide<32>(values, encoding);
  return Unfit(values, encoding);
}

// Eight bytes that are 0 or not, as bits.
uint64_t PackEight(uint64_t bytes) {
  constexpr uint64_t kLow = 0x7F7F7F7F7F7F7F7F;
  const uint64_t is_set = ((((bytes & kLow) + kLow) | bytes) & ~kLow) >> 7;
  return is_set * 0x0102040810204080 >> 56;
}

// Appends the bits that `word(row, count)` gives for the rows from `row` on, where rows have a
// value.
template <typename LoadWord>
void AppendBooleans(ColumnEncoding& encoding, const LoadWord& word) {
  ValidRows& valid = encoding.valid;
  net::MessageBuffer& message = encoding.message;
  message.AppendLittle(uint8_t{0});
  const auto bytes = static_cast<size_t>((valid.rows() + 7) / 8);
  const size_t begin = message.size();
  std::byte* target = message.Extend(bytes);
  const uint64_t* words = valid.all() ? nullptr : valid.words();
  for (int64_t row = 0; row < valid.rows(); row += kWordRows) {
    const int64_t count = std::min(kWordRows, valid.rows() - row);
    uint64_t bits = word(row, count);
    if (words != nullptr) bits &= words[row / kWordRows];
    std::memcpy(target + row / 8, &bits, static_cast<size_t>((count + 7) / 8));
  }
  MaskInPlace(message, target, begin, begin + bytes);
}

Status AppendBooleanBytes(const FixedValues& values, ColumnEncoding& encoding) {
  const auto* source = static_cast<const std::byte*>(values.values);
  if (source != nullptr) source += encoding.rows.begin;
  AppendBooleans(encoding, [&](int64_t row, int64_t count) {
    uint64_t bits = 0;
    if (count == kWordRows && PackBooleans(encoding.level, source + row, &bits)) return bits;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) bits |= PackEight(LoadLittle<uint64_t>(source + row + i)) << i;
    for (; i < count; ++i) bits |= uint64_t{source[row + i] != std::byte{0}} << i;
    return bits;
  });
  return Status();
}

}  // namespace

Status AppendBits(const BitValues& values, ColumnEncoding& encoding) {
  if (encoding.column.type != ColumnType::kBoolean)
    return encoding.Bad("bits cannot be sent as ", ColumnTypeName(encoding.column.type));
  AppendBooleans(encoding, [&](int64_t row, int64_t count) {
    return LoadBits(values.bits, values.offset + encoding.rows.begin + row, count);
  });
  return Status();
}

Status AppendFixed(const FixedValues& values, ColumnEncoding& encoding) {
  const Column& column = encoding.column;
  const bool is_64_bits = column.type == ColumnType::kLong || column.type == ColumnType::kDate ||
                          column.type == ColumnType::kTimestamp ||
                          column.type == ColumnType::kTimestampNanos;
  if (values.multiplier < 1 || (values.multiplier != 1 && !is_64_bits)) {
    return encoding.Bad("values of type ", ColumnTypeName(column.type),
                        " cannot be multiplied with ", values.multiplier);
  }
  const auto is = [&](Element element) { return values.element == element; };
  switch (column.type) {
    case ColumnType::kBoolean:
      if (is(Element::kBool8)) return AppendBooleanBytes(values, encoding);
      break;
    case ColumnType::kByte: return AppendIntegers<int8_t>(values, encoding);
    case ColumnType::kShort: return AppendIntegers<int16_t>(values, encoding);
    case ColumnType::kInt: return AppendIntegers<int32_t>(values, encoding);
    case ColumnType::kLong:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampNanos: return AppendIntegers<int64_t>(values, encoding);
    case ColumnType::kFloat:
      if (is(Element::kFloat16)) return Conversion<Half, float>(values, encoding).Append();
      if (is(Element::kFloat32)) return Conversion<float, float>(values, encoding).Append();
      break;
    case ColumnType::kDouble:
      if (is(Element::kFloat16)) return Conversion<Half, double>(values, encoding).Append();
      if (is(Element::kFloat32)) return Conversion<float, double>(values, encoding).Append();
      if (is(Element::kFloat64)) return Conversion<double, double>(values, encoding).Append();
      break;
    case ColumnType::kChar:
      if (is(Element::kUInt16)) return Conversion<uint16_t, uint16_t>(values, encoding).Append();
      break;
    case ColumnType::kIpv4:
      if (is(Element::kUInt32)) return Conversion<uint32_t, uint32_t>(values, encoding).Append();
      break;
    case ColumnType::kUuid:
      if (is(Element::kBytes16)) return AppendWide<16>(values, encoding);
      break;
    case ColumnType::kLong256:
      if (is(Element::kBytes32)) return AppendWide<32>(values, encoding);
      break;
    case ColumnType::kGeohash: return AppendGeohashes(values, encoding);
    case ColumnType::kDecimal64:
    case ColumnType::kDecimal128:
    case ColumnType::kDecimal256: return AppendDecimals(values, encoding);
    default: break;
  }
  return Unfit(values, encoding);
}

}  // namespace colonnade::questdb::wire
