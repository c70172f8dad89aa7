// Finds missing values among contiguous stored elements.

#pragma once

#include <cstddef>
#include <cstdint>

#include "array/cf/decode_plan.h"

namespace colonnade::array {

/// Elements that are masked or converted in one go: small enough that they stay in the first-level
/// cache between the passes over them. A multiple of 64, so that blocks fill whole validity words.
inline constexpr int64_t kBlockRows = 2048;

/// Tests `count` <= kBlockRows contiguous stored elements for the plan's sentinels and NaN, and,
/// under an identity plan of times, for instants that the value type lacks. Sets `validity` (bits
/// beyond `count` in its last word are set) and returns true if any is missing.
bool MaskBlock(const cf::DecodePlan& plan, const std::byte* rows, int64_t count,
               uint64_t* validity);

}  // namespace colonnade::array
