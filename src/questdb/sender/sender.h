// Sender: columns into QuestDB over one connection at a time.
//
// All work is done on the caller's thread: rows are encoded into the message that is sent, frames
// are pipelined, and acknowledgements are read on the way. An idle sender costs nothing.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"
#include "net/deadline.h"
#include "questdb/connector.h"
#include "questdb/sender/delivery.h"
#include "questdb/sender/frame_writer.h"
#include "questdb/wire/arrow_import.h"
#include "questdb/wire/column.h"

namespace colonnade::questdb {

/// Where the designated timestamp of rows comes from. Nothing is a default: rows that the server
/// stamps are stamped because somebody said so.
struct DesignatedTimestamp {
  enum class Kind : uint8_t { kColumn, kValue, kServerTime };
  Kind kind;
  std::string column;       // kColumn: its name among the columns
  int64_t nanoseconds = 0;  // kValue: since 1970, not negative

  static DesignatedTimestamp Column(std::string name) {
    return {Kind::kColumn, std::move(name), 0};
  }
  static DesignatedTimestamp Value(int64_t nanoseconds) { return {Kind::kValue, {}, nanoseconds}; }
  static DesignatedTimestamp ServerTime() { return {Kind::kServerTime, {}, 0}; }
};

enum class AckLevel : uint8_t {
  kOk = 0,       // committed by the server
  kDurable = 1,  // and uploaded to its object store; needs request_durable_ack
};

inline constexpr int64_t kDefaultBatchRows = 16'384;
/// What the server takes in one block, and lets gather uncommitted before it commits by itself.
inline constexpr int64_t kMaxBlockRows = 1'000'000;

/// How Arrow data is sent. `import.timestamp_column` is taken from `timestamp`.
struct SendOptions {
  DesignatedTimestamp timestamp = DesignatedTimestamp::ServerTime();
  wire::ArrowImportOptions import;
  int64_t max_rows_per_batch = kDefaultBatchRows;  // 1 to kMaxBlockRows
};

/// One lease's way to the server. Used from one thread at a time: a second one gets InvalidState.
/// Interrupt may be called from any thread.
///
/// **Failures.** Input that cannot be sent is an error (InvalidArgument, Unsupported) that names
/// column and row and changes nothing: the sender goes on. After a refusal by the server or the
/// loss of the connection the sender stays failed, with the same error, and report() says what
/// became of the rows. Recovery of such an error: kNone, the same rows will be refused again;
/// kReconnect, what is not committed was not applied; kResend, rows are in doubt.
///
/// With OnDoubt::kResend frames are kept until they are acknowledged, and sent again on a new
/// connection for as long as the `reconnect_*` keys allow.
class Sender {
 public:
  /// Connects when first needed.
  explicit Sender(std::shared_ptr<Connector> connector);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Begins a lease: rows are counted from 0. \pre nothing is uncommitted
  void BeginLease(OnDoubt on_doubt);

  /// Connects unless it is connected already.
  /// \error what Connector::Connect says
  Status Connect(net::Deadline deadline);
  /// True unless the connection is found to be broken, without waiting. False if there is none.
  bool IsAlive();

  /// Encodes rows 0 .. rows of `columns` and writes them to the wire, in batches of at most
  /// `max_rows_per_batch` rows. They are committed by the next checkpoint (every 64 batches, and
  /// before a million rows gather) or by Commit. Columns are borrowed during the call; the one with
  /// an empty name is the designated timestamp, without which the server stamps the rows.
  ///
  /// Nothing of a batch is sent unless all of it can be; batches before it have been.
  Status Flush(std::string_view table, std::span<const wire::Column> columns, int64_t rows,
               int64_t max_rows_per_batch = kDefaultBatchRows);

  /// The same for an Arrow record batch, which is borrowed.
  /// \error as wire::ArrowPlan, arrow::ValidateSchema and arrow::ValidateArray
  Status FlushArrow(std::string_view table, const ArrowSchema& schema, const ArrowArray& batch,
                    const SendOptions& options);

  /// Flushes all batches of a stream and commits.
  ///
  /// \error also the stream's; what was flushed before is uncommitted then
  Status SendStream(std::string_view table, arrow::ArrayStream stream, const SendOptions& options,
                    AckLevel level, net::Deadline deadline);

  /// Commits what was flushed and waits until the server says so.
  ///
  /// \error InvalidState for kDurable without request_durable_ack, before anything is sent. Timeout
  ///     if the acknowledgement does not come in time (kResend: rows are in doubt) and the sender
  ///     has failed. Cancelled: waiting was given up, and Commit may be called again.
  Status Commit(AckLevel level, net::Deadline deadline);

  /// Gives up what was flushed and is not committed, and closes the connection. Not an error of
  /// the rows that a committing frame has left with: those are in doubt.
  void Discard();

  /// Makes the call that another thread is in return Cancelled within milliseconds; if there is
  /// none, the next one.
  void Interrupt();

  DeliveryReport report() const;
  /// Numbers of the last frame written and the last acknowledged, counted over all connections of
  /// the lease; -1 before the first.
  int64_t flushed_frame() const;
  int64_t acknowledged_frame() const;
  /// The largest frame that can be sent, in bytes; 0 without a connection.
  size_t frame_limit() const;
  /// Rows that were flushed and that nothing that was sent commits.
  int64_t uncommitted_rows() const;
  /// OK unless the sender has failed.
  Status failure() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace colonnade::questdb
