#include "questdb/endpoint/connection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "net/websocket.h"
#include "net/websocket_handshake.h"
#include "questdb/endpoint/fault_stream.h"
#include "questdb/endpoint/ingest_session.h"
#include "questdb/endpoint/query_session.h"

namespace colonnade::questdb::endpoint {
namespace {

using net::Deadline;
using std::chrono::milliseconds;

constexpr milliseconds kHandshakeLimit{15'000};
constexpr milliseconds kWriteLimit{60'000};
constexpr milliseconds kGoodbyeLimit{1'000};
// How often a connection that owes durable acknowledgements looks whether it was pinged.
constexpr milliseconds kPingTick{20};
constexpr size_t kMaxRequestBytes = 16 << 20;

// Whether the connection goes on.
enum class Next : uint8_t { kGoOn, kEnd };

int64_t SystemMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class ConnectionDriver {
 public:
  ConnectionDriver(const ConnectionContext& context, net::Interrupt& interrupt,
                   const std::atomic<Ending>& ending)
      : context_(context), interrupt_(interrupt), ending_(ending) {}

  void Run(std::unique_ptr<net::Stream> stream) {
    if (context_.tls != nullptr) {
      auto secured = net::AcceptTls(std::move(stream), context_.tls,
                                    Deadline::After(kHandshakeLimit), &interrupt_);
      if (!secured.ok()) return;
      stream = *std::move(secured);
    }
    auto request = net::ReadRequest(*stream, Deadline::After(kHandshakeLimit), &interrupt_);
    if (!request.ok()) return;
    auto decided = DecideUpgrade(request->head, context_.rules);
    auto* const terms = std::get_if<UpgradeTerms>(&decided);
    if (terms != nullptr) {
      if (auto fault = context_.faults.Strike(FaultKind::kRefuse, terms->direction)) {
        net::HttpFailure failure;
        failure.status = fault->code;
        failure.body = fault->text;
        for (const net::HttpHeader& header : fault->headers) {
          failure.headers.Add(header.name, header.value);
        }
        return Refuse(*stream, failure);
      }
    } else {
      return Refuse(*stream, std::get<net::HttpFailure>(decided));
    }
    // Before the client can know: whoever has a connection finds it counted.
    context_.upgraded.fetch_add(1);
    const Status accepted = net::AcceptUpgrade(*stream, request->head, terms->headers,
                                               Deadline::After(kHandshakeLimit), &interrupt_);
    if (!accepted.ok()) return;
    Upgrade(std::move(stream), std::move(request->leftover), *terms);
    if (terms->direction == Direction::kIngest) {
      ServeIngest(*terms);
    } else {
      ServeQueries(*terms);
    }
    Finish();
  }

 private:
  void Refuse(net::Stream& stream, const net::HttpFailure& failure) {
    static_cast<void>(
        net::RefuseUpgrade(stream, failure, Deadline::After(kGoodbyeLimit), &interrupt_));
    DrainUntilEnd(stream);
  }

  void Upgrade(std::unique_ptr<net::Stream> stream, std::vector<std::byte> leftover,
               const UpgradeTerms& terms) {
    direction_ = terms.direction;
    auto faulty = std::make_unique<FaultStream>(std::move(stream));
    stream_ = faulty.get();
    if (auto fault = context_.faults.Strike(FaultKind::kResetReceived, direction_)) {
      stream_->ResetAfterReceived(fault->at);
    }
    if (auto fault = context_.faults.Strike(FaultKind::kResetSent, direction_)) {
      stream_->ResetAfterSent(fault->at);
    }
    net::WebSocketOptions options;
    options.role = net::Role::kServer;
    options.max_message_bytes =
        direction_ == Direction::kIngest ? context_.options.max_message_bytes : kMaxRequestBytes;
    socket_ = std::make_unique<net::WebSocket>(std::move(faulty), options, std::move(leftover));
  }

  // Says goodbye if there is somebody left to hear it.
  void Finish() {
    if (ending_.load() == Ending::kReset) return stream_->Break();
    if (interrupt_.is_set()) {
      socket_->Close({.code = net::kCloseGoingAway, .text = "the server stops"},
                     Deadline::After(milliseconds(0)));
      return;
    }
    // What the peer still sends must be read: bytes that nobody reads make the end of a connection
    // a failure, and what it was told last may be lost.
    socket_->Close({.code = net::kCloseNormal, .text = {}}, Deadline::After(kGoodbyeLimit));
    DrainUntilEnd(*stream_);
  }

  void DrainUntilEnd(net::Stream& stream) {
    stream.ShutdownWrite();
    std::array<std::byte, 4096> scratch;
    const Deadline deadline = Deadline::After(kGoodbyeLimit);
    while (!deadline.expired()) {
      const auto transfer = net::Read(stream, scratch, deadline, &interrupt_);
      if (!transfer.ok() || transfer->end) return;
    }
  }

  Next Send(net::MessageBuffer& message) {
    const Status sent = socket_->Send(message, Deadline::After(kWriteLimit), &interrupt_);
    return sent.ok() ? Next::kGoOn : Next::kEnd;
  }

  // Sends half of it and then nothing ever.
  Next SendHalf(net::MessageBuffer& message) {
    stream_->MuteAfter(static_cast<int64_t>(message.size() / 2) + 1);
    static_cast<void>(Send(message));
    context_.stalls.Wait();
    stream_->Break();
    return Next::kEnd;
  }

  void Stall() { context_.stalls.Wait(); }

  Next CloseBecause(const Fault& fault) {
    socket_->Close({.code = static_cast<uint16_t>(fault.code), .text = fault.text},
                   Deadline::After(kGoodbyeLimit));
    return Next::kEnd;
  }

  // What was asked to happen instead of looking at message `number`.
  std::optional<Next> StrikeBefore(int64_t number) {
    if (auto fault = context_.faults.Strike(FaultKind::kReset, direction_, number)) {
      stream_->Break();
      return Next::kEnd;
    }
    if (auto fault = context_.faults.Strike(FaultKind::kClose, direction_, number)) {
      return CloseBecause(*fault);
    }
    if (context_.faults.Strike(FaultKind::kStall, direction_, number)) Stall();
    return std::nullopt;
  }

  // What was asked to happen instead of answering it.
  std::optional<Next> StrikeAfter(int64_t number) {
    if (context_.faults.Strike(FaultKind::kResetAfter, direction_, number)) {
      stream_->Break();
      return Next::kEnd;
    }
    if (auto fault = context_.faults.Strike(FaultKind::kCloseAfter, direction_, number)) {
      return CloseBecause(*fault);
    }
    if (context_.faults.Strike(FaultKind::kStallAfter, direction_, number)) Stall();
    return std::nullopt;
  }

  // --- Ingest

  void ServeIngest(const UpgradeTerms& terms) {
    IngestSessionOptions options = context_.options.ingest;
    options.durable_ack = terms.durable_ack;
    IngestSession session(context_.store, options);
    uint64_t pings = 0;
    while (true) {
      auto received = socket_->TryReceive();
      if (!received.ok()) return;
      if (received->has_value()) {
        if (TakeRows(session, **received) == Next::kEnd) return;
        continue;
      }
      if (SendAll(session.Flush()) == Next::kEnd) return;
      if (pings != socket_->pings()) {
        pings = socket_->pings();
        if (SendAll(session.Ping()) == Next::kEnd) return;
      }
      const Deadline deadline =
          session.owes_durable() ? Deadline::After(kPingTick) : Deadline::Never();
      auto message = socket_->Receive(deadline, &interrupt_);
      if (message.ok()) {
        if (TakeRows(session, *message) == Next::kEnd) return;
      } else if (message.status().code() != StatusCode::kTimeout) {
        return;
      }
    }
  }

  Next TakeRows(IngestSession& session, const net::Message& message) {
    context_.messages.fetch_add(1);
    const int64_t number = session.next_sequence();
    if (const auto next = StrikeBefore(number)) return *next;
    if (auto fault = context_.faults.Strike(FaultKind::kAnswer, direction_, number)) {
      return SendAll(session.Refuse(static_cast<wire::ServerStatus>(fault->code), fault->text));
    }
    auto responses = session.Take(message, Now());
    if (const auto next = StrikeAfter(number)) return *next;
    if (context_.faults.Strike(FaultKind::kHalfAnswer, direction_, number)) {
      for (auto& response : session.Flush()) responses.push_back(std::move(response));
      if (responses.empty()) return Next::kGoOn;
      message_.Begin(0);
      wire::EncodeIngestResponse(responses.front(), message_);
      return SendHalf(message_);
    }
    return SendAll(responses);
  }

  Next SendAll(const std::vector<wire::IngestResponse>& responses) {
    for (const wire::IngestResponse& response : responses) {
      message_.Begin(0);
      wire::EncodeIngestResponse(response, message_);
      if (Send(message_) == Next::kEnd) return Next::kEnd;
    }
    return Next::kGoOn;
  }

  int64_t Now() const {
    return context_.options.clock != nullptr ? context_.options.clock() : SystemMicros();
  }

  // --- Queries

  void ServeQueries(const UpgradeTerms& terms) {
    QuerySessionOptions options = context_.options.query;
    options.max_batch_rows = terms.max_batch_rows;
    options.zstd = terms.zstd;
    options.zstd_level = terms.zstd_level;
    options.info = InfoNow();
    QuerySession session(context_.store, options);
    int64_t serial = 0;
    Deadline deadline = Deadline::Never();
    while (true) {
      auto received = socket_->TryReceive();
      if (!received.ok()) return;
      if (received->has_value()) {
        if (TakeRequest(session, (*received)->payload) == Next::kEnd) return;
      }
      if (session.running() != serial) {
        serial = session.running();
        batch_ = 0;
        deadline = session.timeout_ms() > 0 ? Deadline::After(milliseconds(session.timeout_ms()))
                                            : Deadline::Never();
      }
      if (received->has_value()) continue;
      if (serial != 0 && deadline.expired()) session.Expire();
      if (session.HasNext()) {
        if (SendNext(session) == Next::kEnd) return;
        continue;
      }
      auto message = socket_->Receive(deadline, &interrupt_);
      if (message.ok()) {
        if (TakeRequest(session, message->payload) == Next::kEnd) return;
      } else if (message.status().code() != StatusCode::kTimeout) {
        return;
      }
    }
  }

  wire::ServerInfo InfoNow() const {
    wire::ServerInfo info;
    info.role = context_.options.role;
    info.capabilities = wire::kHasQueryFlags | wire::kHasQueryTimeout;
    if (context_.options.grants_zstd) info.capabilities |= wire::kHasCompression;
    if (!context_.options.zone.empty()) info.capabilities |= wire::kHasZone;
    info.wall_clock_ns = Now() * 1'000;
    info.cluster_id = context_.options.cluster_id;
    info.node_id = context_.options.node_id;
    info.zone_id = context_.options.zone;
    return info;
  }

  Next TakeRequest(QuerySession& session, Bytes payload) {
    context_.messages.fetch_add(1);
    const int64_t number = session.messages();
    if (const auto next = StrikeBefore(number)) return *next;
    Status taken;
    if (auto fault = context_.faults.Strike(FaultKind::kAnswer, direction_, number)) {
      taken = session.Refuse(payload, static_cast<wire::ServerStatus>(fault->code), fault->text);
    } else {
      taken = session.Take(payload);
    }
    if (!taken.ok()) {
      socket_->Close({.code = net::kCloseProtocolError, .text = {}},
                     Deadline::After(kGoodbyeLimit));
      return Next::kEnd;
    }
    if (const auto next = StrikeAfter(number)) return *next;
    if (context_.faults.Strike(FaultKind::kHalfAnswer, direction_, number) && session.HasNext()) {
      message_.Begin(0);
      session.Next(message_);
      return SendHalf(message_);
    }
    return Next::kGoOn;
  }

  Next SendNext(QuerySession& session) {
    message_.Begin(0);
    const SentKind kind = session.Next(message_);
    if (kind == SentKind::kBatch) return SendBatch(batch_++);
    if (kind == SentKind::kEnd) {
      for (const FaultKind wrong : {FaultKind::kWrongBatches, FaultKind::kWrongRows}) {
        if (auto fault = context_.faults.Strike(wrong, direction_)) FalsifyEnd(*fault, message_);
      }
    }
    return SendWithHeld();
  }

  // The message, and behind it the one that was held back, if there is one.
  Next SendWithHeld() {
    if (Send(message_) == Next::kEnd) return Next::kEnd;
    if (!has_held_) return Next::kGoOn;
    has_held_ = false;
    return Send(held_);
  }

  Next SendBatch(int64_t number) {
    const auto strikes = [&](FaultKind kind) {
      return context_.faults.Strike(kind, direction_, number).has_value();
    };
    if (strikes(FaultKind::kLoseBatch)) return Next::kGoOn;
    if (strikes(FaultKind::kHalfBatch)) return SendHalf(message_);
    if (strikes(FaultKind::kCorruptBatch)) CorruptBatch(message_);
    if (strikes(FaultKind::kSwapBatch)) {
      std::swap(message_, held_);
      has_held_ = true;
      return Next::kGoOn;
    }
    if (strikes(FaultKind::kRepeatBatch) && Send(message_) == Next::kEnd) return Next::kEnd;
    return SendWithHeld();
  }

  const ConnectionContext& context_;
  net::Interrupt& interrupt_;
  const std::atomic<Ending>& ending_;
  Direction direction_ = Direction::kIngest;
  std::unique_ptr<net::WebSocket> socket_;
  FaultStream* stream_ = nullptr;  // socket_'s
  net::MessageBuffer message_;
  net::MessageBuffer held_;
  bool has_held_ = false;
  int64_t batch_ = 0;  // of the running query's result, the next one
};

}  // namespace

void StallGate::Wait() {
  std::unique_lock lock(mutex_);
  const uint64_t before = releases_;
  changed_.wait(lock, [&] { return closed_ || releases_ != before; });
}

void StallGate::Release() {
  const std::lock_guard lock(mutex_);
  ++releases_;
  changed_.notify_all();
}

void StallGate::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void ServeConnection(std::unique_ptr<net::Stream> stream, const ConnectionContext& context,
                     net::Interrupt& interrupt, const std::atomic<Ending>& ending) {
  ConnectionDriver(context, interrupt, ending).Run(std::move(stream));
}

}  // namespace colonnade::questdb::endpoint
