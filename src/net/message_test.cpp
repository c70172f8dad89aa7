#include "net/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "support/counting_budget.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using ::testing::_;

TEST(MessagePool, LendsAlignedBlocksOfTheSizeAskedFor) {
  MessagePool pool;
  for (const size_t bytes : {0u, 1u, 255u, 257u, 5'000u, 3'000'001u}) {
    ASSERT_OK_AND_ASSIGN(const MessagePool::Block block, pool.Take(bytes));
    EXPECT_EQ(block.bytes.size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.bytes.data()) % 64, 0u);
    std::memset(block.bytes.data(), 0x11, bytes);
  }
}

TEST(MessagePool, UsesABlockAgainWhenItsLastOwnerIsGone) {
  MessagePool pool;
  ASSERT_OK_AND_ASSIGN(MessagePool::Block block, pool.Take(100'000));
  const std::byte* const memory = block.bytes.data();
  std::shared_ptr<const void> other = block.owner;
  block = {};
  EXPECT_EQ(pool.kept_bytes(), 0u);
  ASSERT_OK_AND_ASSIGN(const MessagePool::Block meanwhile, pool.Take(100'000));
  EXPECT_NE(meanwhile.bytes.data(), memory);
  other.reset();
  EXPECT_GE(pool.kept_bytes(), 100'000u);
  ASSERT_OK_AND_ASSIGN(const MessagePool::Block again, pool.Take(99'000));
  EXPECT_EQ(again.bytes.data(), memory);
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(MessagePool, DoesNotWasteALargeBlockOnASmallMessage) {
  MessagePool pool;
  ASSERT_OK(pool.Take(1 << 20));
  ASSERT_OK_AND_ASSIGN(const MessagePool::Block small, pool.Take(20));
  EXPECT_GE(pool.kept_bytes(), size_t{1} << 20);
}

TEST(MessagePool, KeepsNoMoreThanItMayAndPrefersLargeBlocks) {
  MessagePool pool(UnlimitedMemory(), 1 << 20);
  {
    std::vector<MessagePool::Block> small;
    for (int i = 0; i < 40; ++i) {
      ASSERT_OK_AND_ASSIGN(MessagePool::Block block, pool.Take(32 << 10));
      small.push_back(std::move(block));
    }
  }
  EXPECT_EQ(pool.kept_bytes(), size_t{1} << 20);
  ASSERT_OK(pool.Take(1 << 20));
  EXPECT_EQ(pool.kept_bytes(), size_t{1} << 20);
  ASSERT_OK_AND_ASSIGN(const MessagePool::Block large, pool.Take(1 << 20));
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(MessagePool, CountsWhatIsLentAndKept) {
  CountingBudget budget(1 << 20);
  {
    MessagePool pool(budget);
    ASSERT_OK_AND_ASSIGN(MessagePool::Block block, pool.Take(600'000));
    EXPECT_THAT(pool.Take(600'000), StatusIs(StatusCode::kLimitExceeded, _));
    EXPECT_GE(budget.held(), 600'000u);
    block = {};
    EXPECT_GE(budget.held(), 600'000u);
  }
  EXPECT_EQ(budget.held(), 0u);
}

TEST(MessagePool, RefusesASizeThatCannotBe) {
  MessagePool pool;
  EXPECT_THAT(pool.Take(std::numeric_limits<size_t>::max()),
              StatusIs(StatusCode::kLimitExceeded, _));
}

TEST(MessagePool, BlocksOutliveThePoolAndComeBackFromAnyThread) {
  MessagePool::Block kept;
  {
    MessagePool pool;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&pool] {
        for (int i = 0; i < 500; ++i) {
          auto block = pool.Take(static_cast<size_t>(i) * 100);
          ASSERT_OK(block);
          std::memset(block->bytes.data(), i, block->bytes.size());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_OK_AND_ASSIGN(kept, pool.Take(1000));
  }
  std::memset(kept.bytes.data(), 1, kept.bytes.size());
}

}  // namespace
}  // namespace colonnade::net
