#include "zarr/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"
#include "zarr/store_for_tests.h"

namespace colonnade::zarr {
namespace {

using ::testing::HasSubstr;

ShardIndexFormat Format(int64_t entries, bool at_start = false) {
  ShardIndexFormat format;
  format.grid = {entries};
  format.at_start = at_start;
  return format;
}

Result<ShardIndex> Parse(const std::vector<uint64_t>& numbers, uint64_t object_size,
                         bool at_start = false) {
  std::string bytes;
  for (const uint64_t number : numbers) AppendLittle(number, 8, &bytes);
  return ShardIndex::Parse(std::as_bytes(std::span(bytes.data(), bytes.size())),
                           Format(static_cast<int64_t>(numbers.size() / 2), at_start), object_size);
}

TEST(ShardIndex, FindsInnerChunks) {
  ASSERT_OK_AND_ASSIGN(const auto index, Parse({10, 5, UINT64_MAX, UINT64_MAX}, 100));
  ASSERT_OK_AND_ASSIGN(const auto span, index.Find(0));
  ASSERT_TRUE(span);
  EXPECT_EQ(span->offset, 10);
  EXPECT_EQ(span->length, 5);
  ASSERT_OK_AND_ASSIGN(const auto absent, index.Find(1));
  EXPECT_FALSE(absent);
}

TEST(ShardIndex, OneBadEntryDoesNotHideTheOthers) {
  ASSERT_OK_AND_ASSIGN(const auto index, Parse({90, 50, 0, 8}, 100));
  EXPECT_THAT(index.Find(0), StatusIs(StatusCode::kInvalidData, HasSubstr("outside the shard")));
  EXPECT_OK(index.Find(1));
}

TEST(ShardIndex, RefusesEntriesThatCannotBe) {
  const auto refuse = [](std::vector<uint64_t> entry, bool at_start, const char* message) {
    ASSERT_OK_AND_ASSIGN(const auto index, Parse(entry, 100, at_start));
    EXPECT_THAT(index.Find(0), StatusIs(StatusCode::kInvalidData, HasSubstr(message)));
  };
  refuse({UINT64_MAX, 5}, false, "half absent");
  refuse({5, UINT64_MAX}, false, "half absent");
  refuse({UINT64_MAX - 1, 5}, false, "outside");
  refuse({5, UINT64_MAX - 5}, false, "outside");
  refuse({5, 0}, false, "is empty");
  refuse({80, 10}, false, "inside the index");  // the index is [84, 100)
  refuse({0, 100}, false, "inside the index");
  refuse({15, 2}, true, "inside the index");  // the index is [0, 16)
}

TEST(ShardIndex, RefusesAShardSmallerThanItsIndex) {
  EXPECT_THAT(Parse({0, 1}, 15), StatusIs(StatusCode::kInvalidData, HasSubstr("16")));
  EXPECT_THAT(ShardIndex::Parse({}, Format(1), 100),
              StatusIs(StatusCode::kInvalidData, HasSubstr("16")));
}

TEST(ShardIndex, VerifiesTheChecksumBeforeUse) {
  std::string bytes;
  AppendLittle(0, 8, &bytes);
  AppendLittle(4, 8, &bytes);
  AppendChecksum(&bytes);
  ShardIndexFormat format = Format(1);
  format.checksum = true;
  const auto view = std::as_bytes(std::span(bytes.data(), bytes.size()));
  EXPECT_OK(ShardIndex::Parse(view, format, 100));
  bytes[3] ^= 1;
  EXPECT_THAT(ShardIndex::Parse(view, format, 100),
              StatusIs(StatusCode::kInvalidData, HasSubstr("checksum")));
}

TEST(ShardIndex, BoundsWhatOverlappingEntriesAskFor) {
  const uint64_t size = uint64_t{10} << 20;
  std::vector<uint64_t> numbers;
  for (int i = 0; i < 20; ++i) numbers.insert(numbers.end(), {0, size - 1000});
  EXPECT_THAT(Parse(numbers, size), StatusIs(StatusCode::kInvalidData, HasSubstr("asks for")));
  numbers.resize(30);
  EXPECT_OK(Parse(numbers, size));
}

TEST(ShardIndexCache, KeepsTheLatestWithinItsLimit) {
  ShardIndexCache cache(1);
  const auto index = std::make_shared<const ShardIndex>(ShardIndex::Absent());
  cache.Insert(0, 1, index);
  EXPECT_EQ(cache.Find(0, 1), index);  // kept though larger than the limit
  cache.Insert(0, 2, index);
  EXPECT_EQ(cache.Find(0, 1), nullptr);
  EXPECT_EQ(cache.Find(0, 2), index);
  EXPECT_EQ(cache.Find(1, 2), nullptr);
}

}  // namespace
}  // namespace colonnade::zarr
