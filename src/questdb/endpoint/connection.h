// One connection to the endpoint: bytes on one side, sessions on the other, faults in between.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "net/interrupt.h"
#include "net/stream.h"
#include "net/tls.h"
#include "questdb/endpoint/endpoint.h"
#include "questdb/endpoint/faults.h"
#include "questdb/endpoint/store.h"
#include "questdb/endpoint/upgrade.h"

namespace colonnade::questdb::endpoint {

/// Where connections wait that were told to stall. Thread-safe.
class StallGate {
 public:
  /// Waits until Release is called, or until Close was.
  void Wait();
  void Release();
  /// From now on nobody waits.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t releases_ = 0;
  bool closed_ = false;
};

/// What the connections of an endpoint share; outlives them.
struct ConnectionContext {
  Store& store;
  const EndpointOptions& options;
  const UpgradeRules& rules;
  std::shared_ptr<const net::TlsContext> tls;  // null: plain
  FaultScript& faults;
  StallGate& stalls;
  std::atomic<int64_t>& upgraded;
  std::atomic<int64_t>& messages;
};

/// How a connection is ended from outside.
enum class Ending : uint8_t { kNone, kGoingAway, kReset };

/// Serves a connection to its end. `interrupt` ends it early, in the way that `ending` says.
void ServeConnection(std::unique_ptr<net::Stream> stream, const ConnectionContext& context,
                     net::Interrupt& interrupt, const std::atomic<Ending>& ending);

}  // namespace colonnade::questdb::endpoint
