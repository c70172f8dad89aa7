#include "questdb/wire/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "support/random.h"

namespace colonnade::questdb::wire {
namespace {

TEST(BufferPoolTest, MemoryIsUsedAgainWhenItsLastReaderHasLetGo) {
  BufferPool pool;
  BufferPool::Piece piece = pool.Take(100'000);
  const std::byte* const data = piece.data;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0U);
  std::shared_ptr<const void> reader = piece.owner;
  piece = {};
  EXPECT_EQ(pool.kept_bytes(), 0U);
  EXPECT_NE(pool.Take(100'000).data, data);
  reader.reset();
  EXPECT_EQ(pool.Take(100'000).data, data);
  // A size that is a little smaller finds it too.
  EXPECT_EQ(pool.Take(99'000).data, data);
}

TEST(BufferPoolTest, EverySizeIsThereAndAligned) {
  BufferPool pool;
  for (size_t bytes = 0; bytes < 5'000; ++bytes) {
    const BufferPool::Piece piece = pool.Take(bytes);
    ASSERT_NE(piece.data, nullptr);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(piece.data) % 64, 0U) << bytes;
    std::memset(piece.data, 1, bytes);  // the sanitizer looks
  }
  for (size_t bytes = 8'192; bytes < (size_t{1} << 24); bytes *= 2) {
    for (const size_t size : {bytes - 1, bytes, bytes + 1}) {
      const BufferPool::Piece piece = pool.Take(size);
      piece.data[0] = piece.data[size - 1] = std::byte{1};
    }
  }
}

TEST(BufferPoolTest, WhatIsKeptIsBoundedAndTheNewestStays) {
  BufferPool pool(1'000'000);
  std::vector<BufferPool::Piece> pieces;
  for (int i = 0; i < 20; ++i) pieces.push_back(pool.Take(100'000));
  const std::byte* const last = pieces.back().data;
  for (BufferPool::Piece& piece : pieces) piece.owner.reset();
  EXPECT_LE(pool.kept_bytes(), 1'000'000U);
  EXPECT_GT(pool.kept_bytes(), 850'000U);
  EXPECT_EQ(pool.Take(100'000).data, last);
  // Sizes that nobody asks for any more make room for those that somebody does.
  const std::byte* const data = pool.Take(500'000).data;
  EXPECT_EQ(pool.Take(500'000).data, data);
  EXPECT_LE(pool.kept_bytes(), 1'000'000U);
}

TEST(BufferPoolTest, APieceLargerThanTheBoundIsNotKept) {
  BufferPool pool(1'000);
  pool.Take(100'000);
  EXPECT_EQ(pool.kept_bytes(), 0U);
}

TEST(BufferPoolTest, PiecesOutliveThePool) {
  std::optional<BufferPool> pool(std::in_place);
  BufferPool::Piece piece = pool->Take(1'000);
  pool.reset();
  std::memset(piece.data, 1, 1'000);
}

TEST(BufferPoolTest, PiecesAreReleasedOnAnyThread) {
  SeededRandom random;
  std::optional<BufferPool> pool(std::in_place, size_t{300'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    std::vector<BufferPool::Piece> pieces;
    for (int i = 0; i < 500; ++i) {
      pieces.push_back(pool->Take(static_cast<size_t>(random.Uniform(0, 5'000))));
    }
    threads.emplace_back([pieces = std::move(pieces)]() mutable {
      for (BufferPool::Piece& piece : pieces) {
        piece.data[0] = std::byte{1};
        piece.owner.reset();
      }
    });
  }
  for (int i = 0; i < 500; ++i) pool->Take(static_cast<size_t>(i * 10));
  pool.reset();
  for (std::thread& thread : threads) thread.join();
}

TEST(BufferPoolTest, TheAccountOfWhatIsKeptIsRight) {
  SeededRandom random;
  BufferPool pool(200'000);
  std::vector<BufferPool::Piece> held;
  for (int round = 0; round < 3'000; ++round) {
    if (random.Chance(0.5) || held.empty()) {
      held.push_back(pool.Take(static_cast<size_t>(random.Uniform(0, 20'000))));
      std::memset(held.back().data, 0xAB, 1);
    } else {
      const auto victim = static_cast<size_t>(random.Uniform(0, std::ssize(held) - 1));
      std::swap(held[victim], held.back());
      held.pop_back();
    }
    ASSERT_LE(pool.kept_bytes(), 200'000U);
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
