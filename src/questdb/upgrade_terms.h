// What client and server say to each other in the headers of the upgrade, beside WebSocket's own.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/http.h"
#include "questdb/endpoint_failure.h"

namespace colonnade::questdb {

inline constexpr int kProtocolVersion = 1;
inline constexpr const char* kIngestPath = "/api/v4/write";
/// The longest message that any server takes.
inline constexpr uint64_t kMaxMessageBytes = 16 << 20;
/// What is assumed of a server that does not say how long a message may be: what one takes that is
/// configured as it comes, and some room.
inline constexpr uint64_t kAssumedMaxMessageBytes = 1'992'294;

/// The path that is asked for.
std::string UpgradePath(Direction direction, const ConnectOptions& options);
/// The headers that follow WebSocket's own. The credentials are the same in both directions.
std::vector<net::HttpHeader> UpgradeHeaders(Direction direction, const ConnectOptions& options);

/// What an ingest server agreed to.
struct IngestTerms {
  int version = kProtocolVersion;
  /// Longest message with its header, at most kMaxMessageBytes; 0: the server does not say.
  uint64_t advertised_message_bytes = 0;
  bool durable_ack = false;
  std::string zone;  // empty: not said

  uint64_t max_message_bytes() const {
    return advertised_message_bytes != 0 ? advertised_message_bytes : kAssumedMaxMessageBytes;
  }
  bool operator==(const IngestTerms&) const = default;
};

/// What a query server agreed to.
struct QueryTerms {
  int version = kProtocolVersion;
  /// Whether batches may come compressed.
  bool zstd = false;
  std::optional<int> zstd_level;  // if the server says
  std::string zone;               // empty: not said
  bool operator==(const QueryTerms&) const = default;
};

/// Checks the headers of a 101 of the ingest path.
///
/// X-QWP-Version: absent is 1; anything but a number from 1 to ours is kVersion.
/// X-QWP-Max-Batch-Size: absent or no number above 0 is "does not say"; more than kMaxMessageBytes
/// is that. X-QWP-Durable-Ack: must be "enabled" if it was asked for, else kVersion:
/// acknowledgements are never worth less than was asked for.
std::variant<IngestTerms, EndpointFailure> CheckIngestTerms(const Attempt& attempt,
                                                            const net::HttpHeaders& headers);

/// Checks the headers of a 101 of the query path.
///
/// X-QWP-Version: must be there, otherwise as above, and kHandshake. X-QWP-Content-Encoding:
/// absent, raw and identity are uncompressed; zstd and zstd;level=N (1..22) are zstd; anything else
/// is kHandshake.
std::variant<QueryTerms, EndpointFailure> CheckQueryTerms(const Attempt& attempt,
                                                          const net::HttpHeaders& headers);

}  // namespace colonnade::questdb
