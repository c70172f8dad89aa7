#include "base/checked.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/random.h"

namespace colonnade {
namespace {

TEST(Checked, NoticesTheFirstValueThatDoesNotFit) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(CheckedAdd(kMax - 1, uint64_t{1}), kMax);
  EXPECT_EQ(CheckedAdd(kMax, uint64_t{1}), std::nullopt);
  EXPECT_EQ(CheckedMultiply(kMax, uint64_t{1}), kMax);
  EXPECT_EQ(CheckedMultiply(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(CheckedMultiply(kMin, int64_t{-1}), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMin, int64_t{-1}), std::nullopt);
}

// Oracle: 128-bit arithmetic.
TEST(CheckedProperty, AgreesWithWiderArithmetic) {
  __extension__ using Wide = __int128;
  SeededRandom random;
  const auto number = [&] {
    const auto low_bits = static_cast<int>(random.Uniform(0, 63));
    const auto bits = static_cast<int64_t>(random.engine()());
    return bits >> low_bits;
  };
  for (int round = 0; round < 20'000; ++round) {
    const int64_t a = number();
    const int64_t b = number();
    const auto narrow = [](Wide wide) -> std::optional<int64_t> {
      const auto value = static_cast<int64_t>(wide);
      return static_cast<Wide>(value) == wide ? std::optional(value) : std::nullopt;
    };
    EXPECT_EQ(CheckedMultiply(a, b), narrow(static_cast<Wide>(a) * b)) << a << " * " << b;
    EXPECT_EQ(CheckedAdd(a, b), narrow(static_cast<Wide>(a) + b)) << a << " + " << b;
  }
}

}  // namespace
}  // namespace colonnade
