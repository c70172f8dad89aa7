// Columns of text and of bytes: offsets, then everything one after the other.

#include <limits>

#include "base/utf8.h"
#include "questdb/wire/column_decoder.h"
#include "questdb/wire/utf8_text.h"

namespace colonnade::questdb::wire {
namespace {

int32_t OffsetAt(const std::byte* offsets, size_t i) {
  return LoadLittle<int32_t>(offsets + i * sizeof(int32_t));
}

// True if the first of `count + 1` offsets is 0 and none is smaller than the one before it.
bool AreAscending(const std::byte* offsets, size_t count) {
  if (OffsetAt(offsets, 0) != 0) return false;
  size_t i = 0;
  // A fixed number of steps without a way out is what compilers vectorise.
  constexpr size_t kBlock = 64;
  for (; i + kBlock <= count; i += kBlock) {
    uint32_t descends = 0;
    for (size_t k = 0; k < kBlock; ++k)
      descends |= OffsetAt(offsets, i + k + 1) < OffsetAt(offsets, i + k) ? 1U : 0U;
    if (descends != 0) return false;
  }
  for (; i < count; ++i) {
    if (OffsetAt(offsets, i + 1) < OffsetAt(offsets, i)) return false;
  }
  return true;
}

// The first value whose text begins inside of a character, or `count`. \pre the data is UTF-8
size_t FirstSplit(const std::byte* offsets, size_t count, Bytes data) {
  for (size_t i = 0; i < count; ++i) {
    const auto begin = static_cast<size_t>(OffsetAt(offsets, i));
    if (begin < data.size() && (static_cast<uint8_t>(data[begin]) & 0xC0) == 0x80) return i;
  }
  return count;
}

// Offsets of all rows from those of the rows that have a text: the others are empty.
void SpreadOffsets(const std::byte* packed, const Presence& presence, int32_t* target) {
  *target++ = 0;
  size_t value = 0;
  for (size_t base = 0; base < presence.row_count(); base += 64) {
    uint64_t valid = presence.valid[base / 64];
    const size_t count = std::min<size_t>(64, presence.row_count() - base);
    if (valid == ~uint64_t{0}) {
      std::memcpy(target + base, packed + (value + 1) * sizeof(int32_t), 64 * sizeof(int32_t));
      value += 64;
      continue;
    }
    for (size_t i = 0; i < count; ++i, valid >>= 1) {
      value += valid & 1;
      target[base + i] = OffsetAt(packed, value);
    }
  }
}

}  // namespace

Status DecodeTextColumn(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  const size_t begin = context.reader.position();
  const size_t count = presence.value_count();
  COLONNADE_ASSIGN_OR_RETURN(const Bytes packed,
                             context.reader.Take((count + 1) * sizeof(int32_t), "offsets"));
  if (!AreAscending(packed.data(), count)) {
    size_t i = 0;
    if (OffsetAt(packed.data(), 0) == 0) {
      while (OffsetAt(packed.data(), i + 1) >= OffsetAt(packed.data(), i)) ++i;
      ++i;
    }
    return ProtocolError("offsets at byte ", begin, ": offset ", i, " is ",
                         LoadLittle<uint32_t>(packed.data() + i * sizeof(int32_t)),
                         i == 0 ? ", must be 0" : ", below the one before it or above 2^31-1");
  }
  const auto size = static_cast<size_t>(OffsetAt(packed.data(), count));
  const size_t data_begin = context.reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const Bytes data, context.reader.Take(size, "text"));
  if (column->type == ColumnType::kVarchar && !IsAscii(data.data(), data.size())) {
    if (!IsUtf8Text(AsText(data))) {
      return ProtocolError("text from byte ", data_begin, " to ", data_begin + size,
                           " is not UTF-8");
    }
    if (const size_t split = FirstSplit(packed.data(), count, data); split != count) {
      return ProtocolError("offsets at byte ", begin, ": offset ", split, " is ",
                           OffsetAt(packed.data(), split), ", inside of a UTF-8 character");
    }
  }

  const size_t offset_bytes = (presence.row_count() + 1) * sizeof(int32_t);
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece offsets, context.Allocate(offset_bytes));
  if (presence.all()) {
    std::memcpy(offsets.data, packed.data(), offset_bytes);
  } else {
    SpreadOffsets(packed.data(), presence, reinterpret_cast<int32_t*>(offsets.data));
  }
  column->offsets = {std::move(offsets.owner), offsets.data, offset_bytes};

  if (context.Borrows(data, 1)) {
    column->values = {context.message, data.data(), data.size()};
    return {};
  }
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(size));
  if (size != 0) std::memcpy(piece.data, data.data(), size);
  column->values = {std::move(piece.owner), piece.data, size};
  return {};
}

}  // namespace colonnade::questdb::wire
