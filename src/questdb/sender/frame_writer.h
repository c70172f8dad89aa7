// FrameWriter: frames to the server in order, their answers back, and what that means for rows.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"
#include "questdb/backoff.h"
#include "questdb/connector.h"
#include "questdb/sender/delivery.h"
#include "questdb/sender/durable_watermarks.h"
#include "questdb/sender/frame_encoder.h"
#include "questdb/wire/ingest_response.h"
#include "questdb/wire/symbol_dictionary.h"

namespace colonnade::questdb {

/// What to do when it is unknown whether rows arrived.
enum class OnDoubt : uint8_t {
  kStop = 0,    // fail, and say which rows
  kResend = 1,  // send them again: only for tables with unique keys
};

/// How long a peer may take nothing, and how long an answer may take for which nobody has set a
/// time.
inline constexpr std::chrono::milliseconds kStallLimit{30'000};

/// One connection at a time, which carries frames whose symbols have the ids of `dictionary`. With
/// OnDoubt::kResend, frames are kept until their rows are committed and written again on a new
/// connection when theirs is lost. Not thread-safe.
///
/// After a failure of the connection that is not healed so, failure() is set, and every call
/// returns it. Cancelled and Timeout of a wait are failures only where that is said.
class FrameWriter {
 public:
  /// Commits that may be on their way unanswered: one group of batches is sent while the one before
  /// it is committed.
  static constexpr size_t kMaxUnansweredCommits = 2;

  /// Dictionary and encoder must outlive it.
  FrameWriter(std::shared_ptr<Connector> connector, wire::SymbolDictionary& dictionary,
              FrameEncoder& encoder);

  /// Rows and frames are counted from 0 again, and a failure is forgotten. \pre nothing uncommitted
  void BeginLease(OnDoubt on_doubt);

  /// Connects unless it is connected. A new connection has an empty dictionary.
  Status Connect(net::Deadline deadline);
  bool connected() const { return connection_.has_value(); }
  /// Reads what has arrived; false, without a failure, if the connection is of no more use.
  bool IsAlive();
  /// Ends the connection in order; the next one has an empty dictionary. \pre nothing uncommitted
  void Disconnect();

  /// Writes one frame; `commits`: it commits all rows so far. The first frame with rows on a
  /// connection commits in any case: the server may use its cache of symbols only after something
  /// was committed. \pre connected()
  Status Write(EncodedFrame frame, bool commits);
  /// Waits until so few commits are unanswered that another may be written.
  /// \error Cancelled is no failure; Timeout is one
  Status MakeRoom();

  /// Waits until every commit that was written is acknowledged. \error as MakeRoom
  Status AwaitCommits(net::Deadline deadline);
  /// Waits until everything committed is uploaded. \error neither Cancelled nor Timeout is a
  /// failure
  Status AwaitUploads(net::Deadline deadline);
  /// Closes the connection and gives up what is not committed: a failure.
  void Discard();

  /// Ends the wait of another thread; one at a time. Thread-safe.
  void Interrupt();
  /// Forgets an Interrupt that somebody has been told of.
  void ClearInterrupt();

  DeliveryReport report() const;
  int64_t flushed_frame() const { return lease_frames_ + tracker_.frames_written() - 1; }
  int64_t acknowledged_frame() const;
  size_t frame_limit() const;
  int64_t uncommitted_rows() const { return tracker_.uncommitted_rows(); }
  /// Bytes of frames that are kept to be written again.
  size_t kept_bytes() const { return kept_bytes_; }
  const Status& failure() const { return failure_; }
  FrameEncoder::NextKey NextKey();

 private:
  struct Kept {
    EncodedFrame frame;
    int64_t number = -1;  // on this connection; -1: not written
  };

  void Adopt(Connection connection);
  Status WriteOnce(EncodedFrame& frame);
  Status WriteKept();
  Status DrainResponses();
  Status AwaitResponse(net::Deadline deadline);
  Status Take(Bytes payload);
  Status Refused(const wire::ErrorResponse& refusal);
  Status ConnectionFailed(const Status& cause);
  Status SendAgain(Status cause);
  Status Replay();
  Status Fail(const Status& cause, Recovery recovery);
  void ReleaseCommitted();
  void ReleaseAll();

  std::shared_ptr<Connector> connector_;
  wire::SymbolDictionary& dictionary_;
  FrameEncoder& encoder_;
  OnDoubt on_doubt_ = OnDoubt::kStop;
  std::unique_ptr<net::Interrupt> interrupt_;  // null if unusable_
  Status unusable_;                            // why there is no interrupt
  std::optional<Connection> connection_;
  bool first_data_frame_ = true;
  bool in_failure_ = false;  // what arrived before the connection failed is being read
  DeliveryTracker tracker_;
  DurableWatermarks durable_;
  PoisonDetector poison_;
  std::deque<Kept> kept_;  // with OnDoubt::kResend: what is not committed, in order
  size_t kept_bytes_ = 0;
  int64_t lease_frames_ = 0;  // frames of the lease before this connection
  Status failure_;
};

}  // namespace colonnade::questdb
