#include "base/byte_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/random.h"

namespace colonnade {
namespace {

TEST(LoadLittle, ReadsUnalignedBytes) {
  const unsigned char bytes[] = {0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88};
  EXPECT_EQ(LoadLittle<uint16_t>(bytes + 1), 0x0201u);
  EXPECT_EQ(LoadLittle<uint32_t>(bytes + 1), 0x04030201u);
  EXPECT_EQ(LoadLittle<uint64_t>(bytes + 1), 0x8807060504030201u);
  EXPECT_EQ(LoadLittle<int8_t>(bytes), -1);
}

// Oracle: std::reverse on every element.
TEST(SwapBytesProperty, ReversesEveryElementAndNothingElse) {
  SeededRandom random;
  for (int round = 0; round < 300; ++round) {
    const size_t size = size_t{1} << random.Uniform(0, 3);
    const auto count = static_cast<size_t>(random.Uniform(0, 40));
    const auto offset = static_cast<size_t>(random.Uniform(0, 9));  // also unaligned
    std::vector<std::byte> bytes(offset + count * size + 5);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Uniform(0, 255));
    std::vector<std::byte> want = bytes;
    for (size_t i = 0; i < count; ++i) {
      const auto element = want.begin() + static_cast<ptrdiff_t>(offset + i * size);
      std::reverse(element, element + static_cast<ptrdiff_t>(size));
    }
    SwapBytes(bytes.data() + offset, count, size);
    EXPECT_EQ(bytes, want) << size << " x " << count;
  }
}

}  // namespace
}  // namespace colonnade
