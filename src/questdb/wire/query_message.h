// What a client sends to the query endpoint: bare messages without a frame header.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/column_type.h"

namespace colonnade::questdb::wire {

/// A bind parameter. A missing value has a type too.
struct Bind {
  ColumnType type = ColumnType::kLong;
  bool is_null = false;
  /// The value's little-endian bytes for fixed-width types (a UUID in the order of its text), text
  /// or bytes for VARCHAR and BINARY, 8 bytes for a geohash.
  std::vector<std::byte> value;
  int scale = 0;         // of a decimal
  int geohash_bits = 0;  // of a geohash
  bool operator==(const Bind&) const = default;
};

inline constexpr size_t kMaxBinds = 1'024;
inline constexpr size_t kMaxReceivedBinds = 2'048;  // what servers take
inline constexpr size_t kMaxSqlBytes = size_t{1} << 20;
inline constexpr size_t kMaxBindBytes = size_t{16} << 20;  // of one value

enum QueryFlag : uint64_t { kResetDictionary = 0x01, kTimeout = 0x02 };

struct QueryRequest {
  int64_t request_id = 1;
  std::string sql;
  uint64_t initial_credit = 0;  // bytes; 0: unbounded
  std::vector<Bind> binds;
  bool reset_dictionary = false;
  int64_t timeout_ms = 0;  // 0: none
  bool operator==(const QueryRequest&) const = default;
};

struct CancelRequest {
  int64_t request_id = 0;
  bool operator==(const CancelRequest&) const = default;
};

struct CreditRequest {
  int64_t request_id = 0;
  uint64_t bytes = 0;
  bool operator==(const CreditRequest&) const = default;
};

using QueryMessage = std::variant<QueryRequest, CancelRequest, CreditRequest>;

/// \error InvalidArgument naming the bind (counted from 1, as in $1): a scale, precision or value
///     that its type cannot hold; text that is not UTF-8; more SQL or binds than the limits.
Status ValidateQuery(const QueryRequest& request);

/// Where the request id stands in an encoded request, for sending it again under another.
inline constexpr size_t kRequestIdOffset = 1;

/// \pre ValidateQuery has accepted a QueryRequest
void EncodeQueryMessage(const QueryMessage& request, net::MessageBuffer& message);

/// What the server does with a message of the client's.
/// \error ProtocolError: an unknown kind, truncated, bytes left over, values out of range
Result<QueryMessage> ParseQueryMessage(Bytes message);

}  // namespace colonnade::questdb::wire
