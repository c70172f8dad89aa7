// IEEE 754 binary16 (float16) to wider floats.

#pragma once

#include <bit>
#include <cstdint>
#include <optional>

namespace colonnade {

/// The value of a float16, exactly. Branch-free, so that loops over it vectorise.
inline float HalfToFloat(uint16_t half) {
  // Shifted into place, the exponent is 112 too small; the multiplication corrects it for normal
  // and subnormal numbers alike. Infinities and NaN end up with exponent 143 and need all ones.
  const auto magnitude = static_cast<uint32_t>(half & 0x7FFF) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const uint32_t special = (half & 0x7C00) == 0x7C00 ? 0x7F800000u : 0u;
  const auto sign = static_cast<uint32_t>(half & 0x8000) << 16;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | special | sign);
}

/// The float16 nearest to a finite number, ties to even; nothing if it would be infinite.
std::optional<double> RoundToHalf(double value);

}  // namespace colonnade
