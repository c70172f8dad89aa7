// TLS 1.2 and 1.3 over any stream, both roles.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"
#include "net/stream.h"

namespace colonnade::net {

struct TlsClientOptions {
  /// Whether the server must prove who it is. Without it a connection is private from nobody who
  /// can put himself between.
  bool verify = true;
  /// Trusts the certificates of the system. Several of these may be on; with none of them and
  /// `verify`, no server can be trusted, which is an error.
  bool system_roots = true;
  /// A file of certificates to trust: PEM, or PKCS #12 if a password is given.
  std::string roots_path;
  std::optional<std::string> roots_password;
};

struct TlsServerOptions {
  std::string
      certificate_path;  // PEM, the server's certificate first, then those that vouch for it
  std::string key_path;  // PEM, without a password
};

/// Certificates, keys and rules of one side. Immutable; shared between threads and connections.
class TlsContext {
 public:
  /// \error NotFound, InvalidData or Io if a file cannot be used, with its path; Unsupported for a
  ///     Java key store, or a PKCS #12 one without a password; InvalidArgument for options that
  ///     trust nothing. No message contains a password.
  static Result<std::shared_ptr<const TlsContext>> Client(const TlsClientOptions& options);
  static Result<std::shared_ptr<const TlsContext>> Server(const TlsServerOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Makes a connected stream a private one, as the client. `server_name` is the host that was asked
/// for, a name or an address (without brackets): it is named to the server and must stand in its
/// certificate. The stream is closed on failure.
///
/// \error Unavailable if the certificate is not trusted, with Recovery::kNone and the reason
///     (expired, self-signed, another host), or if the connection broke; ProtocolError if the
///     server does not speak TLS on this port, or refuses the handshake; Timeout; Cancelled.
Result<std::unique_ptr<Stream>> ConnectTls(std::unique_ptr<Stream> stream,
                                           std::shared_ptr<const TlsContext> context,
                                           const std::string& server_name, Deadline deadline,
                                           Interrupt* interrupt = nullptr);

/// The same as the server.
///
/// \error ProtocolError if the client does not speak TLS or gives up, which says why; as above.
Result<std::unique_ptr<Stream>> AcceptTls(std::unique_ptr<Stream> stream,
                                          std::shared_ptr<const TlsContext> context,
                                          Deadline deadline, Interrupt* interrupt = nullptr);

}  // namespace colonnade::net
