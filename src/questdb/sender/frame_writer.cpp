#include "questdb/sender/frame_writer.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "net/random_bytes.h"

namespace colonnade::questdb {
namespace {

using net::Deadline;
using std::chrono::milliseconds;

constexpr milliseconds kCloseLimit{200};
const net::CloseReason kGoodbye = {.code = 1000, .text = {}};

uint64_t RandomBits() {
  uint64_t bits = 0;
  net::FillRandom(std::as_writable_bytes(std::span(&bits, 1)));
  return bits;
}

std::string Rows(wire::RowRange rows) {
  return internal::Concat("rows ", rows.begin, " to ", rows.end - 1);
}

// What became of the rows, for the end of a message.
std::string Fate(const DeliveryReport& report) {
  std::string text = internal::Concat("; ", report.committed_rows, " of ", report.flushed_rows,
                                      " rows are committed");
  if (report.in_doubt()) text += internal::Concat(", ", Rows(report.doubtful_rows), " may be");
  return text;
}

}  // namespace

FrameWriter::FrameWriter(std::shared_ptr<Connector> connector, wire::SymbolDictionary& dictionary,
                         FrameEncoder& encoder)
    : connector_(std::move(connector)),
      dictionary_(dictionary),
      encoder_(encoder),
      poison_(PoisonDetector::Limits::Of(connector_->options())) {
  auto interrupt = net::Interrupt::Create();
  if (interrupt.ok()) {
    interrupt_ = *std::move(interrupt);
  } else {
    unusable_ = std::move(interrupt).status();
  }
}

void FrameWriter::BeginLease(OnDoubt on_doubt) {
  on_doubt_ = on_doubt;
  lease_frames_ = -tracker_.frames_written();
  tracker_.BeginLease();
  failure_ = {};
}

Status FrameWriter::Connect(Deadline deadline) {
  COLONNADE_RETURN_IF_ERROR(failure_);
  COLONNADE_RETURN_IF_ERROR(unusable_);
  if (connection_.has_value()) return {};
  auto connected = connector_->options().initial_connect_retry
                       ? connector_->ConnectPatiently(deadline, interrupt_.get())
                       : connector_->Connect(deadline, interrupt_.get());
  if (auto* failure = std::get_if<EndpointFailure>(&connected)) return failure->status;
  Adopt(std::get<Connection>(std::move(connected)));
  dictionary_.Clear();
  return {};
}

void FrameWriter::Adopt(Connection connection) {
  lease_frames_ += tracker_.frames_written();
  tracker_.Restart();
  durable_.Clear();
  connection_ = std::move(connection);
  first_data_frame_ = true;
}

bool FrameWriter::IsAlive() {
  if (!connection_.has_value()) return false;
  if (DrainResponses().ok() && connection_.has_value()) return true;
  connection_.reset();
  failure_ = {};
  return false;
}

void FrameWriter::Disconnect() {
  if (!connection_.has_value()) return;
  connection_->socket->Close(kGoodbye, Deadline::After(kCloseLimit));
  connection_.reset();
  ReleaseAll();
}

Status FrameWriter::Write(EncodedFrame frame, bool commits) {
  frame.SetCommits(commits);
  COLONNADE_RETURN_IF_ERROR(DrainResponses());
  if (on_doubt_ == OnDoubt::kResend) {
    kept_bytes_ += frame.message.size();
    kept_.push_back({.frame = std::move(frame)});
    return WriteKept();
  }
  const Status sent = WriteOnce(frame);
  encoder_.Recycle(std::move(frame));
  return sent.ok() ? sent : ConnectionFailed(sent);
}

Status FrameWriter::WriteOnce(EncodedFrame& frame) {
  // The server may use its cache of symbols only after something was committed on a connection,
  // so the first frame with rows commits itself.
  if (frame.rows > 0 && first_data_frame_) {
    frame.SetCommits(true);
    first_data_frame_ = false;
  }
  net::WebSocket& socket = *connection_->socket;
  Status sent = socket.Send(frame.message, Deadline::After(kStallLimit), interrupt_.get());
  if (sent.ok() || socket.send_started()) tracker_.FrameWritten(frame.rows, frame.commits);
  return sent;
}

Status FrameWriter::WriteKept() {
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (kept_[i].number >= 0) continue;
    kept_[i].number = tracker_.frames_written();
    const Status sent = WriteOnce(kept_[i].frame);
    if (!sent.ok()) return ConnectionFailed(sent);
  }
  return {};
}

Status FrameWriter::MakeRoom() {
  COLONNADE_RETURN_IF_ERROR(failure_);
  while (tracker_.unanswered_commits() >= kMaxUnansweredCommits) {
    COLONNADE_RETURN_IF_ERROR(AwaitResponse(Deadline::After(kStallLimit)));
  }
  return {};
}

Status FrameWriter::AwaitCommits(Deadline deadline) {
  COLONNADE_RETURN_IF_ERROR(failure_);
  while (tracker_.unanswered_commits() > 0) {
    COLONNADE_RETURN_IF_ERROR(AwaitResponse(deadline));
  }
  return {};
}

Status FrameWriter::AwaitUploads(Deadline deadline) {
  const milliseconds keepalive = connector_->options().durable_ack_keepalive_interval;
  while (!durable_.all_uploaded()) {
    // The server tells of uploads only when it hears something.
    const Deadline next_ping =
        keepalive.count() > 0 ? Deadline::After(keepalive) : Deadline::Never();
    auto message =
        connection_->socket->Receive(Deadline::Earlier(deadline, next_ping), interrupt_.get());
    if (message.ok()) {
      COLONNADE_RETURN_IF_ERROR(Take(message->payload));
      continue;
    }
    const Status& status = message.status();
    if (status.code() == StatusCode::kCancelled) return status;
    if (status.code() != StatusCode::kTimeout) return ConnectionFailed(status);
    if (deadline.expired()) {
      return Status(StatusCode::kTimeout, "what was committed is not known to be uploaded in time",
                    Recovery::kRetry);
    }
    const Status pinged =
        connection_->socket->Ping({}, Deadline::After(kStallLimit), interrupt_.get());
    if (!pinged.ok()) return ConnectionFailed(pinged);
  }
  return {};
}

void FrameWriter::Discard() {
  if (!connection_.has_value()) return;
  tracker_.Lost();
  connection_->socket->Close(kGoodbye, Deadline::After(milliseconds(0)));
  static_cast<void>(Fail(InvalidState("the sender has discarded its rows"),
                         tracker_.report().in_doubt() ? Recovery::kResend : Recovery::kReconnect));
}

Status FrameWriter::DrainResponses() {
  while (connection_.has_value()) {
    auto message = connection_->socket->TryReceive();
    if (!message.ok()) return ConnectionFailed(message.status());
    if (!message->has_value()) return {};
    COLONNADE_RETURN_IF_ERROR(Take((*message)->payload));
  }
  return failure_;
}

Status FrameWriter::AwaitResponse(Deadline deadline) {
  auto message = connection_->socket->Receive(deadline, interrupt_.get());
  if (message.ok()) return Take(message->payload);
  const StatusCode code = message.status().code();
  if (code == StatusCode::kCancelled) return message.status();
  if (code == StatusCode::kTimeout) {
    tracker_.Lost();
    return Fail(Status(code, connection_->socket->peer() +
                                 ": the server has not acknowledged in time what was sent"),
                Recovery::kResend);
  }
  return ConnectionFailed(message.status());
}

Status FrameWriter::Take(Bytes payload) {
  auto response = wire::ParseIngestResponse(payload);
  if (!response.ok()) return ConnectionFailed(response.status());
  if (auto* refusal = std::get_if<wire::ErrorResponse>(&*response)) return Refused(*refusal);
  if (auto* durable = std::get_if<wire::DurableResponse>(&*response)) {
    if (!durable->local) durable_.Uploaded(durable->tables);
    return {};
  }
  const auto& ok = std::get<wire::OkResponse>(*response);
  const int64_t before = tracker_.acknowledged();
  if (!tracker_.Acknowledged(ok.sequence)) {
    return ConnectionFailed(ProtocolError("the server acknowledges message ", ok.sequence, ", and ",
                                          tracker_.frames_written(), " were sent"));
  }
  if (tracker_.acknowledged() == before) return {};
  poison_.OnProgress();
  ReleaseCommitted();
  if (!connector_->options().request_durable_ack) return {};
  const Status committed = durable_.Committed(ok.tables);
  return committed.ok() ? committed : ConnectionFailed(committed);
}

Status FrameWriter::Refused(const wire::ErrorResponse& refusal) {
  Status status = wire::StatusFromServer(refusal.status, refusal.message)
                      .WithContext(connection_->socket->peer());
  if (!tracker_.Refused(refusal.sequence)) {
    return ConnectionFailed(ProtocolError("the server refuses message ", refusal.sequence, ", and ",
                                          tracker_.frames_written(), " were sent"));
  }
  ReleaseCommitted();
  if (on_doubt_ == OnDoubt::kResend && status.recovery() != Recovery::kNone) {
    return SendAgain(status);
  }
  return Fail(status, status.recovery());
}

Status FrameWriter::ConnectionFailed(const Status& cause) {
  if (in_failure_) return cause;
  in_failure_ = true;
  while (connection_.has_value()) {
    auto message = connection_->socket->TryReceive();
    if (!message.ok() || !message->has_value()) break;
    auto response = wire::ParseIngestResponse((*message)->payload);
    if (!response.ok()) break;
    const bool is_refusal = std::holds_alternative<wire::ErrorResponse>(*response);
    const Status taken = Take((*message)->payload);
    if (is_refusal) {  // why the server hung up
      in_failure_ = false;
      return taken;
    }
    if (!taken.ok()) break;
  }
  in_failure_ = false;
  if (connection_.has_value()) connector_->ReportBroken(connection_->endpoint, cause);
  tracker_.Lost();
  const bool may_heal = cause.code() != StatusCode::kCancelled;
  if (on_doubt_ == OnDoubt::kResend && may_heal) return SendAgain(cause);
  return Fail(cause, tracker_.report().in_doubt() ? Recovery::kResend : Recovery::kReconnect);
}

Status FrameWriter::SendAgain(Status cause) {
  while (true) {
    if (!kept_.empty()) {
      const RetryDecision decision =
          poison_.OnStrike(std::chrono::steady_clock::now(), RandomBits());
      if (!decision.wait.has_value()) {
        return Fail(std::move(cause).WithContext("giving up: every attempt to send ends so"),
                    Recovery::kResend);
      }
      if (poison_.strikes() > 1) {  // the first time nothing is known against the frame
        const auto pause =
            Deadline::After(std::chrono::duration_cast<Deadline::Clock::duration>(*decision.wait));
        const Status paused = PauseUntil(pause, interrupt_.get());
        if (!paused.ok()) return Fail(paused, Recovery::kResend);
      }
    }
    connection_.reset();
    auto connected = connector_->ConnectPatiently(Deadline::Never(), interrupt_.get());
    if (auto* failure = std::get_if<EndpointFailure>(&connected)) {
      return Fail(failure->status, Recovery::kResend);
    }
    connector_->events().Post({.kind = EventKind::kReconnected,
                               .endpoint = std::get<Connection>(connected).socket->peer(),
                               .status = cause});
    Adopt(std::get<Connection>(std::move(connected)));
    tracker_.Rewind();
    const Status sent = Replay();
    if (sent.ok()) return sent;
    if (sent.code() == StatusCode::kCancelled || sent.code() == StatusCode::kLimitExceeded) {
      return Fail(sent, Recovery::kResend);
    }
    tracker_.Lost();
    cause = sent;
  }
}

Status FrameWriter::Replay() {
  COLONNADE_ASSIGN_OR_RETURN(auto catch_up,
                             encoder_.EncodeDictionary(dictionary_, frame_limit(), NextKey()));
  for (EncodedFrame& frame : catch_up) {
    COLONNADE_RETURN_IF_ERROR(WriteOnce(frame));
    encoder_.Recycle(std::move(frame));
  }
  for (Kept& kept : kept_) {
    EncodedFrame& frame = kept.frame;
    if (frame.message.size() > frame_limit()) {
      return LimitExceeded("a frame of ", frame.message.size(),
                           " bytes was to be sent again, and the server takes only ",
                           frame_limit());
    }
    frame.message.Remask(connection_->socket->NextMaskKey());
    kept.number = tracker_.frames_written();
    COLONNADE_RETURN_IF_ERROR(WriteOnce(frame));
  }
  return {};
}

Status FrameWriter::Fail(const Status& cause, Recovery recovery) {
  connection_.reset();
  ReleaseAll();
  failure_ = Status(cause.code(), std::string(cause.message()) + Fate(report()), recovery);
  return failure_;
}

void FrameWriter::ReleaseCommitted() {
  while (!kept_.empty() && kept_.front().number >= 0 &&
         kept_.front().number <= tracker_.committed_frame()) {
    kept_bytes_ -= kept_.front().frame.message.size();
    encoder_.Recycle(std::move(kept_.front().frame));
    kept_.pop_front();
  }
}

void FrameWriter::ReleaseAll() {
  kept_.clear();
  kept_bytes_ = 0;
}

void FrameWriter::Interrupt() {
  if (interrupt_ != nullptr) interrupt_->Set();
}

void FrameWriter::ClearInterrupt() {
  if (interrupt_ != nullptr) interrupt_->Clear();
}

DeliveryReport FrameWriter::report() const { return tracker_.report(); }

int64_t FrameWriter::acknowledged_frame() const {
  return std::max<int64_t>(-1, lease_frames_ + tracker_.acknowledged());
}

size_t FrameWriter::frame_limit() const {
  if (!connection_.has_value()) return 0;
  return std::min<size_t>(connection_->ingest.max_message_bytes(),
                          static_cast<size_t>(connector_->options().max_buf_size));
}

FrameEncoder::NextKey FrameWriter::NextKey() {
  return [this] { return connection_->socket->NextMaskKey(); };
}

}  // namespace colonnade::questdb
