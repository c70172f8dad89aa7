// QuerySession: what the server does with the messages of one connection that asks. No sockets, no
// clocks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/endpoint/store.h"
#include "questdb/wire/query_message.h"
#include "questdb/wire/result_encoder.h"
#include "questdb/wire/result_message.h"
#include "questdb/wire/symbol_dictionary.h"
#include "questdb/wire/symbol_map.h"

namespace colonnade::questdb::endpoint {

inline constexpr int64_t kMaxBatchRows = 16'384;

struct QuerySessionOptions {
  wire::ServerInfo info;                   // the first message
  int64_t max_batch_rows = kMaxBatchRows;  // at most kMaxBatchRows
  /// Batches above it have fewer rows, down to one.
  size_t max_batch_bytes = size_t{4} << 20;
  size_t max_row_bytes = size_t{64} << 20;  // of a batch of one row
  bool gorilla = true;
  bool zstd = false;
  int zstd_level = 1;
  /// A dictionary above these is emptied before the next query.
  size_t soft_max_symbols = 100'000;
  size_t soft_max_symbol_bytes = size_t{8} << 20;
};

/// What was written by Next, for whoever wants to tamper with it.
enum class SentKind : uint8_t { kOther, kBatch, kEnd };

/// Not thread-safe. The driver gives it what arrives, and as long as it has something to say,
/// sends that, one message after the other.
class QuerySession {
 public:
  /// `store` must outlive it.
  QuerySession(Store& store, const QuerySessionOptions& options);

  /// Takes one message. A request that cannot be read is answered, a cancellation or credit that
  /// cannot be read is not looked at.
  /// \error ProtocolError for anything else: the connection is to be dropped
  Status Take(Bytes message);
  /// Answers a request as if it had failed so. Other messages are taken as ever.
  Status Refuse(Bytes message, wire::ServerStatus status, std::string text);

  /// Whether Next has a message now. Without one it waits for a request, or for credit.
  bool HasNext() const;
  /// Writes the next message. \pre HasNext(), message.empty()
  SentKind Next(net::MessageBuffer& message);

  /// The running query's time, from the moment of its request; 0: unbounded or no query.
  int64_t timeout_ms() const { return query_ ? query_->timeout_ms : 0; }
  /// The request that runs; 0 if none does. Another number whenever another one does.
  int64_t running() const { return query_ ? query_->serial : 0; }
  /// The running query's time is over.
  void Expire();
  /// Ends the running query as if it had failed so; without one, nothing happens.
  void Fail(wire::ServerStatus status, std::string text);

  /// Requests and other messages that were taken.
  int64_t messages() const { return messages_; }

 private:
  struct Query {
    int64_t serial = 0;
    int64_t request_id = 0;
    int64_t timeout_ms = 0;
    bool has_credit = false;  // whether credit counts
    int64_t credit = 0;
    std::unique_ptr<BatchSource> source;
    std::vector<wire::SymbolMap> maps;
    uint64_t batches = 0;
    uint64_t rows = 0;
    // What the source gave last, and what of it has been sent.
    ResultRows current;
    int64_t sent = 0;
  };

  Status TakeUnreadable(Bytes message, const Status& why);
  void Begin(wire::QueryRequest request);
  void Prefetch();
  void End(wire::ResultMessage message);
  Status EncodeBatch(net::MessageBuffer& message);

  Store& store_;
  const QuerySessionOptions options_;
  wire::ResultEncoder encoder_;
  wire::SymbolDictionary dictionary_;
  std::deque<wire::ResultMessage> pending_;  // goes before the running query's batches
  std::optional<Query> query_;
  int64_t messages_ = 0;
  int64_t last_serial_ = 0;
};

/// The status byte that says what a failure of the store means to whoever asks.
wire::ServerStatus QueryStatusOf(const Status& failure);

}  // namespace colonnade::questdb::endpoint
