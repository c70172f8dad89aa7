#include "questdb/sender/delivery.h"

#include <gtest/gtest.h>

namespace colonnade::questdb {
namespace {

TEST(DeliveryTracker, RowsAreCommittedByTheAnswerToACommittingFrame) {
  DeliveryTracker tracker;
  tracker.FrameWritten(10, /*commits=*/true);
  tracker.FrameWritten(20, false);
  tracker.FrameWritten(30, true);
  EXPECT_TRUE(tracker.Acknowledged(0));
  EXPECT_EQ(tracker.report().committed_rows, 10);
  EXPECT_TRUE(tracker.Acknowledged(1));  // of a deferred frame: says nothing about its rows
  EXPECT_EQ(tracker.report().committed_rows, 10);
  EXPECT_TRUE(tracker.Acknowledged(2));
  EXPECT_EQ(tracker.report().committed_rows, 60);
  EXPECT_EQ(tracker.outstanding(), 0);
  EXPECT_FALSE(tracker.report().in_doubt());
}

TEST(DeliveryTracker, AnAcknowledgementOfWhatWasNotSentIsRefused) {
  DeliveryTracker tracker;
  tracker.FrameWritten(10, true);
  EXPECT_FALSE(tracker.Acknowledged(1));
  EXPECT_FALSE(tracker.Acknowledged(-1));
  EXPECT_FALSE(tracker.Refused(1));
  EXPECT_FALSE(tracker.Refused(-1));
  EXPECT_EQ(tracker.report().committed_rows, 0);
}

TEST(DeliveryTracker, AnOldAcknowledgementAfterANewOneChangesNothing) {
  DeliveryTracker tracker;
  tracker.FrameWritten(1, true);
  tracker.FrameWritten(2, true);
  EXPECT_TRUE(tracker.Acknowledged(1));
  EXPECT_TRUE(tracker.Acknowledged(0));
  EXPECT_EQ(tracker.acknowledged(), 1);
  EXPECT_EQ(tracker.report().committed_rows, 3);
}

TEST(DeliveryTracker, ARefusalCommitsWhatCameBeforeAndLeavesNoDoubt) {
  DeliveryTracker tracker;
  tracker.FrameWritten(1, true);
  tracker.FrameWritten(2, false);
  tracker.FrameWritten(4, true);
  EXPECT_TRUE(tracker.Refused(1));
  EXPECT_EQ(tracker.report().committed_rows, 1);
  tracker.Lost();
  EXPECT_FALSE(tracker.report().in_doubt());
}

TEST(DeliveryTracker, ARefusalOfTheFirstFrameCommitsNothing) {
  DeliveryTracker tracker;
  tracker.FrameWritten(1, true);
  EXPECT_TRUE(tracker.Refused(0));
  EXPECT_EQ(tracker.report().committed_rows, 0);
}

TEST(DeliveryTracker, OnlyRowsUnderAnUnansweredCommitAreInDoubt) {
  DeliveryTracker tracker;
  tracker.FrameWritten(1, true);
  tracker.FrameWritten(2, false);
  tracker.FrameWritten(4, true);
  tracker.FrameWritten(8, false);
  tracker.Acknowledged(0);
  tracker.Lost();
  EXPECT_EQ(tracker.report().committed_rows, 1);
  EXPECT_EQ(tracker.report().doubtful_rows.begin, 1);
  EXPECT_EQ(tracker.report().doubtful_rows.end, 7);
  EXPECT_EQ(tracker.report().flushed_rows, 15);
}

TEST(DeliveryTracker, LosingAConnectionWithDeferredRowsOnlyLeavesNoDoubt) {
  DeliveryTracker tracker;
  tracker.FrameWritten(5, false);
  tracker.Lost();
  EXPECT_FALSE(tracker.report().in_doubt());
  EXPECT_EQ(tracker.report().committed_rows, 0);
}

TEST(DeliveryTracker, RowsThatAreWrittenAgainAreCountedOnce) {
  DeliveryTracker tracker;
  tracker.FrameWritten(1, true);
  tracker.Acknowledged(0);
  tracker.FrameWritten(2, false);
  tracker.FrameWritten(4, true);
  tracker.Lost();
  tracker.Rewind();
  EXPECT_FALSE(tracker.report().in_doubt());
  EXPECT_EQ(tracker.frames_written(), 0);
  tracker.FrameWritten(0, false);  // the dictionary
  tracker.FrameWritten(2, false);
  EXPECT_EQ(tracker.uncommitted_rows(), 2);
  tracker.FrameWritten(4, true);
  EXPECT_TRUE(tracker.Acknowledged(2));
  EXPECT_EQ(tracker.report().committed_rows, 7);
  EXPECT_EQ(tracker.report().flushed_rows, 7);
}

TEST(DeliveryTracker, ANewConnectionCountsFromZeroAndGoesOnWithTheRows) {
  DeliveryTracker tracker;
  tracker.FrameWritten(3, true);
  tracker.Acknowledged(0);
  tracker.Restart();
  EXPECT_EQ(tracker.acknowledged(), -1);
  tracker.FrameWritten(4, true);
  EXPECT_TRUE(tracker.Acknowledged(0));
  EXPECT_EQ(tracker.report().committed_rows, 7);
}

// Oracle: a server that has the rows. Whatever happens, every row is committed, refused or never
// sent, or named in the doubtful range; and what is called committed is.
TEST(DeliveryTrackerProperty, NeverClaimsWhatTheServerHasNot) {
  uint64_t seed = 20260101;
  const auto random = [&](uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((seed >> 33) % below);
  };
  for (int round = 0; round < 5'000; ++round) {
    DeliveryTracker tracker;
    // Of each frame: rows, whether it commits. The server has got the first `arrived` of them.
    std::vector<std::pair<int64_t, bool>> frames;
    const int64_t count = random(12);
    for (int64_t i = 0; i < count; ++i) {
      frames.emplace_back(random(5), random(3) == 0);
      tracker.FrameWritten(frames.back().first, frames.back().second);
    }
    const int64_t arrived = count == 0 ? 0 : random(static_cast<uint64_t>(count) + 1);
    int64_t truth = 0;
    int64_t pending = 0;
    for (int64_t i = 0; i < arrived; ++i) {
      pending += frames[static_cast<size_t>(i)].first;
      if (!frames[static_cast<size_t>(i)].second) continue;
      truth += pending;
      pending = 0;
      if (random(2) == 0) {  // this answer gets through
        EXPECT_TRUE(tracker.Acknowledged(i));
      }
    }
    const bool refused = arrived < count && random(2) == 0;
    if (refused) {
      EXPECT_TRUE(tracker.Refused(arrived));
    }
    tracker.Lost();
    const DeliveryReport& report = tracker.report();
    EXPECT_LE(report.committed_rows, truth);
    if (refused) {
      EXPECT_EQ(report.committed_rows, truth);
      EXPECT_FALSE(report.in_doubt());
    }
    if (report.committed_rows < truth) {
      EXPECT_EQ(report.doubtful_rows.begin, report.committed_rows);
      EXPECT_GE(report.doubtful_rows.end, truth);
    }
    EXPECT_LE(report.doubtful_rows.end, report.flushed_rows);
  }
}

}  // namespace
}  // namespace colonnade::questdb
