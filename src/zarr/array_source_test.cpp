#include "zarr/array_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "array/chunk_cache.h"
#include "array/decode.h"
#include "support/random.h"
#include "support/status_matchers.h"
#include "zarr/store_for_tests.h"

namespace colonnade::zarr {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const auto kKeepAll = [](const std::vector<int64_t>&) { return false; };

TestArray Counting(array::Shape shape, array::Shape chunk_shape) {
  TestArray array;
  array.shape = std::move(shape);
  array.chunk_shape = std::move(chunk_shape);
  array.values.resize(static_cast<size_t>(*array::ElementCount(array.shape)));
  for (size_t i = 0; i < array.values.size(); ++i) array.values[i] = static_cast<int32_t>(i);
  return array;
}

TEST(ArraySource, GivesABoxInsideOneChunkWithoutACopy) {
  auto store = NewStore();
  PutV3("a", Counting({4, 6}, {2, 3}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, {{2, 4}, {4, 6}}, false, reader.context));
  EXPECT_THAT(view.strides, ElementsAre(12, 4));  // the strides of the chunk, not of the box
  EXPECT_THAT(Elements<int32_t>(view, {2, 2}), ElementsAre(16, 17, 22, 23));
  EXPECT_EQ(reader.counters.chunks_read, 1);
  EXPECT_EQ(reader.counters.bytes_read, 24);
  EXPECT_EQ(reader.counters.bytes_decoded, 24);
}

TEST(ArraySource, ReadsOnlyTheChunksThatABoxTouches) {
  auto store = NewStore();
  PutV3("a", Counting({4, 6}, {2, 3}), store.get(), kKeepAll);
  const auto recording = std::make_shared<RecordingStore>(*store);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(recording));
  recording->found.clear();
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, {{1, 3}, {0, 2}}, false, reader.context));
  EXPECT_THAT(Elements<int32_t>(view, {2, 2}), ElementsAre(6, 7, 12, 13));
  EXPECT_THAT(recording->found, ElementsAre("a/c/0/0", "a/c/1/0"));
}

TEST(ArraySource, AnAbsentChunkIsAConstantViewOfTheFillValue) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), [](const auto& chunk) { return chunk[0] == 1; });
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, {{2, 4}}, false, reader.context));
  EXPECT_TRUE(view.is_constant());
  EXPECT_THAT(Elements<int32_t>(view, {2}), ElementsAre(-1, -1));
  EXPECT_EQ(reader.counters.chunks_filled, 1);
  EXPECT_EQ(reader.counters.chunks_read, 0);
  ASSERT_OK_AND_ASSIGN(const auto all, dataset->Read(0, {{0, 4}}, false, reader.context));
  EXPECT_THAT(Elements<int32_t>(all, {4}), ElementsAre(0, 1, -1, -1));
}

TEST(ArraySource, AnAbsentChunkOfANullFillValueIsZeros) {
  auto store = std::make_shared<store::MemoryStore>("v2.zarr");
  store->Put(".zgroup", R"({"zarr_format":2})");
  store->Put("a/.zarray", V2Document({5}, {2}));
  store->Put("a/0", std::string("\1\0\0\0\2\0\0\0", 8));
  store->Put("t/.zarray", V2Document({5}, {2}, "", "|S3"));
  store->Put("t/0", "abcdef");
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(dataset->notes(),
              ElementsAre(R"(variable "a": fill_value null: absent chunks read as zeros)",
                          R"(variable "t": fill_value null: absent chunks read as zeros)"));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto absent, dataset->Read(0, {{2, 4}}, false, reader.context));
  EXPECT_TRUE(absent.is_constant());
  EXPECT_THAT(Elements<int32_t>(absent, {2}), ElementsAre(0, 0));
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "a", &reader), ElementsAre(1, 2, 0, 0, 0));
  EXPECT_THAT(*ReadAll<std::string_view>(*dataset, "t", &reader),
              ElementsAre("abc", "def", "", "", ""));
  EXPECT_FALSE(array::MayBeMissing(dataset->variables()[0].plan));
}

TEST(ArraySource, EmptyBoxesReadNothing) {
  auto store = NewStore();
  PutV3("a", Counting({4, 6}, {2, 3}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, {{4, 4}, {0, 6}}, false, reader.context));
  EXPECT_THAT(view.strides, SizeIs(2));
  EXPECT_NE(view.data, nullptr);
  EXPECT_EQ(reader.counters.chunks_read, 0);
}

TEST(ArraySource, RefusesABoxOutsideTheArray) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(dataset->Read(0, {{2, 5}}, false, reader.context),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("extent of 4")));
  EXPECT_THAT(dataset->Read(0, {{0, 1}, {0, 1}}, false, reader.context),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rank")));
  EXPECT_THAT(dataset->Read(7, {}, false, reader.context),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("7")));
}

TEST(ArraySource, ErrorsNameTheVariableAndTheChunk) {
  auto store = NewStore();
  PutV3("g/a", Counting({4, 6}, {2, 3}), store.get(), kKeepAll);
  store->Put("g/zarr.json", R"({"zarr_format":3,"node_type":"group"})");
  store->Put("g/a/c/1/0", "short");
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  ASSERT_OK_AND_ASSIGN(auto dataset, hierarchy->OpenGroup("g"));
  TestReader reader;
  EXPECT_THAT(
      dataset->Read(0, {{2, 3}, {0, 1}}, false, reader.context),
      StatusIs(StatusCode::kInvalidData, AllOf(HasSubstr(R"(variable "a": chunk "g/a/c/1/0": )"),
                                               HasSubstr("24"), HasSubstr("5"))));
}

TEST(ArraySource, AChunkWithoutBytesIsCorruptNotAbsent) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), kKeepAll);
  store->Put("a/c/1", "");
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(ReadAll<int32_t>(*dataset, "a", &reader),
              StatusIs(StatusCode::kInvalidData, HasSubstr("no bytes")));
}

TEST(ArraySource, DeniedPermissionIsAnErrorNotAFill) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), kKeepAll);
  const auto recording = std::make_shared<RecordingStore>(*store);
  recording->denied = "a/c/1";
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(recording));
  TestReader reader;
  EXPECT_THAT(ReadAll<int32_t>(*dataset, "a", &reader),
              StatusIs(StatusCode::kPermissionDenied, HasSubstr("a/c/1")));
}

TEST(ArraySource, StopsWhenCancelled) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  reader.cancel.Cancel();
  EXPECT_THAT(dataset->Read(0, {{0, 1}}, false, reader.context),
              StatusIs(StatusCode::kCancelled, HasSubstr("")));
  EXPECT_THAT(dataset->Read(0, {{0, 4}}, false, reader.context),
              StatusIs(StatusCode::kCancelled, HasSubstr("")));
  EXPECT_EQ(reader.counters.chunks_read, 0);
}

TEST(ArraySource, KeptChunksAreDecodedOnce) {
  auto store = NewStore();
  PutV3("a", Counting({4}, {2}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  array::ChunkCache cache(1 << 20);
  TestReader reader(&cache);
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, {{0, 4}}, true, reader.context));
    EXPECT_THAT(Elements<int32_t>(view, {4}), ElementsAre(0, 1, 2, 3));
  }
  EXPECT_EQ(reader.counters.chunks_read, 2);
  EXPECT_EQ(reader.counters.cache_hits, 4);
  ASSERT_OK(dataset->Read(0, {{0, 2}}, false, reader.context));
  EXPECT_EQ(reader.counters.chunks_read, 3);
}

// A budget that lends at most `limit` bytes.
class SmallBudget final : public MemoryBudget {
 public:
  explicit SmallBudget(size_t limit) : limit_(limit) {}
  Status Reserve(size_t bytes) override {
    if (used_ + bytes > limit_) return LimitExceeded("no room for ", bytes, " bytes");
    used_ += bytes;
    ++reservations_;
    return {};
  }
  void Release(size_t bytes) noexcept override { used_ -= bytes; }
  size_t used() const { return used_; }
  int reservations() const { return reservations_; }

 private:
  size_t limit_;
  size_t used_ = 0;
  int reservations_ = 0;
};

TEST(ArraySource, AScanOfEqualChunksStopsAllocating) {
  auto store = NewStore();
  PutV3("a", Counting({4096}, {64}), store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  SmallBudget budget(size_t{1} << 20);
  TestReader reader(nullptr, budget);
  const auto read = [&](int64_t chunk) {
    ASSERT_OK(dataset->Read(0, {{chunk * 64, chunk * 64 + 64}}, false, reader.context));
  };
  read(0);
  const int after_first = budget.reservations();
  for (int64_t chunk = 1; chunk < 64; ++chunk) read(chunk);
  EXPECT_EQ(budget.reservations(), after_first);
}

TEST(ArraySource, DropsIdleBuffersAndCachedChunksBeforeFailing) {
  auto store = NewStore();
  PutV3("a", Counting({64 * 1024}, {1024}), store.get(), kKeepAll);  // chunks of 4 KiB
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  SmallBudget budget(20 * 1024);
  array::ChunkCache cache(size_t{1} << 20);  // would like to hold everything
  {
    TestReader reader(&cache, budget);
    for (int64_t chunk = 0; chunk < 64; ++chunk) {
      const array::Box box = {{chunk * 1024, chunk * 1024 + 1024}};
      ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(0, box, true, reader.context));
      EXPECT_EQ(Elements<int32_t>(view, {1})[0], chunk * 1024);
    }
    EXPECT_THAT(dataset->Read(0, {{0, 64 * 1024}}, false, reader.context),
                StatusIs(StatusCode::kLimitExceeded, HasSubstr("variable \"a\"")));
  }
  cache.Evict(SIZE_MAX);
  EXPECT_EQ(budget.used(), 0);
}

TEST(ArraySource, OldV2StoresMayNestChunksWithoutSayingSo) {
  auto store = std::make_shared<store::MemoryStore>("old.zarr");
  store->Put(".zgroup", R"({"zarr_format":2})");
  const TestArray array = Counting({4, 4}, {2, 2});
  PutV2("a", array, store.get(), kKeepAll, "/");
  store->Put("a/.zarray", V2Document({4, 4}, {2, 2}, ""));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto values, ReadAll<int32_t>(*dataset, "a", &reader));
  EXPECT_EQ(values, array.values);
}

TEST(ArraySource, ASaidSeparatorIsBelieved) {
  auto store = std::make_shared<store::MemoryStore>("v2.zarr");
  store->Put(".zgroup", R"({"zarr_format":2})");
  PutV2("a", Counting({4, 4}, {2, 2}), store.get(), kKeepAll, "/");
  store->Put("a/.zarray", V2Document({4, 4}, {2, 2}, R"("dimension_separator":".")", "<i4", "-1"));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "a", &reader), Each(-1));
}

TEST(ArraySource, ABadV2FillValueMattersOnlyWhereAChunkIsAbsent) {
  auto store = std::make_shared<store::MemoryStore>("v2.zarr");
  store->Put(".zgroup", R"({"zarr_format":2})");
  PutV2("a", Counting({4}, {2}), store.get(), [](const auto& chunk) { return chunk[0] == 1; });
  store->Put("a/.zarray", V2Document({4}, {2}, "", "<i4", "\"NaN\""));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_OK(dataset->Read(0, {{0, 2}}, false, reader.context));
  EXPECT_THAT(dataset->Read(0, {{2, 4}}, false, reader.context),
              StatusIs(StatusCode::kInvalidData, HasSubstr("fill value \"NaN\"")));
}

TEST(ArraySource, ReadsAShardIndexOnceAndInnerChunksByRange) {
  auto store = NewStore();
  const TestArray array = Counting({8, 8}, {2, 2});
  PutSharded("a", array, {{4, 4}}, store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(dataset->variables()[0].chunk_shape, ElementsAre(2, 2));
  EXPECT_THAT(dataset->variables()[0].shard_shape, ElementsAre(8, 8));
  TestReader reader;
  ASSERT_OK(dataset->Read(0, {{0, 1}, {0, 1}}, false, reader.context));
  EXPECT_EQ(reader.counters.bytes_read, 16 * 16 + 4 + 16);
  ASSERT_OK(dataset->Read(0, {{7, 8}, {7, 8}}, false, reader.context));
  EXPECT_EQ(reader.counters.bytes_read, 16 * 16 + 4 + 16 + 16);
  EXPECT_EQ(reader.counters.chunks_read, 2);
}

TEST(ArraySource, AShardThatIsCompressedAsAWholeIsReadAndDecodedOnce) {
  auto store = NewStore();
  const TestArray array = Counting({8, 8}, {2, 2});
  const ShardOptions options = {.chunks_per_shard = {2, 4}, .checksum_around = true};
  PutSharded("a", array, options, store.get(), [](const auto& chunk) { return chunk[0] == 1; });
  PutSharded("b", array, options, store.get(), kKeepAll);
  const auto recording = std::make_shared<RecordingStore>(*store);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(recording));
  EXPECT_EQ(dataset->variables()[0].codecs, "sharding_indexed[2, 2](bytes(little)), crc32c");
  recording->found.clear();
  TestReader reader;
  for (int64_t y = 0; y < 8; ++y) {
    for (int64_t x = 0; x < 8; ++x) {
      const array::Box box = {{y, y + 1}, {x, x + 1}};
      ASSERT_OK_AND_ASSIGN(const auto a, dataset->Read(0, box, false, reader.context));
      EXPECT_THAT(Elements<int32_t>(a, {1, 1}), ElementsAre(y / 2 == 1 ? -1 : y * 8 + x));
      ASSERT_OK_AND_ASSIGN(const auto b, dataset->Read(1, box, false, reader.context));
      EXPECT_THAT(Elements<int32_t>(b, {1, 1}), ElementsAre(y * 8 + x));
    }
  }
  EXPECT_THAT(recording->found, ElementsAre("a/c/0/0", "b/c/0/0", "a/c/1/0", "b/c/1/0"));
}

TEST(ArraySource, AShardThatDoesNotDecodeIsAnErrorOfItsChunks) {
  auto store = NewStore();
  PutSharded("a", Counting({8}, {2}), {.chunks_per_shard = {2}, .checksum_around = true},
             store.get(), kKeepAll);
  store->Put("a/c/1", "0123456789");
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_OK(dataset->Read(0, {{0, 4}}, false, reader.context));
  EXPECT_THAT(dataset->Read(0, {{6, 7}}, false, reader.context),
              StatusIs(StatusCode::kInvalidData,
                       AllOf(HasSubstr(R"(chunk "a/c/1", inner chunk [3])"), HasSubstr("crc32c"))));
  std::string tiny = "short";
  AppendChecksum(&tiny);
  store->Put("a/c/1", tiny);
  EXPECT_THAT(dataset->Read(0, {{6, 7}}, false, reader.context),
              StatusIs(StatusCode::kInvalidData, HasSubstr("has 5 bytes, its index needs 36")));
}

TEST(ArraySource, KeepsNoDecodedShardWhenMemoryIsShort) {
  auto store = NewStore();
  const TestArray array = Counting({16 * 1024}, {1024});  // shards of 16 KiB
  const ShardOptions options = {.chunks_per_shard = {4}, .checksum_around = true};
  for (const char* name : {"a", "b", "c", "d"}) {
    PutSharded(name, array, options, store.get(), kKeepAll);
  }
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  SmallBudget budget(64 * 1024);  // an encoded and a decoded shard, a chunk, and little else
  {
    TestReader reader(nullptr, budget);
    for (int64_t chunk = 0; chunk < 16; ++chunk) {
      for (size_t variable = 0; variable < 4; ++variable) {
        const array::Box box = {{chunk * 1024, chunk * 1024 + 1024}};
        ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(variable, box, false, reader.context));
        EXPECT_EQ(Elements<int32_t>(view, {1})[0], chunk * 1024);
      }
    }
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(ArraySource, AnAbsentShardIsAllFill) {
  auto store = NewStore();
  PutSharded("a", Counting({8}, {2}), {{4}}, store.get(), [](const auto&) { return true; });
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "a", &reader), Each(-1));
  EXPECT_EQ(reader.counters.chunks_filled, 4);
}

TEST(ArraySource, ATruncatedShardNamesShardAndInnerChunk) {
  auto store = NewStore();
  PutSharded("a", Counting({8}, {2}), {{4}}, store.get(), kKeepAll);
  store->Put("a/c/0", "0123456789");
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(dataset->Read(0, {{2, 3}}, false, reader.context),
              StatusIs(StatusCode::kInvalidData, HasSubstr(R"(chunk "a/c/0", inner chunk [1])")));
}

TEST(ArraySource, ThreadsShareADataset) {
  auto store = NewStore();
  const TestArray array = Counting({40, 40}, {4, 4});
  PutSharded("a", array, {{5, 5}}, store.get(), kKeepAll);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  array::ChunkCache cache(4096);  // small: threads evict each other's chunks
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      TestReader reader(&cache);
      std::vector<array::ArrayView> held;
      for (int64_t i = 0; i < 200; ++i) {
        const int64_t at = (i * 7 + seed * 13) % 36;
        auto view = dataset->Read(0, {{at, at + 3}, {at, at + 4}}, i % 2 == 0, reader.context);
        if (!view.ok() || Elements<int32_t>(*view, {3, 4})[4] != (at + 1) * 40 + at) ++wrong;
        if (view.ok() && held.size() < 8) held.push_back(*view);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Oracle: the plain array the store was written from.
TEST(ArraySourceProperty, AnyBoxOfAnyLayoutEqualsThePlainArray) {
  SeededRandom random;
  for (int round = 0; round < 60; ++round) {
    const auto rank = static_cast<size_t>(random.Uniform(0, 4));
    TestArray array;
    ShardOptions sharding;
    for (size_t dim = 0; dim < rank; ++dim) {
      array.shape.push_back(random.Chance(0.05) ? 0 : random.Uniform(1, 9));
      array.chunk_shape.push_back(random.Uniform(1, 5));
      sharding.chunks_per_shard.push_back(random.Uniform(1, 3));
    }
    const bool transposed = rank > 1 && random.Chance(0.5);
    for (size_t dim = rank; transposed && dim-- > 0;) array.order.push_back(dim);
    array.big_endian = random.Chance(0.3);
    sharding.index_at_start = random.Chance(0.5);
    sharding.index_big_endian = random.Chance(0.3);
    sharding.index_checksum = random.Chance(0.5);
    sharding.checksum_around = random.Chance(0.3);
    if (random.Chance(0.4)) {
      for (size_t dim = 0; dim < rank; ++dim) sharding.order.push_back(dim);
      std::ranges::shuffle(sharding.order, random.engine());
    }
    const auto count = static_cast<size_t>(*array::ElementCount(array.shape));
    for (size_t i = 0; i < count; ++i) {
      array.values.push_back(static_cast<int32_t>(random.Uniform(INT32_MIN, INT32_MAX)));
    }
    const int64_t skipped = random.Uniform(0, 4);  // of every five chunks, by a hash
    const auto skip = [skipped](const std::vector<int64_t>& chunk) {
      int64_t hash = 3;
      for (const int64_t index : chunk) hash = hash * 7 + index;
      return hash % 5 < skipped;
    };
    auto v3 = NewStore("v3.zarr");
    auto v2 = std::make_shared<store::MemoryStore>("v2.zarr");
    v2->Put(".zgroup", R"({"zarr_format":2})");
    PutV2("a", array, v2.get(), skip, random.Chance(0.5) ? "/" : ".");
    if (transposed && random.Chance(0.5)) std::ranges::shuffle(array.order, random.engine());
    array.checksum = random.Chance(0.5);
    PutV3("plain", array, v3.get(), skip);
    PutSharded("sharded", array, sharding, v3.get(), skip);

    ASSERT_OK_AND_ASSIGN(auto v3_dataset, OpenRoot(v3));
    ASSERT_OK_AND_ASSIGN(auto v2_dataset, OpenRoot(v2));
    array::ChunkCache cache(size_t{1} << 16);
    TestReader reader(&cache);
    for (int boxes = 0; boxes < 8; ++boxes) {
      array::Box box;
      array::Shape extents;
      for (size_t dim = 0; dim < rank; ++dim) {
        const int64_t begin = random.Uniform(0, array.shape[dim]);
        box.push_back({begin, random.Uniform(begin, array.shape[dim])});
        extents.push_back(box.back().size());
      }
      std::vector<int32_t> want;
      ForEachIndex(extents, [&](const std::vector<int64_t>& offset) {
        std::vector<int64_t> index = offset;
        std::vector<int64_t> chunk(rank);
        for (size_t dim = 0; dim < rank; ++dim) {
          index[dim] += box[dim].begin;
          chunk[dim] = index[dim] / array.chunk_shape[dim];
        }
        want.push_back(skip(chunk) ? -1 : array.At(index));
      });
      for (const auto& [dataset, name] :
           {std::pair(v2_dataset, "a"), {v3_dataset, "plain"}, {v3_dataset, "sharded"}}) {
        SCOPED_TRACE(std::string(name) + " of shape " + array::ShapeToString(array.shape));
        ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(VariableIndex(*dataset, name), box,
                                                            random.Chance(0.5), reader.context));
        ASSERT_EQ(Elements<int32_t>(view, extents), want);
      }
    }
  }
}

}  // namespace
}  // namespace colonnade::zarr
