#include "net/websocket.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace colonnade::net {
namespace {

// How much is read beyond what is known to come. After a long message less: what is read so has to
// be copied to where the next one goes.
constexpr size_t kReadAhead = 64 << 10;
constexpr size_t kReadAheadAfterLong = 4 << 10;
// A payload of which this much is missing is read straight into its message.
constexpr size_t kReadDirectly = 16 << 10;
// Answers to Pings that wait for room. Whoever sends more without reading goes without.
constexpr size_t kMaxPendingControl = 16 << 10;
constexpr size_t kMaxMessagesPerSend = 32;
// A peer that never pauses must not keep a call that does not wait from returning.
constexpr int kMaxStepsAtOnce = 1024;

}  // namespace

// What one send writes, as pieces of which a prefix has been taken.
struct WebSocket::Outgoing {
  std::array<Bytes, kMaxMessagesPerSend + 1> pieces;
  size_t begin = 0;
  size_t end = 0;
  size_t prefix = 0;  // bytes in front that are not of this send

  void Add(Bytes bytes) {
    if (!bytes.empty()) pieces[end++] = bytes;
  }
  bool done() const { return begin == end; }
  std::span<const Bytes> rest() const { return {pieces.data() + begin, end - begin}; }
  // Takes `count` bytes off the front; true if they reached what is of this send.
  bool Advance(size_t count) {
    const bool reached = count > prefix;
    prefix -= std::min(count, prefix);
    while (count != 0) {
      Bytes& first = pieces[begin];
      const size_t part = std::min(count, first.size());
      first = first.subspan(part);
      count -= part;
      if (first.empty()) ++begin;
    }
    return reached;
  }
};

WebSocket::WebSocket(std::unique_ptr<Stream> stream, const WebSocketOptions& options,
                     std::vector<std::byte> leftover)
    : stream_(std::move(stream)),
      options_(options),
      pool_(*options.budget),
      staged_(std::move(leftover)),
      staged_end_(staged_.size()) {
  staged_.resize(std::max(staged_.size(), kReadAhead));
  // Room for one message, or nothing could ever be received.
  options_.max_queued_bytes = std::max<size_t>(options_.max_queued_bytes, 1);
  options_.max_queued_messages = std::max<size_t>(options_.max_queued_messages, 1);
}

WebSocket::~WebSocket() = default;

MaskKey WebSocket::NextMaskKey() {
  if (options_.role == Role::kServer) return 0;
  MaskKey key = 0;
  while (key == 0) key = random_.Next();
  return key;
}

Status WebSocket::Send(MessageBuffer& message, Deadline deadline, Interrupt* interrupt) {
  MessageBuffer* const messages[] = {&message};
  return Send(messages, deadline, interrupt);
}

Status WebSocket::Send(std::span<MessageBuffer* const> messages, Deadline deadline,
                       Interrupt* interrupt) {
  send_started_ = false;
  if (messages.size() > kMaxMessagesPerSend) {
    return InvalidArgument(messages.size(), " messages in one send; at most ", kMaxMessagesPerSend);
  }
  const bool client = options_.role == Role::kClient;
  std::array<Bytes, kMaxMessagesPerSend> frames;
  for (size_t i = 0; i < messages.size(); ++i) {
    MessageBuffer& message = *messages[i];
    if ((message.key() != 0) != client) {
      return InvalidState(client ? "a client's message must be masked"
                                 : "a server's message must not be masked");
    }
    FrameHeader header{.opcode = Opcode::kBinary, .payload_bytes = message.size()};
    if (client) header.key = message.key();
    std::array<std::byte, MessageBuffer::kHeaderRoom> encoded;
    const size_t size = EncodeFrameHeader(header, encoded);
    std::byte* const start = message.header_end() - size;
    std::memcpy(start, encoded.data(), size);
    frames[i] = Bytes(start, size + message.size());
  }
  return SendFrames(std::span<const Bytes>(frames.data(), messages.size()), deadline, interrupt);
}

Status WebSocket::Ping(Bytes payload, Deadline deadline, Interrupt* interrupt) {
  send_started_ = false;
  if (payload.size() > kMaxControlPayload) {
    return InvalidArgument("a Ping of ", payload.size(), " bytes; at most ", kMaxControlPayload);
  }
  const std::vector<std::byte> frame = EncodeControl(Opcode::kPing, payload);
  const Bytes bytes(frame);
  return SendFrames(std::span<const Bytes>(&bytes, 1), deadline, interrupt);
}

Status WebSocket::SendFrames(std::span<const Bytes> frames, Deadline deadline,
                             Interrupt* interrupt) {
  COLONNADE_RETURN_IF_ERROR(failure_);
  if (!write_failure_.ok()) return BrokenWrite();
  if (sending_) {  // memory ran out half way through the one before
    return Fail(InvalidState(peer(), ": a message was cut off half way"));
  }
  if (interrupt != nullptr && interrupt->is_set()) {
    return Cancelled(peer(), ": interrupted before sending");
  }
  // Control frames that were offered before must go first, as they were; those of meanwhile wait.
  const std::vector<std::byte> before = std::exchange(control_, {});
  Outgoing outgoing;
  outgoing.Add(Bytes(before).subspan(control_sent_));
  outgoing.prefix = before.size() - std::exchange(control_sent_, 0);
  for (const Bytes frame : frames) outgoing.Add(frame);
  sending_ = true;  // until all is out, no other frame may be offered
  while (!outgoing.done()) {
    auto transfer = stream_->TryWrite(outgoing.rest());
    if (!transfer.ok()) {
      write_failure_ = std::move(transfer).status();
      return BrokenWrite();
    }
    if (transfer->bytes != 0) {
      if (outgoing.Advance(transfer->bytes)) send_started_ = true;
      continue;
    }
    // No room: the peer may be waiting for us to read.
    Drain();
    COLONNADE_RETURN_IF_ERROR(failure_);
    const Interest interest = QueueIsFull() ? Interest::kWrite : Interest::kReadWrite;
    const auto ready = stream_->Wait(interest, deadline, interrupt);
    // The stream would now want the rest of the frame, and nothing else.
    if (!ready.ok()) return Fail(ready.status().WithContext("while sending"));
  }
  sending_ = false;
  TryFlushControl();
  return {};
}

// The reason why nothing can be sent any more. What the peer said before it went tells more than
// that it is gone.
Status WebSocket::BrokenWrite() {
  Drain();
  return failure_.ok() ? Fail(write_failure_) : failure_;
}

// Writes control frames that wait, as far as there is room.
void WebSocket::TryFlushControl() {
  if (sending_) return;
  while (control_sent_ < control_.size() && write_failure_.ok()) {
    const Bytes rest = Bytes(control_).subspan(control_sent_);
    auto transfer = stream_->TryWrite(std::span<const Bytes>(&rest, 1));
    if (!transfer.ok()) {
      // Reading goes on: what the peer has sent is still worth having.
      write_failure_ = std::move(transfer).status();
      break;
    }
    if (transfer->bytes == 0) return;
    control_sent_ += transfer->bytes;
  }
  control_.clear();
  control_sent_ = 0;
}

std::vector<std::byte> WebSocket::EncodeControl(Opcode opcode, Bytes payload) {
  FrameHeader header{.opcode = opcode, .payload_bytes = payload.size()};
  const MaskKey key = NextMaskKey();
  if (options_.role == Role::kClient) header.key = key;
  std::array<std::byte, MessageBuffer::kHeaderRoom> encoded;
  const size_t size = EncodeFrameHeader(header, encoded);
  std::vector<std::byte> frame(size + payload.size());
  std::memcpy(frame.data(), encoded.data(), size);
  if (!payload.empty()) MaskCopy(frame.data() + size, payload.data(), payload.size(), key, 0);
  return frame;
}

void WebSocket::QueueControl(Opcode opcode, Bytes payload) {
  if (close_sent_) return;  // nothing follows a Close
  if (opcode == Opcode::kClose) {
    close_sent_ = true;
  } else if (control_.size() - control_sent_ > kMaxPendingControl) {
    return;
  }
  const std::vector<std::byte> frame = EncodeControl(opcode, payload);
  control_.insert(control_.end(), frame.begin(), frame.end());
}

void WebSocket::QueueClose(const CloseReason& reason) {
  const std::string body = EncodeCloseBody(reason);
  QueueControl(Opcode::kClose, std::as_bytes(std::span(body)));
}

bool WebSocket::QueueIsFull() const {
  return queued_bytes_ >= options_.max_queued_bytes ||
         queue_.size() >= options_.max_queued_messages;
}

Result<std::optional<Message>> WebSocket::TryReceive() {
  for (int step = 0; step < kMaxStepsAtOnce && queue_.empty(); ++step) {
    if (!Pump()) break;
  }
  if (failure_.ok()) TryFlushControl();
  if (queue_.empty()) {
    COLONNADE_RETURN_IF_ERROR(failure_);
    return std::optional<Message>();
  }
  return std::optional<Message>(TakeQueued());
}

Result<Message> WebSocket::Receive(Deadline deadline, Interrupt* interrupt) {
  while (true) {
    if (!queue_.empty()) return TakeQueued();
    COLONNADE_RETURN_IF_ERROR(failure_);
    // A peer that never pauses must not keep an interrupt from being seen.
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled(peer(), ": interrupted");
    if (Pump()) continue;
    TryFlushControl();
    const auto ready = stream_->Wait(control_.empty() ? Interest::kRead : Interest::kReadWrite,
                                     deadline, interrupt);
    if (!ready.ok()) return ready.status();
  }
}

Message WebSocket::TakeQueued() {
  Message message = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= message.payload.size();
  return message;
}

// Receives until nothing more is there, the queue is full, or the connection is over.
void WebSocket::Drain() {
  for (int step = 0; step < kMaxStepsAtOnce && !QueueIsFull(); ++step) {
    if (!Pump()) return;
  }
}

// One step of receiving: what was read ahead, else one read. False if nothing was there, or the
// connection is over.
bool WebSocket::Pump() {
  if (!failure_.ok()) return false;
  const size_t before = staged_begin_;
  TakeStaged();
  if (!failure_.ok()) return false;
  if (staged_begin_ != before) return true;

  const size_t missing = payload_.size() - received_;
  const bool direct = missing >= kReadDirectly;
  MutableBytes target;
  if (direct) {
    target = payload_.subspan(received_);
  } else {
    // At most an incomplete header is in the way.
    std::memmove(staged_.data(), staged_.data() + staged_begin_, staged_end_ - staged_begin_);
    staged_end_ -= std::exchange(staged_begin_, 0);
    const size_t wanted = missing + (last_was_long_ ? kReadAheadAfterLong : kReadAhead);
    target = MutableBytes(staged_).subspan(staged_end_);
    target = target.first(std::min(target.size(), wanted));
  }
  auto transfer = stream_->TryRead(target);
  if (!transfer.ok()) {
    static_cast<void>(Fail(std::move(transfer).status()));
    return false;
  }
  if (transfer->end) {
    static_cast<void>(Fail(EndOfStream()));
    return false;
  }
  if (transfer->bytes == 0) return false;
  if (direct) {
    TakePayload(transfer->bytes);
  } else {
    staged_end_ += transfer->bytes;
    TakeStaged();
  }
  return failure_.ok();
}

// Takes apart what was read ahead, until a header is incomplete or the queue is full.
void WebSocket::TakeStaged() {
  while (failure_.ok()) {
    const Bytes staged = Bytes(staged_).subspan(staged_begin_, staged_end_ - staged_begin_);
    if (frame_) {
      const size_t count = std::min(staged.size(), payload_.size() - received_);
      if (count == 0) return;
      std::memcpy(payload_.data() + received_, staged.data(), count);
      staged_begin_ += count;
      TakePayload(count);
      continue;
    }
    if (QueueIsFull()) return;
    auto parsed = ParseFrameHeader(staged, options_.role, options_.max_message_bytes);
    if (!parsed.ok()) {
      static_cast<void>(Fail(std::move(parsed).status().WithContext(peer())));
      return;
    }
    if (!*parsed) return;
    staged_begin_ += (*parsed)->bytes;
    if (Status begun = BeginFrame((*parsed)->header); !begun.ok()) {
      static_cast<void>(Fail(std::move(begun).WithContext(peer())));
      return;
    }
  }
}

Status WebSocket::BeginFrame(const FrameHeader& header) {
  if (header.opcode == Opcode::kText) return Unsupported("WebSocket text message");
  if (header.opcode == Opcode::kContinuation || !header.final) {
    return ProtocolError("fragmented WebSocket message");
  }
  const auto size = static_cast<size_t>(header.payload_bytes);
  if (IsControl(header.opcode)) {
    payload_ = MutableBytes(control_payload_).first(size);
  } else {
    COLONNADE_ASSIGN_OR_RETURN(block_, pool_.Take(size));
    payload_ = block_.bytes;
  }
  frame_ = header;
  received_ = 0;
  if (size == 0) TakePayload(0);
  return {};
}

// `count` more bytes of the payload stand in its place.
void WebSocket::TakePayload(size_t count) {
  if (frame_->key) {
    std::byte* const bytes = payload_.data() + received_;
    MaskCopy(bytes, bytes, count, *frame_->key, received_);
  }
  received_ += count;
  if (received_ < payload_.size()) return;
  const Opcode opcode = frame_->opcode;
  const MutableBytes payload = std::exchange(payload_, {});
  frame_.reset();
  received_ = 0;
  if (IsControl(opcode)) return TakeControl(opcode, payload);
  last_was_long_ = payload.size() >= kReadDirectly;
  queued_bytes_ += payload.size();
  queue_.push_back({std::move(block_.owner), payload});
  block_ = {};
}

void WebSocket::TakeControl(Opcode opcode, Bytes payload) {
  if (opcode == Opcode::kPing) {
    ++pings_;
    return QueueControl(Opcode::kPong, payload);
  }
  if (opcode == Opcode::kPong) {
    ++pongs_;
    return;
  }
  auto reason = ParseCloseBody(payload);
  if (!reason.ok()) {
    static_cast<void>(Fail(std::move(reason).status().WithContext(peer())));
    return;
  }
  peer_close_ = *std::move(reason);
  QueueClose({peer_close_->code, {}});
  TryFlushControl();
  failure_ =
      ConnectionLost(peer(), "the peer closed the connection: " + DescribeClose(*peer_close_));
}

Status WebSocket::EndOfStream() const {
  if (frame_) {
    return ConnectionLost(
        peer(), internal::Concat("the connection ended within a message, after ", received_, " of ",
                                 frame_->payload_bytes, " bytes"));
  }
  return ConnectionLost(peer(), staged_begin_ == staged_end_
                                    ? "the peer ended the connection without a Close"
                                    : "the connection ended within a frame's header");
}

// The first failure is the one that stays. A peer that broke the rules is told so.
Status WebSocket::Fail(Status status) {
  if (!failure_.ok()) return failure_;
  switch (status.code()) {
    case StatusCode::kProtocolError:
    case StatusCode::kUnsupported:
    case StatusCode::kInvalidData:
    case StatusCode::kLimitExceeded:
      QueueClose({CloseCodeFor(status), {}});
      TryFlushControl();
      break;
    default: break;
  }
  failure_ = std::move(status);
  return failure_;
}

bool WebSocket::Close(const CloseReason& reason, Deadline deadline) {
  if (failure_.ok()) {
    QueueClose(reason);
    while (failure_.ok()) {
      TryFlushControl();
      if (!write_failure_.ok()) break;
      queue_.clear();
      queued_bytes_ = 0;
      const bool more = Pump();
      if (!failure_.ok() || (more && deadline.expired())) break;
      if (more) continue;
      const Interest interest = control_.empty() ? Interest::kRead : Interest::kReadWrite;
      if (!stream_->Wait(interest, deadline, nullptr).ok()) break;
    }
    if (failure_.ok()) failure_ = InvalidState(peer(), ": the connection was closed here");
  }
  queue_.clear();
  queued_bytes_ = 0;
  // The answer to the peer's Close, or why its bytes were refused, may have found no room before.
  while (!sending_ && !control_.empty()) {
    TryFlushControl();
    if (control_.empty() || !stream_->Wait(Interest::kWrite, deadline, nullptr).ok()) break;
  }
  stream_->ShutdownWrite();
  return peer_close_.has_value();
}

}  // namespace colonnade::net
