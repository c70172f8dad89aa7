#include "questdb/connection_events.h"

#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <sstream>
#include <utility>

namespace colonnade::questdb {
namespace {

constexpr size_t kCapacity = 64;

}  // namespace

struct ConnectionEvents::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<ConnectionEvent> queue;
  Listener listener;
  uint64_t delivered = 0;
  uint64_t dropped = 0;
  bool ending = false;

  void Run() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      const ConnectionEvent event = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      try {
        listener(event);
      } catch (...) {  // a listener's failure is not the connection's
      }
      lock.lock();
      ++delivered;
    }
  }
};

ConnectionEvents::ConnectionEvents(Listener listener) : state_(std::make_shared<State>()) {
  if (listener == nullptr) return;
  state_->listener = std::move(listener);
  thread_ = std::thread([state = state_] { state->Run(); });
}

ConnectionEvents::~ConnectionEvents() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->wake.notify_all();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void ConnectionEvents::Post(ConnectionEvent event) {
  if (state_->listener == nullptr) {
    if (event.kind != EventKind::kRowsLost) return;
    // In one piece, so that threads do not write into each other's lines.
    std::ostringstream line;
    line << "colonnade: " << event.endpoint << (event.endpoint.empty() ? "" : ": ")
         << event.status.message() << "\n";
    std::cerr << line.str() << std::flush;
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->queue.size() == kCapacity) {
      state_->queue.pop_front();
      ++state_->dropped;
    }
    state_->queue.push_back(std::move(event));
  }
  state_->wake.notify_one();
}

uint64_t ConnectionEvents::delivered() const {
  const std::lock_guard lock(state_->mutex);
  return state_->delivered;
}

uint64_t ConnectionEvents::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

}  // namespace colonnade::questdb
