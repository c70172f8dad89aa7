// What is known about the fate of rows that were given to a sender.

#pragma once

#include <cstdint>
#include <deque>

#include "questdb/wire/column.h"

namespace colonnade::questdb {

/// Rows are counted from the sender's lease on, in the order in which they were flushed, all tables
/// together.
struct DeliveryReport {
  /// Rows that the server has said are committed: the first so many.
  int64_t committed_rows = 0;
  /// Rows of which nobody knows: a frame that would commit them was given to the network and its
  /// answer never came. Empty unless in_doubt.
  wire::RowRange doubtful_rows;
  /// Rows that were flushed, in whatever state. Those that are neither committed nor doubtful are
  /// not in the database.
  int64_t flushed_rows = 0;
  bool in_doubt() const { return doubtful_rows.size() > 0; }
};

/// Follows the frames of one connection to their acknowledgement. Pure: told of what was written
/// and what was answered, it says what that means for rows. Frames are numbered from 0 in the order
/// in which they were written; the server counts the same way.
///
/// Why deferred rows are never in doubt: the server rolls back what was not committed when a
/// connection ends, and commits on its own only above a million rows, which a sender never lets
/// gather.
class DeliveryTracker {
 public:
  /// Rows are counted from 0 again; frames go on. \pre nothing is uncommitted or unanswered
  void BeginLease();
  /// A new connection, whose numbers begin at 0.
  void Restart();

  /// Bytes of the next frame are about to be written: `rows` of the caller's, 0 for one that has
  /// none. A committing frame commits all rows before it too.
  void FrameWritten(int64_t rows, bool commits);

  /// \returns false if the server acknowledges what was not sent
  bool Acknowledged(int64_t sequence);
  /// The server refused frame `sequence`: commits before it happened, it and all after it did not.
  /// \returns false if it was not sent
  bool Refused(int64_t sequence);
  /// The connection is gone.
  void Lost();
  /// All rows after the committed ones are going to be written again, on a new connection.
  void Rewind();

  int64_t frames_written() const { return next_; }
  /// Number of the last frame that is acknowledged, -1 if none.
  int64_t acknowledged() const { return acknowledged_; }
  /// Frames written and not acknowledged.
  int64_t outstanding() const { return next_ - 1 - acknowledged_; }
  /// Committing frames that are not acknowledged.
  size_t unanswered_commits() const { return committing_.size(); }
  /// Number of the last frame whose rows, and all rows before it, are committed; -1 if none.
  int64_t committed_frame() const { return committed_frame_; }
  /// Rows since the last committing frame.
  int64_t uncommitted_rows() const { return report_.flushed_rows - committing_rows_; }
  const DeliveryReport& report() const { return report_; }

 private:
  struct Committing {
    int64_t frame = 0;
    int64_t rows_end = 0;  // all rows before this are committed by it
  };
  std::deque<Committing> committing_;  // unacknowledged, ascending
  int64_t next_ = 0;
  int64_t acknowledged_ = -1;
  int64_t committed_frame_ = -1;
  int64_t committing_rows_ = 0;  // rows that a written frame commits
  DeliveryReport report_;
};

}  // namespace colonnade::questdb
