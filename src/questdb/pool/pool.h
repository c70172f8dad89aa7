// Pool: senders and readers of one connect string, lent out and taken back.

#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/status.h"
#include "net/interrupt.h"
#include "questdb/connect_options.h"
#include "questdb/connection_events.h"
#include "questdb/connector.h"
#include "questdb/reader/reader.h"
#include "questdb/sender/sender.h"

namespace colonnade::questdb {

struct PoolCounters {
  struct Side {
    int64_t free = 0;     // waiting to be lent
    int64_t in_use = 0;   // lent
    int64_t closing = 0;  // taken back, on their way out
    bool operator==(const Side&) const = default;
  };
  Side senders;
  Side readers;
  bool operator==(const PoolCounters&) const = default;
};

/// How a pool reaches the network. Tests replace it.
struct PoolDials {
  Connector::Dial ingest;
  Connector::Dial query;
};

class PoolState;

/// The right to use a sender. Move-only; the pool's connections live on while one is held, also
/// when the Pool is gone. Used from one thread at a time.
class SenderLease {
 public:
  SenderLease() = default;
  /// As Return; if rows could not be committed, ConnectionEvents tells (kRowsLost).
  ~SenderLease();
  SenderLease(SenderLease&& other) noexcept = default;
  SenderLease& operator=(SenderLease&& other) noexcept;

  explicit operator bool() const { return sender_ != nullptr; }
  Sender* operator->() const { return sender_.get(); }
  Sender& operator*() const { return *sender_; }

  /// Commits what was flushed and is not committed, within close_flush_timeout_millis, and gives
  /// the sender back. The lease is then empty. Its connection is lent again only if nothing is
  /// uncommitted on it.
  ///
  /// \error what Commit says: the rows are not committed, or in doubt. OK if the sender had failed
  ///     before, which its caller was told.
  Status Return();
  /// Closes the connection; what is not committed is given up.
  void Drop();

 private:
  friend class PoolState;
  SenderLease(std::shared_ptr<PoolState> pool, std::unique_ptr<Sender> sender);
  std::shared_ptr<PoolState> pool_;
  std::unique_ptr<Sender> sender_;
};

/// The right to use a reader. As SenderLease; a reader in the middle of a result is closed.
class ReaderLease {
 public:
  ReaderLease() = default;
  ~ReaderLease();
  ReaderLease(ReaderLease&& other) noexcept = default;
  ReaderLease& operator=(ReaderLease&& other) noexcept;

  explicit operator bool() const { return reader_ != nullptr; }
  Reader* operator->() const { return reader_.get(); }
  Reader& operator*() const { return *reader_; }
  void Return();
  void Drop();

 private:
  friend class PoolState;
  ReaderLease(std::shared_ptr<PoolState> pool, std::unique_ptr<Reader> reader);
  std::shared_ptr<PoolState> pool_;
  std::unique_ptr<Reader> reader_;
};

/// Thread-safe. No lock is held while anything is connected, sent, received or closed.
class Pool {
 public:
  /// Opens the minima of both sides, unless `lazy_connect`.
  /// \error what Connector::Connect says
  static Result<Pool> Open(ConnectOptions options, ConnectionEvents::Listener listener = nullptr,
                           PoolDials dials = {});
  /// As Close.
  ~Pool();
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&&) noexcept;

  /// A free sender, else a new one, else the next that comes back within acquire_timeout_ms. One
  /// whose connection died while it was free is connected again.
  ///
  /// \error LimitExceeded (kRetry) if all stay in use; InvalidState after Close; Cancelled
  Result<SenderLease> BorrowSender(OnDoubt on_doubt = OnDoubt::kStop,
                                   net::Interrupt* interrupt = nullptr);
  Result<ReaderLease> BorrowReader(net::Interrupt* interrupt = nullptr);

  /// Closes connections above the minima that were free for longer than idle_timeout_ms. With
  /// pool_reap=auto that happens by itself too.
  void ReapIdle();

  /// Refuses new leases, waits for those that are out, and closes everything, all within
  /// close_flush_timeout_millis. Idempotent.
  ///
  /// \error Timeout if leases are still out; they can be returned, and are closed then
  Status Close();

  PoolCounters counters() const;
  const ConnectOptions& options() const;

 private:
  explicit Pool(std::shared_ptr<PoolState> state) : state_(std::move(state)) {}
  std::shared_ptr<PoolState> state_;
};

}  // namespace colonnade::questdb
