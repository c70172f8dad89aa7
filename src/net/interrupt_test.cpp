#include "net/interrupt.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

bool IsReadable(const Interrupt& interrupt) {
  pollfd watched = {interrupt.descriptor(), POLLIN, 0};
  return poll(&watched, 1, 0) == 1;
}

TEST(Interrupt, IsReadableWhileItIsSet) {
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  EXPECT_FALSE(interrupt->is_set());
  EXPECT_FALSE(IsReadable(*interrupt));
  interrupt->Set();
  interrupt->Set();
  EXPECT_TRUE(interrupt->is_set());
  EXPECT_TRUE(IsReadable(*interrupt));
  interrupt->Clear();
  interrupt->Clear();
  EXPECT_FALSE(interrupt->is_set());
  EXPECT_FALSE(IsReadable(*interrupt));
  interrupt->Set();
  EXPECT_TRUE(IsReadable(*interrupt));
}

TEST(Interrupt, FlagAndDescriptorAgreeAfterThreadsHaveSetAndCleared) {
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2'000; ++i) {
        if ((i + t) % 2 == 0) interrupt->Set();
        if ((i + t) % 2 != 0) interrupt->Clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(interrupt->is_set(), IsReadable(*interrupt));
}

}  // namespace
}  // namespace colonnade::net
