#include "questdb/reader/reader.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "arrow/stream.h"
#include "net/interrupt.h"
#include "net/random_bytes.h"
#include "questdb/backoff.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb {
namespace {

using net::Deadline;
using std::chrono::milliseconds;

constexpr milliseconds kSendLimit{60'000};
constexpr milliseconds kCloseLimit{200};
// What Cancel waits for the server's word, so that a prompt one saves the connection.
constexpr milliseconds kCancelLimit{5};
constexpr int kMaxStalePlans = 15;
const net::CloseReason kGoodbye = {.code = 1000, .text = {}};

// A plan that the server has kept and that no longer fits its table: the same query, sent again,
// gets a new one.
bool IsStalePlan(const wire::QueryError& error) {
  return error.status == wire::ServerStatus::kInternalError &&
         (error.message.find("cached query plan cannot be used") != std::string::npos ||
          error.message.find("table schema has changed") != std::string::npos);
}

uint64_t RandomBits() {
  uint64_t bits = 0;
  net::FillRandom(std::as_writable_bytes(std::span(&bits, 1)));
  return bits;
}

}  // namespace

struct Reader::State {
  explicit State(std::shared_ptr<Connector> from) : connector(std::move(from)) {
    auto created = net::Interrupt::Create();
    if (created.ok()) {
      interrupt = *std::move(created);
    } else {
      unusable = std::move(created).status();
    }
  }

  std::variant<Connection, EndpointFailure> Open(Deadline deadline) {
    auto connected = connector->Connect(deadline, interrupt.get());
    if (auto* opened = std::get_if<Connection>(&connected)) {
      symbols.Clear();
      connection = std::move(*opened);
    }
    return connected;
  }

  Status Connect(Deadline deadline) {
    COLONNADE_RETURN_IF_ERROR(unusable);
    if (connection.has_value()) return {};
    auto opened = Open(deadline);
    if (auto* failure = std::get_if<EndpointFailure>(&opened)) return failure->status;
    return {};
  }

  void Disconnect() {
    if (!connection.has_value()) return;
    connection->socket->Close(kGoodbye, Deadline::After(kCloseLimit));
    connection.reset();
    expected_end = 0;
  }

  // Whether the connection can take a query now. One whose cancelled query has not come to its end
  // cannot.
  bool IsFree() {
    while (connection.has_value()) {
      auto message = connection->socket->TryReceive();
      if (!message.ok()) return false;
      if (!message->has_value()) return expected_end == 0;
      if (expected_end == 0) return false;  // nothing was asked for
      auto parsed = wire::ParseResultMessage((*message)->payload);
      if (!parsed.ok() || !SkipCancelled(*parsed, **message)) return false;
    }
    return false;
  }

  // What still comes of a cancelled query. Dictionaries belong to the connection, so that batches
  // are decoded though nobody wants them. False if the connection is of no more use.
  bool SkipCancelled(const wire::ResultMessage& parsed, const net::Message& message) {
    if (const auto* batch = std::get_if<wire::ResultBatch>(&parsed)) {
      const wire::SharedBytes bytes = {message.owner, message.payload.data(),
                                       message.payload.size()};
      return batch->request_id == expected_end &&
             wire::DecodeResultBatch(*batch, bytes, result, symbols, decompressor, pool).ok();
    }
    int64_t ended = 0;
    if (const auto* end = std::get_if<wire::ResultEnd>(&parsed)) ended = end->request_id;
    if (const auto* end = std::get_if<wire::QueryError>(&parsed)) ended = end->request_id;
    if (const auto* end = std::get_if<wire::ExecDone>(&parsed)) ended = end->request_id;
    if (ended != expected_end) return false;
    expected_end = 0;
    return true;
  }

  Status Send(const wire::QueryMessage& request) {
    message.Begin(connection->socket->NextMaskKey());
    wire::EncodeQueryMessage(request, message);
    return connection->socket->Send(message, Deadline::After(kSendLimit), interrupt.get());
  }

  std::shared_ptr<Connector> connector;
  std::unique_ptr<net::Interrupt> interrupt;  // null if unusable
  Status unusable;
  std::optional<Connection> connection;
  wire::SymbolTable symbols;
  wire::Decompressor decompressor;
  wire::BufferPool pool;
  wire::ResultState result;  // of the query that runs, or that was cancelled
  net::MessageBuffer message;
  int64_t last_request_id = 0;
  int64_t expected_end = 0;  // request whose end has not come though it was cancelled; 0: none
  std::weak_ptr<Cursor::Execution> running;
};

struct Cursor::Execution {
  Execution(std::shared_ptr<Reader::State> of, Query asked)
      : reader(std::move(of)),
        query(std::move(asked)),
        backoff(FailoverBackoff::Limits::Of(reader->connector->options()), Clock::now()) {}

  ~Execution() {
    if (!ended && failure.ok() && started) Abandon();
  }

  // A half read result: the server is told, without waiting, and the connection ends.
  void Abandon() {
    if (!reader->connection.has_value()) return;
    reader->message.Begin(reader->connection->socket->NextMaskKey());
    wire::EncodeQueryMessage(wire::CancelRequest{request_id}, reader->message);
    static_cast<void>(
        reader->connection->socket->Send(reader->message, Deadline::After(milliseconds(0))));
    reader->Disconnect();
  }

  Status Start() {
    wire::QueryRequest request;
    request.request_id = request_id = ++reader->last_request_id;
    request.sql = query.sql;
    request.initial_credit = query.credit_bytes;
    request.binds = query.binds;
    const uint32_t capabilities = reader->connection->server.capabilities;
    request.timeout_ms = query.timeout_ms > 0 ? query.timeout_ms
                                              : reader->connector->options().query_timeout.count();
    if (request.timeout_ms > 0 && (capabilities & wire::kHasQueryTimeout) == 0) {
      return Unsupported(reader->connection->socket->peer(),
                         ": the server knows no timeouts of queries");
    }
    request.reset_dictionary = query.reset_dictionary && (capabilities & wire::kHasQueryFlags) != 0;
    COLONNADE_RETURN_IF_ERROR(wire::ValidateQuery(request));
    reader->result = {};
    started = true;
    return reader->Send(request);
  }

  Result<std::optional<wire::DecodedBlock>> Next() {
    COLONNADE_RETURN_IF_ERROR(failure);
    while (!ended) {
      if (cancelled.load()) return CancelNow();
      auto message =
          reader->connection->socket->Receive(Deadline::Never(), reader->interrupt.get());
      if (!message.ok()) {
        if (message.status().code() == StatusCode::kCancelled && cancelled.load()) {
          return CancelNow();
        }
        COLONNADE_RETURN_IF_ERROR(StartAgain(message.status()));
        continue;
      }
      auto taken = Take(*message);
      if (!taken.ok()) {
        if (!failure.ok()) return failure;  // the server's own
        if (malformed++ > 0) return Fail(taken.status(), Recovery::kNone);
        COLONNADE_RETURN_IF_ERROR(StartAgain(taken.status()));
        continue;
      }
      if (taken->has_value()) return taken;
    }
    return std::optional<wire::DecodedBlock>();
  }

  // What one message says: a batch, or nothing, after which more may come unless `ended`.
  Result<std::optional<wire::DecodedBlock>> Take(const net::Message& message) {
    COLONNADE_ASSIGN_OR_RETURN(auto parsed, wire::ParseResultMessage(message.payload));
    if (const auto* reset = std::get_if<wire::CacheReset>(&parsed)) {
      if (reset->dictionary) reader->symbols.Clear();
      return std::optional<wire::DecodedBlock>();
    }
    if (const auto* batch = std::get_if<wire::ResultBatch>(&parsed)) {
      COLONNADE_RETURN_IF_ERROR(CheckId(batch->request_id));
      const wire::SharedBytes bytes = {message.owner, message.payload.data(),
                                       message.payload.size()};
      COLONNADE_ASSIGN_OR_RETURN(
          auto block, wire::DecodeResultBatch(*batch, bytes, reader->result, reader->symbols,
                                              reader->decompressor, reader->pool));
      if (query.credit_bytes > 0) {
        COLONNADE_RETURN_IF_ERROR(
            reader->Send(wire::CreditRequest{request_id, message.payload.size()}));
      }
      ++delivered;
      return std::optional(std::move(block));
    }
    if (const auto* end = std::get_if<wire::ResultEnd>(&parsed)) {
      COLONNADE_RETURN_IF_ERROR(CheckId(end->request_id));
      COLONNADE_RETURN_IF_ERROR(wire::CheckResultEnd(*end, reader->result));
      ended = true;
      return std::optional<wire::DecodedBlock>();
    }
    if (const auto* done = std::get_if<wire::ExecDone>(&parsed)) {
      COLONNADE_RETURN_IF_ERROR(CheckId(done->request_id));
      executed = Executed{.operation = done->operation};
      if (done->rows_affected != UINT64_MAX) executed->rows_affected = done->rows_affected;
      ended = true;
      return std::optional<wire::DecodedBlock>();
    }
    if (const auto* error = std::get_if<wire::QueryError>(&parsed)) return TakeError(*error);
    return ProtocolError("SERVER_INFO in the middle of a result");
  }

  Result<std::optional<wire::DecodedBlock>> TakeError(const wire::QueryError& error) {
    constexpr int64_t kOfConnection = -1;
    if (error.request_id != kOfConnection) COLONNADE_RETURN_IF_ERROR(CheckId(error.request_id));
    if (IsStalePlan(error) && reader->result.batches == 0 && stale_plans < kMaxStalePlans) {
      ++stale_plans;
      COLONNADE_RETURN_IF_ERROR(Start());
      return std::optional<wire::DecodedBlock>();
    }
    const Status status = wire::StatusFromServer(error.status, error.message);
    if (error.request_id == kOfConnection) reader->Disconnect();
    failure = status;
    return failure;
  }

  Status CheckId(int64_t id) const {
    if (id == request_id) return {};
    return ProtocolError("a message of request ", id, " in the answer to request ", request_id);
  }

  // Tells the server and gives up at once. If it does not answer in a moment, the connection can
  // be used again only when its answer has come.
  Status CancelNow() {
    failure = Cancelled("the query was cancelled");
    reader->interrupt->Clear();
    if (!reader->connection.has_value()) return failure;
    Status sent = reader->Send(wire::CancelRequest{request_id});
    // A server that waits for credit looks up only when it gets some.
    if (sent.ok() && query.credit_bytes > 0) {
      sent = reader->Send(wire::CreditRequest{request_id, 1});
    }
    if (!sent.ok()) {
      reader->connection.reset();
      return failure;
    }
    reader->expected_end = request_id;
    const Deadline deadline = Deadline::After(kCancelLimit);
    while (reader->expected_end != 0) {
      auto message = reader->connection->socket->Receive(deadline);
      if (!message.ok()) break;
      auto parsed = wire::ParseResultMessage(message->payload);
      if (!parsed.ok() || !reader->SkipCancelled(*parsed, *message)) {
        reader->Disconnect();
        break;
      }
    }
    return failure;
  }

  // The connection is lost, or what it carries cannot be trusted: the query begins again elsewhere.
  Status StartAgain(Status trigger) {
    if (trigger.code() == StatusCode::kLimitExceeded || trigger.code() == StatusCode::kCancelled) {
      return Fail(trigger, Recovery::kNone);
    }
    FailoverEvent event;
    event.trigger = trigger;
    while (true) {
      if (reader->connection.has_value()) {
        const size_t endpoint = reader->connection->endpoint;
        event.failed_endpoint = reader->connector->options().endpoints[endpoint].ToString();
        reader->connector->ReportBroken(endpoint, trigger);
        reader->connection.reset();
      }
      if (delivered > 0 && query.on_reset == nullptr) {
        return Fail(std::move(trigger).WithContext(
                        internal::Concat("the result broke off after ", delivered, " batches")),
                    Recovery::kResend);
      }
      const RetryDecision decision = backoff.OnFailure(Clock::now(), RandomBits());
      if (!decision.wait.has_value()) return Fail(trigger, Recovery::kRetry);
      const auto pause =
          Deadline::After(std::chrono::duration_cast<Clock::duration>(*decision.wait));
      if (const Status paused = PauseUntil(pause, reader->interrupt.get()); !paused.ok()) {
        return cancelled.load() ? CancelNow() : Fail(paused, Recovery::kNone);
      }
      auto opened = reader->Open(Deadline::Never());
      if (auto* refused = std::get_if<EndpointFailure>(&opened)) {
        if (cancelled.load()) return CancelNow();
        trigger = refused->status;
        if (trigger.recovery() == Recovery::kNone) return Fail(trigger, Recovery::kNone);
        continue;
      }
      const Status sent = Start();
      if (sent.ok()) break;
      if (sent.code() == StatusCode::kUnsupported) return Fail(sent, Recovery::kNone);
      trigger = sent;
    }
    event.new_endpoint = reader->connection->socket->peer();
    event.attempts = backoff.failures();
    reader->connector->events().Post(
        {.kind = EventKind::kFailedOver, .endpoint = event.new_endpoint, .status = trigger});
    if (delivered > 0) {
      delivered = 0;
      query.on_reset(event);
    }
    return {};
  }

  Status Fail(const Status& cause, Recovery recovery) {
    reader->connection.reset();
    failure = Status(cause.code(), std::string(cause.message()), recovery);
    return failure;
  }

  std::shared_ptr<Reader::State> reader;
  Query query;
  FailoverBackoff backoff;
  int64_t request_id = 0;
  bool started = false;
  bool ended = false;
  std::atomic<bool> cancelled = false;
  std::optional<Executed> executed;
  int64_t delivered = 0;  // batches
  int malformed = 0;      // answers that could not be decoded: the second one is final
  int stale_plans = 0;
  Status failure;
};

Cursor::Cursor(std::shared_ptr<Execution> execution) : execution_(std::move(execution)) {}
Cursor::~Cursor() = default;
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;

Result<std::optional<wire::DecodedBlock>> Cursor::Next() { return execution_->Next(); }

Result<std::vector<wire::DecodedBlock>> Cursor::ReadAll() {
  std::vector<wire::DecodedBlock> blocks;
  // Batches that went to the caller before cannot be taken back here.
  if (execution_->delivered == 0) {
    execution_->query.on_reset =
        [&blocks, told = std::move(execution_->query.on_reset)](const FailoverEvent& event) {
          blocks.clear();
          if (told != nullptr) told(event);
        };
  }
  while (true) {
    COLONNADE_ASSIGN_OR_RETURN(auto block, Next());
    if (!block.has_value()) return blocks;
    blocks.push_back(*std::move(block));
  }
}

const std::optional<Executed>& Cursor::executed() const { return execution_->executed; }

void Cursor::Cancel() {
  execution_->cancelled.store(true);
  execution_->reader->interrupt->Set();
}

Status Cursor::AddCredit(uint64_t bytes) {
  COLONNADE_RETURN_IF_ERROR(execution_->failure);
  if (execution_->query.credit_bytes == 0) {
    return InvalidState("the query was sent without a credit, so that none can be added");
  }
  if (bytes == 0 || execution_->ended) return {};
  return execution_->reader->Send(wire::CreditRequest{execution_->request_id, bytes});
}

namespace {

// A cursor's batches under the schema of the first.
class CursorSource final : public arrow::BatchSource {
 public:
  CursorSource(Cursor cursor, wire::DecodedBlock first, arrow::Schema schema,
               const wire::ArrowExportOptions& options)
      : cursor_(std::move(cursor)),
        shape_(WithoutRows(first)),
        pending_(std::move(first)),
        schema_(std::move(schema)),
        options_(options) {}

  Result<arrow::Schema> GetSchema() override { return arrow::CopySchema(*schema_.get()); }

  Result<std::optional<arrow::Array>> Next() override {
    if (!pending_.has_value()) {
      COLONNADE_ASSIGN_OR_RETURN(pending_, cursor_.Next());
      if (!pending_.has_value()) return std::optional<arrow::Array>();
      if (!wire::SameExportSchema(shape_, *pending_) || !wire::AdoptDimensions(shape_, *pending_)) {
        return InvalidData("the columns of the result are no longer those of its first batch");
      }
    }
    COLONNADE_ASSIGN_OR_RETURN(auto batch,
                               wire::ExportBatch(*std::exchange(pending_, std::nullopt), options_));
    return std::optional(std::move(batch));
  }

 private:
  // What SameExportSchema looks at, without holding on to the memory of a batch.
  static wire::DecodedBlock WithoutRows(const wire::DecodedBlock& block) {
    wire::DecodedBlock shape;
    for (const wire::DecodedColumn& column : block.columns) {
      wire::DecodedColumn& copy = shape.columns.emplace_back();
      copy.name = column.name;
      copy.type = column.type;
      copy.scale = column.scale;
      copy.geohash_bits = column.geohash_bits;
      copy.dimensions = column.dimensions;
    }
    return shape;
  }

  Cursor cursor_;
  wire::DecodedBlock shape_;
  std::optional<wire::DecodedBlock> pending_;
  arrow::Schema schema_;
  wire::ArrowExportOptions options_;
};

}  // namespace

Result<arrow::ArrayStream> Cursor::ToStream(Cursor cursor,
                                            const wire::ArrowExportOptions& options) {
  COLONNADE_ASSIGN_OR_RETURN(auto first, cursor.Next());
  if (!first.has_value()) return InvalidState("the statement has no rows");
  COLONNADE_ASSIGN_OR_RETURN(auto schema, wire::ExportSchema(*first, options));
  return arrow::MakeStream(std::make_unique<CursorSource>(std::move(cursor), *std::move(first),
                                                          std::move(schema), options));
}

Reader::Reader(std::shared_ptr<Connector> connector)
    : state_(std::make_shared<State>(std::move(connector))) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Status Reader::Connect(net::Deadline deadline) { return state_->Connect(deadline); }

bool Reader::IsAlive() {
  const auto running = state_->running.lock();
  if (running != nullptr && !running->ended && running->failure.ok()) return false;
  return state_->IsFree();
}

Result<Cursor> Reader::Execute(Query query) {
  if (const auto running = state_->running.lock()) {
    if (!running->ended && running->failure.ok()) {
      return InvalidState("the reader's last query is not at its end");
    }
  }
  COLONNADE_RETURN_IF_ERROR(state_->unusable);
  state_->interrupt->Clear();
  if (!state_->IsFree()) state_->Disconnect();
  COLONNADE_RETURN_IF_ERROR(state_->Connect(Deadline::Never()));
  auto execution = std::make_shared<Cursor::Execution>(state_, std::move(query));
  Status sent = execution->Start();
  if (!sent.ok()) {
    const bool is_lost = execution->started;
    if (!is_lost) {
      execution->ended = true;
      return sent;
    }
    COLONNADE_RETURN_IF_ERROR(execution->StartAgain(sent));
  }
  state_->running = execution;
  return Cursor(std::move(execution));
}

std::optional<wire::ServerInfo> Reader::server() const {
  if (!state_->connection.has_value()) return std::nullopt;
  return state_->connection->server;
}

}  // namespace colonnade::questdb
