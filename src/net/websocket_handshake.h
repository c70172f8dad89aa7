// The HTTP exchange that makes a stream a WebSocket (RFC 6455, section 4), both sides.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "net/deadline.h"
#include "net/http.h"
#include "net/interrupt.h"
#include "net/stream.h"

namespace colonnade::net {

/// What of a refusal's body is kept.
inline constexpr size_t kMaxRefusalBody = 64 << 10;

struct UpgradeRequest {
  std::string target = "/";
  std::string host;  // the Host header: HostHeader()
  /// Follow the handshake's own headers in this order. No Origin, protocols or extensions are sent.
  std::vector<HttpHeader> headers;
  std::string key;  // base64 of 16 bytes; empty: fresh from the system
};

/// The server agreed.
struct Upgraded {
  ResponseHead response;
  std::vector<std::byte> leftover;  // bytes behind the head: the first of the WebSocket
};

/// The server answered, but not with 101.
struct HttpFailure {
  int status = 0;
  std::string reason;
  HttpHeaders headers;
  std::string body;  // at most kMaxRefusalBody bytes; what arrived before the deadline
};

using UpgradeAnswer = std::variant<Upgraded, HttpFailure>;

/// The value of a Host header: an IPv6 address in brackets; the scheme's default port is left out.
std::string HostHeader(std::string_view host, uint16_t port, bool tls);

/// base64 of 16 bytes of the system's random numbers.
std::string NewWebSocketKey();
/// The Sec-WebSocket-Accept that belongs to a key.
std::string AcceptFor(std::string_view key);

/// The bytes of the request. \pre `key` is set
///
/// \error InvalidArgument if a value contains control bytes; names the header, never the value.
Result<std::string> WriteUpgradeRequest(const UpgradeRequest& request);

/// Asks for the upgrade and checks the answer: status, Upgrade, Connection, Sec-WebSocket-Accept,
/// and that nothing was agreed to that was not asked for.
///
/// \error ProtocolError if the answer is no HTTP (TLS on this port is recognised and said), or a
/// 101
///     that is none; Unavailable if the connection ends; Timeout (Recovery::kReconnect), Cancelled;
///     InvalidArgument as above.
Result<UpgradeAnswer> RequestUpgrade(Stream& stream, const UpgradeRequest& request,
                                     Deadline deadline, Interrupt* interrupt = nullptr);

/// A request as a server has read it.
struct ReceivedRequest {
  RequestHead head;
  std::vector<std::byte> leftover;  // bytes behind the head
};

/// Reads the head of a request.
///
/// \error ProtocolError, LimitExceeded as ParseRequestHead (TLS on a plain port is recognised and
///     said); Unavailable if the client ends; Timeout, Cancelled.
Result<ReceivedRequest> ReadRequest(Stream& stream, Deadline deadline,
                                    Interrupt* interrupt = nullptr);

/// What is wrong with a request for a WebSocket: nothing, or the answer it gets (400, 405, or 426
/// for another version).
std::optional<HttpFailure> CheckUpgradeRequest(const RequestHead& request);

/// Agrees: 101 and the handshake's headers, then `headers`. \pre CheckUpgradeRequest is nothing
Status AcceptUpgrade(Stream& stream, const RequestHead& request,
                     const std::vector<HttpHeader>& headers, Deadline deadline,
                     Interrupt* interrupt = nullptr);

/// Answers with a status, its headers and body; Content-Length and `Connection: close` are added.
Status RefuseUpgrade(Stream& stream, const HttpFailure& answer, Deadline deadline,
                     Interrupt* interrupt = nullptr);

}  // namespace colonnade::net
