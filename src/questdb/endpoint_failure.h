// EndpointFailure: what came of an attempt to connect, in words for people and in kinds for loops.
//
// Pure functions of what was seen. Messages name the endpoint and the cause, and repeat nothing
// that the server has said but numbers and the names of roles: a server may echo what it was sent,
// credentials included.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/websocket_handshake.h"
#include "questdb/connect_options.h"
#include "questdb/endpoint_address.h"
#include "questdb/health_tracker.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb {

enum class Direction : uint8_t { kIngest, kQuery };

/// What an attempt was: which endpoint, for what, with which options. All must outlive it.
struct Attempt {
  const EndpointAddress& endpoint;
  Direction direction;
  const ConnectOptions& options;
};

/// How far an attempt had come when the connection failed.
enum class ConnectStep : uint8_t {
  kConnect,     // looking the name up, TCP
  kTls,         // the TLS handshake
  kUpgrade,     // asking for the WebSocket
  kServerInfo,  // waiting for the first message of a query connection
};

enum class FailureKind : uint8_t {
  kUnreachable,   // not found, refused, broken, out of time
  kTls,           // TLS could not be agreed on, or the server not be trusted
  kUnauthorized,  // the server does not take the credentials
  kRoleMismatch,  // it is alive, but replica or primary where the other was wanted
  kNoQwp,         // a server that is too old
  kVersion,       // it speaks another version, or cannot do what was asked for
  kHandshake,     // it answered, but not as a QuestDB does
  kBusy,          // it refuses for the moment
  kCaller,        // the attempt was cancelled, or the options cannot be sent
};

/// Why an endpoint cannot be used.
struct EndpointFailure {
  FailureKind kind = FailureKind::kUnreachable;
  /// "host:port: ...". Its Recovery is kReconnect if trying again may help and kNone if somebody
  /// has to do something first.
  Status status;
  /// What the tracker is to record.
  EndpointState state = EndpointState::kTransportError;
  /// Whether the other endpoints are not to be tried: they would be told the same credentials, or
  /// the caller has given up.
  bool ends_walk = false;
  /// What the server said its zone is; empty if it did not.
  std::string zone;
};

/// A failure of the connection itself, as net/ reports it.
EndpointFailure ClassifyTransport(const Attempt& attempt, ConnectStep step, const Status& cause);

/// An answer to the upgrade request other than 101.
EndpointFailure ClassifyRefusal(const Attempt& attempt, const net::HttpFailure& refusal);

/// An answer of 101 that is not what it must be: kVersion or kHandshake. `cause` has no endpoint.
EndpointFailure ClassifyTerms(const Attempt& attempt, FailureKind kind, std::string_view cause);

/// Whether a server of this role may run the queries: any takes all, primary those that can be
/// written to or will be, replica only replicas.
bool AcceptsRole(TargetRole target, wire::ServerRole role);

/// A server whose SERVER_INFO tells a role that is not the wanted one.
/// \pre !AcceptsRole(attempt.options.target, info.role)
EndpointFailure ClassifyRole(const Attempt& attempt, const wire::ServerInfo& info);

/// What a whole round came to: the failure itself if it ended the walk or there is only one;
/// otherwise one that lists them. Its kind is theirs if they share one and kUnreachable if not, so
/// that kRoleMismatch means that all servers are alive; it may help to try again if that may help
/// with one of them. \pre not empty
EndpointFailure SummarizeRound(std::span<const EndpointFailure> failures);

/// The zone that the client prefers: empty where zones do not matter, for ingest and for queries
/// that only a primary may run.
std::string_view PreferredZone(Direction direction, const ConnectOptions& options);

}  // namespace colonnade::questdb
