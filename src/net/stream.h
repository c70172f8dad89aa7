// Stream: a two-way flow of bytes to one peer, transferred without blocking, waited for in one
// place.
//
// Transfers never block because whoever sends must be able to receive at the same time: a peer that
// is stuck in a write reads nothing. The one wait can be ended from another thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/buffer.h"
#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"

namespace colonnade::net {

/// What one attempt moved. No bytes and no end: it would block.
struct Transfer {
  size_t bytes = 0;
  bool end = false;  // of a read: the peer has sent its last byte
};

enum class Interest : uint8_t { kRead = 1, kWrite = 2, kReadWrite = 3 };

constexpr bool Includes(Interest interest, Interest part) {
  return (static_cast<uint8_t>(interest) & static_cast<uint8_t>(part)) != 0;
}

struct Readiness {
  bool readable = false;
  bool writable = false;
};

/// One connection. Destruction closes it. Not thread-safe: one thread at a time uses a stream, and
/// another ends its waits through an Interrupt.
///
/// Failures of the connection are Unavailable with Recovery::kReconnect; messages begin with
/// peer().
class Stream {
 public:
  Stream() = default;
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Reads what is there, at most `target.size()` bytes. An empty target reads nothing and never
  /// reports the end.
  ///
  /// \error Unavailable if the connection broke; ProtocolError if what arrived is not of the
  ///     stream's protocol.
  virtual Result<Transfer> TryRead(MutableBytes target) = 0;

  /// Writes a prefix of the pieces' bytes. What was offered once and not taken must be what the
  /// next call begins with: a layer below may have encrypted it already.
  ///
  /// \error Unavailable if the connection broke.
  virtual Result<Transfer> TryWrite(std::span<const Bytes> pieces) = 0;

  /// Waits until an attempt of the kind may make progress; a broken connection counts as ready, and
  /// the attempt then says why. Readiness may be reported where the attempt then would block.
  ///
  /// \error Cancelled if `interrupt`, which may be null, is set, now or while waiting; Timeout at
  ///     the deadline. The stream remains usable after both.
  virtual Result<Readiness> Wait(Interest interest, Deadline deadline, Interrupt* interrupt) = 0;

  /// Says that nothing more will be written, as far as that can be said without waiting.
  virtual void ShutdownWrite() noexcept = 0;

  /// Makes the end of the connection a failure for the peer: what was not sent yet is thrown away,
  /// and destruction tells that the connection is broken, if the stream knows such a thing.
  virtual void ResetOnClose() noexcept {}

  /// The other end as people write it: "host:port".
  virtual const std::string& peer() const = 0;
};

/// Waits for bytes and reads what is there, at least one unless the peer has ended.
///
/// \error as Stream::Wait and Stream::TryRead.
Result<Transfer> Read(Stream& stream, MutableBytes target, Deadline deadline,
                      Interrupt* interrupt = nullptr);

/// Fills `target`.
///
/// \error Unavailable if the peer ends before that; the message has the bytes received and wanted.
///     After any failure an unknown part of `target` has been read.
Status ReadExactly(Stream& stream, MutableBytes target, Deadline deadline,
                   Interrupt* interrupt = nullptr);

/// Writes all pieces. After a failure a part may have been written, and the stream can no longer be
/// written to. \pre at most 64 pieces
Status Write(Stream& stream, std::span<const Bytes> pieces, Deadline deadline,
             Interrupt* interrupt = nullptr);
Status Write(Stream& stream, Bytes bytes, Deadline deadline, Interrupt* interrupt = nullptr);

/// "host:port", "[::1]:port".
std::string HostPort(std::string_view host, uint16_t port);

/// Unavailable, Recovery::kReconnect: "<context>: <text>".
Status ConnectionLost(std::string_view context, std::string_view text);
/// The same with the system's text of an errno.
Status ConnectionLost(std::string_view context, int error);

}  // namespace colonnade::net
