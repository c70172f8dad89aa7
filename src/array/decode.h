// Executes a decode plan while copying: strided stored elements in, contiguous values and validity
// out.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "array/cf/decode_plan.h"
#include "array/view.h"
#include "base/status.h"

namespace colonnade::array {

/// One dimension of a gather, outermost first.
struct GatherDimension {
  int64_t count = 0;                   // rows along this dimension
  const int64_t* positions = nullptr;  // `count` positions, or null for 0 … count-1
  int64_t stride = 0;                  // bytes per position; 0 if the variable lacks the dimension
};

/// Copies rows [begin, begin + count) of the C-order product of `dimensions` from `data` to `out`,
/// decoded.
///
/// `out` holds `count` values of plan.value (text: std::string_view into the view's memory).
/// `validity` is a bitmap, least significant bit first, of at least (count + 63) / 64 words; bit i
/// is set if row i has a value. Values of rows without are unspecified but initialised. Returns
/// true if any row lacks a value.
///
/// \pre data + every offset is readable; begin + count <= product of counts.
/// \error InvalidData for a value that cannot be decoded.
Result<bool> Gather(const cf::DecodePlan& plan, const std::byte* data,
                    std::span<const GatherDimension> dimensions, int64_t begin, int64_t count,
                    void* out, uint64_t* validity);

/// The address of row `begin` if rows [begin, begin + count) lie one after the other in memory in
/// the form of plan.value (identity plan, no gaps); null otherwise. Then FindMissing gives the
/// validity without a copy.
const std::byte* ContiguousRows(const cf::DecodePlan& plan, const std::byte* data,
                                std::span<const GatherDimension> dimensions, int64_t begin,
                                int64_t count);

/// Fills `validity` for `count` contiguous stored values under an identity plan. Returns true if
/// any is missing; when false, `validity` is all set.
bool FindMissing(const cf::DecodePlan& plan, const std::byte* data, int64_t count,
                 uint64_t* validity);

/// True if the plan can produce missing values at all (sentinels, NaN to NULL, NaT, times out of
/// range).
bool MayBeMissing(const cf::DecodePlan& plan);

}  // namespace colonnade::array
