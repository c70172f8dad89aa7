// ValidRows: which rows of a range have a value, 64 rows a word.

#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "net/message_buffer.h"
#include "questdb/wire/column.h"

namespace colonnade::questdb::wire {

inline constexpr int64_t kWordRows = 64;

/// Bits `position` .. `position + count` of a bitmap, the first one lowest, the others zero. Reads
/// no byte that has none of them. \pre 1 <= count <= 64
inline uint64_t LoadBits(const uint8_t* bits, int64_t position, int64_t count) {
  const uint8_t* bytes = bits + position / 8;
  const auto shift = static_cast<int>(position % 8);
  const int64_t needed = (shift + count + 7) / 8;
  uint64_t word = 0;
  if (needed >= 8) {
    std::memcpy(&word, bytes, 8);
    word >>= shift;
    if (needed == 9) word |= uint64_t{bytes[8]} << (64 - shift);
  } else {
    for (int64_t i = 0; i < needed; ++i) word |= uint64_t{bytes[i]} << (8 * i);
    word >>= shift;
  }
  return count == 64 ? word : word & ((uint64_t{1} << count) - 1);
}

/// True if all bits `begin` .. `end` are set. No bits: true.
bool AllValid(const Validity& validity, int64_t begin, int64_t end);

/// Reused from column to column. Bits of rows are counted from the range's begin.
class ValidRows {
 public:
  void Load(const Validity& validity, RowRange rows);

  int64_t rows() const { return rows_; }
  int64_t valid() const { return valid_; }
  bool all() const { return valid_ == rows_; }
  bool is_valid(int64_t row) const {
    return all() || (words_[static_cast<size_t>(row / kWordRows)] >> (row % kWordRows) & 1) != 0;
  }
  /// A word per 64 rows, valid ones set, bits beyond the rows zero; also if all rows are valid.
  const uint64_t* words();

  /// Takes the rows of word `word` away that are set in `missing`, which may be missing already.
  /// \pre words() has been called
  void Remove(int64_t word, uint64_t missing) {
    uint64_t& bits = words_[static_cast<size_t>(word)];
    valid_ -= __builtin_popcountll(bits & missing);
    bits &= ~missing;
  }

  /// Appends the flag that tells whether a bitmap follows and, if rows are missing or `forced`, the
  /// bitmap: a set bit for each missing row.
  void AppendTo(bool forced, net::MessageBuffer& message);

 private:
  void Fill();

  int64_t rows_ = 0;
  int64_t valid_ = 0;
  bool has_words_ = false;  // words_ are those of this range
  std::vector<uint64_t> words_;
};

}  // namespace colonnade::questdb::wire
