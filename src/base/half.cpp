#include "base/half.h"

#include <algorithm>
#include <cmath>

namespace colonnade {

std::optional<double> RoundToHalf(double value) {
  constexpr double kOverflow = 65'520;  // halfway between the largest float16 and 2^16
  if (!(std::fabs(value) < kOverflow)) return std::nullopt;
  if (value == 0) return value;
  constexpr int kMinExponent = -14;
  constexpr int kFractionBits = 10;
  const int exponent = std::max(std::ilogb(value), kMinExponent) - kFractionBits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
}

}  // namespace colonnade
