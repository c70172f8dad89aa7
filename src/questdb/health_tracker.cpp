#include "questdb/health_tracker.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

namespace colonnade::questdb {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// States of one rank are equally good.
int Rank(EndpointState state) {
  switch (state) {
    case EndpointState::kHealthy: return 0;
    case EndpointState::kUnknown: return 1;
    case EndpointState::kTransientReject: return 2;
    case EndpointState::kFailedThisRound:
    case EndpointState::kTransportError: return 3;
    case EndpointState::kRoleRejected:
    case EndpointState::kTopologyReject: return 4;
  }
  return 4;
}

}  // namespace

ZoneTier ZoneTierOf(std::string_view own, const std::optional<std::string>& zone) {
  if (own.empty()) return ZoneTier::kSame;
  if (!zone || zone->empty()) return ZoneTier::kUnknown;
  const bool same = std::equal(own.begin(), own.end(), zone->begin(), zone->end(),
                               [](char a, char b) { return Lower(a) == Lower(b); });
  return same ? ZoneTier::kSame : ZoneTier::kOther;
}

HealthTracker::HealthTracker(size_t endpoint_count, std::string own_zone)
    : endpoint_count_(endpoint_count),
      own_zone_(std::move(own_zone)),
      endpoints_(endpoint_count, Endpoint{.zone = ZoneTierOf(own_zone_, std::nullopt)}) {}

HealthTracker::Round HealthTracker::BeginRound() {
  Round round(this, 0, endpoint_count_);
  const std::lock_guard guard(mutex_);
  under_way_.insert(++clock_);
  round.begun_ = clock_;  // last: the destructor takes it back
  const uint64_t oldest = *under_way_.begin();
  const Endpoint* healthy = nullptr;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.state != EndpointState::kHealthy) continue;
    if (healthy == nullptr || endpoint.recorded > healthy->recorded) healthy = &endpoint;
  }
  for (Endpoint& endpoint : endpoints_) {
    if (&endpoint != healthy && endpoint.recorded < oldest) {
      endpoint.state = EndpointState::kUnknown;
    }
  }
  return round;
}

void HealthTracker::RecordBrokenConnection(size_t endpoint) {
  assert(endpoint < endpoint_count_);
  const std::lock_guard guard(mutex_);
  Endpoint& broken = endpoints_[endpoint];
  if (broken.state != EndpointState::kHealthy) return;
  broken.state = EndpointState::kTransportError;
  broken.recorded = ++clock_;
}

void HealthTracker::RecordZone(size_t endpoint, std::string_view zone) {
  assert(endpoint < endpoint_count_);
  const ZoneTier tier = ZoneTierOf(own_zone_, std::string(zone));
  const std::lock_guard guard(mutex_);
  endpoints_[endpoint].zone = tier;
}

EndpointState HealthTracker::state(size_t endpoint) const {
  assert(endpoint < endpoint_count_);
  const std::lock_guard guard(mutex_);
  return endpoints_[endpoint].state;
}

HealthTracker::Round::Round(Round&& other) noexcept
    : tracker_(std::exchange(other.tracker_, nullptr)),
      begun_(other.begun_),
      claimed_(std::move(other.claimed_)),
      claimed_count_(other.claimed_count_) {}

HealthTracker::Round::~Round() {
  if (tracker_ == nullptr || begun_ == 0) return;
  const std::lock_guard guard(tracker_->mutex_);
  tracker_->under_way_.erase(tracker_->under_way_.find(begun_));
}

std::optional<size_t> HealthTracker::Round::Claim() {
  const auto key = [](const Endpoint& endpoint) {
    return std::tuple(Rank(endpoint.state), endpoint.zone);
  };
  std::optional<size_t> best;
  {
    const std::lock_guard guard(tracker_->mutex_);
    const std::vector<Endpoint>& endpoints = tracker_->endpoints_;
    for (size_t i = 0; i < endpoints.size(); ++i) {
      if (claimed_[i]) continue;
      if (!best || key(endpoints[i]) < key(endpoints[*best])) best = i;
    }
  }
  if (best) {
    claimed_[*best] = true;
    ++claimed_count_;
  }
  return best;
}

void HealthTracker::Round::Record(size_t endpoint, EndpointState state) {
  assert(endpoint < claimed_.size() && claimed_[endpoint]);
  const std::lock_guard guard(tracker_->mutex_);
  Endpoint& tried = tracker_->endpoints_[endpoint];
  tried.state = state;
  tried.recorded = ++tracker_->clock_;
}

}  // namespace colonnade::questdb
