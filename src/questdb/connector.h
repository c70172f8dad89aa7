// Connector: opens connections of one direction, walking the endpoints of a connect string.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <variant>

#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/websocket.h"
#include "questdb/connect_options.h"
#include "questdb/connection_events.h"
#include "questdb/endpoint_failure.h"
#include "questdb/health_tracker.h"
#include "questdb/upgrade_terms.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb {

/// A connection after its handshake. `ingest` or `query` is set, as the direction is.
struct Connection {
  std::unique_ptr<net::WebSocket> socket;
  size_t endpoint = 0;  // index in ConnectOptions::endpoints
  IngestTerms ingest;
  QueryTerms query;
  wire::ServerInfo server;  // of a query connection: its first message
};

/// Thread-safe; shared by all senders or readers of a pool. No lock is held during I/O.
class Connector {
 public:
  /// Makes the stream that a connection runs over, before TLS. Tests put faults here.
  using Dial = std::function<Result<std::unique_ptr<net::Stream>>(const EndpointAddress&,
                                                                  net::Deadline, net::Interrupt*)>;

  /// \error of the TLS options: a file that cannot be used
  static Result<std::shared_ptr<Connector>> Make(std::shared_ptr<const ConnectOptions> options,
                                                 Direction direction,
                                                 std::shared_ptr<ConnectionEvents> events,
                                                 Dial dial = nullptr);

  /// Tries each endpoint once, the best first. The failure's status names every endpoint and its
  /// cause; its kind is kCaller for Cancelled and when `deadline` ends the walk (Timeout).
  std::variant<Connection, EndpointFailure> Connect(net::Deadline deadline,
                                                    net::Interrupt* interrupt);

  /// Goes on with Connect, after waits as the `reconnect_*` keys say, for as long as trying again
  /// may help, but not beyond `deadline`. The failure is that of the last round.
  std::variant<Connection, EndpointFailure> ConnectPatiently(net::Deadline deadline,
                                                             net::Interrupt* interrupt);

  /// A connection that Connect gave has broken.
  void ReportBroken(size_t endpoint, const Status& status);

  const ConnectOptions& options() const { return *options_; }
  Direction direction() const { return direction_; }
  ConnectionEvents& events() const { return *events_; }

 private:
  Connector(std::shared_ptr<const ConnectOptions> options, Direction direction,
            std::shared_ptr<ConnectionEvents> events, Dial dial,
            std::shared_ptr<const net::TlsContext> tls);
  std::variant<Connection, EndpointFailure> Open(size_t endpoint, net::Deadline deadline,
                                                 net::Interrupt* interrupt);

  std::shared_ptr<const ConnectOptions> options_;
  Direction direction_;
  std::shared_ptr<ConnectionEvents> events_;
  Dial dial_;
  std::shared_ptr<const net::TlsContext> tls_;  // null: plain
  HealthTracker health_;
};

/// Waits until `deadline`, or until `interrupt`, which may be null, is set: Cancelled then.
Status PauseUntil(net::Deadline deadline, net::Interrupt* interrupt);

}  // namespace colonnade::questdb
