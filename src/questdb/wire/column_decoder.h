// Decoding of the bodies of columns, theme by theme; DecodeBlock puts them together.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/status.h"
#include "questdb/wire/block_decoder.h"

namespace colonnade::questdb::wire {

/// What the columns of one block share while they are decoded.
struct BlockContext {
  ByteReader& reader;
  const std::shared_ptr<const void>& message;  // owner of the reader's bytes, or null
  const SymbolTable& symbols;
  const DecodeOptions& options;
  BufferPool& pool;
  size_t decoded_bytes = 0;  // so far
  int64_t list_nodes = 0;    // so far

  /// Memory for decoded bytes, counted against the limit of the block.
  /// \error LimitExceeded
  Result<BufferPool::Piece> Allocate(size_t bytes);

  /// True if a column should refer to these bytes of the message instead of copying them. Only if
  /// they are most of the message: a column that is kept keeps the whole message.
  bool Borrows(Bytes bytes, size_t alignment) const;
};

/// Which rows of a column have a value on the wire.
struct Presence {
  int64_t rows = 0;
  int64_t values = 0;               // rows that have one
  const uint64_t* valid = nullptr;  // bit set: row has one; null if all have

  size_t row_count() const { return static_cast<size_t>(rows); }
  size_t value_count() const { return static_cast<size_t>(values); }
  bool all() const { return valid == nullptr; }
};

/// Reads the values behind flag and bitmap into `column`, whose type, name and validity are set.
Status DecodeFixedColumn(BlockContext& context, const Presence& presence, bool has_bitmap,
                         DecodedColumn* column);
Status DecodeTextColumn(BlockContext& context, const Presence& presence, DecodedColumn* column);
Status DecodeSymbolColumn(BlockContext& context, const Presence& presence, DecodedColumn* column);
Status DecodeArrayColumn(BlockContext& context, const Presence& presence, DecodedColumn* column);

/// Bytes of the integers that geohashes of a precision become.
inline size_t GeohashWidth(int bits) { return bits < 8 ? 1 : bits < 16 ? 2 : bits < 32 ? 4 : 8; }

/// Decodes `count` varints of at most 32 bits.
///
/// \returns how many bytes they took, and the largest of them
/// \error ProtocolError: they end early or are larger; the position is counted from `origin`
struct VarintRun {
  size_t bytes = 0;
  uint32_t largest = 0;
};
Result<VarintRun> DecodeVarints(Bytes bytes, size_t origin, size_t count, uint32_t* values);

/// Spreads the values that stand at `packed`, unaligned, over the rows that have one; the others
/// get `missing`. `packed` may be the last values of `target` itself.
template <typename T>
void Spread(const std::byte* packed, const Presence& presence, const T& missing, T* target) {
  const auto load = [](const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
  };
  size_t left = presence.value_count();
  const size_t rows = presence.row_count();
  for (size_t base = 0; base < rows; base += 64) {
    uint64_t valid = presence.valid[base / 64];
    const size_t count = std::min<size_t>(64, rows - base);
    if (valid == 0) {
      for (size_t i = 0; i < count; ++i) target[base + i] = missing;
    } else if (valid == ~uint64_t{0}) {
      std::memmove(target + base, packed, 64 * sizeof(T));
      packed += 64 * sizeof(T);
      left -= 64;
    } else if (left >= count) {
      // Reads the next value also where a row has none: there are as many as rows are left.
      const std::byte* const begin = packed;
      for (size_t i = 0; i < count; ++i, valid >>= 1) {
        const T value = load(packed);
        target[base + i] = (valid & 1) != 0 ? value : missing;
        packed += (valid & 1) * sizeof(T);
      }
      left -= static_cast<size_t>(packed - begin) / sizeof(T);
    } else {
      for (size_t i = 0; i < count; ++i, valid >>= 1) {
        if ((valid & 1) == 0) {
          target[base + i] = missing;
          continue;
        }
        target[base + i] = load(packed);
        packed += sizeof(T);
        --left;
      }
    }
  }
}

}  // namespace colonnade::questdb::wire
