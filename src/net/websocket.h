// WebSocket: messages over a stream that has been upgraded (RFC 6455), both roles.
//
// Binary messages of one frame each: fragments and text are refused, as the protocols carried here
// demand. While it sends, it receives: a peer that is stuck in its own write would never read.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "net/deadline.h"
#include "net/interrupt.h"
#include "net/message.h"
#include "net/message_buffer.h"
#include "net/random_bytes.h"
#include "net/stream.h"
#include "net/websocket_frame.h"

namespace colonnade::net {

struct WebSocketOptions {
  Role role = Role::kClient;
  /// The longest message that is received.
  size_t max_message_bytes = 16 << 20;
  /// What is received while sending waits for room and nobody takes it; beyond that only the peer's
  /// patience helps. One message more than this may be held.
  size_t max_queued_bytes = 64 << 20;
  size_t max_queued_messages = 4096;
  /// Counts received messages; must outlive them.
  MemoryBudget* budget = &UnlimitedMemory();
};

/// One connection. Destruction drops it without a word; Close says goodbye. Not thread-safe: one
/// thread at a time, ended by another through an Interrupt.
///
/// A failure of the connection is final and comes back from every later call; messages that arrived
/// before it are still delivered first. Timeout and Cancelled of a receive are not failures: the
/// call may be repeated.
class WebSocket {
 public:
  /// `leftover`: bytes that arrived behind the handshake.
  WebSocket(std::unique_ptr<Stream> stream, const WebSocketOptions& options,
            std::vector<std::byte> leftover = {});
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  const std::string& peer() const { return stream_->peer(); }

  /// A fresh key for MessageBuffer::Begin, never zero; in a server's role zero, which masks
  /// nothing.
  MaskKey NextMaskKey();

  /// Sends the buffer as one binary message, header and payload in one write. The payload stays as
  /// it is. Messages that arrive meanwhile are queued for Receive.
  ///
  /// \error Unavailable if the connection broke or the peer closed it, Timeout, Cancelled: final,
  ///     see failure(), unless the interrupt was set before anything was tried; InvalidState if the
  ///     mask is not the role's, which is not final.
  Status Send(MessageBuffer& message, Deadline deadline, Interrupt* interrupt = nullptr);
  /// Several messages, in one write if the stream takes them. \pre at most 32, all different
  Status Send(std::span<MessageBuffer* const> messages, Deadline deadline,
              Interrupt* interrupt = nullptr);
  /// Whether any byte of what the last Send or Ping was given may have left. If not, the peer has
  /// certainly seen nothing of it.
  bool send_started() const { return send_started_; }

  /// The next message if one is there; nothing otherwise. Also answers Pings. Never waits.
  ///
  /// \error Unavailable, ProtocolError, LimitExceeded: final, after all messages before it.
  Result<std::optional<Message>> TryReceive();
  /// Waits for the next message. \error as TryReceive; Timeout, Cancelled.
  Result<Message> Receive(Deadline deadline, Interrupt* interrupt = nullptr);

  /// \pre `payload` is at most kMaxControlPayload bytes
  Status Ping(Bytes payload, Deadline deadline, Interrupt* interrupt = nullptr);
  /// Pongs that have arrived.
  uint64_t pongs() const { return pongs_; }
  /// Pings that have arrived; each has been answered, or will be.
  uint64_t pings() const { return pings_; }

  /// Says goodbye: sends a Close, waits for the peer's until the deadline, throws away what else
  /// arrives, and ends the connection. Where the peer closed first, sees its answer out. True if
  /// the peer has said goodbye too.
  bool Close(const CloseReason& reason, Deadline deadline);

  /// What the peer's Close said, if it sent one.
  const std::optional<CloseReason>& peer_close() const { return peer_close_; }
  /// OK while the connection works.
  const Status& failure() const { return failure_; }

 private:
  struct Outgoing;

  Status SendFrames(std::span<const Bytes> frames, Deadline deadline, Interrupt* interrupt);
  Status BrokenWrite();
  std::vector<std::byte> EncodeControl(Opcode opcode, Bytes payload);
  void QueueControl(Opcode opcode, Bytes payload);
  void QueueClose(const CloseReason& reason);
  void TryFlushControl();

  void Drain();
  bool Pump();
  void TakeStaged();
  Status BeginFrame(const FrameHeader& header);
  void TakePayload(size_t count);
  void TakeControl(Opcode opcode, Bytes payload);
  bool QueueIsFull() const;
  Message TakeQueued();
  Status EndOfStream() const;
  Status Fail(Status status);

  std::unique_ptr<Stream> stream_;
  WebSocketOptions options_;
  MessagePool pool_;
  RandomWords random_;

  // Received and not yet looked at: [staged_begin_, staged_end_) of staged_.
  std::vector<std::byte> staged_;
  size_t staged_begin_ = 0;
  size_t staged_end_ = 0;
  // The frame whose payload is arriving, and where it goes.
  std::optional<FrameHeader> frame_;
  MutableBytes payload_;
  size_t received_ = 0;
  MessagePool::Block block_;  // of a message
  std::array<std::byte, kMaxControlPayload> control_payload_;
  bool last_was_long_ = false;
  std::deque<Message> queue_;
  size_t queued_bytes_ = 0;

  // Encoded control frames that wait for room; the first control_sent_ bytes are out.
  std::vector<std::byte> control_;
  size_t control_sent_ = 0;
  bool close_sent_ = false;
  bool sending_ = false;  // a message is half out
  bool send_started_ = false;

  uint64_t pongs_ = 0;
  uint64_t pings_ = 0;
  std::optional<CloseReason> peer_close_;
  Status failure_;
  Status write_failure_;  // while it alone has happened, receiving goes on
};

}  // namespace colonnade::net
