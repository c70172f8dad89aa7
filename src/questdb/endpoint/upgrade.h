// What the endpoint says to a request for an upgrade. Pure functions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/http.h"
#include "net/websocket_handshake.h"
#include "questdb/endpoint_failure.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb::endpoint {

/// What does not change from request to request.
struct UpgradeRules {
  /// Values of the Authorization header that are let in; none: everybody is.
  std::vector<std::string> authorizations;
  wire::ServerRole role = wire::ServerRole::kStandalone;
  std::string zone;  // empty: not told
  size_t max_message_bytes = 0;
  bool grants_durable_ack = false;
  bool grants_zstd = true;
  int64_t max_batch_rows = 0;
};

/// A request that is let in.
struct UpgradeTerms {
  Direction direction = Direction::kIngest;
  std::vector<net::HttpHeader> headers;  // of the 101
  bool durable_ack = false;
  bool zstd = false;
  int zstd_level = 1;  // 1 to 9
  int64_t max_batch_rows = 0;
};

/// The terms, or the answer that the client gets instead: 204 to a ping, 404 for other paths, 401
/// without the right credentials, 421 for rows to a server that takes none, 400 and what
/// net::CheckUpgradeRequest says.
std::variant<UpgradeTerms, net::HttpFailure> DecideUpgrade(const net::RequestHead& request,
                                                           const UpgradeRules& rules);

/// The value of the header that carries a user's name and password.
std::string BasicAuthorization(std::string_view user, std::string_view password);

}  // namespace colonnade::questdb::endpoint
