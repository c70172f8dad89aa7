// Both ends of sessions without a connection between them: messages in, what a client reads out.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "net/message.h"
#include "net/message_buffer.h"
#include "questdb/endpoint/ingest_session.h"
#include "questdb/endpoint/query_session.h"
#include "questdb/endpoint/store.h"
#include "questdb/wire/columns_for_test.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/query_message.h"
#include "questdb/wire/result_message.h"
#include "support/column_text.h"
#include "support/hex_file.h"

namespace colonnade::questdb::endpoint {

/// What rows without a timestamp get in these tests.
inline constexpr int64_t kServerTime = 1'700'000'000'000'000;

inline net::Message MessageOf(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
  return {owner, Bytes(*owner)};
}

/// "OK 3 trades@7", "DURABLE trades@7", "SCHEMA_MISMATCH 5 bad", a line each.
inline std::string TextOf(const std::vector<wire::IngestResponse>& responses) {
  const auto tables = [](const std::vector<wire::TableTransaction>& list) {
    std::string text;
    for (const auto& table : list) {
      text += " " + table.table + "@" + std::to_string(table.transaction);
    }
    return text;
  };
  std::string text;
  for (const wire::IngestResponse& response : responses) {
    if (!text.empty()) text += "\n";
    if (const auto* ok = std::get_if<wire::OkResponse>(&response)) {
      text += "OK " + std::to_string(ok->sequence) + tables(ok->tables);
    } else if (const auto* durable = std::get_if<wire::DurableResponse>(&response)) {
      text += "DURABLE" + tables(durable->tables);
    } else {
      const auto& error = std::get<wire::ErrorResponse>(response);
      text += wire::ServerStatusName(error.status) + " " + std::to_string(error.sequence) + " " +
              error.message;
    }
  }
  return text;
}

/// A writing client: its dictionary, and the session that it talks to.
class TestWriter {
 public:
  explicit TestWriter(Store& store, const IngestSessionOptions& options = {})
      : session(store, options) {}

  /// What the server says to a message, and after it, when nothing more comes.
  std::string Send(std::vector<std::byte> bytes) {
    std::string text = TextOf(session.Take(MessageOf(std::move(bytes)), kServerTime));
    const std::string rest = TextOf(session.Flush());
    if (!text.empty() && !rest.empty()) text += "\n";
    return text + rest;
  }
  std::string SendHex(std::string_view hex) { return Send(BytesOfHex(hex)); }
  std::string SendGolden(const std::string& name) {
    return Send(BytesOfGoldenFile("questdb/" + name + ".hex"));
  }
  /// A frame of all rows of the columns.
  std::string SendRows(std::string_view table, const std::vector<wire::Column>& columns,
                       int64_t rows, bool deferred = false) {
    for (wire::SymbolMap& map : connection_.maps) map.Reset();
    const auto flags =
        static_cast<uint8_t>(wire::kDeltaDictionary | (deferred ? wire::kDeferCommit : 0));
    auto frame = connection_.Frame(table, columns, {0, rows}, flags);
    EXPECT_TRUE(frame.ok()) << frame.status();
    return frame.ok() ? Send(*frame) : std::string();
  }
  std::string Commit() { return SendHex("5157503101080000020000000000"); }

  IngestSession session;

 private:
  wire::TestConnection connection_;
};

/// An asking client and the session that it talks to.
class TestReader {
 public:
  explicit TestReader(Store& store, const QuerySessionOptions& options = {})
      : session(store, options) {}

  Status Send(const wire::QueryMessage& request) {
    net::MessageBuffer message;
    message.Begin(0);
    wire::EncodeQueryMessage(request, message);
    return session.Take(message.masked());
  }

  /// The next message of the server's, if it has one.
  std::optional<std::vector<std::byte>> Next() {
    if (!session.HasNext()) return std::nullopt;
    net::MessageBuffer message;
    message.Begin(0);
    session.Next(message);
    return message.Unmasked();
  }

  /// Reads messages until there are none. Batches go to `blocks`, other messages into the text, a
  /// line each; what cannot be read too.
  std::string Drain() {
    std::string text;
    while (auto bytes = Next()) {
      if (!text.empty()) text += "\n";
      text += Read(*bytes);
    }
    return text;
  }

  std::string Read(const std::vector<std::byte>& bytes) {
    auto parsed = wire::ParseResultMessage(bytes);
    if (!parsed.ok()) return parsed.status().ToString();
    if (const auto* batch = std::get_if<wire::ResultBatch>(&*parsed)) {
      if (batch->batch_sequence == 0) state = {};
      const auto owner = std::make_shared<std::vector<std::byte>>(bytes);
      auto block = wire::DecodeResultBatch(*batch, {owner, owner->data(), owner->size()}, state,
                                           symbols, decompressor, pool);
      if (!block.ok()) return block.status().ToString();
      std::string text = "BATCH " + std::to_string(batch->batch_sequence) + " of request " +
                         std::to_string(batch->request_id) + ": " + std::to_string(block->rows) +
                         " rows";
      blocks.push_back(*std::move(block));
      return text;
    }
    if (const auto* end = std::get_if<wire::ResultEnd>(&*parsed)) {
      const Status right = wire::CheckResultEnd(*end, state);
      return right.ok() ? "END " + std::to_string(end->total_rows) : right.ToString();
    }
    if (const auto* error = std::get_if<wire::QueryError>(&*parsed)) {
      return wire::ServerStatusName(error->status) + " " + std::to_string(error->request_id) + " " +
             error->message;
    }
    if (const auto* done = std::get_if<wire::ExecDone>(&*parsed)) {
      return "DONE " + std::to_string(static_cast<int64_t>(done->rows_affected));
    }
    if (const auto* reset = std::get_if<wire::CacheReset>(&*parsed)) {
      if (reset->dictionary) symbols.Clear();
      return "RESET";
    }
    return "INFO";
  }

  /// Runs a statement to its end: the values column by column if it has rows, else what the server
  /// says.
  std::string Ask(std::string sql, std::vector<wire::Bind> binds = {}) {
    Drain();
    blocks.clear();
    wire::QueryRequest request;
    request.request_id = ++last_id;
    request.sql = std::move(sql);
    request.binds = std::move(binds);
    const Status sent = Send(request);
    if (!sent.ok()) return sent.ToString();
    std::string text = Drain();
    if (text.find("\nEND ") == std::string::npos) return text;
    text.clear();
    for (const wire::DecodedBlock& block : blocks) text += BlockText(block);
    return text;
  }

  QuerySession session;
  wire::ResultState state;
  wire::SymbolTable symbols;
  wire::Decompressor decompressor;
  wire::BufferPool pool;
  std::vector<wire::DecodedBlock> blocks;
  int64_t last_id = 0;
};

/// The answer of a store to a statement, as TestReader::Ask has it.
inline std::string AnswerOf(Store& store, std::string sql) {
  return TestReader(store).Ask(std::move(sql));
}

}  // namespace colonnade::questdb::endpoint
