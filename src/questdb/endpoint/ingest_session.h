// IngestSession: what the server does with the messages of one connection that writes. No sockets,
// no clocks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/message.h"
#include "questdb/endpoint/store.h"
#include "questdb/wire/block_decoder.h"
#include "questdb/wire/buffer_pool.h"
#include "questdb/wire/ingest_response.h"
#include "questdb/wire/symbol_table.h"

namespace colonnade::questdb::endpoint {

struct IngestSessionOptions {
  /// Committed tables are also told as durable, with the next thing that the client sends.
  bool durable_ack = false;
  int64_t max_rows_per_block = 1'000'000;
  size_t max_tables = 10'000;
  size_t max_symbols = 2'000'000;
  /// Acknowledgements gather until there are so many.
  int64_t messages_per_ack = 8;
  /// LONG_ARRAY, which servers refuse.
  bool accept_long_arrays = false;
};

/// Not thread-safe. Responses are to be sent in the order in which they are returned.
///
/// Messages are numbered from 0. One that is not deferred commits itself and all before it; a
/// deferred one is never acknowledged by itself. After the first error nothing is looked at any
/// more and nothing answered.
class IngestSession {
 public:
  /// `store` must outlive it.
  IngestSession(Store& store, const IngestSessionOptions& options);

  /// Takes one message. \param server_time_us what rows without a timestamp get
  std::vector<wire::IngestResponse> Take(const net::Message& message, int64_t server_time_us);

  /// Nothing more has arrived: what is committed is acknowledged.
  std::vector<wire::IngestResponse> Flush();
  /// The client asks, by a Ping: what is durable is told too.
  std::vector<wire::IngestResponse> Ping();

  /// Refuses the next message as if it had failed so.
  std::vector<wire::IngestResponse> Refuse(wire::ServerStatus status, std::string text);

  /// Number of the next message.
  int64_t next_sequence() const { return next_; }
  /// Whether a message was refused.
  bool failed() const { return failed_; }
  /// Whether durable acknowledgements wait for the client to send something.
  bool owes_durable() const { return !durable_.empty(); }
  int64_t uncommitted_rows() const { return transaction_->uncommitted_rows(); }

 private:
  struct Failure {
    wire::ServerStatus status = wire::ServerStatus::kInternalError;
    std::string text;
  };

  bool Process(const net::Message& message, int64_t server_time_us, Failure& failure);
  bool ProcessTables(wire::ByteReader& reader, const net::Message& message, uint16_t count,
                     const wire::DecodeOptions& options, int64_t server_time_us, Failure& failure);
  Status CheckBlock(const wire::DecodedBlock& block) const;
  void Acknowledge(std::vector<wire::IngestResponse>& responses);
  void TakeDurable(std::vector<wire::IngestResponse>& responses);

  const IngestSessionOptions options_;
  std::unique_ptr<Transaction> transaction_;
  wire::SymbolTable symbols_;
  wire::BufferPool pool_;
  std::set<std::string> tables_;  // that the connection has written to
  int64_t next_ = 0;
  int64_t acknowledged_ = -1;
  int64_t committed_ = -1;   // the last message that is committed
  bool group_open_ = false;  // deferred messages have not been committed
  bool failed_ = false;
  // What is committed and not acknowledged, and what is acknowledged and not told as durable.
  std::map<std::string, int64_t> reached_;
  std::map<std::string, int64_t> durable_;
};

/// The status byte that says what a failure of the store means to whoever writes.
wire::ServerStatus IngestStatusOf(const Status& failure);

}  // namespace colonnade::questdb::endpoint
