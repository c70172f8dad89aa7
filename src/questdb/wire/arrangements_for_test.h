// Arrangements of columns for property tests: every pattern of missing values, slices, misaligned
// pointers. And the plain encoding of numbers that the oracles use.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "questdb/wire/block_encoder.h"
#include "questdb/wire/columns_for_test.h"
#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {

using ByteVector = std::vector<std::byte>;

inline void PutLittle(uint64_t value, size_t width, ByteVector* out) {
  for (size_t i = 0; i < width; ++i) out->push_back(static_cast<std::byte>(value >> (8 * i)));
}

inline void PutVarint(uint64_t value, ByteVector* out) {
  while (value >= 128) {
    out->push_back(static_cast<std::byte>(value % 128 + 128));
    value /= 128;
  }
  out->push_back(static_cast<std::byte>(value));
}

inline ByteVector Little(uint64_t value, size_t width) {
  ByteVector bytes;
  PutLittle(value, width, &bytes);
  return bytes;
}

enum class Gaps { kNoBits, kNone, kSome, kMost, kAll, kFirst, kMiddle, kLast };
inline constexpr Gaps kAllGaps[] = {Gaps::kNoBits, Gaps::kNone,  Gaps::kSome,   Gaps::kMost,
                                    Gaps::kAll,    Gaps::kFirst, Gaps::kMiddle, Gaps::kLast};
inline constexpr int64_t kOffsets[] = {0, 1, 7, 8, 9};

// Where a column lies and which of its rows have a value.
struct Arrangement {
  Gaps gaps = Gaps::kNoBits;
  int64_t offset = 0;  // of bitmaps, in bits
  size_t shift = 0;    // of values, in bytes
  RowRange rows;       // of the column, which has some more behind
  std::vector<bool> valid;

  std::string ToString() const {
    return "gaps " + std::to_string(static_cast<int>(gaps)) + ", bit offset " +
           std::to_string(offset) + ", shift " + std::to_string(shift) + ", rows " +
           std::to_string(rows.begin) + " to " + std::to_string(rows.end);
  }
};

inline std::vector<bool> ValidRowsOf(Gaps gaps, RowRange rows, SeededRandom& random) {
  std::vector<bool> valid(static_cast<size_t>(rows.end) + 3, true);
  for (int64_t row = 0; row < static_cast<int64_t>(valid.size()); ++row) {
    const auto i = static_cast<size_t>(row);
    switch (gaps) {
      case Gaps::kNoBits:
      case Gaps::kNone: break;
      case Gaps::kSome: valid[i] = !random.Chance(0.2); break;
      case Gaps::kMost: valid[i] = random.Chance(0.05); break;
      case Gaps::kAll: valid[i] = false; break;
      case Gaps::kFirst: valid[i] = row != rows.begin; break;
      case Gaps::kMiddle: valid[i] = row != (rows.begin + rows.end) / 2; break;
      case Gaps::kLast: valid[i] = row != rows.end - 1; break;
    }
  }
  return valid;
}

// Calls `test` with every combination of gaps and bit offsets, and with changing sizes and shifts.
inline void ForEachArrangement(SeededRandom& random,
                               const std::function<void(const Arrangement&)>& test) {
  constexpr int64_t kSizes[] = {0, 1, 2, 8, 63, 64, 65, 130, 1024, 1100, 1500};
  size_t turn = static_cast<size_t>(random.Uniform(0, 100));
  for (const Gaps gaps : kAllGaps) {
    for (const int64_t offset : kOffsets) {
      for (int i = 0; i < 3; ++i) {
        const int64_t size = kSizes[turn % std::size(kSizes)];
        Arrangement arrangement;
        arrangement.gaps = gaps;
        arrangement.offset = offset;
        arrangement.shift = turn++ % 8;
        arrangement.rows.begin = turn % 3 == 0 ? 0 : random.Uniform(1, 70);
        arrangement.rows.end = arrangement.rows.begin + size;
        arrangement.valid = ValidRowsOf(gaps, arrangement.rows, random);
        const ::testing::ScopedTrace trace(__FILE__, __LINE__, arrangement.ToString());
        test(arrangement);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

inline Validity ValidityOf(const Arrangement& arrangement, TestMemory& memory) {
  if (arrangement.gaps == Gaps::kNoBits) return {};
  return {memory.KeepBits(arrangement.valid, arrangement.offset), arrangement.offset};
}

// The flag and the bitmap in front of a body.
inline ByteVector NullSection(const Arrangement& arrangement, bool has_bitmap, bool is_forced) {
  std::vector<bool> missing;
  bool any = is_forced;
  for (int64_t row = arrangement.rows.begin; row < arrangement.rows.end; ++row) {
    missing.push_back(!arrangement.valid[static_cast<size_t>(row)]);
    any |= missing.back();
  }
  if (!has_bitmap || !any) return {std::byte{0}};
  ByteVector section{std::byte{1}};
  section.resize(1 + (missing.size() + 7) / 8);
  for (size_t i = 0; i < missing.size(); ++i) {
    if (missing[i]) section[1 + i / 8] |= static_cast<std::byte>(1 << (i % 8));
  }
  return section;
}

inline void ExpectBody(const Column& column, const Arrangement& arrangement, const ByteVector& want,
                       EncodeOptions options = {}) {
  for (const net::MaskKey key : {net::MaskKey{0}, net::MaskKey{0xA1B2C3D4}}) {
    // One of the processors that this one can stand for, and this one.
    if (key == 0) {
      options.level = std::min(BestCpuLevel(), static_cast<CpuLevel>(arrangement.rows.end % 2));
    } else {
      options.level = BestCpuLevel();
    }
    net::MessageBuffer message;
    message.Begin(key);
    // The place in the message, which the mask turns with.
    for (size_t i = 0; i < arrangement.shift % 4; ++i) message.AppendLittle(uint8_t{0xEE});
    BlockEncoder encoder(options);
    SymbolMap map;
    ASSERT_OK(encoder.AppendColumn(column, arrangement.rows, map, message));
    ByteVector got = message.Unmasked();
    got.erase(got.begin(), got.begin() + static_cast<int64_t>(arrangement.shift % 4));
    ASSERT_TRUE(got == want) << HexOf(got) << "\ninstead of\n" << HexOf(want);
  }
}

inline void PutRandom(SeededRandom& random, size_t size, ByteVector* out) {
  for (size_t i = 0; i < size; ++i) out->push_back(static_cast<std::byte>(random.engine()()));
}

}  // namespace colonnade::questdb::wire
