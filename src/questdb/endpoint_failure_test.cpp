#include "questdb/endpoint_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::questdb {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const EndpointAddress kEndpoint = {"db.example", 9000};

ConnectOptions WithCredentials() {
  ConnectOptions options;
  options.authorization = Secret("Bearer hunter2");
  return options;
}

net::HttpFailure Refusal(int status, std::initializer_list<net::HttpHeader> headers = {}) {
  return {.status = status, .reason = "Some Reason", .headers = headers, .body = "a body"};
}

EndpointFailure Classify(int status, std::initializer_list<net::HttpHeader> headers = {},
                         Direction direction = Direction::kIngest) {
  const ConnectOptions options = WithCredentials();
  return ClassifyRefusal({kEndpoint, direction, options}, Refusal(status, headers));
}

TEST(EndpointFailure, RefusalsHaveTheirKindAndSayWhatToDo) {
  struct Case {
    int status;
    FailureKind kind;
    StatusCode code;
    Recovery recovery;
    EndpointState state;
    std::string text;
  };
  const auto none = Recovery::kNone;
  const auto again = Recovery::kReconnect;
  const auto failed = EndpointState::kFailedThisRound;
  const auto error = EndpointState::kTransportError;
  const std::vector<Case> cases = {
      {401, FailureKind::kUnauthorized, StatusCode::kUnauthenticated, none, failed,
       "does not accept the credentials"},
      {403, FailureKind::kUnauthorized, StatusCode::kPermissionDenied, none, failed,
       "may not write"},
      {404, FailureKind::kNoQwp, StatusCode::kUnsupported, none, failed,
       "a server without QWP: QuestDB 10 or later is needed"},
      {400, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed, "upgrade request"},
      {426, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed,
       "version of WebSocket"},
      {301, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed,
       "redirects elsewhere"},
      {308, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed,
       "redirects elsewhere"},
      {200, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed,
       "no answer of a QuestDB"},
      {418, FailureKind::kHandshake, StatusCode::kProtocolError, none, failed,
       "no answer of a QuestDB"},
      {408, FailureKind::kBusy, StatusCode::kUnavailable, again, error, "for the moment"},
      {421, FailureKind::kBusy, StatusCode::kUnavailable, again, error, "for the moment"},
      {429, FailureKind::kBusy, StatusCode::kUnavailable, again, error, "for the moment"},
      {500, FailureKind::kBusy, StatusCode::kUnavailable, again, error, "has failed"},
      {502, FailureKind::kBusy, StatusCode::kUnavailable, again, error, "has failed"},
      {503, FailureKind::kBusy, StatusCode::kUnavailable, again, error,
       "not available for the moment"},
  };
  for (const Case& expected : cases) {
    for (const Direction direction : {Direction::kIngest, Direction::kQuery}) {
      const EndpointFailure failure = Classify(expected.status, {}, direction);
      EXPECT_EQ(failure.kind, expected.kind) << expected.status;
      std::string text = expected.text;
      if (expected.status == 403 && direction == Direction::kQuery) text = "may not query";
      EXPECT_THAT(failure.status,
                  StatusIs(expected.code, AllOf(StartsWith("db.example:9000: HTTP " +
                                                           std::to_string(expected.status) + ": "),
                                                HasSubstr(text))));
      EXPECT_EQ(failure.status.recovery(), expected.recovery) << expected.status;
      EXPECT_EQ(failure.state, expected.state) << expected.status;
      EXPECT_EQ(failure.ends_walk, expected.kind == FailureKind::kUnauthorized) << expected.status;
    }
  }
}

TEST(EndpointFailure, SaysWhenTheConnectStringHasNoCredentials) {
  const ConnectOptions options;
  for (const int status : {401, 403}) {
    const EndpointFailure failure =
        ClassifyRefusal({kEndpoint, Direction::kIngest, options}, Refusal(status));
    EXPECT_THAT(failure.status.message(), HasSubstr("the connect string has none"));
    EXPECT_TRUE(failure.ends_walk);
  }
}

TEST(EndpointFailure, RolesAreNotTheSameAsBeingUnreachable) {
  EndpointFailure failure =
      Classify(421, {{"x-questdb-role", "REPLICA"}, {"X-QuestDB-Zone", "eu-1"}});
  EXPECT_EQ(failure.kind, FailureKind::kRoleMismatch);
  EXPECT_EQ(failure.state, EndpointState::kRoleRejected);
  EXPECT_EQ(failure.zone, "eu-1");
  EXPECT_EQ(failure.status.recovery(), Recovery::kReconnect);
  EXPECT_FALSE(failure.ends_walk);
  EXPECT_THAT(failure.status,
              StatusIs(StatusCode::kInvalidState,
                       "db.example:9000: HTTP 421: as REPLICA it does not take writes"));

  failure = Classify(421, {{"X-QuestDB-Role", "primary_catchup"}}, Direction::kQuery);
  EXPECT_EQ(failure.state, EndpointState::kTransientReject);
  EXPECT_THAT(failure.status.message(), EndsWith("as PRIMARY_CATCHUP it does not run queries yet"));

  failure = Classify(421, {{"X-QuestDB-Role", ""}});
  EXPECT_EQ(failure.kind, FailureKind::kRoleMismatch);
  EXPECT_THAT(failure.status.message(), HasSubstr("as a server of an unknown role"));
}

TEST(EndpointFailure, SaysThatARedirectionWantsTls) {
  ConnectOptions options;
  const net::HttpFailure refusal = Refusal(301, {{"location", "HTTPS://elsewhere/hunter2"}});
  EXPECT_THAT(ClassifyRefusal({kEndpoint, Direction::kIngest, options}, refusal).status.message(),
              AllOf(HasSubstr("the schema wss"), Not(HasSubstr("elsewhere/"))));
  options.tls = true;
  EXPECT_THAT(ClassifyRefusal({kEndpoint, Direction::kIngest, options}, refusal).status.message(),
              Not(HasSubstr("wss")));
}

TEST(EndpointFailure, NamesAPathThatIsNotTheUsualOne) {
  ConnectOptions options;
  options.path = "/proxied/read";
  const auto text = [&](Direction direction) {
    return std::string(
        ClassifyRefusal({kEndpoint, direction, options}, Refusal(404)).status.message());
  };
  EXPECT_THAT(text(Direction::kQuery), EndsWith("needed, or another path than /proxied/read"));
  EXPECT_THAT(text(Direction::kIngest), EndsWith("QuestDB 10 or later is needed"));
}

// A server may send back what it was sent.
TEST(EndpointFailure, RepeatsNothingThatTheServerSays) {
  const ConnectOptions options = WithCredentials();
  for (int status = 100; status < 600; ++status) {
    net::HttpFailure refusal;
    refusal.status = status;
    refusal.reason = refusal.body = "Bearer hunter2";
    for (const char* name : {"X-QuestDB-Role", "Location", "X-QuestDB-Zone", "WWW-Authenticate"}) {
      refusal.headers.Add(name, "Bearer hunter2");
    }
    for (const Direction direction : {Direction::kIngest, Direction::kQuery}) {
      const EndpointFailure failure = ClassifyRefusal({kEndpoint, direction, options}, refusal);
      ASSERT_FALSE(failure.status.ok());
      EXPECT_THAT(failure.status.message(),
                  AllOf(StartsWith("db.example:9000: HTTP "), Not(HasSubstr("hunter2"))));
    }
  }
}

TEST(EndpointFailure, ConnectionsThatFailKeepTheirReasonAndNameTheEndpointOnce) {
  const ConnectOptions options;
  const Attempt attempt{kEndpoint, Direction::kQuery, options};
  const Status refused(StatusCode::kUnavailable,
                       "db.example:9000: cannot connect: Connection refused", Recovery::kReconnect);
  EndpointFailure failure = ClassifyTransport(attempt, ConnectStep::kConnect, refused);
  EXPECT_EQ(failure.kind, FailureKind::kUnreachable);
  EXPECT_EQ(failure.state, EndpointState::kTransportError);
  EXPECT_FALSE(failure.ends_walk);
  EXPECT_EQ(failure.status.recovery(), Recovery::kReconnect);
  EXPECT_EQ(failure.status.ToString(), refused.ToString());

  failure = ClassifyTransport(attempt, ConnectStep::kServerInfo, Timeout("timed out"));
  EXPECT_EQ(failure.kind, FailureKind::kUnreachable);
  EXPECT_EQ(failure.status.recovery(), Recovery::kReconnect);
  EXPECT_THAT(failure.status, StatusIs(StatusCode::kTimeout, "db.example:9000: timed out"));

  failure = ClassifyTransport(attempt, ConnectStep::kServerInfo, ProtocolError("kind 0x12"));
  EXPECT_EQ(failure.kind, FailureKind::kHandshake);
  EXPECT_EQ(failure.state, EndpointState::kFailedThisRound);
  EXPECT_EQ(failure.status.recovery(), Recovery::kNone);
}

TEST(EndpointFailure, SuggestsTheOtherSchemaWhereTlsMayBeTheReason) {
  ConnectOptions plain;
  ConnectOptions secure;
  secure.tls = true;
  const auto text = [](const ConnectOptions& options, ConnectStep step, const Status& cause) {
    return std::string(
        ClassifyTransport({kEndpoint, Direction::kIngest, options}, step, cause).status.message());
  };
  const Status not_http = ProtocolError("the answer is no HTTP");
  const Status closed(StatusCode::kUnavailable, "the peer closed the connection",
                      Recovery::kReconnect);
  EXPECT_THAT(text(plain, ConnectStep::kUpgrade, not_http), EndsWith("the schema is wss"));
  EXPECT_THAT(text(plain, ConnectStep::kUpgrade, closed), EndsWith("the schema is wss"));
  EXPECT_THAT(text(plain, ConnectStep::kUpgrade, Timeout("late")), Not(HasSubstr("schema")));
  EXPECT_THAT(text(plain, ConnectStep::kConnect, closed), Not(HasSubstr("schema")));
  EXPECT_THAT(text(plain, ConnectStep::kServerInfo, closed), Not(HasSubstr("schema")));
  EXPECT_THAT(text(secure, ConnectStep::kUpgrade, closed), Not(HasSubstr("schema")));
  EXPECT_THAT(text(secure, ConnectStep::kTls, ProtocolError("no TLS")),
              EndsWith("the schema is ws"));

  EXPECT_THAT(text(secure, ConnectStep::kTls, closed), EndsWith("the schema is ws"));
  EXPECT_THAT(text(secure, ConnectStep::kTls, Timeout("late")), Not(HasSubstr("schema")));
  EXPECT_EQ(
      text(secure, ConnectStep::kTls, closed.WithContext("TLS handshake: db.example:9000")),
      "TLS handshake: db.example:9000: the peer closed the connection; without TLS the schema "
      "is ws");

  const Status untrusted(StatusCode::kUnavailable, "the certificate has expired", Recovery::kNone);
  const EndpointFailure failure =
      ClassifyTransport({kEndpoint, Direction::kIngest, secure}, ConnectStep::kTls, untrusted);
  EXPECT_EQ(failure.kind, FailureKind::kTls);
  EXPECT_EQ(failure.status.recovery(), Recovery::kNone);
  EXPECT_THAT(failure.status.message(), EndsWith("the certificate has expired"));
}

TEST(EndpointFailure, WhatTheCallerDidEndsTheWalkAndSaysNothingOfTheEndpoint) {
  const ConnectOptions options;
  for (const Status& cause : {Cancelled("cancelled"), InvalidArgument("header Authorization")}) {
    const EndpointFailure failure =
        ClassifyTransport({kEndpoint, Direction::kIngest, options}, ConnectStep::kUpgrade, cause);
    EXPECT_EQ(failure.kind, FailureKind::kCaller);
    EXPECT_EQ(failure.state, EndpointState::kUnknown);
    EXPECT_TRUE(failure.ends_walk);
    EXPECT_EQ(failure.status.code(), cause.code());
  }
}

TEST(EndpointFailure, TargetsAcceptTheirRoles) {
  using wire::ServerRole;
  struct Case {
    ServerRole role;
    bool primary;
    bool replica;
  };
  for (const Case& expected :
       {Case{ServerRole::kStandalone, true, false}, Case{ServerRole::kPrimary, true, false},
        Case{ServerRole::kPrimaryCatchup, true, false}, Case{ServerRole::kReplica, false, true},
        Case{static_cast<ServerRole>(9), false, false}}) {
    EXPECT_TRUE(AcceptsRole(TargetRole::kAny, expected.role));
    EXPECT_EQ(AcceptsRole(TargetRole::kPrimary, expected.role), expected.primary);
    EXPECT_EQ(AcceptsRole(TargetRole::kReplica, expected.role), expected.replica);
  }
  ConnectOptions options;
  options.target = TargetRole::kReplica;
  const EndpointFailure failure = ClassifyRole({kEndpoint, Direction::kQuery, options},
                                               {.role = ServerRole::kPrimary, .zone_id = "eu"});
  EXPECT_EQ(failure.kind, FailureKind::kRoleMismatch);
  EXPECT_EQ(failure.state, EndpointState::kTopologyReject);
  EXPECT_EQ(failure.zone, "eu");
  EXPECT_THAT(
      failure.status,
      StatusIs(StatusCode::kInvalidState,
               "db.example:9000: the server is PRIMARY, the connect string says target=replica"));
}

TEST(EndpointFailure, ARoundListsItsEndpointsAndKeepsWhatTheyShare) {
  const EndpointFailure replica = Classify(421, {{"X-QuestDB-Role", "REPLICA"}});
  const EndpointFailure catching_up = Classify(421, {{"X-QuestDB-Role", "PRIMARY_CATCHUP"}});
  const EndpointFailure old = Classify(404);
  const EndpointFailure busy = Classify(503);
  const EndpointFailure unauthorized = Classify(401);

  const auto summary = [](std::vector<EndpointFailure> failures) {
    return SummarizeRound(failures);
  };
  EXPECT_EQ(summary({old}).status.ToString(), old.status.ToString());

  EndpointFailure all = summary({replica, catching_up});
  EXPECT_EQ(all.kind, FailureKind::kRoleMismatch);
  EXPECT_EQ(all.status.recovery(), Recovery::kReconnect);
  EXPECT_THAT(all.status,
              StatusIs(StatusCode::kInvalidState,
                       "none of 2 endpoints can be used: " + std::string(replica.status.message()) +
                           " | " + std::string(catching_up.status.message())));

  all = summary({old, old});  // nothing that waiting would heal
  EXPECT_EQ(all.kind, FailureKind::kNoQwp);
  EXPECT_EQ(all.status.code(), StatusCode::kUnsupported);
  EXPECT_EQ(all.status.recovery(), Recovery::kNone);

  all = summary({replica, busy});
  EXPECT_EQ(all.kind, FailureKind::kUnreachable);
  EXPECT_EQ(all.status.code(), StatusCode::kUnavailable);

  all = summary({old, busy});
  EXPECT_EQ(all.status.recovery(), Recovery::kReconnect);

  all = summary({busy, unauthorized});
  EXPECT_EQ(all.kind, FailureKind::kUnauthorized);
  EXPECT_TRUE(all.ends_walk);
  EXPECT_EQ(all.status.ToString(), unauthorized.status.ToString());

  all = summary(std::vector<EndpointFailure>(1024, busy));
  EXPECT_THAT(all.status.message(), EndsWith(" | and 1016 more"));
  EXPECT_LT(all.status.message().size(), 2000u);
}

TEST(EndpointFailure, ZonesMatterToQueriesThatMayRunOnAReplica) {
  ConnectOptions options;
  options.zone = "eu";
  EXPECT_EQ(PreferredZone(Direction::kQuery, options), "eu");
  EXPECT_EQ(PreferredZone(Direction::kIngest, options), "");
  options.target = TargetRole::kReplica;
  EXPECT_EQ(PreferredZone(Direction::kQuery, options), "eu");
  options.target = TargetRole::kPrimary;
  EXPECT_EQ(PreferredZone(Direction::kQuery, options), "");
}

}  // namespace
}  // namespace colonnade::questdb
