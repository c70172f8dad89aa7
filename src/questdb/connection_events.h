// ConnectionEvents: what happens to connections, told to whoever wants to know.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/status.h"

namespace colonnade::questdb {

enum class EventKind : uint8_t {
  kConnected = 0,
  kDisconnected = 1,
  kReconnected = 2,
  kFailedOver = 3,
  kEndpointFailed = 4,
  kAllEndpointsFailed = 5,
  kAuthenticationFailed = 6,
  kRowsLost = 7,  // rows that were flushed are not committed, or it is unknown, and nobody asked
};

struct ConnectionEvent {
  EventKind kind = EventKind::kConnected;
  std::string endpoint;  // host:port, or empty
  Status status;
};

/// Delivers events on a thread of its own, which exists only if there is a listener; the oldest are
/// dropped when the listener is slow. Without a listener, kRowsLost is written to stderr and the
/// others are not. Thread-safe.
class ConnectionEvents {
 public:
  using Listener = std::function<void(const ConnectionEvent&)>;
  explicit ConnectionEvents(Listener listener = nullptr);
  /// Delivers what is queued, and waits for the listener unless it is the one that calls.
  ~ConnectionEvents();
  ConnectionEvents(const ConnectionEvents&) = delete;
  ConnectionEvents& operator=(const ConnectionEvents&) = delete;

  void Post(ConnectionEvent event);

  uint64_t delivered() const;
  uint64_t dropped() const;

 private:
  // Shared with the thread, which outlives this object if its listener destroys it.
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace colonnade::questdb
