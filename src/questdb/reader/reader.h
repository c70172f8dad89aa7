// Reader: queries to QuestDB and their results, over one connection at a time.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"
#include "net/deadline.h"
#include "questdb/connector.h"
#include "questdb/wire/arrow_export.h"
#include "questdb/wire/decoded_block.h"
#include "questdb/wire/query_message.h"

namespace colonnade::questdb {

/// A query was started again on another connection: what was delivered of it is void.
struct FailoverEvent {
  std::string failed_endpoint;  // host:port
  std::string new_endpoint;
  int64_t attempts = 0;  // that failed
  Status trigger;
};

struct Query {
  std::string sql;
  std::vector<wire::Bind> binds;  // $1, $2 …
  uint64_t credit_bytes = 0;      // how far the server may run ahead; 0: as the network allows
  int64_t timeout_ms = 0;         // the server's; 0: the connect string's query_timeout_ms
  bool reset_dictionary = false;  // begin with an empty symbol dictionary, if the server can
  /// Called on the reading thread when the query begins again after batches were delivered; it must
  /// not use the cursor. Without it that is an error, for a caller that has used rows cannot take
  /// them back.
  std::function<void(const FailoverEvent&)> on_reset;
};

/// What a statement without rows has done.
struct Executed {
  uint8_t operation = 0;                  // the server's own number for the kind of statement
  std::optional<uint64_t> rows_affected;  // if the statement has such a count
};

/// The answer to one query. Used from one thread at a time; Cancel from any. It keeps what it needs
/// of its reader. Destroyed half read, it ends the connection: what the old query still sends is
/// never taken for the next one's.
class Cursor {
 public:
  ~Cursor();
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;

  /// The next batch; nothing when the result is complete. A failure stays: every later call gives
  /// it again.
  ///
  /// \error Cancelled after Cancel; what the server says; Timeout for the server's own;
  /// ProtocolError
  ///     if batches are missing, repeated, malformed or not as many as the server says; Unavailable
  ///     if the connection is lost and the query was not, or must not be, started again (kResend if
  ///     batches had been delivered)
  Result<std::optional<wire::DecodedBlock>> Next();

  /// All batches that have not been delivered. If the query begins again, so do they; that needs no
  /// on_reset. \error as Next
  Result<std::vector<wire::DecodedBlock>> ReadAll();

  /// Set when Next has given nothing and the statement was one without rows.
  const std::optional<Executed>& executed() const;

  /// Thread-safe, at any time. A Next that waits returns Cancelled at once, later ones too, unless
  /// the result was complete before.
  void Cancel();

  /// Lets the server send so many bytes more, beside what each delivered batch gives back.
  /// \error InvalidState for a query without credit
  Status AddCredit(uint64_t bytes);

  /// The rest of the result as an Arrow stream, which owns the cursor. The first batch is read
  /// here.
  ///
  /// \error InvalidState for a statement without rows; as Next. The stream fails with InvalidData
  ///     if batches get another schema, after a failover to a server where the table is another.
  static Result<arrow::ArrayStream> ToStream(Cursor cursor,
                                             const wire::ArrowExportOptions& options = {});

 private:
  friend class Reader;
  struct Execution;
  explicit Cursor(std::shared_ptr<Execution> execution);
  std::shared_ptr<Execution> execution_;
};

/// Used from one thread at a time, cursors included.
class Reader {
 public:
  /// Connects when first needed.
  explicit Reader(std::shared_ptr<Connector> connector);
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  /// Connects unless it is connected.
  Status Connect(net::Deadline deadline);
  /// True unless the connection is found to be broken or in the middle of a result, without
  /// waiting.
  bool IsAlive();

  /// Sends a query. \error InvalidArgument for SQL and binds that cannot be sent; Unsupported for a
  ///     timeout that the server does not know; InvalidState while another cursor is not at its
  ///     end; what Connector::Connect says
  Result<Cursor> Execute(Query query);

  /// Of the connection; nothing without one.
  std::optional<wire::ServerInfo> server() const;

 private:
  friend class Cursor;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace colonnade::questdb
