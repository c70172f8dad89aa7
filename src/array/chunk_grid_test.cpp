#include "array/chunk_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::array {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ChunkGrid, RejectsBadExtentsAndNamesTheDimension) {
  EXPECT_THAT(ChunkGrid::Create({10, 10}, {5, 0}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("dimension 1")));
  EXPECT_THAT(ChunkGrid::Create({-1}, {5}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("dimension 0")));
  EXPECT_THAT(ChunkGrid::Create({10}, {5, 5}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rank")));
  EXPECT_THAT(ChunkGrid::Create({kMax, 2}, {5, 5}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("63 bits")));
}

TEST(ChunkGrid, AScalarHasOneChunk) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({}, {}));
  EXPECT_EQ(grid.LinearIndex({}), 0);
  EXPECT_OK(grid.CheckBox({}));
}

TEST(ChunkGrid, OneEmptyDimensionEmptiesTheBox) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({10, 10}, {4, 4}));
  EXPECT_EQ(grid.ChunksCovering({{0, 10}, {3, 3}}), Box(2));
}

TEST(ChunkGrid, SurvivesTheLargestExtent) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({kMax}, {2}));
  EXPECT_THAT(grid.ChunksCovering({{kMax - 1, kMax}}),
              ElementsAre(Interval{kMax / 2, kMax / 2 + 1}));
  EXPECT_EQ(grid.chunk_counts()[0], kMax / 2 + 1);
}

TEST(ChunkGrid, RefusesBoxesOutsideTheArray) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({10}, {4}));
  for (const Interval bad : {Interval{-1, 2}, Interval{3, 2}, Interval{3, 11}}) {
    EXPECT_THAT(grid.CheckBox({bad}), StatusIs(StatusCode::kInvalidArgument, HasSubstr("10")));
  }
  EXPECT_OK(grid.CheckBox({{10, 10}}));
}

// Oracle: the slow, obvious answer, found by visiting every element of the box.
TEST(ChunkGridProperty, AgreesWithVisitingEveryElement) {
  SeededRandom random;
  for (int round = 0; round < 2'000; ++round) {
    const int64_t extent = random.Uniform(0, 40);
    const int64_t chunk = random.Uniform(1, 12);
    const int64_t begin = random.Uniform(0, extent);
    const int64_t end = random.Uniform(begin, extent);
    ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({extent, 3}, {chunk, 1}));
    Interval want;
    for (int64_t i = begin; i < end; ++i) {
      if (want.end == 0) want.begin = i / chunk;
      want.end = i / chunk + 1;
    }
    EXPECT_EQ(grid.ChunksCovering({{begin, end}, {0, 3}})[0], want);
  }
}

TEST(ChunkGridProperty, LinearIndicesAreConsecutiveInCOrder) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({5, 7, 2}, {2, 3, 1}));
  int64_t want = 0;
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      for (int64_t k = 0; k < 2; ++k) {
        const int64_t chunk[] = {i, j, k};
        EXPECT_EQ(grid.LinearIndex(chunk), want++);
      }
    }
  }
}

}  // namespace
}  // namespace colonnade::array
