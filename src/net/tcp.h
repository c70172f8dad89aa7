// TCP connections and listeners, and pairs of streams inside one machine.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"
#include "net/stream.h"

namespace colonnade::net {

/// What is asked of the system for a socket. Every socket is closed on exec, and writing to a
/// broken one raises no signal.
struct TcpOptions {
  bool no_delay = true;
  int send_buffer_bytes = 0;  // 0: the system's own, which grow
  int receive_buffer_bytes = 0;
};

/// Connects to a host name or an address of either family; IPv6 addresses stand without brackets.
/// Every address of a name is tried in turn; each but the last gets an equal share of the time that
/// is left. Looking up a name is subject to the deadline and the interrupt too.
///
/// \error Unavailable, Recovery::kReconnect, if the name is unknown or no address answers: names
///     the endpoint and, per address, the reason; Timeout, also kReconnect; Cancelled;
///     InvalidArgument for an empty host, one with a zero byte, or port 0.
Result<std::unique_ptr<Stream>> Connect(const std::string& host, uint16_t port,
                                        const TcpOptions& options, Deadline deadline,
                                        Interrupt* interrupt = nullptr);

/// Takes connections. Accept is thread-safe. Destruction stops listening; connections stay.
class Listener {
 public:
  /// Listens on the first usable address of `host`; port 0 lets the system choose. A port may be
  /// bound again right after the listener before is gone.
  ///
  /// \error Unavailable if the address cannot be had; names it and the reason.
  static Result<Listener> Bind(const std::string& host, uint16_t port,
                               const TcpOptions& options = {});
  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;

  uint16_t port() const { return port_; }
  /// "host:port", with the port that was chosen.
  const std::string& address() const { return address_; }

  /// Waits for a connection.
  ///
  /// \error Cancelled, Timeout; Unavailable with Recovery::kRetry if the system has no descriptors
  ///     or memory left for the connection, which stays waiting.
  Result<std::unique_ptr<Stream>> Accept(Deadline deadline, Interrupt* interrupt = nullptr);

 private:
  Listener(int descriptor, uint16_t port, std::string address, const TcpOptions& options);

  int descriptor_ = -1;
  uint16_t port_ = 0;
  std::string address_;
  TcpOptions options_;
};

/// Two streams, each the other's peer, through memory of the system instead of the network.
/// `name` is what both call their peer.
///
/// \error Io if the system gives no descriptors.
Result<std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>> LocalPair(
    const std::string& name = "local");

}  // namespace colonnade::net
