#include "questdb/sender/delivery.h"

#include <algorithm>

namespace colonnade::questdb {

void DeliveryTracker::BeginLease() {
  committing_.clear();
  committing_rows_ = 0;
  report_ = {};
}

void DeliveryTracker::Restart() {
  committing_.clear();
  next_ = 0;
  acknowledged_ = -1;
  committed_frame_ = -1;
}

void DeliveryTracker::FrameWritten(int64_t rows, bool commits) {
  report_.flushed_rows += rows;
  if (commits) {
    committing_.push_back({.frame = next_, .rows_end = report_.flushed_rows});
    committing_rows_ = report_.flushed_rows;
  }
  ++next_;
}

bool DeliveryTracker::Acknowledged(int64_t sequence) {
  if (sequence < 0 || sequence >= next_) return false;
  acknowledged_ = std::max(acknowledged_, sequence);
  while (!committing_.empty() && committing_.front().frame <= acknowledged_) {
    report_.committed_rows = committing_.front().rows_end;
    committed_frame_ = committing_.front().frame;
    committing_.pop_front();
  }
  return true;
}

bool DeliveryTracker::Refused(int64_t sequence) {
  if (sequence < 0 || sequence >= next_) return false;
  // The server works through frames in order and stops at the first that fails: what commits
  // before it has happened, whether or not its acknowledgement was sent.
  if (sequence > 0) Acknowledged(sequence - 1);
  committing_.clear();
  return true;
}

void DeliveryTracker::Lost() {
  if (committing_.empty()) return;
  report_.doubtful_rows = {.begin = report_.committed_rows, .end = committing_.back().rows_end};
  committing_.clear();
}

void DeliveryTracker::Rewind() {
  Restart();
  report_.doubtful_rows = {};
  report_.flushed_rows = report_.committed_rows;
  committing_rows_ = report_.committed_rows;
}

}  // namespace colonnade::questdb
