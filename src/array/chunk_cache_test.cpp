#include "array/chunk_cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace colonnade::array {
namespace {

ArrayView View(int64_t tag) {
  ArrayView view;
  view.strides = {tag};
  return view;
}

TEST(ChunkCache, FindsWhatWasInserted) {
  ChunkCache cache(100);
  cache.Insert({1, 2, 3}, View(7), 10);
  ASSERT_TRUE(cache.Find({1, 2, 3}));
  EXPECT_EQ(cache.Find({1, 2, 3})->strides[0], 7);
  for (const ChunkId& other : {ChunkId{2, 2, 3}, ChunkId{1, 3, 3}, ChunkId{1, 2, 4}}) {
    EXPECT_FALSE(cache.Find(other));
  }
}

TEST(ChunkCache, DropsTheLeastRecentlyUsed) {
  ChunkCache cache(30);
  for (int64_t chunk = 0; chunk < 3; ++chunk) cache.Insert({1, 1, chunk}, View(chunk), 10);
  EXPECT_TRUE(cache.Find({1, 1, 0}));
  cache.Insert({1, 1, 3}, View(3), 10);
  EXPECT_TRUE(cache.Find({1, 1, 0}));
  EXPECT_FALSE(cache.Find({1, 1, 1}));
  EXPECT_EQ(cache.bytes(), 30);
}

TEST(ChunkCache, DoesNotKeepWhatIsLargerThanItself) {
  ChunkCache cache(30);
  cache.Insert({1, 1, 0}, View(0), 10);
  cache.Insert({1, 1, 1}, View(1), 31);
  EXPECT_TRUE(cache.Find({1, 1, 0}));
  EXPECT_FALSE(cache.Find({1, 1, 1}));
}

TEST(ChunkCache, TheSecondCopyOfAChunkIsNotCountedTwice) {
  ChunkCache cache(30);
  cache.Insert({1, 1, 0}, View(0), 10);
  cache.Insert({1, 1, 0}, View(0), 10);
  EXPECT_EQ(cache.bytes(), 10);
}

TEST(ChunkCache, EvictsOnDemand) {
  ChunkCache cache(100);
  for (int64_t chunk = 0; chunk < 10; ++chunk) cache.Insert({1, 1, chunk}, View(chunk), 10);
  EXPECT_EQ(cache.Evict(15), 20);
  EXPECT_EQ(cache.bytes(), 80);
  EXPECT_FALSE(cache.Find({1, 1, 1}));
  EXPECT_TRUE(cache.Find({1, 1, 2}));
  EXPECT_EQ(cache.Evict(SIZE_MAX), 80);
  EXPECT_EQ(cache.Evict(1), 0);
}

TEST(ChunkCache, ChunksOutliveTheirEviction) {
  ChunkCache cache(10);
  ArrayView view = View(0);
  view.owner = std::make_shared<int>(42);
  const std::weak_ptr<const void> alive = view.owner;
  cache.Insert({1, 1, 0}, std::move(view), 10);
  auto held = cache.Find({1, 1, 0});
  cache.Evict(10);
  EXPECT_FALSE(alive.expired());
  held.reset();
  EXPECT_TRUE(alive.expired());
}

TEST(ChunkCache, DatasetIdsAreNeverTheSame) { EXPECT_NE(NewDatasetId(), NewDatasetId()); }

TEST(ChunkCache, ThreadsShareIt) {
  ChunkCache cache(200);
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&cache, seed] {
      for (int64_t i = 0; i < 2'000; ++i) {
        const ChunkId id = {1, 1, (i * 7 + seed) % 40};
        if (const auto found = cache.Find(id)) {
          EXPECT_EQ(found->strides[0], id.chunk);
        } else {
          cache.Insert(id, View(id.chunk), 10);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.bytes(), 200);
}

}  // namespace
}  // namespace colonnade::array
