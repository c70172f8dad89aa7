#include "base/half.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "support/random.h"

namespace colonnade {
namespace {

using ::testing::Optional;

// Oracle: the definition of binary16, for every bit pattern.
TEST(Half, EveryPatternHasTheValueOfTheStandard) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 0x1F);
    const int fraction = static_cast<int>(bits & 0x3FF);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    const double want = exponent == 31  ? sign * std::numeric_limits<double>::infinity()
                        : exponent == 0 ? sign * std::ldexp(fraction, -24)
                                        : sign * std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(double{value}, want) << bits;
    EXPECT_EQ(std::signbit(value), sign < 0) << bits;
  }
}

// Oracle: the nearest of all finite values, found by looking at each.
TEST(HalfProperty, RoundsToTheNearestWithTiesToEven) {
  SeededRandom random;
  for (int round = 0; round < 300; ++round) {
    double value = std::ldexp(static_cast<double>(random.Uniform(-4'096, 4'096)),
                              static_cast<int>(random.Uniform(-30, 4)));
    if (std::fabs(value) >= 65'520) value = 65'519.99;
    double nearest = 0;
    uint32_t nearest_bits = 0;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const double candidate = HalfToFloat(static_cast<uint16_t>(bits));
      if (!std::isfinite(candidate)) continue;
      const double distance = std::fabs(candidate - value);
      const double best = std::fabs(nearest - value);
      if (distance < best || (distance == best && bits % 2 == 0 && nearest_bits % 2 == 1)) {
        nearest = candidate;
        nearest_bits = bits;
      }
    }
    EXPECT_THAT(RoundToHalf(value), Optional(nearest)) << value;
  }
}

TEST(Half, HasNoFiniteValueBeyondItsRange) {
  EXPECT_THAT(RoundToHalf(65'519.9), Optional(65'504.0));
  EXPECT_EQ(RoundToHalf(65'520), std::nullopt);
  EXPECT_EQ(RoundToHalf(-1e20), std::nullopt);
  EXPECT_THAT(RoundToHalf(1e-9), Optional(0.0));
}

}  // namespace
}  // namespace colonnade
