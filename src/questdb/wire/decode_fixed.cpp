// Columns whose values have a fixed width: most of all data. Without missing values they are one
// copy, or none; with some, one pass that spreads them.

#include <cstring>
#include <string>

#include "questdb/wire/column_decoder.h"
#include "questdb/wire/gorilla.h"

namespace colonnade::questdb::wire {
namespace {

// Values of more than eight bytes.
template <size_t N>
struct Words {
  uint64_t word[N];
  bool operator==(const Words&) const = default;
};
using Words2 = Words<2>;
using Words4 = Words<4>;

constexpr uint64_t kMinimum64 = uint64_t{1} << 63;
constexpr uint32_t kMinimum32 = uint32_t{1} << 31;
constexpr uint32_t kFloatNull = 0x7FC00000;
constexpr uint64_t kDoubleNull = 0x7FF8000000000000;
constexpr Words2 kNull128 = {{kMinimum64, kMinimum64}};
constexpr Words4 kNull256 = {{kMinimum64, kMinimum64, kMinimum64, kMinimum64}};

// The order of a UUID's text is that of the wire backwards.
Words2 Reversed(const Words2& value) {
  return {{__builtin_bswap64(value.word[1]), __builtin_bswap64(value.word[0])}};
}

// Values that are not the wire's bytes: `fill` writes those that are there, one after the other,
// and they are then spread in place.
template <typename T, typename Fill>
Status DecodeConverted(BlockContext& context, const Presence& presence, const T& missing,
                       DecodedColumn* column, Fill&& fill) {
  const size_t bytes = presence.row_count() * sizeof(T);
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(bytes));
  auto* const target = reinterpret_cast<T*>(piece.data);
  T* const packed = target + (presence.rows - presence.values);
  COLONNADE_RETURN_IF_ERROR(fill(packed));
  if (!presence.all())
    Spread(reinterpret_cast<const std::byte*>(packed), presence, missing, target);
  column->values = {std::move(piece.owner), piece.data, bytes};
  return {};
}

// Values that lie on the wire as they do in memory.
template <typename T>
Status DecodePlain(BlockContext& context, const Presence& presence, const T& missing,
                   DecodedColumn* column) {
  COLONNADE_ASSIGN_OR_RETURN(const Bytes packed,
                             context.reader.Take(presence.value_count() * sizeof(T), "values"));
  if (presence.all() && context.Borrows(packed, std::min<size_t>(sizeof(T), 8))) {
    column->values = {context.message, packed.data(), packed.size()};
    return {};
  }
  const size_t bytes = presence.row_count() * sizeof(T);
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(bytes));
  if (!presence.all()) {
    Spread(packed.data(), presence, missing, reinterpret_cast<T*>(piece.data));
  } else if (bytes != 0) {
    std::memcpy(piece.data, packed.data(), bytes);
  }
  column->values = {std::move(piece.owner), piece.data, bytes};
  return {};
}

Status DecodeBooleans(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  const size_t packed_bytes = (presence.value_count() + 7) / 8;
  COLONNADE_ASSIGN_OR_RETURN(const Bytes packed, context.reader.Take(packed_bytes, "values"));
  const size_t bytes = (presence.row_count() + 7) / 8;
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(bytes));
  if (!presence.all()) {
    std::memset(piece.data, 0, bytes);
    size_t from = 0;
    for (size_t row = 0; row < presence.row_count(); ++row) {
      if ((presence.valid[row / 64] >> (row % 64) & 1) == 0) continue;
      const int bit = static_cast<uint8_t>(packed[from / 8]) >> (from % 8) & 1;
      piece.data[row / 8] |= static_cast<std::byte>(bit << (row % 8));
      ++from;
    }
  } else if (bytes != 0) {
    std::memcpy(piece.data, packed.data(), bytes);
  }
  if (presence.rows % 8 != 0)
    piece.data[bytes - 1] &= static_cast<std::byte>((1 << (presence.rows % 8)) - 1);
  column->values = {std::move(piece.owner), piece.data, bytes};
  return {};
}

Status DecodeTimes(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  const bool is_date = column->type == ColumnType::kDate;
  if (!context.options.gorilla || (is_date && !context.options.date_has_encoding))
    return DecodePlain(context, presence, kMinimum64, column);
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t encoding,
                             context.reader.TakeLittle<uint8_t>("encoding of timestamps"));
  if (encoding > 1) {
    return ProtocolError("encoding of timestamps at byte ", context.reader.position() - 1, ": ",
                         encoding, " is neither 0, plain, nor 1, delta of delta");
  }
  if (encoding == 0) return DecodePlain(context, presence, kMinimum64, column);
  const size_t begin = context.reader.position();
  // A value is at least a bit: no memory for what cannot be there.
  if (presence.value_count() / 8 > context.reader.remaining()) {
    return ProtocolError("timestamps at byte ", begin, ": ", presence.values, " values in ",
                         context.reader.remaining(), " bytes");
  }
  return DecodeConverted(context, presence, kMinimum64, column, [&](uint64_t* packed) {
    Result<size_t> taken = GorillaDecode(context.reader.rest(), presence.value_count(),
                                         reinterpret_cast<int64_t*>(packed));
    if (!taken.ok())
      return std::move(taken).status().WithContext("at byte " + std::to_string(begin));
    context.reader.Skip(*taken);
    return Status();
  });
}

Status DecodeUuids(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  COLONNADE_ASSIGN_OR_RETURN(
      const Bytes wire, context.reader.Take(presence.value_count() * sizeof(Words2), "values"));
  return DecodeConverted(context, presence, Reversed(kNull128), column, [&](Words2* packed) {
    const std::byte* from = wire.data();
    for (size_t i = 0; i < presence.value_count(); ++i, from += sizeof(Words2)) {
      packed[i] = Reversed(LoadLittle<Words2>(from));
    }
    return Status();
  });
}

// Widens values of kWidth bytes to integers; bits above the precision are an error, except that
// ingest may send all ones for a missing value.
template <typename T, size_t kWidth>
Status DecodeGeohashes(BlockContext& context, const Presence& presence, bool has_bitmap,
                       DecodedColumn* column) {
  COLONNADE_ASSIGN_OR_RETURN(const Bytes wire,
                             context.reader.Take(presence.value_count() * kWidth, "values"));
  constexpr T kMissing = static_cast<T>(~T{0});
  constexpr T kOnes = static_cast<T>(kMissing >> (8 * (sizeof(T) - kWidth)));
  const T most = static_cast<T>((uint64_t{1} << column->geohash_bits) - 1);
  const bool ones_are_missing = context.options.ingest && !has_bitmap;
  return DecodeConverted(context, presence, kMissing, column, [&](T* packed) {
    T seen = 0;
    for (size_t i = 0; i < presence.value_count(); ++i) {
      T value = 0;
      std::memcpy(&value, wire.data() + i * kWidth, kWidth);
      const bool is_missing = ones_are_missing && value == kOnes;
      packed[i] = is_missing ? kMissing : value;
      seen = static_cast<T>(seen | (is_missing ? T{0} : value));
    }
    if (seen <= most) return Status();
    return ProtocolError("values before byte ", context.reader.position(),
                         ": a geohash of more than ", column->geohash_bits, " bits");
  });
}

Status DecodeGeohashes(BlockContext& context, const Presence& presence, bool has_bitmap,
                       DecodedColumn* column) {
  const size_t begin = context.reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t bits, context.reader.TakeVarint("geohash precision"));
  if (bits < 1 || bits > kMaxGeohashBits) {
    return ProtocolError("geohash precision at byte ", begin, ": ", bits, ", must be 1 to ",
                         kMaxGeohashBits);
  }
  column->geohash_bits = static_cast<int>(bits);
  const auto decode = [&]<typename T, size_t kWidth>() {
    return DecodeGeohashes<T, kWidth>(context, presence, has_bitmap, column);
  };
  // The integers are those of QuestDB: one bit more than the precision, for the missing value.
  switch ((bits + 7) / 8) {
    case 1: return bits < 8 ? decode.operator()<uint8_t, 1>() : decode.operator()<uint16_t, 1>();
    case 2: return bits < 16 ? decode.operator()<uint16_t, 2>() : decode.operator()<uint32_t, 2>();
    case 3: return decode.operator()<uint32_t, 3>();
    case 4: return bits < 32 ? decode.operator()<uint32_t, 4>() : decode.operator()<uint64_t, 4>();
    case 5: return decode.operator()<uint64_t, 5>();
    case 6: return decode.operator()<uint64_t, 6>();
    case 7: return decode.operator()<uint64_t, 7>();
    default: return decode.operator()<uint64_t, 8>();
  }
}

template <typename T>
Status DecodeDecimals(BlockContext& context, const Presence& presence, const T& missing,
                      DecodedColumn* column) {
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t scale,
                             context.reader.TakeLittle<uint8_t>("decimal scale"));
  if (scale > MaxDecimalScale(column->type)) {
    return ProtocolError("decimal scale at byte ", context.reader.position() - 1, ": ", scale,
                         ", at most ", MaxDecimalScale(column->type));
  }
  column->scale = scale;
  return DecodePlain(context, presence, missing, column);
}

// Makes the rows missing whose value is.
template <typename T, typename IsMissing>
Status MarkMissing(BlockContext& context, int64_t rows, DecodedColumn* column,
                   IsMissing&& is_missing) {
  const auto count = static_cast<size_t>(rows);
  const size_t words = (count + 63) / 64;
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(words * sizeof(uint64_t)));
  int64_t missing = 0;
  for (size_t word = 0; word < words; ++word) {
    const size_t base = word * 64;
    uint64_t valid = 0;
    for (size_t i = 0; i < std::min<size_t>(64, count - base); ++i) {
      const bool is_valid =
          !is_missing(LoadLittle<T>(column->values.data + (base + i) * sizeof(T)));
      valid |= static_cast<uint64_t>(is_valid) << i;
      missing += is_valid ? 0 : 1;
    }
    std::memcpy(piece.data + word * sizeof(valid), &valid, sizeof(valid));
  }
  if (missing == 0) return {};
  column->null_count = missing;
  column->validity = {std::move(piece.owner), piece.data, (count + 7) / 8};
  return {};
}

template <typename T>
Status MarkMissing(BlockContext& context, int64_t rows, DecodedColumn* column, const T& null) {
  return MarkMissing<T>(context, rows, column, [&](const T& value) { return value == null; });
}

// Ingest without a bitmap: values that stand for NULL.
Status MarkMissing(BlockContext& context, int64_t rows, DecodedColumn* column) {
  switch (column->type) {
    case ColumnType::kChar: return MarkMissing(context, rows, column, uint16_t{0});
    case ColumnType::kInt: return MarkMissing(context, rows, column, kMinimum32);
    case ColumnType::kIpv4: return MarkMissing(context, rows, column, uint32_t{0});
    case ColumnType::kFloat:
      return MarkMissing<float>(context, rows, column, [](float value) { return value != value; });
    case ColumnType::kDouble:
      return MarkMissing<double>(context, rows, column,
                                 [](double value) { return value != value; });
    case ColumnType::kLong:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampNanos:
    case ColumnType::kDate:
    case ColumnType::kDecimal64: return MarkMissing(context, rows, column, kMinimum64);
    case ColumnType::kUuid: return MarkMissing(context, rows, column, Reversed(kNull128));
    case ColumnType::kDecimal128: return MarkMissing(context, rows, column, kNull128);
    case ColumnType::kLong256:
    case ColumnType::kDecimal256: return MarkMissing(context, rows, column, kNull256);
    case ColumnType::kGeohash:
      switch (GeohashWidth(column->geohash_bits)) {
        case 1: return MarkMissing(context, rows, column, uint8_t{0xFF});
        case 2: return MarkMissing(context, rows, column, uint16_t{0xFFFF});
        case 4: return MarkMissing(context, rows, column, ~uint32_t{0});
        default: return MarkMissing(context, rows, column, ~uint64_t{0});
      }
    default: return {};  // boolean, byte and short have no NULL
  }
}

Status DecodeValues(BlockContext& context, const Presence& presence, bool has_bitmap,
                    DecodedColumn* column) {
  switch (column->type) {
    case ColumnType::kBoolean: return DecodeBooleans(context, presence, column);
    case ColumnType::kByte: return DecodePlain(context, presence, uint8_t{0}, column);
    case ColumnType::kShort:
    case ColumnType::kChar: return DecodePlain(context, presence, uint16_t{0}, column);
    case ColumnType::kInt: return DecodePlain(context, presence, kMinimum32, column);
    case ColumnType::kFloat: return DecodePlain(context, presence, kFloatNull, column);
    case ColumnType::kIpv4: return DecodePlain(context, presence, uint32_t{0}, column);
    case ColumnType::kLong: return DecodePlain(context, presence, kMinimum64, column);
    case ColumnType::kDouble: return DecodePlain(context, presence, kDoubleNull, column);
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampNanos:
    case ColumnType::kDate: return DecodeTimes(context, presence, column);
    case ColumnType::kUuid: return DecodeUuids(context, presence, column);
    case ColumnType::kLong256: return DecodePlain(context, presence, kNull256, column);
    case ColumnType::kGeohash: return DecodeGeohashes(context, presence, has_bitmap, column);
    case ColumnType::kDecimal64: return DecodeDecimals(context, presence, kMinimum64, column);
    case ColumnType::kDecimal128: return DecodeDecimals(context, presence, kNull128, column);
    case ColumnType::kDecimal256: return DecodeDecimals(context, presence, kNull256, column);
    default: return Internal("values of type ", ColumnTypeName(column->type), " vary in width");
  }
}

}  // namespace

Status DecodeFixedColumn(BlockContext& context, const Presence& presence, bool has_bitmap,
                         DecodedColumn* column) {
  COLONNADE_RETURN_IF_ERROR(DecodeValues(context, presence, has_bitmap, column));
  if (!context.options.ingest || has_bitmap) return {};
  return MarkMissing(context, presence.rows, column);
}

}  // namespace colonnade::questdb::wire
