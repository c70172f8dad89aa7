// One pass over a fixed-width column for processors with AVX-512: load, widen, check, multiply,
// fill or close gaps, mask, store, without any step in memory between. The loops of fixed_kernels.h
// do the same elsewhere.

#pragma once

#include <cstddef>
#include <cstdint>

#include "questdb/wire/column.h"
#include "questdb/wire/cpu_level.h"

namespace colonnade::questdb::wire {

/// What is done to a column's values.
struct FixedPass {
  const std::byte* source = nullptr;
  int64_t rows = 0;
  const uint64_t* valid = nullptr;  // a word per 64 rows; null: all rows have a value
  bool is_compact = false;          // rows without a value are left out; else they get `filling`
  uint64_t filling = 0;
  uint64_t factor = 1;      // of integers that become 64-bit ones
  bool has_bounds = false;  // looks for rows with a value whose integer is not in `low` .. `high`
  int64_t low = 0;          // of uint64, the bits
  int64_t high = 0;
  uint64_t mask = 0;            // of the message at `target`
  std::byte* target = nullptr;  // kPassSlack bytes behind what is written are overwritten

  bool is_outside = false;  // the result: there is such a row
};

inline constexpr size_t kPassSlack = 64;

/// Writes values of `element` as values of `width` bytes, 1 to 8, or 16 and 32 for those of that
/// width, 16 backwards if `is_reversed`. What 1 and 2 bytes are filled with is 0. False, without
/// having done anything, at another level, or not with these.
bool RunFixedPass(CpuLevel level, Element element, size_t width, bool is_reversed, FixedPass& pass);

/// Which of 64 bytes are not 0. False, without having done anything, at another level.
bool PackBooleans(CpuLevel level, const std::byte* bytes, uint64_t* bits);

/// True if no byte has its high bit set.
bool IsAsciiFast(CpuLevel level, const void* data, size_t size);

/// Writes `rows` + 1 offsets less the first one as 32-bit numbers, masked. False, without having
/// done anything, at another level. `*in_order` tells whether none is less than the one
/// before.
bool RunOffsetPass(CpuLevel level, VaryingValues::Layout layout, const std::byte* offsets,
                   int64_t rows, uint64_t mask, std::byte* target, bool* in_order);

}  // namespace colonnade::questdb::wire
