// HealthTracker: which endpoint to try next.
//
// One per direction, shared by all connections of a pool. Whoever needs a connection walks through
// a round: claim an endpoint, connect, record what came of it. Only the claim and the record take
// the lock, and neither can wait: nobody stands in a queue behind somebody else's connect.

#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace colonnade::questdb {

/// What is known of an endpoint, best first.
enum class EndpointState : uint8_t {
  kHealthy,          // the last attempt succeeded
  kUnknown,          // not tried in this round
  kTransientReject,  // refuses now and says that it will not for long: a primary that catches up
  kFailedThisRound,  // answered, but not as a QuestDB of our kind
  kTransportError,   // could not be reached, or the connection broke
  kRoleRejected,     // answered that its role is another one
  kTopologyReject,   // connected, but its role is not the one that was asked for
};

/// How near an endpoint is to the client's own zone, best first.
enum class ZoneTier : uint8_t { kSame, kUnknown, kOther };

/// The tier of an endpoint in `zone` for a client in `own`, without regard to case; without an own
/// zone all endpoints are equally near.
ZoneTier ZoneTierOf(std::string_view own, const std::optional<std::string>& zone);

/// Thread-safe.
class HealthTracker {
 public:
  /// `own_zone` is empty where zones do not matter: for ingest, and where only a primary will do.
  explicit HealthTracker(size_t endpoint_count, std::string own_zone = {});

  /// One walk: each endpoint at most once. Belongs to one thread; ends with its destruction. The
  /// tracker must outlive it.
  class Round {
   public:
    Round(Round&& other) noexcept;
    Round& operator=(Round&&) = delete;
    ~Round();

    /// The best endpoint that this round has not had: by state (kFailedThisRound is as good as
    /// kTransportError, kRoleRejected as kTopologyReject), then zone, then order. Nothing when all
    /// have been had.
    std::optional<size_t> Claim();
    /// What came of an attempt. \pre `endpoint` came from Claim
    void Record(size_t endpoint, EndpointState state);
    /// How many have been claimed.
    size_t claimed() const { return claimed_count_; }

   private:
    friend class HealthTracker;
    Round(HealthTracker* tracker, uint64_t begun, size_t endpoint_count)
        : tracker_(tracker), begun_(begun), claimed_(endpoint_count, false) {}

    HealthTracker* tracker_;  // null after a move
    uint64_t begun_;
    std::vector<bool> claimed_;
    size_t claimed_count_ = 0;
  };

  /// Begins a round. What earlier rounds found out is forgotten, except that the endpoint that was
  /// healthy last stays preferred. What rounds that are still under way have found out since the
  /// oldest of them began is kept: another thread has just seen it.
  Round BeginRound();

  /// A connection that had been established broke: a healthy endpoint no longer is.
  void RecordBrokenConnection(size_t endpoint);
  /// What an endpoint says its zone is; empty: it does not say.
  void RecordZone(size_t endpoint, std::string_view zone);

  size_t endpoint_count() const { return endpoint_count_; }
  EndpointState state(size_t endpoint) const;

 private:
  struct Endpoint {
    EndpointState state = EndpointState::kUnknown;
    uint64_t recorded = 0;  // when, by clock_
    ZoneTier zone;
  };

  const size_t endpoint_count_;
  const std::string own_zone_;
  mutable std::mutex mutex_;
  std::vector<Endpoint> endpoints_;
  uint64_t clock_ = 0;                 // counts beginnings and records
  std::multiset<uint64_t> under_way_;  // when each round that is under way began
};

}  // namespace colonnade::questdb
