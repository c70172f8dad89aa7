#include "questdb/health_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/random.h"

namespace colonnade::questdb {
namespace {

using ::testing::ElementsAre;

constexpr EndpointState kStates[] = {
    EndpointState::kHealthy,         EndpointState::kUnknown,
    EndpointState::kTransientReject, EndpointState::kFailedThisRound,
    EndpointState::kTransportError,  EndpointState::kRoleRejected,
    EndpointState::kTopologyReject};

// The order of the protocol's documentation, written down instead of computed.
int DocumentedPlace(EndpointState state) {
  static const std::map<EndpointState, int> kPlaces = {
      {EndpointState::kHealthy, 1},         {EndpointState::kUnknown, 2},
      {EndpointState::kTransientReject, 3}, {EndpointState::kFailedThisRound, 4},
      {EndpointState::kTransportError, 4},  {EndpointState::kRoleRejected, 5},
      {EndpointState::kTopologyReject, 5}};
  return kPlaces.at(state);
}

std::vector<size_t> ClaimAll(HealthTracker::Round& round) {
  std::vector<size_t> claimed;
  while (const auto endpoint = round.Claim()) claimed.push_back(*endpoint);
  return claimed;
}

// Brings every endpoint into a state. The round is handed out because its end would let the next
// one forget.
HealthTracker::Round SetStates(HealthTracker& tracker, const std::vector<EndpointState>& states) {
  HealthTracker::Round round = tracker.BeginRound();
  ClaimAll(round);
  for (size_t i = 0; i < states.size(); ++i) round.Record(i, states[i]);
  return round;
}

TEST(HealthTracker, BeginsInTheOrderOfTheList) {
  HealthTracker tracker(4);
  auto round = tracker.BeginRound();
  EXPECT_THAT(ClaimAll(round), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(round.claimed(), 4u);
  EXPECT_EQ(round.Claim(), std::nullopt);
}

TEST(HealthTracker, PrefersTheEndpointThatWasHealthyLast) {
  HealthTracker tracker(3);
  {
    auto round = tracker.BeginRound();
    EXPECT_EQ(round.Claim(), 0u);
    round.Record(0, EndpointState::kTransportError);
    EXPECT_EQ(round.Claim(), 1u);
    round.Record(1, EndpointState::kRoleRejected);
    EXPECT_EQ(round.Claim(), 2u);
    round.Record(2, EndpointState::kHealthy);
  }
  auto round = tracker.BeginRound();
  EXPECT_EQ(tracker.state(0), EndpointState::kUnknown);
  EXPECT_EQ(tracker.state(1), EndpointState::kUnknown);
  EXPECT_EQ(tracker.state(2), EndpointState::kHealthy);
  EXPECT_THAT(ClaimAll(round), ElementsAre(2, 0, 1));
}

TEST(HealthTracker, KeepsOnlyTheMostRecentOfSeveralHealthyEndpoints) {
  HealthTracker tracker(3);
  {
    auto round = tracker.BeginRound();
    ClaimAll(round);
    round.Record(2, EndpointState::kHealthy);
    round.Record(1, EndpointState::kHealthy);
  }
  auto round = tracker.BeginRound();
  EXPECT_EQ(tracker.state(1), EndpointState::kHealthy);
  EXPECT_EQ(tracker.state(2), EndpointState::kUnknown);
  EXPECT_THAT(ClaimAll(round), ElementsAre(1, 0, 2));
}

TEST(HealthTracker, DemotesAHealthyEndpointWhoseConnectionBroke) {
  HealthTracker tracker(2);
  SetStates(tracker, {EndpointState::kUnknown, EndpointState::kHealthy});
  tracker.RecordBrokenConnection(1);
  EXPECT_EQ(tracker.state(1), EndpointState::kTransportError);
  auto round = tracker.BeginRound();
  EXPECT_THAT(ClaimAll(round), ElementsAre(0, 1));
}

TEST(HealthTracker, LeavesWhatIsKnownOfAnEndpointThatWasNotHealthy) {
  HealthTracker tracker(1);
  for (const EndpointState state : kStates) {
    const auto round = SetStates(tracker, {state});
    tracker.RecordBrokenConnection(0);
    EXPECT_EQ(tracker.state(0),
              state == EndpointState::kHealthy ? EndpointState::kTransportError : state);
  }
}

TEST(HealthTracker, SharesWhatARoundFindsOutWithThoseThatBeginMeanwhile) {
  HealthTracker tracker(3);
  auto first = tracker.BeginRound();
  EXPECT_EQ(first.Claim(), 0u);
  first.Record(0, EndpointState::kTransportError);
  {
    auto second = tracker.BeginRound();
    EXPECT_EQ(second.Claim(), 1u);
    second.Record(1, EndpointState::kRoleRejected);
    EXPECT_EQ(second.Claim(), 2u);
    EXPECT_EQ(second.Claim(), 0u);
  }
  // The first has had 0; what the second found out about 1 puts it last.
  EXPECT_THAT(ClaimAll(first), ElementsAre(2, 1));
}

TEST(HealthTracker, ForgetsWhatNoRoundUnderWayCanHaveSeen) {
  HealthTracker tracker(2);
  SetStates(tracker, {EndpointState::kTransportError, EndpointState::kTransportError});
  auto round = tracker.BeginRound();
  EXPECT_EQ(tracker.state(0), EndpointState::kUnknown);
  EXPECT_EQ(tracker.state(1), EndpointState::kUnknown);
}

TEST(HealthTracker, ARoundThatWasMovedEndsOnce) {
  HealthTracker tracker(1);
  auto held = std::make_unique<HealthTracker::Round>(tracker.BeginRound());
  auto moved = std::make_unique<HealthTracker::Round>(std::move(*held));
  held.reset();
  EXPECT_EQ(moved->Claim(), 0u);
  moved->Record(0, EndpointState::kRoleRejected);
  {
    const auto other = tracker.BeginRound();  // the moved one is under way still
    EXPECT_EQ(tracker.state(0), EndpointState::kRoleRejected);
  }
  moved.reset();
  const auto last = tracker.BeginRound();
  EXPECT_EQ(tracker.state(0), EndpointState::kUnknown);
}

TEST(HealthTracker, PutsZonesBehindStatesAndBeforeTheList) {
  HealthTracker tracker(4, "EU-west");
  tracker.RecordZone(0, "us");
  tracker.RecordZone(2, "eu-WEST");
  tracker.RecordZone(3, "eu-west");
  auto round = SetStates(tracker, {EndpointState::kHealthy, EndpointState::kUnknown,
                                   EndpointState::kUnknown, EndpointState::kTransportError});
  auto next = tracker.BeginRound();
  EXPECT_THAT(ClaimAll(next), ElementsAre(0, 2, 1, 3));
}

TEST(HealthTracker, ComparesZonesWithoutCase) {
  EXPECT_EQ(ZoneTierOf("a", "A"), ZoneTier::kSame);
  EXPECT_EQ(ZoneTierOf("a", "ab"), ZoneTier::kOther);
  EXPECT_EQ(ZoneTierOf("ab", "a"), ZoneTier::kOther);
  EXPECT_EQ(ZoneTierOf("a", std::nullopt), ZoneTier::kUnknown);
  EXPECT_EQ(ZoneTierOf("a", ""), ZoneTier::kUnknown);
  EXPECT_EQ(ZoneTierOf("", "a"), ZoneTier::kSame);
  EXPECT_EQ(ZoneTierOf("", std::nullopt), ZoneTier::kSame);
}

// Every combination of state, zone and what was claimed before, of three endpoints.
TEST(HealthTrackerProperty, ClaimsInTheDocumentedOrderFromEveryPossibleState) {
  constexpr size_t kCount = 3;
  constexpr const char* kZones[] = {"here", "", "elsewhere"};
  int combinations = 0;
  for (size_t code = 0; code < 7 * 7 * 7; ++code) {
    const std::vector<EndpointState> states = {kStates[code % 7], kStates[code / 7 % 7],
                                               kStates[code / 49]};
    for (size_t zone_code = 0; zone_code < 27; ++zone_code) {
      const std::array<size_t, kCount> zones = {zone_code % 3, zone_code / 3 % 3, zone_code / 9};
      for (const bool has_zone : {false, true}) {
        HealthTracker tracker(kCount, has_zone ? "here" : "");
        for (size_t i = 0; i < kCount; ++i) tracker.RecordZone(i, kZones[zones[i]]);
        for (size_t taken = 0; taken < 8; ++taken) {
          // An older round that is under way, so that the next one does not forget; and one that
          // claims what must not be claimed again while the states are such that it gets just
          // those.
          std::vector<EndpointState> bait(kCount, EndpointState::kRoleRejected);
          for (size_t i = 0; i < kCount; ++i) {
            if ((taken >> i & 1) != 0) bait[i] = EndpointState::kHealthy;
          }
          auto older = SetStates(tracker, bait);
          auto round = tracker.BeginRound();
          std::vector<size_t> left;
          for (size_t i = 0; i < kCount; ++i) {
            if ((taken >> i & 1) != 0) {
              ASSERT_TRUE(round.Claim());
            } else {
              left.push_back(i);
            }
          }
          for (size_t i = 0; i < kCount; ++i) older.Record(i, states[i]);
          // The slow answer: of all orders of what is left, the one in which no neighbours are
          // wrong.
          const auto wrong = [&](size_t a, size_t b) {
            const int place_a = DocumentedPlace(states[a]);
            const int place_b = DocumentedPlace(states[b]);
            if (place_a != place_b) return place_a > place_b;
            if (has_zone && zones[a] != zones[b]) return zones[a] > zones[b];
            return a > b;
          };
          std::vector<size_t> expected = left;
          do {
            bool right = true;
            for (size_t i = 1; i < expected.size(); ++i) {
              for (size_t k = 0; k < i; ++k) right = right && !wrong(expected[k], expected[i]);
            }
            if (right) break;
          } while (std::next_permutation(expected.begin(), expected.end()));
          ASSERT_EQ(ClaimAll(round), expected)
              << "states " << code << " zones " << zone_code << " taken " << taken;
          ++combinations;
        }
      }
    }
  }
  EXPECT_EQ(combinations, 343 * 27 * 2 * 8);
}

// The plain oracle: the whole history, replayed for every question.
class History {
 public:
  explicit History(size_t count) : count_(count) {}

  int Begin() {
    events_.push_back({Kind::kBegin, rounds_++, 0, {}});
    return rounds_ - 1;
  }
  void End(int round) { events_.push_back({Kind::kEnd, round, 0, {}}); }
  void Record(size_t endpoint, EndpointState state) {
    events_.push_back({Kind::kRecord, 0, endpoint, state});
  }
  void Break(size_t endpoint) {
    if (States()[endpoint] == EndpointState::kHealthy) {
      Record(endpoint, EndpointState::kTransportError);
    }
  }
  std::vector<EndpointState> States() const {
    std::vector<EndpointState> states(count_, EndpointState::kUnknown);
    std::vector<size_t> when(count_, 0);
    std::map<int, size_t> under_way;
    for (size_t now = 0; now < events_.size(); ++now) {
      const Event& event = events_[now];
      if (event.kind == Kind::kRecord)
        states[event.endpoint] = event.state, when[event.endpoint] = now;
      if (event.kind == Kind::kEnd) under_way.erase(event.round);
      if (event.kind != Kind::kBegin) continue;
      under_way[event.round] = now;
      size_t oldest = now;
      for (const auto& [round, begun] : under_way) oldest = std::min(oldest, begun);
      size_t favourite = count_;
      for (size_t i = 0; i < count_; ++i) {
        if (states[i] == EndpointState::kHealthy &&
            (favourite == count_ || when[i] > when[favourite])) {
          favourite = i;
        }
      }
      for (size_t i = 0; i < count_; ++i) {
        if (i != favourite && when[i] < oldest) states[i] = EndpointState::kUnknown;
      }
    }
    return states;
  }

 private:
  enum class Kind { kBegin, kEnd, kRecord };
  struct Event {
    Kind kind;
    int round;
    size_t endpoint;
    EndpointState state;
  };
  size_t count_;
  int rounds_ = 0;
  std::vector<Event> events_;
};

TEST(HealthTrackerProperty, AgreesWithItsHistoryReplayed) {
  SeededRandom random;
  for (int run = 0; run < 150; ++run) {
    const auto count = static_cast<size_t>(random.Uniform(1, 5));
    HealthTracker tracker(count);
    History history(count);
    struct Walk {
      int number;
      HealthTracker::Round round;
      std::vector<size_t> claimed;
    };
    std::vector<std::unique_ptr<Walk>> walks;
    for (int step = 0; step < 60; ++step) {
      const int64_t action = random.Uniform(0, 9);
      if (walks.empty() || (action < 2 && walks.size() < 4)) {
        const int number = history.Begin();
        walks.push_back(std::make_unique<Walk>(Walk{number, tracker.BeginRound(), {}}));
      } else if (action < 3) {
        const auto at = walks.begin() + random.Uniform(0, walks.size() - 1);
        history.End((*at)->number);
        walks.erase(at);
      } else if (action < 4) {
        const auto endpoint = static_cast<size_t>(random.Uniform(0, count - 1));
        history.Break(endpoint);
        tracker.RecordBrokenConnection(endpoint);
      } else {
        Walk& walk = *walks[random.Uniform(0, walks.size() - 1)];
        const std::vector<EndpointState> states = history.States();
        std::optional<size_t> expected;
        for (size_t i = 0; i < count; ++i) {
          if (std::find(walk.claimed.begin(), walk.claimed.end(), i) != walk.claimed.end())
            continue;
          if (!expected || DocumentedPlace(states[i]) < DocumentedPlace(states[*expected]))
            expected = i;
        }
        const std::optional<size_t> claimed = walk.round.Claim();
        ASSERT_EQ(claimed, expected);
        if (!claimed) continue;
        walk.claimed.push_back(*claimed);
        if (random.Chance(0.9)) {
          const EndpointState state = kStates[random.Uniform(0, 6)];
          walk.round.Record(*claimed, state);
          history.Record(*claimed, state);
        }
      }
      const std::vector<EndpointState> states = history.States();
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(tracker.state(i), states[i]) << i;
    }
  }
}

TEST(HealthTracker, ThreadsWalkItTogether) {
  constexpr size_t kEndpoints = 5;
  constexpr int kThreads = 4;
  constexpr int kRounds = 400;
  HealthTracker tracker(kEndpoints, "here");
  std::atomic<int> complete = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int n = 0; n < kRounds; ++n) {
        auto round = tracker.BeginRound();
        std::vector<bool> seen(kEndpoints, false);
        bool once = true;
        for (size_t i = 0; const auto endpoint = round.Claim(); ++i) {
          once = once && !seen[*endpoint];
          seen[*endpoint] = true;
          round.Record(*endpoint, kStates[(i + n + thread) % 7]);
          tracker.RecordZone(*endpoint, n % 2 == 0 ? "here" : "there");
          tracker.RecordBrokenConnection((*endpoint + n) % kEndpoints);
        }
        if (once && round.claimed() == kEndpoints) ++complete;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Whatever the others do, each round has each endpoint exactly once.
  EXPECT_EQ(complete, kThreads * kRounds);
  const auto round = tracker.BeginRound();
  int healthy = 0;
  for (size_t i = 0; i < kEndpoints; ++i) {
    if (tracker.state(i) == EndpointState::kHealthy) {
      ++healthy;
    } else {
      EXPECT_EQ(tracker.state(i), EndpointState::kUnknown);  // no round is left that remembers
    }
  }
  EXPECT_LE(healthy, 1);
}

}  // namespace
}  // namespace colonnade::questdb
