// Faults that an endpoint shows on demand, so that those who talk to it can be tried.

#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "net/http.h"
#include "net/message_buffer.h"
#include "questdb/endpoint_failure.h"

namespace colonnade::questdb::endpoint {

enum class FaultKind : uint8_t {
  // At the upgrade.
  kRefuse,  // answers with HTTP status `code` and `headers`
  // At message `at` that arrives on a connection, from 0.
  kAnswer,      // refuses it with status byte `code` and `text`; nothing of it is done
  kClose,       // closes with `code` instead of looking at it
  kCloseAfter,  // does what it says and closes instead of answering
  kStall,       // neither reads on nor answers
  kStallAfter,  // does what it says, then neither reads on nor answers
  kHalfAnswer,  // does what it says, sends half of the answer, then nothing
  kReset,       // ends the connection without a goodbye, instead of looking at it
  kResetAfter,  // does what it says, then the same
  // At byte `at` behind the upgrade.
  kResetReceived,  // ends the connection when so many bytes have arrived
  kResetSent,      // when so many have been sent
  // At batch `at` of each result.
  kLoseBatch,     // is not sent
  kRepeatBatch,   // is sent twice
  kSwapBatch,     // is sent behind the next one
  kCorruptBatch,  // has a byte too much
  kHalfBatch,     // half of it is sent, then nothing
  // At the end of each result.
  kWrongBatches,  // final_seq is `code` more than it is
  kWrongRows,     // total_rows is `code` more than it is
};

/// "reset-received".
std::string_view FaultName(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kRefuse;
  int64_t at = 0;
  int code = 0;
  std::string text;
  std::vector<net::HttpHeader> headers;
  /// Which connections: those of one direction, or all.
  std::optional<Direction> direction;
  /// How often it strikes; -1: always.
  int64_t times = -1;

  /// Whether it is of the kind and for the direction, without regard to the count.
  bool Is(FaultKind wanted, Direction where) const {
    return kind == wanted && (!direction || *direction == where);
  }
};

/// Reads "close,at=3,code=1011,on=ingest,times=1,text=...,header=Name: value". `text` and `header`
/// take what follows up to the next comma.
/// \error InvalidArgument naming the part that is not understood
Result<Fault> ParseFault(std::string_view text);

/// Adds a byte behind the columns of a batch, whose frame is whole otherwise.
void CorruptBatch(net::MessageBuffer& message);

/// A RESULT_END that tells a wrong number of batches or rows. \pre `message` is one
void FalsifyEnd(const Fault& fault, net::MessageBuffer& message);

/// The faults that are left. Thread-safe.
class FaultScript {
 public:
  explicit FaultScript(std::vector<Fault> faults) : faults_(std::move(faults)) {}

  void Set(std::vector<Fault> faults);

  /// The first fault of the kind that strikes at the point, which has then struck once more.
  std::optional<Fault> Strike(FaultKind kind, Direction direction, int64_t position);
  /// The same for kinds that strike wherever they are met, and for those that count bytes, which
  /// are taken when a connection begins.
  std::optional<Fault> Strike(FaultKind kind, Direction direction);

 private:
  template <typename Matches>
  std::optional<Fault> StrikeIf(const Matches& matches);

  std::mutex mutex_;
  std::vector<Fault> faults_;
};

}  // namespace colonnade::questdb::endpoint
