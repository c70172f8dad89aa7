#include "questdb/endpoint/query_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/byte_order.h"
#include "questdb/wire/frame.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ServerStatus;

// The first byte of what clients send.
constexpr uint8_t kRequestKind = 0x10;
constexpr uint8_t kCancelKind = 0x14;
constexpr uint8_t kCreditKind = 0x15;
constexpr size_t kRequestIdEnd = wire::kRequestIdOffset + sizeof(int64_t);

// What clients take of a dictionary.
constexpr wire::SymbolLimits kDictionaryLimits = {
    .max_entries = 8'388'608, .max_bytes = size_t{256} << 20, .max_entry_bytes = size_t{1} << 20};

}  // namespace

ServerStatus QueryStatusOf(const Status& failure) {
  switch (failure.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kUnsupported: return ServerStatus::kParseError;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated: return ServerStatus::kSecurityError;
    case StatusCode::kCancelled: return ServerStatus::kCancelled;
    case StatusCode::kTimeout: return ServerStatus::kQueryTimeout;
    case StatusCode::kLimitExceeded: return ServerStatus::kLimitExceeded;
    default: return ServerStatus::kInternalError;
  }
}

QuerySession::QuerySession(Store& store, const QuerySessionOptions& options)
    : store_(store),
      options_(options),
      encoder_(options.zstd_level),
      dictionary_(kDictionaryLimits) {
  pending_.emplace_back(options_.info);
}

Status QuerySession::Take(Bytes message) {
  ++messages_;
  auto parsed = wire::ParseQueryMessage(message);
  if (!parsed.ok()) return TakeUnreadable(message, parsed.status());
  wire::QueryMessage& request = *parsed;
  if (const auto* cancel = std::get_if<wire::CancelRequest>(&request)) {
    if (query_ && query_->request_id == cancel->request_id) {
      Fail(ServerStatus::kCancelled, "cancelled by user");
    }
    return {};
  }
  if (const auto* credit = std::get_if<wire::CreditRequest>(&request)) {
    if (query_ && query_->request_id == credit->request_id && query_->has_credit) {
      const auto more = static_cast<int64_t>(
          std::min<uint64_t>(credit->bytes, std::numeric_limits<int64_t>::max()));
      if (__builtin_add_overflow(query_->credit, more, &query_->credit)) {
        query_->credit = std::numeric_limits<int64_t>::max();
      }
    }
    return {};
  }
  auto& query = std::get<wire::QueryRequest>(request);
  if (query_) {
    pending_.emplace_back(wire::QueryError{
        .request_id = query.request_id,
        .status = ServerStatus::kParseError,
        .message = internal::Concat("request ", query_->request_id, " is not at its end")});
    return {};
  }
  Begin(std::move(query));
  return {};
}

Status QuerySession::TakeUnreadable(Bytes message, const Status& why) {
  if (message.empty()) return why;
  const auto kind = static_cast<uint8_t>(message[0]);
  if (kind == kCancelKind || kind == kCreditKind) return {};
  if (kind != kRequestKind || message.size() < kRequestIdEnd) return why;
  pending_.emplace_back(
      wire::QueryError{.request_id = LoadLittle<int64_t>(message.data() + wire::kRequestIdOffset),
                       .status = ServerStatus::kParseError,
                       .message = std::string(why.message())});
  return {};
}

Status QuerySession::Refuse(Bytes message, ServerStatus status, std::string text) {
  const auto parsed = wire::ParseQueryMessage(message);
  const auto* const request = parsed.ok() ? std::get_if<wire::QueryRequest>(&*parsed) : nullptr;
  if (request == nullptr) return Take(message);
  ++messages_;
  pending_.emplace_back(wire::QueryError{
      .request_id = request->request_id, .status = status, .message = std::move(text)});
  return {};
}

void QuerySession::Begin(wire::QueryRequest request) {
  const bool is_full = dictionary_.size() > options_.soft_max_symbols ||
                       dictionary_.bytes() > options_.soft_max_symbol_bytes;
  if (request.reset_dictionary || is_full) {
    dictionary_.Clear();
    pending_.emplace_back(wire::CacheReset{.dictionary = true});
  }
  auto answer = store_.Execute(request.sql, request.binds);
  if (!answer.ok()) {
    pending_.emplace_back(wire::QueryError{.request_id = request.request_id,
                                           .status = QueryStatusOf(answer.status()),
                                           .message = std::string(answer.status().message())});
    return;
  }
  if (const auto* done = std::get_if<StatementDone>(&*answer)) {
    pending_.emplace_back(wire::ExecDone{
        .request_id = request.request_id,
        .operation = done->operation,
        .rows_affected = done->rows_affected.value_or(std::numeric_limits<uint64_t>::max())});
    return;
  }
  Query& query = query_.emplace();
  query.serial = ++last_serial_;
  query.request_id = request.request_id;
  query.timeout_ms = request.timeout_ms;
  query.has_credit = request.initial_credit > 0;
  query.credit = static_cast<int64_t>(
      std::min<uint64_t>(request.initial_credit, std::numeric_limits<int64_t>::max()));
  query.source = std::get<std::unique_ptr<BatchSource>>(*std::move(answer));
  Prefetch();
}

// Asks the source for more when all it gave is sent; at its end the query ends. The first batch is
// sent whether or not it has rows.
void QuerySession::Prefetch() {
  if (query_->batches > 0 && query_->sent < query_->current.rows) return;
  auto rows = query_->source->Next(std::min(options_.max_batch_rows, kMaxBatchRows));
  if (!rows.ok()) {
    return Fail(QueryStatusOf(rows.status()), std::string(rows.status().message()));
  }
  query_->current = *rows;
  query_->sent = 0;
  query_->maps.resize(rows->columns.size());
  if (rows->rows > 0 || query_->batches == 0) return;
  End(wire::ResultEnd{.request_id = query_->request_id,
                      .final_sequence = query_->batches - 1,
                      .total_rows = query_->rows});
}

void QuerySession::End(wire::ResultMessage message) {
  query_.reset();
  pending_.push_back(std::move(message));
}

void QuerySession::Expire() { Fail(ServerStatus::kQueryTimeout, "timeout, query aborted"); }

void QuerySession::Fail(ServerStatus status, std::string text) {
  if (!query_) return;
  End(wire::QueryError{
      .request_id = query_->request_id, .status = status, .message = std::move(text)});
}

bool QuerySession::HasNext() const {
  if (!pending_.empty()) return true;
  return query_.has_value() && (!query_->has_credit || query_->credit > 0);
}

SentKind QuerySession::Next(net::MessageBuffer& message) {
  if (pending_.empty()) {
    const Status encoded = EncodeBatch(message);
    if (encoded.ok()) {
      if (query_->has_credit) query_->credit -= static_cast<int64_t>(message.size());
      Prefetch();
      return SentKind::kBatch;
    }
    message.Begin(0);
    Fail(QueryStatusOf(encoded), std::string(encoded.message()));
  }
  const bool is_end = std::holds_alternative<wire::ResultEnd>(pending_.front());
  wire::EncodeResultMessage(pending_.front(), message);
  pending_.pop_front();
  return is_end ? SentKind::kEnd : SentKind::kOther;
}

Status QuerySession::EncodeBatch(net::MessageBuffer& message) {
  Query& query = *query_;
  wire::RowRange rows = {query.sent, query.current.rows};
  wire::ResultBatch batch;
  batch.request_id = query.request_id;
  batch.batch_sequence = query.batches;
  while (true) {
    batch.flags = static_cast<uint8_t>((options_.gorilla ? wire::kGorilla : 0) |
                                       (options_.zstd ? wire::kZstd : 0));
    const size_t mark = dictionary_.size();
    COLONNADE_RETURN_IF_ERROR(
        encoder_.EncodeBatch(batch, query.current.columns, rows, dictionary_, query.maps, message));
    if (message.size() <= options_.max_batch_bytes || rows.size() <= 1) {
      if (message.size() <= options_.max_row_bytes) break;
      dictionary_.Rollback(mark);
      return LimitExceeded("a row of ", message.size(), " bytes, and a message can have at most ",
                           options_.max_row_bytes);
    }
    dictionary_.Rollback(mark);
    message.Begin(0);
    rows.end = rows.begin + std::max<int64_t>(1, rows.size() / 2);
  }
  query.sent = rows.end;
  query.rows += static_cast<uint64_t>(rows.size());
  ++query.batches;
  return {};
}

}  // namespace colonnade::questdb::endpoint
