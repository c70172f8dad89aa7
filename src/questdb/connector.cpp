#include "questdb/connector.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "net/random_bytes.h"
#include "net/tcp.h"
#include "net/websocket_handshake.h"
#include "questdb/backoff.h"

namespace colonnade::questdb {
namespace {

using net::Deadline;
using std::chrono::milliseconds;

// What an attempt at one endpoint may take where nothing else bounds it: a host that swallows
// packets must not keep the others from being tried.
constexpr milliseconds kDialLimit{15'000};
constexpr milliseconds kTlsLimit{5'000};
constexpr milliseconds kServerInfoLimit{5'000};
constexpr size_t kMaxIngestResponseBytes = 16 << 20;
constexpr size_t kMaxResultBytes = 64 << 20;

uint64_t RandomBits() {
  uint64_t bits = 0;
  net::FillRandom(std::as_writable_bytes(std::span(&bits, 1)));
  return bits;
}

Result<std::shared_ptr<const net::TlsContext>> MakeTls(const ConnectOptions& options) {
  if (!options.tls) return std::shared_ptr<const net::TlsContext>();
  net::TlsClientOptions tls;
  tls.verify = options.tls_verify;
  tls.system_roots = options.tls_ca == TrustedRoots::kSystem;
  tls.roots_path = options.tls_roots;
  if (!options.tls_roots_password.empty()) {
    tls.roots_password = options.tls_roots_password.Reveal();
  }
  return net::TlsContext::Client(tls);
}

EndpointFailure CallerFailure(Status status) {
  EndpointFailure failure;
  failure.kind = FailureKind::kCaller;
  failure.status = std::move(status);
  failure.ends_walk = true;
  return failure;
}

}  // namespace

Status PauseUntil(Deadline deadline, net::Interrupt* interrupt) {
  while (true) {
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled("interrupted");
    if (deadline.expired()) return {};
    pollfd wake{};
    wake.fd = interrupt != nullptr ? interrupt->descriptor() : -1;
    wake.events = POLLIN;
    if (poll(&wake, 1, deadline.poll_timeout()) < 0 && errno != EINTR) {
      return Io("waiting: ", std::generic_category().message(errno));
    }
  }
}

Result<std::shared_ptr<Connector>> Connector::Make(std::shared_ptr<const ConnectOptions> options,
                                                   Direction direction,
                                                   std::shared_ptr<ConnectionEvents> events,
                                                   Dial dial) {
  COLONNADE_ASSIGN_OR_RETURN(auto tls, MakeTls(*options));
  if (dial == nullptr) {
    dial = [](const EndpointAddress& endpoint, Deadline deadline, net::Interrupt* interrupt) {
      return net::Connect(endpoint.host, endpoint.port, {}, deadline, interrupt);
    };
  }
  return std::shared_ptr<Connector>(new Connector(std::move(options), direction, std::move(events),
                                                  std::move(dial), std::move(tls)));
}

Connector::Connector(std::shared_ptr<const ConnectOptions> options, Direction direction,
                     std::shared_ptr<ConnectionEvents> events, Dial dial,
                     std::shared_ptr<const net::TlsContext> tls)
    : options_(std::move(options)),
      direction_(direction),
      events_(std::move(events)),
      dial_(std::move(dial)),
      tls_(std::move(tls)),
      health_(options_->endpoints.size(), std::string(PreferredZone(direction, *options_))) {}

std::variant<Connection, EndpointFailure> Connector::Open(size_t index, Deadline deadline,
                                                          net::Interrupt* interrupt) {
  const EndpointAddress& endpoint = options_->endpoints[index];
  const Attempt attempt = {.endpoint = endpoint, .direction = direction_, .options = *options_};
  const auto limited = [&](milliseconds limit) {
    return Deadline::Earlier(deadline, Deadline::After(limit));
  };

  const milliseconds dial_limit =
      options_->connect_timeout.count() > 0 ? options_->connect_timeout : kDialLimit;
  auto stream = dial_(endpoint, limited(dial_limit), interrupt);
  if (!stream.ok()) return ClassifyTransport(attempt, ConnectStep::kConnect, stream.status());
  if (tls_ != nullptr) {
    stream =
        net::ConnectTls(*std::move(stream), tls_, endpoint.host, limited(kTlsLimit), interrupt);
    if (!stream.ok()) return ClassifyTransport(attempt, ConnectStep::kTls, stream.status());
  }

  net::UpgradeRequest request;
  request.target = UpgradePath(direction_, *options_);
  request.host = net::HostHeader(endpoint.host, endpoint.port, options_->tls);
  request.headers = UpgradeHeaders(direction_, *options_);
  auto answer = net::RequestUpgrade(**stream, request, limited(options_->auth_timeout), interrupt);
  if (!answer.ok()) return ClassifyTransport(attempt, ConnectStep::kUpgrade, answer.status());
  if (const auto* refusal = std::get_if<net::HttpFailure>(&*answer)) {
    return ClassifyRefusal(attempt, *refusal);
  }
  auto& upgraded = std::get<net::Upgraded>(*answer);

  Connection connection;
  connection.endpoint = index;
  net::WebSocketOptions socket;
  socket.max_message_bytes =
      direction_ == Direction::kIngest ? kMaxIngestResponseBytes : kMaxResultBytes;
  if (direction_ == Direction::kIngest) {
    auto terms = CheckIngestTerms(attempt, upgraded.response.headers);
    if (auto* failure = std::get_if<EndpointFailure>(&terms)) return std::move(*failure);
    connection.ingest = std::get<IngestTerms>(std::move(terms));
  } else {
    auto terms = CheckQueryTerms(attempt, upgraded.response.headers);
    if (auto* failure = std::get_if<EndpointFailure>(&terms)) return std::move(*failure);
    connection.query = std::get<QueryTerms>(std::move(terms));
  }
  connection.socket =
      std::make_unique<net::WebSocket>(*std::move(stream), socket, std::move(upgraded.leftover));
  if (direction_ == Direction::kIngest) return connection;

  auto first = connection.socket->Receive(limited(kServerInfoLimit), interrupt);
  if (!first.ok()) return ClassifyTransport(attempt, ConnectStep::kServerInfo, first.status());
  auto parsed = wire::ParseResultMessage(first->payload);
  if (!parsed.ok()) {
    return ClassifyTerms(attempt, FailureKind::kHandshake, parsed.status().message());
  }
  auto* info = std::get_if<wire::ServerInfo>(&*parsed);
  if (info == nullptr) {
    return ClassifyTerms(attempt, FailureKind::kHandshake, "the first message is not SERVER_INFO");
  }
  connection.server = std::move(*info);
  if (!AcceptsRole(options_->target, connection.server.role)) {
    return ClassifyRole(attempt, connection.server);
  }
  return connection;
}

std::variant<Connection, EndpointFailure> Connector::Connect(Deadline deadline,
                                                             net::Interrupt* interrupt) {
  HealthTracker::Round round = health_.BeginRound();
  std::vector<EndpointFailure> failures;
  while (const auto index = round.Claim()) {
    auto opened = Open(*index, deadline, interrupt);
    const std::string& name = options_->endpoints[*index].ToString();
    if (auto* connection = std::get_if<Connection>(&opened)) {
      round.Record(*index, EndpointState::kHealthy);
      const std::string& zone =
          direction_ == Direction::kIngest ? connection->ingest.zone : connection->server.zone_id;
      health_.RecordZone(*index, zone);
      events_->Post({.kind = EventKind::kConnected, .endpoint = name, .status = {}});
      return opened;
    }
    auto& failure = std::get<EndpointFailure>(opened);
    if (failure.kind == FailureKind::kCaller) return opened;
    round.Record(*index, failure.state);
    if (!failure.zone.empty()) health_.RecordZone(*index, failure.zone);
    events_->Post({.kind = failure.kind == FailureKind::kUnauthorized
                               ? EventKind::kAuthenticationFailed
                               : EventKind::kEndpointFailed,
                   .endpoint = name,
                   .status = failure.status});
    const bool ends_walk = failure.ends_walk;
    failures.push_back(std::move(failure));
    if (ends_walk) break;
    if (deadline.expired()) break;
  }
  EndpointFailure summary = SummarizeRound(failures);
  if (summary.kind != FailureKind::kUnauthorized) {
    events_->Post(
        {.kind = EventKind::kAllEndpointsFailed, .endpoint = {}, .status = summary.status});
  }
  return summary;
}

std::variant<Connection, EndpointFailure> Connector::ConnectPatiently(Deadline deadline,
                                                                      net::Interrupt* interrupt) {
  ReconnectBackoff backoff(ReconnectBackoff::Limits::Of(*options_), Clock::now());
  while (true) {
    auto connected = Connect(deadline, interrupt);
    const auto* failure = std::get_if<EndpointFailure>(&connected);
    if (failure == nullptr || failure->kind == FailureKind::kCaller ||
        failure->status.recovery() == Recovery::kNone || deadline.expired()) {
      return connected;
    }
    const auto kind = failure->kind == FailureKind::kRoleMismatch
                          ? ReconnectBackoff::RoundFailure::kRoleRejected
                          : ReconnectBackoff::RoundFailure::kUnreachable;
    const RetryDecision decision = backoff.OnFailure(kind, Clock::now(), RandomBits());
    if (!decision.wait.has_value()) return connected;
    const auto pause = Deadline::After(std::chrono::duration_cast<Clock::duration>(*decision.wait));
    Status waited = PauseUntil(Deadline::Earlier(deadline, pause), interrupt);
    if (!waited.ok()) return CallerFailure(std::move(waited));
  }
}

void Connector::ReportBroken(size_t endpoint, const Status& status) {
  health_.RecordBrokenConnection(endpoint);
  events_->Post({.kind = EventKind::kDisconnected,
                 .endpoint = options_->endpoints[endpoint].ToString(),
                 .status = status});
}

}  // namespace colonnade::questdb
