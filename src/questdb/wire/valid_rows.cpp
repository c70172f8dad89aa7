#include "questdb/wire/valid_rows.h"

#include <algorithm>

#include "questdb/wire/fixed_kernels.h"

namespace colonnade::questdb::wire {
namespace {

uint64_t LowBits(int64_t count) {
  return count >= kWordRows ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Whole words of a bitmap, moved to begin at a bit of their own, and how many bits are set.
struct LoadWordsBody {
  static inline __attribute__((always_inline)) int64_t Run(const uint8_t* bits, int64_t position,
                                                           int64_t words, uint64_t* target) {
    const uint8_t* bytes = bits + position / 8;
    const auto shift = static_cast<int>(position % 8);
    int64_t count = 0;
    for (int64_t i = 0; i < words; ++i) {
      uint64_t word;
      std::memcpy(&word, bytes + 8 * i, sizeof(word));
      if (shift != 0) word = word >> shift | uint64_t{bytes[8 * i + 8]} << (64 - shift);
      target[i] = word;
      count += __builtin_popcountll(word);
    }
    return count;
  }
};

}  // namespace

bool AllValid(const Validity& validity, int64_t begin, int64_t end) {
  if (validity.bits == nullptr) return true;
  for (int64_t row = begin; row < end; row += kWordRows) {
    const int64_t count = std::min(kWordRows, end - row);
    if (LoadBits(validity.bits, validity.offset + row, count) != LowBits(count)) return false;
  }
  return true;
}

void ValidRows::Load(const Validity& validity, RowRange rows) {
  rows_ = rows.size();
  valid_ = rows_;
  has_words_ = false;
  if (validity.bits == nullptr) return;
  words_.resize(static_cast<size_t>((rows_ + kWordRows - 1) / kWordRows));
  const int64_t position = validity.offset + rows.begin;
  const int64_t whole = rows_ / kWordRows;
  valid_ =
      kernels::Run<LoadWordsBody>(BestCpuLevel(), validity.bits, position, whole, words_.data());
  if (whole * kWordRows < rows_) {
    const uint64_t word =
        LoadBits(validity.bits, position + whole * kWordRows, rows_ - whole * kWordRows);
    words_.back() = word;
    valid_ += __builtin_popcountll(word);
  }
  has_words_ = true;
}

const uint64_t* ValidRows::words() {
  if (!has_words_) Fill();
  return words_.data();
}

void ValidRows::Fill() {
  words_.assign(static_cast<size_t>((rows_ + kWordRows - 1) / kWordRows), ~uint64_t{0});
  if (rows_ % kWordRows != 0) words_.back() = LowBits(rows_ % kWordRows);
  has_words_ = true;
}

void ValidRows::AppendTo(bool forced, net::MessageBuffer& message) {
  if (all() && !forced) {
    message.AppendLittle(uint8_t{0});
    return;
  }
  message.AppendLittle(uint8_t{1});
  words();
  const size_t bytes = static_cast<size_t>((rows_ + 7) / 8);
  const size_t begin = message.size();
  std::byte* target = message.Extend(bytes);
  for (size_t at = 0; at < bytes; at += 8) {
    const size_t word = at / 8;
    const uint64_t missing =
        ~words_[word] & LowBits(rows_ - static_cast<int64_t>(word) * kWordRows);
    std::memcpy(target + at, &missing, std::min<size_t>(8, bytes - at));
  }
  net::MaskCopy(target, target, bytes, message.key(), begin);
}

}  // namespace colonnade::questdb::wire
