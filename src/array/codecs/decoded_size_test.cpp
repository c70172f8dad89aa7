#include "array/codecs/decoded_size.h"

#include <limits>

#include "support/status_matchers.h"

namespace colonnade::array::codecs {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(DecodedSize, AnExactSizeIsAllTheRoomThereIs) {
  EXPECT_EQ(FirstCapacity({100, true}, 5, 0), 100u);
  EXPECT_EQ(FirstCapacity({100, true}, 5, 7), 100u);
  EXPECT_EQ(FirstCapacity({0, true}, 5, 7), 0u);
}

TEST(DecodedSize, AClaimCountsOnlyWithinTheLimit) {
  EXPECT_EQ(FirstCapacity({1'000'000, false}, 5, 777'777), 777'777u);
  EXPECT_EQ(FirstCapacity({1'000'000, false}, 5, 1'000'001), 4096u);
  EXPECT_EQ(FirstCapacity({1'000'000, false}, 5, kMax), 4096u);
  EXPECT_EQ(FirstCapacity({10, false}, 5, 0), 10u);
}

TEST(DecodedSize, RoomGrowsToTheLimitInFewSteps) {
  for (const uint64_t limit : {uint64_t{1}, uint64_t{4097}, uint64_t{1} << 31, kMax}) {
    for (const uint64_t encoded : {uint64_t{1}, uint64_t{1'000'000}, kMax}) {
      const DecodedSize expected = {limit, false};
      uint64_t capacity = FirstCapacity(expected, encoded, 0);
      int steps = 0;
      while (capacity != limit) {
        const uint64_t next = NextCapacity(expected, capacity);
        ASSERT_GT(next, capacity);
        ASSERT_LE(next, limit);
        capacity = next;
        ASSERT_LT(++steps, 40);
      }
    }
  }
}

TEST(DecodedSize, EmptyOutputHasAnAddressAndKeepsNothing) {
  Buffer buffer(UnlimitedMemory());
  ASSERT_OK(PrepareOutput(&buffer, 0));
  EXPECT_NE(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_THAT(PrepareOutput(&buffer, kMax), StatusIs(StatusCode::kLimitExceeded, ::testing::_));
}

}  // namespace
}  // namespace colonnade::array::codecs
