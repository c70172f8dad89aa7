#include "questdb/pool/pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace colonnade::questdb {
namespace {

using net::Deadline;
using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often a waiting borrower looks at its interrupt.
constexpr milliseconds kInterruptTick{5};

// The connections of one direction. All members are guarded by the pool's mutex.
template <typename Member>
struct Side {
  struct Free {
    std::unique_ptr<Member> member;
    Steady::time_point since;
  };
  std::shared_ptr<Connector> connector;
  int64_t min = 0;
  int64_t max = 1;
  std::deque<Free> free;  // lent from the back: those at the front grow old
  int64_t in_use = 0;     // being connected included
  int64_t closing = 0;

  int64_t total() const { return static_cast<int64_t>(free.size()) + in_use + closing; }
  PoolCounters::Side counters() const {
    return {.free = static_cast<int64_t>(free.size()), .in_use = in_use, .closing = closing};
  }
};

}  // namespace

class PoolState : public std::enable_shared_from_this<PoolState> {
 public:
  PoolState(ConnectOptions options, ConnectionEvents::Listener listener)
      : options_(std::make_shared<const ConnectOptions>(std::move(options))),
        events_(std::make_shared<ConnectionEvents>(std::move(listener))) {}

  ~PoolState() { StopReaper(); }

  Status Open(PoolDials dials) {
    COLONNADE_ASSIGN_OR_RETURN(
        senders_.connector,
        Connector::Make(options_, Direction::kIngest, events_, std::move(dials.ingest)));
    COLONNADE_ASSIGN_OR_RETURN(
        readers_.connector,
        Connector::Make(options_, Direction::kQuery, events_, std::move(dials.query)));
    senders_.min = options_->sender_pool_min;
    senders_.max = options_->sender_pool_max;
    readers_.min = options_->query_pool_min;
    readers_.max = options_->query_pool_max;
    if (!options_->lazy_connect) {
      COLONNADE_RETURN_IF_ERROR(Fill(senders_));
      COLONNADE_RETURN_IF_ERROR(Fill(readers_));
    }
    if (options_->reap_idle_automatically && options_->idle_timeout.count() > 0) {
      reaper_ = std::thread([this] { RunReaper(); });
    }
    return {};
  }

  Result<SenderLease> BorrowSender(OnDoubt on_doubt, net::Interrupt* interrupt) {
    COLONNADE_ASSIGN_OR_RETURN(auto sender, Borrow(senders_, interrupt));
    sender->BeginLease(on_doubt);
    return SenderLease(shared_from_this(), std::move(sender));
  }

  Result<ReaderLease> BorrowReader(net::Interrupt* interrupt) {
    COLONNADE_ASSIGN_OR_RETURN(auto reader, Borrow(readers_, interrupt));
    return ReaderLease(shared_from_this(), std::move(reader));
  }

  // Ends a lease. The connection is lent again if nothing is uncommitted on it.
  Status TakeBack(std::unique_ptr<Sender> sender) {
    Status committed;
    const bool had_failed = !sender->failure().ok();
    if (!had_failed) {
      if (options_->close_flush_timeout.count() > 0) {
        committed = sender->Commit(AckLevel::kOk, Deadline::After(options_->close_flush_timeout));
      } else if (sender->uncommitted_rows() > 0) {
        sender->Discard();
        committed = sender->failure();
      }
    }
    const bool is_clean =
        !had_failed && committed.ok() && sender->uncommitted_rows() == 0 && sender->IsAlive();
    GiveBack(senders_, std::move(sender), is_clean);
    return committed;
  }

  void TakeBack(std::unique_ptr<Reader> reader) {
    const bool is_clean = reader->IsAlive();
    GiveBack(readers_, std::move(reader), is_clean);
  }

  void Drop(std::unique_ptr<Sender> sender) {
    sender->Discard();
    GiveBack(senders_, std::move(sender), false);
  }
  void Drop(std::unique_ptr<Reader> reader) { GiveBack(readers_, std::move(reader), false); }

  // Tells of rows that a destructor could not commit.
  void TellLoss(const Status& status) {
    events_->Post({.kind = EventKind::kRowsLost, .endpoint = {}, .status = status});
  }

  void ReapIdle() {
    const Steady::time_point oldest = Steady::now() - options_->idle_timeout;
    Reap(senders_, oldest);
    Reap(readers_, oldest);
  }

  Status Close() {
    StopReaper();
    const Steady::time_point deadline =
        Steady::now() + std::max(options_->close_flush_timeout, milliseconds(0));
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    auto senders = std::exchange(senders_.free, {});
    auto readers = std::exchange(readers_.free, {});
    lock.unlock();
    senders.clear();
    readers.clear();
    lock.lock();
    const auto all_back = [&] { return senders_.total() == 0 && readers_.total() == 0; };
    if (changed_.wait_until(lock, deadline, all_back)) return {};
    return Status(StatusCode::kTimeout,
                  internal::Concat("the pool is closed, but ", senders_.in_use, " senders and ",
                                   readers_.in_use, " readers have not been returned"),
                  Recovery::kRetry);
  }

  PoolCounters counters() const {
    const std::lock_guard lock(mutex_);
    return {.senders = senders_.counters(), .readers = readers_.counters()};
  }
  const ConnectOptions& options() const { return *options_; }

 private:
  template <typename Member>
  Status Fill(Side<Member>& side) {
    for (int64_t i = 0; i < side.min; ++i) {
      auto member = std::make_unique<Member>(side.connector);
      COLONNADE_RETURN_IF_ERROR(member->Connect(Deadline::Never()));
      side.free.push_back({std::move(member), Steady::now()});
    }
    return {};
  }

  // A connected member that counts as in use.
  template <typename Member>
  Result<std::unique_ptr<Member>> Borrow(Side<Member>& side, net::Interrupt* interrupt) {
    const Deadline deadline = Deadline::After(options_->acquire_timeout);
    std::unique_ptr<Member> member;
    {
      std::unique_lock lock(mutex_);
      while (true) {
        if (closed_) return InvalidState("the pool is closed");
        if (!side.free.empty() || side.total() < side.max) break;
        if (interrupt != nullptr && interrupt->is_set()) return Cancelled("interrupted");
        if (deadline.expired()) {
          return Status(StatusCode::kLimitExceeded,
                        internal::Concat("all ", side.max, " connections of the pool are in use"),
                        Recovery::kRetry);
        }
        const Deadline tick = interrupt != nullptr
                                  ? Deadline::Earlier(deadline, Deadline::After(kInterruptTick))
                                  : deadline;
        if (tick.never()) {
          changed_.wait(lock);
        } else {
          changed_.wait_until(lock, tick.moment());
        }
      }
      if (!side.free.empty()) {
        member = std::move(side.free.back().member);
        side.free.pop_back();
      }
      ++side.in_use;
    }
    // From here on the slot is ours, and no lock is held.
    if (member != nullptr && !member->IsAlive()) member.reset();
    if (member != nullptr) return member;
    member = std::make_unique<Member>(side.connector);
    Status connected = member->Connect(Deadline::Never());
    if (connected.ok()) return member;
    member.reset();
    const std::lock_guard lock(mutex_);
    --side.in_use;
    changed_.notify_all();
    return connected;
  }

  template <typename Member>
  void GiveBack(Side<Member>& side, std::unique_ptr<Member> member, bool is_clean) {
    {
      const std::lock_guard lock(mutex_);
      --side.in_use;
      if (is_clean && !closed_) {
        side.free.push_back({std::move(member), Steady::now()});
        changed_.notify_all();
        return;
      }
      ++side.closing;
    }
    member.reset();
    const std::lock_guard lock(mutex_);
    --side.closing;
    changed_.notify_all();
  }

  template <typename Member>
  void Reap(Side<Member>& side, Steady::time_point oldest) {
    std::vector<std::unique_ptr<Member>> old;
    {
      const std::lock_guard lock(mutex_);
      while (!side.free.empty() && side.total() > side.min && side.free.front().since < oldest) {
        old.push_back(std::move(side.free.front().member));
        side.free.pop_front();
        ++side.closing;
      }
    }
    const auto count = static_cast<int64_t>(old.size());
    old.clear();
    const std::lock_guard lock(mutex_);
    side.closing -= count;
    if (count > 0) changed_.notify_all();
  }

  void RunReaper() {
    const auto tick = std::max(milliseconds(5'000), options_->idle_timeout / 12);
    std::unique_lock lock(mutex_);
    while (!reaper_stops_) {
      if (reaper_wakes_.wait_for(lock, tick, [this] { return reaper_stops_; })) return;
      lock.unlock();
      ReapIdle();
      lock.lock();
    }
  }

  void StopReaper() {
    {
      const std::lock_guard lock(mutex_);
      reaper_stops_ = true;
    }
    reaper_wakes_.notify_all();
    const std::lock_guard lock(reaper_mutex_);
    if (!reaper_.joinable()) return;
    if (reaper_.get_id() == std::this_thread::get_id()) {
      reaper_.detach();
    } else {
      reaper_.join();
    }
  }

  const std::shared_ptr<const ConnectOptions> options_;
  const std::shared_ptr<ConnectionEvents> events_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Side<Sender> senders_;
  Side<Reader> readers_;
  bool closed_ = false;
  std::condition_variable reaper_wakes_;
  bool reaper_stops_ = false;
  std::mutex reaper_mutex_;  // of joining it
  std::thread reaper_;
};

SenderLease::SenderLease(std::shared_ptr<PoolState> pool, std::unique_ptr<Sender> sender)
    : pool_(std::move(pool)), sender_(std::move(sender)) {}

SenderLease::~SenderLease() {
  if (sender_ == nullptr) return;
  const std::shared_ptr<PoolState> pool = pool_;
  const Status committed = Return();
  if (!committed.ok()) pool->TellLoss(committed);
}

SenderLease& SenderLease::operator=(SenderLease&& other) noexcept {
  SenderLease old(std::exchange(pool_, std::move(other.pool_)),
                  std::exchange(sender_, std::move(other.sender_)));
  return *this;
}

Status SenderLease::Return() {
  if (sender_ == nullptr) return {};
  const std::shared_ptr<PoolState> pool = std::move(pool_);
  return pool->TakeBack(std::move(sender_));
}

void SenderLease::Drop() {
  if (sender_ == nullptr) return;
  const std::shared_ptr<PoolState> pool = std::move(pool_);
  pool->Drop(std::move(sender_));
}

ReaderLease::ReaderLease(std::shared_ptr<PoolState> pool, std::unique_ptr<Reader> reader)
    : pool_(std::move(pool)), reader_(std::move(reader)) {}

ReaderLease::~ReaderLease() { Return(); }

ReaderLease& ReaderLease::operator=(ReaderLease&& other) noexcept {
  ReaderLease old(std::exchange(pool_, std::move(other.pool_)),
                  std::exchange(reader_, std::move(other.reader_)));
  return *this;
}

void ReaderLease::Return() {
  if (reader_ == nullptr) return;
  const std::shared_ptr<PoolState> pool = std::move(pool_);
  pool->TakeBack(std::move(reader_));
}

void ReaderLease::Drop() {
  if (reader_ == nullptr) return;
  const std::shared_ptr<PoolState> pool = std::move(pool_);
  pool->Drop(std::move(reader_));
}

Result<Pool> Pool::Open(ConnectOptions options, ConnectionEvents::Listener listener,
                        PoolDials dials) {
  auto state = std::make_shared<PoolState>(std::move(options), std::move(listener));
  COLONNADE_RETURN_IF_ERROR(state->Open(std::move(dials)));
  return Pool(std::move(state));
}

Pool::~Pool() {
  if (state_ != nullptr) static_cast<void>(state_->Close());
}

Pool& Pool::operator=(Pool&& other) noexcept {
  if (this != &other) {
    if (state_ != nullptr) static_cast<void>(state_->Close());
    state_ = std::move(other.state_);
  }
  return *this;
}

Result<SenderLease> Pool::BorrowSender(OnDoubt on_doubt, net::Interrupt* interrupt) {
  return state_->BorrowSender(on_doubt, interrupt);
}

Result<ReaderLease> Pool::BorrowReader(net::Interrupt* interrupt) {
  return state_->BorrowReader(interrupt);
}

void Pool::ReapIdle() { state_->ReapIdle(); }
Status Pool::Close() { return state_->Close(); }
PoolCounters Pool::counters() const { return state_->counters(); }
const ConnectOptions& Pool::options() const { return state_->options(); }

}  // namespace colonnade::questdb
