// What the server answers to ingest: acknowledgements and errors. Bare messages without a header.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"

namespace colonnade::questdb::wire {

/// Status bytes of both directions. Unknown numbers are legal and mean a failure.
enum class ServerStatus : uint8_t {
  kOk = 0x00,
  kDurable = 0x02,
  kSchemaMismatch = 0x03,
  kParseError = 0x05,
  kInternalError = 0x06,
  kSecurityError = 0x08,
  kWriteError = 0x09,
  kCancelled = 0x0A,
  kLimitExceeded = 0x0B,
  kNotWritable = 0x0C,
  kDictionaryGap = 0x0D,
  kQueryTimeout = 0x0E,  // to a query; to ingest, a local durable acknowledgement
};

/// "SCHEMA_MISMATCH", or "status 0x7f".
std::string ServerStatusName(ServerStatus status);

struct TableTransaction {
  std::string table;
  int64_t transaction = 0;
  bool operator==(const TableTransaction&) const = default;
};

/// Everything up to and including message `sequence` is committed.
struct OkResponse {
  int64_t sequence = 0;
  std::vector<TableTransaction> tables;
};

/// What has reached the object store, table by table.
struct DurableResponse {
  std::vector<TableTransaction> tables;
  bool local = false;  // status 0x0E
};

/// Message `sequence` was refused; nothing after it is looked at.
struct ErrorResponse {
  ServerStatus status = ServerStatus::kInternalError;
  int64_t sequence = 0;
  std::string message;
};

using IngestResponse = std::variant<OkResponse, DurableResponse, ErrorResponse>;

/// \error ProtocolError: truncated, an empty table name, text that is not UTF-8 or above 1024
///     bytes. Bytes after a response are tolerated: newer servers may append.
Result<IngestResponse> ParseIngestResponse(Bytes message);

void EncodeIngestResponse(const IngestResponse& response, net::MessageBuffer& message);

/// The failure that a status byte stands for, with the server's text. `Recovery` as the protocol's
/// documentation has it: kReconnect for those that another connection may heal.
Status StatusFromServer(ServerStatus status, std::string_view message);

}  // namespace colonnade::questdb::wire
