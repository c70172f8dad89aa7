// Store: where the endpoint keeps rows and what it answers queries from.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "questdb/wire/column.h"
#include "questdb/wire/decoded_block.h"
#include "questdb/wire/ingest_response.h"
#include "questdb/wire/query_message.h"

namespace colonnade::questdb::endpoint {

/// What one connection appends and has not committed. Destroyed uncommitted, it is rolled back.
/// Used from one thread at a time.
class Transaction {
 public:
  Transaction() = default;
  virtual ~Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Takes the rows of a block. Tables and columns that do not exist are made at once, and remain
  /// whatever becomes of the rows. The column with an empty name is the designated timestamp; where
  /// it is missing or has no value, `server_time_us` (microseconds since 1970) stands in.
  ///
  /// A table of which too many rows gather is committed without being asked.
  ///
  /// \error InvalidArgument naming table and column: a type that does not fit, a value that the
  ///     column cannot hold; LimitExceeded: too many tables, columns, rows; what Commit says
  virtual Status Append(wire::DecodedBlock block, int64_t server_time_us) = 0;

  /// Makes everything appended visible at once, and lasting if the store is.
  ///
  /// \returns the tables that got rows since the last Commit, the transaction that each reached
  /// \error Io, LimitExceeded: nothing was committed and everything is rolled back
  virtual Result<std::vector<wire::TableTransaction>> Commit() = 0;

  virtual void Rollback() = 0;
  virtual int64_t uncommitted_rows() const = 0;
};

/// Rows of a result. Row r of the result is row r of the columns.
struct ResultRows {
  std::span<const wire::Column> columns;
  int64_t rows = 0;
};

/// The rows of one query, which does not see what is committed after it began. Used from one thread
/// at a time; may outlive its store.
class BatchSource {
 public:
  BatchSource() = default;
  virtual ~BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;

  /// The next rows, `max_rows` or fewer, valid until the next call; no rows at the end. The columns
  /// are there in any case, and those of symbols refer to the same dictionaries every time.
  virtual Result<ResultRows> Next(int64_t max_rows) = 0;
};

/// What a statement without rows has done.
struct StatementDone {
  uint8_t operation = 0;
  std::optional<uint64_t> rows_affected;
};

using Answer = std::variant<std::unique_ptr<BatchSource>, StatementDone>;

/// Thread-safe.
class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// May not outlive the store.
  virtual std::unique_ptr<Transaction> Begin() = 0;

  /// \error InvalidArgument, NotFound, AlreadyExists for a statement that cannot be run, with the
  ///     reason; Unsupported; LimitExceeded; Io
  virtual Result<Answer> Execute(std::string_view sql, std::span<const wire::Bind> binds) = 0;
};

}  // namespace colonnade::questdb::endpoint
