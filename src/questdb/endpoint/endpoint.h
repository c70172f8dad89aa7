// Endpoint: the server's side of the QuestDB wire protocol over a store.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/tls.h"
#include "questdb/connect_options.h"
#include "questdb/endpoint/faults.h"
#include "questdb/endpoint/ingest_session.h"
#include "questdb/endpoint/query_session.h"
#include "questdb/endpoint/store.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb::endpoint {

struct EndpointOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: the system chooses
  std::optional<net::TlsServerOptions> tls;
  /// Who is let in: one with the name and password, or with the token. Neither: everybody.
  std::string user;
  Secret password;
  Secret token;
  wire::ServerRole role = wire::ServerRole::kStandalone;
  std::string zone;  // empty: not told
  std::string cluster_id = "colonnade";
  std::string node_id = "endpoint";
  /// Connections that are served at a time; further ones wait.
  size_t max_connections = 64;
  /// The longest message of rows; clients are told. At most 16 MiB.
  size_t max_message_bytes = 2'097'138;
  bool grants_durable_ack = false;
  bool grants_zstd = true;
  IngestSessionOptions ingest;
  QuerySessionOptions query;  // `info`, `zstd` and `zstd_level` are the connection's own
  std::vector<Fault> faults;
  /// Microseconds since 1970, for rows without a timestamp. Null: the system's clock.
  std::function<int64_t()> clock;
};

struct EndpointCounters {
  int64_t accepted = 0;  // connections since the start
  int64_t open = 0;
  int64_t upgraded = 0;  // became WebSockets
  int64_t messages = 0;  // of clients
};

/// Listens from Start to Stop, each connection in a thread of its own. Thread-safe.
class Endpoint {
 public:
  /// \error Unavailable if the port cannot be had; the TLS files'; InvalidArgument for options that
  ///     contradict each other
  static Result<std::unique_ptr<Endpoint>> Start(std::shared_ptr<Store> store,
                                                 EndpointOptions options);
  /// As Stop.
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// Ends all connections (close code 1001) and waits for their threads. What was not committed is
  /// rolled back. Idempotent.
  void Stop();

  uint16_t port() const;
  /// "127.0.0.1:9000"
  const std::string& address() const;

  /// Replaces all faults, for connections that are open too.
  void SetFaults(std::vector<Fault> faults);
  /// Lets everything go on that stalls now.
  void ReleaseStalls();
  /// Ends all open connections without a goodbye, as a process that is killed would.
  void ResetConnections();

  EndpointCounters counters() const;

 private:
  class Server;
  explicit Endpoint(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace colonnade::questdb::endpoint
