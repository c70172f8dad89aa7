#include "questdb/connection_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace colonnade::questdb {
namespace {

using ::testing::ElementsAre;

ConnectionEvent At(std::string endpoint) {
  return {.kind = EventKind::kConnected, .endpoint = std::move(endpoint), .status = {}};
}

TEST(ConnectionEvents, ArriveInOrderOnAnotherThreadBeforeTheEnd) {
  std::vector<std::string> seen;
  std::thread::id thread;
  {
    ConnectionEvents events([&](const ConnectionEvent& event) {
      thread = std::this_thread::get_id();
      seen.push_back(event.endpoint);
    });
    events.Post(At("a"));
    events.Post(At("b"));
    events.Post(At("c"));
  }
  EXPECT_THAT(seen, ElementsAre("a", "b", "c"));
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(ConnectionEvents, TheOldestAreDroppedWhenTheListenerIsSlow) {
  std::latch entered(1);
  std::latch leave(1);
  std::vector<std::string> seen;
  uint64_t dropped = 0;
  {
    ConnectionEvents events([&](const ConnectionEvent& event) {
      if (seen.empty()) {
        entered.count_down();
        leave.wait();
      }
      seen.push_back(event.endpoint);
    });
    events.Post(At("first"));
    entered.wait();
    for (int i = 0; i < 70; ++i) events.Post(At(std::to_string(i)));
    dropped = events.dropped();
    leave.count_down();
  }
  EXPECT_EQ(dropped, 6u);
  ASSERT_EQ(seen.size(), 65u);
  EXPECT_EQ(seen[0], "first");
  EXPECT_EQ(seen[1], "6");
  EXPECT_EQ(seen.back(), "69");
}

TEST(ConnectionEvents, AListenerThatThrowsGetsTheNextOneToo) {
  int calls = 0;
  {
    ConnectionEvents events([&](const ConnectionEvent&) {
      ++calls;
      throw std::runtime_error("listener");
    });
    events.Post(At("a"));
    events.Post(At("b"));
  }
  EXPECT_EQ(calls, 2);
}

TEST(ConnectionEvents, AListenerMayEndThem) {
  std::latch ended(1);
  std::unique_ptr<ConnectionEvents> events;
  std::latch made(1);
  events = std::make_unique<ConnectionEvents>([&](const ConnectionEvent&) {
    made.wait();
    events.reset();
    ended.count_down();
  });
  events->Post(At("a"));
  made.count_down();
  ended.wait();
  EXPECT_EQ(events, nullptr);
}

TEST(ConnectionEvents, LostRowsAreToldEvenIfNobodyListens) {
  ::testing::internal::CaptureStderr();
  ConnectionEvents events;
  events.Post(At("quiet"));
  events.Post({.kind = EventKind::kRowsLost,
               .endpoint = "host:9000",
               .status = Cancelled("7 rows were not committed")});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "colonnade: host:9000: 7 rows were not committed\n");
}

}  // namespace
}  // namespace colonnade::questdb
