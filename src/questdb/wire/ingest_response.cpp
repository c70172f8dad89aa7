#include "questdb/wire/ingest_response.h"

#include <algorithm>
#include <array>

#include "base/quote.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/utf8_text.h"

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kMaxMessageBytes = 1'024;

// What a status byte means to a caller.
struct StatusMeaning {
  ServerStatus status;
  std::string_view name;
  StatusCode code;
  Recovery recovery;
};

// A status that another connection may heal says so; nothing of the refused message was applied.
// Time limits and cancelling are of one query, and the connection stays as it is.
constexpr std::array kMeanings = {
    StatusMeaning{ServerStatus::kSchemaMismatch, "SCHEMA_MISMATCH", StatusCode::kInvalidArgument,
                  Recovery::kNone},
    StatusMeaning{ServerStatus::kParseError, "PARSE_ERROR", StatusCode::kInvalidArgument,
                  Recovery::kNone},
    StatusMeaning{ServerStatus::kInternalError, "INTERNAL_ERROR", StatusCode::kInternal,
                  Recovery::kReconnect},
    StatusMeaning{ServerStatus::kSecurityError, "SECURITY_ERROR", StatusCode::kPermissionDenied,
                  Recovery::kNone},
    StatusMeaning{ServerStatus::kWriteError, "WRITE_ERROR", StatusCode::kUnavailable,
                  Recovery::kReconnect},
    StatusMeaning{ServerStatus::kCancelled, "CANCELLED", StatusCode::kCancelled, Recovery::kNone},
    StatusMeaning{ServerStatus::kLimitExceeded, "LIMIT_EXCEEDED", StatusCode::kLimitExceeded,
                  Recovery::kNone},
    StatusMeaning{ServerStatus::kNotWritable, "NOT_WRITABLE", StatusCode::kUnavailable,
                  Recovery::kReconnect},
    StatusMeaning{ServerStatus::kDictionaryGap, "DICTIONARY_GAP", StatusCode::kProtocolError,
                  Recovery::kReconnect},
    StatusMeaning{ServerStatus::kQueryTimeout, "QUERY_TIMEOUT", StatusCode::kTimeout,
                  Recovery::kNone},
    // These two are no failures; as an answer where only failures are, they break the protocol.
    StatusMeaning{ServerStatus::kOk, "OK", StatusCode::kProtocolError, Recovery::kReconnect},
    StatusMeaning{ServerStatus::kDurable, "DURABLE_ACK", StatusCode::kProtocolError,
                  Recovery::kReconnect},
};

const StatusMeaning* MeaningOf(ServerStatus status) {
  const auto* found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                   [&](const auto& meaning) { return meaning.status == status; });
  return found != kMeanings.end() ? found : nullptr;
}

// Newer servers may append to a response, so what is left over is not looked at.
Result<std::string_view> TakeShortString(ByteReader& reader, const char* what) {
  COLONNADE_ASSIGN_OR_RETURN(const uint16_t size, reader.TakeLittle<uint16_t>(what));
  const size_t begin = reader.position();
  if (size > kMaxMessageBytes) {
    return ProtocolError(what, " at byte ", begin, ": ", size, " bytes, at most ",
                         kMaxMessageBytes);
  }
  COLONNADE_ASSIGN_OR_RETURN(const Bytes bytes, reader.Take(size, what));
  const std::string_view text = AsText(bytes);
  if (!IsUtf8Text(text))
    return ProtocolError(what, " at byte ", begin, ": not UTF-8: ", Quote(text));
  return text;
}

Result<std::vector<TableTransaction>> TakeTables(ByteReader& reader) {
  COLONNADE_ASSIGN_OR_RETURN(const uint16_t count, reader.TakeLittle<uint16_t>("number of tables"));
  std::vector<TableTransaction> tables;
  for (uint16_t i = 0; i < count; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view name, TakeShortString(reader, "table name"));
    if (name.empty()) return ProtocolError("table name at byte ", reader.position(), ": is empty");
    COLONNADE_ASSIGN_OR_RETURN(const int64_t transaction,
                               reader.TakeLittle<int64_t>("transaction of a table"));
    tables.push_back({std::string(name), transaction});
  }
  return tables;
}

Result<IngestResponse> Parse(Bytes message) {
  ByteReader reader(message);
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t byte, reader.TakeLittle<uint8_t>("status"));
  const auto status = static_cast<ServerStatus>(byte);
  switch (status) {
    case ServerStatus::kOk: {
      OkResponse ok;
      COLONNADE_ASSIGN_OR_RETURN(ok.sequence, reader.TakeLittle<int64_t>("sequence"));
      COLONNADE_ASSIGN_OR_RETURN(ok.tables, TakeTables(reader));
      return IngestResponse(std::move(ok));
    }
    case ServerStatus::kDurable:
    case ServerStatus::kQueryTimeout: {
      DurableResponse durable;
      durable.local = status == ServerStatus::kQueryTimeout;
      COLONNADE_ASSIGN_OR_RETURN(durable.tables, TakeTables(reader));
      return IngestResponse(std::move(durable));
    }
    default: {
      ErrorResponse error;
      error.status = status;
      COLONNADE_ASSIGN_OR_RETURN(error.sequence, reader.TakeLittle<int64_t>("sequence"));
      COLONNADE_ASSIGN_OR_RETURN(const std::string_view text, TakeShortString(reader, "message"));
      error.message = text;
      return IngestResponse(std::move(error));
    }
  }
}

void AppendShortString(std::string_view text, net::MessageBuffer& message) {
  message.AppendLittle(static_cast<uint16_t>(text.size()));
  message.Append(text);
}

void AppendTables(const std::vector<TableTransaction>& tables, net::MessageBuffer& message) {
  message.AppendLittle(static_cast<uint16_t>(tables.size()));
  for (const TableTransaction& table : tables) {
    AppendShortString(table.table, message);
    message.AppendLittle(table.transaction);
  }
}

}  // namespace

std::string ServerStatusName(ServerStatus status) {
  if (const StatusMeaning* meaning = MeaningOf(status)) return std::string(meaning->name);
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<uint8_t>(status);
  return std::string("status 0x") + kDigits[byte >> 4] + kDigits[byte & 15];
}

Result<IngestResponse> ParseIngestResponse(Bytes message) {
  Result<IngestResponse> response = Parse(message);
  if (response.ok()) return response;
  return std::move(response).status().WithContext("response to ingest");
}

void EncodeIngestResponse(const IngestResponse& response, net::MessageBuffer& message) {
  if (const auto* ok = std::get_if<OkResponse>(&response)) {
    message.AppendLittle(static_cast<uint8_t>(ServerStatus::kOk));
    message.AppendLittle(ok->sequence);
    AppendTables(ok->tables, message);
  } else if (const auto* durable = std::get_if<DurableResponse>(&response)) {
    message.AppendLittle(static_cast<uint8_t>(durable->local ? ServerStatus::kQueryTimeout
                                                             : ServerStatus::kDurable));
    AppendTables(durable->tables, message);
  } else {
    const auto& error = std::get<ErrorResponse>(response);
    message.AppendLittle(static_cast<uint8_t>(error.status));
    message.AppendLittle(error.sequence);
    AppendShortString(ShortenedText(error.message, kMaxMessageBytes), message);
  }
}

Status StatusFromServer(ServerStatus status, std::string_view message) {
  const StatusMeaning* meaning = MeaningOf(status);
  std::string text = "server: " + ServerStatusName(status);
  if (!message.empty()) text += ": " + EscapeControls(message, kMaxMessageBytes);
  // An unknown failure is taken for one of the server's own.
  return meaning != nullptr ? Status(meaning->code, std::move(text), meaning->recovery)
                            : Status(StatusCode::kInternal, std::move(text), Recovery::kReconnect);
}

}  // namespace colonnade::questdb::wire
