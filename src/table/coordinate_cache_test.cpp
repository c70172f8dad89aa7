#include "table/coordinate_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "support/fake_dataset.h"
#include "support/status_matchers.h"

namespace colonnade::table {
namespace {

using ::testing::HasSubstr;

class CountingBudget final : public MemoryBudget {
 public:
  explicit CountingBudget(size_t limit) : limit_(limit) {}
  Status Reserve(size_t bytes) override {
    if (bytes > limit_ - held_) return LimitExceeded("no room for ", bytes);
    held_ += bytes;
    return Status();
  }
  void Release(size_t bytes) noexcept override { held_ -= bytes; }
  size_t held() const { return held_; }

 private:
  const size_t limit_;
  size_t held_ = 0;
};

TEST(CoordinateCache, ReadsAVariableOnceAndSharesIt) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {3}, {2}, {1.5, -999, 3.5}, {{"_FillValue", -999}});
  CoordinateCache cache(dataset);
  ASSERT_OK_AND_ASSIGN(auto first, cache.Load(0, {}));
  ASSERT_OK_AND_ASSIGN(auto second, cache.Load(0, {}));
  EXPECT_EQ(first, second);
  EXPECT_EQ(dataset->total_chunk_reads(), 2);
  double value;
  std::memcpy(&value, first->data + 16, 8);
  EXPECT_EQ(value, 3.5);
  EXPECT_TRUE(first->is_valid(0));
  EXPECT_FALSE(first->is_valid(1));
}

TEST(CoordinateCache, KeepsTextAfterTheDatasetIsGone) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<std::string>("name", {"x"}, {2}, {}, {"a name too long to be stored in place", ""});
  auto cache = std::make_unique<CoordinateCache>(dataset);
  ASSERT_OK_AND_ASSIGN(auto values, cache->Load(0, {}));
  cache.reset();
  dataset.reset();
  const auto* texts = reinterpret_cast<const std::string_view*>(values->data);
  EXPECT_EQ(texts[0], "a name too long to be stored in place");
  EXPECT_EQ(texts[1], "");
}

TEST(CoordinateCache, OfAnEmptyAxisIsEmptyAndNoSequence) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {0}, {}, {});
  CoordinateCache cache(dataset);
  ASSERT_OK_AND_ASSIGN(auto values, cache.Load(0, {}));
  EXPECT_EQ(values->length, 0);
  EXPECT_FALSE(values->is_sequence());
  EXPECT_EQ(dataset->total_chunk_reads(), 0);
}

TEST(CoordinateCache, DoesNotRememberAFailure) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {1}, {}, {1});
  CoordinateCache cache(dataset);
  dataset->FailReads(Io("disk on fire"));
  EXPECT_THAT(cache.Load(0, {}), StatusIs(StatusCode::kIo, HasSubstr("disk on fire")));
  dataset->FailReads(Status());
  EXPECT_OK(cache.Load(0, {}));
}

TEST(CoordinateCache, DoesNotRememberACancellation) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {1}, {}, {1});
  CoordinateCache cache(dataset);
  CancelFlag cancel;
  cancel.Cancel();
  ScanEnvironment environment;
  environment.cancel = &cancel;
  EXPECT_THAT(cache.Load(0, environment), StatusIs(StatusCode::kCancelled, ::testing::_));
  EXPECT_OK(cache.Load(0, {}));
}

TEST(CoordinateCache, CountsALoadAgainstTheBudgetAndGivesItBack) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {100}, {}, std::vector<double>(100, 1.0));
  CoordinateCache cache(dataset);
  ScanEnvironment environment;
  CountingBudget small(100);
  environment.budget = &small;
  EXPECT_THAT(cache.Load(0, environment), StatusIs(StatusCode::kLimitExceeded, ::testing::_));
  EXPECT_EQ(small.held(), 0u);
  CountingBudget large(1'000'000);
  environment.budget = &large;
  EXPECT_OK(cache.Load(0, environment));
  EXPECT_EQ(large.held(), 0u);
}

TEST(CoordinateCache, ReadsOnceForManyThreads) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("x", {"x"}, {100'000}, {}, std::vector<double>(100'000, 1.0));
  CoordinateCache cache(dataset);
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<const AxisValues>> got(8);
  for (size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      auto values = cache.Load(0, {});
      if (values.ok()) got[i] = *values;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(dataset->total_chunk_reads(), 1);
  for (const auto& values : got) EXPECT_EQ(values, got[0]);
  EXPECT_NE(got[0], nullptr);
}

}  // namespace
}  // namespace colonnade::table
