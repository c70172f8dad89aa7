#include "questdb/endpoint_failure.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace colonnade::questdb {
namespace {

constexpr size_t kMaxListed = 8;  // failures in the message of a round

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c + 0; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Doing(Direction direction) {
  return direction == Direction::kIngest ? "take writes" : "run queries";
}

EndpointFailure Fail(const Attempt& attempt, FailureKind kind, StatusCode code, Recovery recovery,
                     EndpointState state, const std::string& cause) {
  EndpointFailure failure;
  failure.kind = kind;
  failure.status = Status(code, attempt.endpoint.ToString() + ": " + cause, recovery);
  failure.state = state;
  return failure;
}

std::string Http(int status) { return "HTTP " + std::to_string(status) + ": "; }

EndpointFailure Unauthorized(const Attempt& attempt, int status) {
  std::string cause = Http(status);
  if (attempt.options.authorization.empty()) {
    cause +=
        "the server wants credentials, and the connect string has none (username and password, "
        "token or auth)";
  } else if (status == 401) {
    cause += "the server does not accept the credentials";
  } else {
    cause += "whom the credentials belong to may not ";
    cause += attempt.direction == Direction::kIngest ? "write" : "query";
  }
  EndpointFailure failure =
      Fail(attempt, FailureKind::kUnauthorized,
           status == 401 ? StatusCode::kUnauthenticated : StatusCode::kPermissionDenied,
           Recovery::kNone, EndpointState::kFailedThisRound, cause);
  failure.ends_walk = true;
  return failure;
}

EndpointFailure WrongRole(const Attempt& attempt, std::string_view role) {
  // The server's own word is not repeated unless it is one of the known.
  constexpr std::string_view kRoles[] = {"STANDALONE", "PRIMARY", "REPLICA", "PRIMARY_CATCHUP"};
  std::string name = "a server of an unknown role";
  for (const std::string_view known : kRoles) {
    if (EqualsIgnoringCase(role, known)) name = known;
  }
  const bool transient = name == "PRIMARY_CATCHUP";
  return Fail(attempt, FailureKind::kRoleMismatch, StatusCode::kInvalidState, Recovery::kReconnect,
              transient ? EndpointState::kTransientReject : EndpointState::kRoleRejected,
              Http(421) + "as " + name + " it does not " + std::string(Doing(attempt.direction)) +
                  (transient ? " yet" : ""));
}

EndpointFailure Redirected(const Attempt& attempt, const net::HttpFailure& refusal) {
  std::string cause = Http(refusal.status) +
                      "it redirects elsewhere, which is not followed: addr must be the server's "
                      "own address";
  const std::string_view location = refusal.headers.Find("Location").value_or("");
  if (!attempt.options.tls && EqualsIgnoringCase(location.substr(0, 6), "https:")) {
    cause += ", and the schema wss, as TLS is wanted";
  }
  return Fail(attempt, FailureKind::kHandshake, StatusCode::kProtocolError, Recovery::kNone,
              EndpointState::kFailedThisRound, cause);
}

EndpointFailure WithoutQwp(const Attempt& attempt) {
  std::string cause = Http(404) + "a server without QWP: QuestDB 10 or later is needed";
  if (attempt.direction == Direction::kQuery && attempt.options.path != ConnectOptions().path) {
    cause += ", or another path than " + attempt.options.path;
  }
  return Fail(attempt, FailureKind::kNoQwp, StatusCode::kUnsupported, Recovery::kNone,
              EndpointState::kFailedThisRound, cause);
}

}  // namespace

EndpointFailure ClassifyTransport(const Attempt& attempt, ConnectStep step, const Status& cause) {
  assert(!cause.ok());
  const std::string endpoint = attempt.endpoint.ToString();
  std::string message(cause.message());
  if (message.find(endpoint) == std::string::npos) message = endpoint + ": " + message;

  EndpointFailure failure;
  Recovery recovery = cause.recovery();
  if (cause.code() == StatusCode::kCancelled || cause.code() == StatusCode::kInvalidArgument) {
    failure.kind = FailureKind::kCaller;
    failure.state = EndpointState::kUnknown;  // nothing was learnt about it
    failure.ends_walk = true;
  } else if (step == ConnectStep::kTls) {
    failure.kind = FailureKind::kTls;
    const bool broken =
        cause.code() == StatusCode::kUnavailable && cause.recovery() != Recovery::kNone;
    if (cause.code() == StatusCode::kProtocolError || broken) {
      message += "; without TLS the schema is ws";
    }
  } else if (cause.code() == StatusCode::kProtocolError ||
             cause.code() == StatusCode::kLimitExceeded ||
             cause.code() == StatusCode::kUnsupported) {
    failure.kind = FailureKind::kHandshake;
    failure.state = EndpointState::kFailedThisRound;
  } else {
    failure.kind = FailureKind::kUnreachable;
    // What neither arrived nor was answered may go better next time, whoever failed to say so.
    recovery = Recovery::kReconnect;
  }
  // A port of TLS answers a plain request with an alert, or not at all.
  const bool may_be_tls =
      failure.kind == FailureKind::kHandshake ||
      (failure.kind == FailureKind::kUnreachable && cause.code() == StatusCode::kUnavailable);
  if (step == ConnectStep::kUpgrade && !attempt.options.tls && may_be_tls) {
    message += "; for TLS the schema is wss";
  }
  failure.status = Status(cause.code(), message, recovery);
  return failure;
}

EndpointFailure ClassifyRefusal(const Attempt& attempt, const net::HttpFailure& refusal) {
  const int status = refusal.status;
  const auto fail = [&](FailureKind kind, StatusCode code, Recovery recovery, EndpointState state,
                        std::string_view cause) {
    return Fail(attempt, kind, code, recovery, state, Http(status) + std::string(cause));
  };
  const auto broken = [&](std::string_view cause) {
    return fail(FailureKind::kHandshake, StatusCode::kProtocolError, Recovery::kNone,
                EndpointState::kFailedThisRound, cause);
  };
  const auto busy = [&](std::string_view cause) {
    return fail(FailureKind::kBusy, StatusCode::kUnavailable, Recovery::kReconnect,
                EndpointState::kTransportError, cause);
  };

  EndpointFailure failure;
  const std::optional<std::string_view> role = refusal.headers.Find("X-QuestDB-Role");
  if (status == 401 || status == 403) {
    failure = Unauthorized(attempt, status);
  } else if (status == 421 && role) {
    failure = WrongRole(attempt, *role);
  } else if (status == 404) {
    failure = WithoutQwp(attempt);
  } else if (status == 400) {
    failure = broken("the server does not take the upgrade request; a proxy may have changed it");
  } else if (status == 426) {
    failure = broken("the server wants another version of WebSocket than 13");
  } else if (status >= 300 && status < 400) {
    failure = Redirected(attempt, refusal);
  } else if (status == 408 || status == 421 || status == 429) {
    failure = busy("the server refuses the connection for the moment");
  } else if (status >= 500) {
    failure = busy(status == 503 ? "the server is not available for the moment"
                                 : "the server, or a proxy before it, has failed");
  } else {
    failure = broken("no answer of a QuestDB to an upgrade request");
  }
  failure.zone = refusal.headers.Find("X-QuestDB-Zone").value_or("");
  return failure;
}

EndpointFailure ClassifyTerms(const Attempt& attempt, FailureKind kind, std::string_view cause) {
  return Fail(attempt, kind,
              kind == FailureKind::kVersion ? StatusCode::kUnsupported : StatusCode::kProtocolError,
              Recovery::kNone, EndpointState::kFailedThisRound, std::string(cause));
}

bool AcceptsRole(TargetRole target, wire::ServerRole role) {
  switch (target) {
    case TargetRole::kAny: return true;
    case TargetRole::kPrimary:
      return role == wire::ServerRole::kPrimary || role == wire::ServerRole::kPrimaryCatchup ||
             role == wire::ServerRole::kStandalone;
    case TargetRole::kReplica: return role == wire::ServerRole::kReplica;
  }
  return false;
}

EndpointFailure ClassifyRole(const Attempt& attempt, const wire::ServerInfo& info) {
  const std::string target = attempt.options.target == TargetRole::kPrimary ? "primary" : "replica";
  EndpointFailure failure = Fail(attempt, FailureKind::kRoleMismatch, StatusCode::kInvalidState,
                                 Recovery::kReconnect, EndpointState::kTopologyReject,
                                 "the server is " + wire::ServerRoleName(info.role) +
                                     ", the connect string says target=" + target);
  failure.zone = info.zone_id;
  return failure;
}

EndpointFailure SummarizeRound(std::span<const EndpointFailure> failures) {
  assert(!failures.empty());
  if (failures.size() == 1 || failures.back().ends_walk) return failures.back();
  const auto all = [&](auto same) {
    return std::all_of(failures.begin(), failures.end(),
                       [&](const EndpointFailure& each) { return same(each, failures.front()); });
  };
  const bool one_kind = all([](const auto& a, const auto& b) { return a.kind == b.kind; });
  const bool one_code =
      all([](const auto& a, const auto& b) { return a.status.code() == b.status.code(); });
  const bool may_heal = std::any_of(
      failures.begin(), failures.end(),
      [](const EndpointFailure& failure) { return failure.status.recovery() != Recovery::kNone; });
  std::string message = "none of " + std::to_string(failures.size()) + " endpoints can be used: ";
  for (size_t i = 0; i < std::min(failures.size(), kMaxListed); ++i) {
    if (i != 0) message += " | ";
    message += failures[i].status.message();
  }
  if (failures.size() > kMaxListed) {
    message += " | and " + std::to_string(failures.size() - kMaxListed) + " more";
  }
  EndpointFailure summary;
  summary.kind = one_kind ? failures.front().kind : FailureKind::kUnreachable;
  summary.status = Status(one_code ? failures.front().status.code() : StatusCode::kUnavailable,
                          message, may_heal ? Recovery::kReconnect : Recovery::kNone);
  summary.state = EndpointState::kUnknown;
  return summary;
}

std::string_view PreferredZone(Direction direction, const ConnectOptions& options) {
  const bool matters = direction == Direction::kQuery && options.target != TargetRole::kPrimary;
  return matters ? std::string_view(options.zone) : std::string_view();
}

}  // namespace colonnade::questdb
