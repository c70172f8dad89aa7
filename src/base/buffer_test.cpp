#include "base/buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "support/counting_budget.h"
#include "support/random.h"
#include "support/status_matchers.h"

// AddressSanitizer ends the program on an allocation that cannot be, unless told to fail it as
// malloc does.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace colonnade {
namespace {

using ::testing::_;

void Fill(std::string_view text, Buffer* buffer) {
  ASSERT_OK(buffer->Resize(text.size()));
  if (!text.empty()) std::memcpy(buffer->data(), text.data(), text.size());
}

std::string Text(const Buffer& buffer) {
  return std::string(reinterpret_cast<const char*>(buffer.data()), buffer.size());
}

TEST(Buffer, StartsEmptyAndResizesToNothing) {
  Buffer buffer;
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_TRUE(buffer.bytes().empty());
  ASSERT_OK(buffer.Resize(0));
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(Buffer, KeepsBytesWhenItGrowsAndShrinks) {
  Buffer buffer;
  Fill("levitus", &buffer);
  ASSERT_OK(buffer.Resize(100'000));
  ASSERT_OK(buffer.Resize(3));
  EXPECT_EQ(Text(buffer), "lev");
  EXPECT_EQ(buffer.mutable_bytes().size(), 3u);
}

TEST(Buffer, IsAlignedForVectorInstructions) {
  for (const size_t bytes : {1u, 63u, 64u, 65u, 4097u}) {
    Buffer buffer;
    ASSERT_OK(buffer.Resize(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
    EXPECT_EQ(buffer.capacity() % 64, 0u);
  }
}

TEST(Buffer, ReusedBufferDoesNotAllocateAgain) {
  CountingBudget budget(1 << 20);
  Buffer buffer(budget);
  ASSERT_OK(buffer.Resize(1000));
  const std::byte* data = buffer.data();
  const size_t reserves = budget.reserves();
  for (const size_t bytes : {0u, 1u, 999u, 1000u}) {
    ASSERT_OK(buffer.Resize(bytes));
    EXPECT_EQ(buffer.data(), data);
  }
  EXPECT_EQ(budget.reserves(), reserves);
}

TEST(Buffer, IsAsBeforeWhenTheBudgetRefuses) {
  CountingBudget budget(256);
  Buffer buffer(budget);
  Fill("coads", &buffer);
  EXPECT_THAT(buffer.Resize(257), StatusIs(StatusCode::kLimitExceeded, _));
  EXPECT_EQ(Text(buffer), "coads");
  EXPECT_EQ(budget.held(), 64u);
  ASSERT_OK(buffer.Resize(256));
}

TEST(Buffer, IsAsBeforeWhenTheMachineRefuses) {
  CountingBudget budget(std::numeric_limits<size_t>::max());
  Buffer buffer(budget);
  Fill("coads", &buffer);
  for (const size_t bytes :
       {size_t{1} << 62, static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max()),
        std::numeric_limits<size_t>::max() - 1, std::numeric_limits<size_t>::max()}) {
    EXPECT_THAT(buffer.Resize(bytes), StatusIs(StatusCode::kLimitExceeded, _)) << bytes;
    EXPECT_EQ(Text(buffer), "coads");
    EXPECT_EQ(budget.held(), 64u);
  }
}

TEST(Buffer, GivesEverythingBack) {
  CountingBudget budget(1 << 20);
  {
    Buffer kept(budget);
    ASSERT_OK(kept.Resize(70));
    EXPECT_EQ(budget.held(), 128u);
    Buffer reset(budget);
    ASSERT_OK(reset.Resize(1));
    reset.Reset();
    EXPECT_EQ(reset.size(), 0u);
    EXPECT_EQ(reset.data(), nullptr);
    EXPECT_EQ(budget.held(), 128u);
  }
  EXPECT_EQ(budget.held(), 0u);
}

TEST(Buffer, MovedFromIsEmptyAndUsable) {
  CountingBudget budget(1 << 20);
  Buffer first(budget);
  Fill("sst", &first);
  Buffer second = std::move(first);
  EXPECT_EQ(Text(second), "sst");
  EXPECT_TRUE(first.bytes().empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  Fill("chlorophyll", &first);
  EXPECT_EQ(Text(first), "chlorophyll");
  second = std::move(first);
  EXPECT_EQ(Text(second), "chlorophyll");
  EXPECT_EQ(first.size(), 0u);
  EXPECT_EQ(budget.held(), 64u);
  Buffer& alias = second;
  second = std::move(alias);
  EXPECT_EQ(Text(second), "chlorophyll");
}

// Oracle: a std::string of the same operations, as far as its bytes are defined.
TEST(BufferProperty, AgreesWithAStringUnderAFailingBudget) {
  SeededRandom random;
  for (int round = 0; round < 50; ++round) {
    CountingBudget budget(static_cast<size_t>(random.Uniform(0, 4000)));
    Buffer buffer(budget);
    std::string want;
    for (int step = 0; step < 100; ++step) {
      const auto bytes = static_cast<size_t>(random.Uniform(0, 5000));
      const Status status = buffer.Resize(bytes);
      ASSERT_EQ(status.ok(),
                (bytes + 63) / 64 * 64 <= std::max(budget.limit() / 64 * 64, buffer.capacity()));
      if (status.ok()) {
        const size_t kept = std::min(bytes, want.size());
        want.resize(bytes);
        for (size_t i = kept; i < bytes; ++i) {
          want[i] = static_cast<char>(random.Uniform(-128, 127));
          buffer.data()[i] = static_cast<std::byte>(want[i]);
        }
      }
      ASSERT_EQ(Text(buffer), want);
      ASSERT_EQ(budget.held(), buffer.capacity());
    }
  }
}

}  // namespace
}  // namespace colonnade
