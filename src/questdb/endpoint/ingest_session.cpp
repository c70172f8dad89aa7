#include "questdb/endpoint/ingest_session.h"

#include <algorithm>
#include <utility>

#include "base/quote.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/names.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::IngestResponse;
using wire::ServerStatus;

constexpr uint8_t kKnownFlags = wire::kDeferCommit | wire::kGorilla | wire::kDeltaDictionary;
constexpr size_t kMostSymbolBytes = size_t{256} << 20;

std::vector<wire::TableTransaction> ListOf(std::map<std::string, int64_t> tables) {
  std::vector<wire::TableTransaction> list;
  for (auto& [name, transaction] : tables) list.push_back({name, transaction});
  return list;
}

}  // namespace

ServerStatus IngestStatusOf(const Status& failure) {
  switch (failure.code()) {
    case StatusCode::kInvalidArgument: return ServerStatus::kSchemaMismatch;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated: return ServerStatus::kSecurityError;
    case StatusCode::kUnavailable: return ServerStatus::kNotWritable;
    case StatusCode::kInternal: return ServerStatus::kInternalError;
    default: return ServerStatus::kWriteError;
  }
}

IngestSession::IngestSession(Store& store, const IngestSessionOptions& options)
    : options_(options),
      transaction_(store.Begin()),
      symbols_({.max_entries = options.max_symbols, .max_bytes = kMostSymbolBytes}) {}

std::vector<IngestResponse> IngestSession::Take(const net::Message& message,
                                                int64_t server_time_us) {
  std::vector<IngestResponse> responses;
  const int64_t sequence = next_++;
  if (failed_) return responses;
  TakeDurable(responses);
  Failure failure;
  const bool had_group = group_open_;
  if (!Process(message, server_time_us, failure)) {
    --next_;
    for (IngestResponse& refusal : Refuse(failure.status, std::move(failure.text))) {
      responses.push_back(std::move(refusal));
    }
    return responses;
  }
  if (group_open_) return responses;
  committed_ = sequence;
  // What closes a group is waited for.
  if (had_group || committed_ - acknowledged_ >= options_.messages_per_ack) Acknowledge(responses);
  return responses;
}

std::vector<IngestResponse> IngestSession::Flush() {
  std::vector<IngestResponse> responses;
  if (failed_) return responses;
  Acknowledge(responses);
  return responses;
}

std::vector<IngestResponse> IngestSession::Ping() {
  std::vector<IngestResponse> responses;
  if (failed_) return responses;
  TakeDurable(responses);
  Acknowledge(responses);
  return responses;
}

std::vector<IngestResponse> IngestSession::Refuse(ServerStatus status, std::string text) {
  std::vector<IngestResponse> responses;
  if (failed_) return responses;
  // What was committed before is told first: the refusal is the last word.
  Acknowledge(responses);
  failed_ = true;
  transaction_->Rollback();
  responses.push_back(
      wire::ErrorResponse{.status = status, .sequence = next_++, .message = std::move(text)});
  return responses;
}

bool IngestSession::Process(const net::Message& message, int64_t server_time_us, Failure& failure) {
  const auto fail = [&](ServerStatus status, const Status& why) {
    failure = {status, std::string(why.message())};
    return false;
  };
  const auto header = wire::ParseFrameHeader(message.payload);
  if (!header.ok()) return fail(ServerStatus::kParseError, header.status());
  if ((header->flags & ~kKnownFlags) != 0) {
    return fail(ServerStatus::kParseError,
                ProtocolError("header: flags ", header->flags, ", known are ", kKnownFlags));
  }
  wire::ByteReader reader(message.payload, wire::kFrameHeaderBytes);
  wire::DecodeOptions decode;
  decode.ingest = true;
  decode.gorilla = (header->flags & wire::kGorilla) != 0;
  decode.delta_dictionary = (header->flags & wire::kDeltaDictionary) != 0;
  decode.limits.max_rows = options_.max_rows_per_block;
  if (decode.delta_dictionary) {
    const Status extended = wire::DecodeDictionarySection(reader, true, symbols_);
    if (!extended.ok()) {
      return fail(extended.code() == StatusCode::kNotFound ? ServerStatus::kDictionaryGap
                                                           : ServerStatus::kParseError,
                  extended);
    }
  }
  if (!ProcessTables(reader, message, header->table_count, decode, server_time_us, failure)) {
    return false;
  }
  if ((header->flags & wire::kDeferCommit) != 0) {
    group_open_ = true;
    return true;
  }
  group_open_ = false;
  auto tables = transaction_->Commit();
  if (!tables.ok()) return fail(IngestStatusOf(tables.status()), tables.status());
  for (const wire::TableTransaction& table : *tables) reached_[table.table] = table.transaction;
  return true;
}

bool IngestSession::ProcessTables(wire::ByteReader& reader, const net::Message& message,
                                  uint16_t count, const wire::DecodeOptions& options,
                                  int64_t server_time_us, Failure& failure) {
  const auto fail = [&](ServerStatus status, const Status& why) {
    failure = {status, std::string(why.message())};
    return false;
  };
  for (uint16_t i = 0; i < count; ++i) {
    auto block = wire::DecodeBlock(reader, message.owner, nullptr, symbols_, options, pool_);
    if (!block.ok()) return fail(ServerStatus::kParseError, block.status());
    const Status checked = CheckBlock(*block);
    if (!checked.ok()) return fail(ServerStatus::kParseError, checked);
    if (block->rows == 0) continue;
    tables_.insert(FoldName(block->table));
    if (tables_.size() > options_.max_tables) {
      return fail(ServerStatus::kWriteError, LimitExceeded("the connection writes to more than ",
                                                           options_.max_tables, " tables"));
    }
    const Status appended = transaction_->Append(*std::move(block), server_time_us);
    if (!appended.ok()) return fail(IngestStatusOf(appended), appended);
  }
  const Status end = reader.CheckEnd("end of the tables");
  return end.ok() || fail(ServerStatus::kParseError, end);
}

Status IngestSession::CheckBlock(const wire::DecodedBlock& block) const {
  COLONNADE_RETURN_IF_ERROR(wire::CheckTableName(block.table));
  if (block.rows > 0 && block.columns.empty()) {
    return ProtocolError("table ", block.table, ": ", block.rows, " rows without a column");
  }
  for (const wire::DecodedColumn& column : block.columns) {
    if (column.type == wire::ColumnType::kLongArray && !options_.accept_long_arrays) {
      return Unsupported("table ", block.table, ": column ", column.name,
                         ": long arrays are not supported");
    }
  }
  return {};
}

void IngestSession::Acknowledge(std::vector<IngestResponse>& responses) {
  if (committed_ == acknowledged_) return;
  acknowledged_ = committed_;
  if (options_.durable_ack) {
    for (const auto& [table, transaction] : reached_) durable_[table] = transaction;
  }
  responses.push_back(
      wire::OkResponse{.sequence = acknowledged_, .tables = ListOf(std::exchange(reached_, {}))});
}

void IngestSession::TakeDurable(std::vector<IngestResponse>& responses) {
  if (durable_.empty()) return;
  responses.push_back(wire::DurableResponse{.tables = ListOf(std::exchange(durable_, {}))});
}

}  // namespace colonnade::questdb::endpoint
