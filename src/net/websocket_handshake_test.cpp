#include "net/websocket_handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "net/tcp.h"
#include "support/faulty_stream.h"
#include "support/scripted_stream.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using namespace std::chrono_literals;
using ::testing::_;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

Deadline Patience() { return Deadline::After(60s); }

std::string Text(Bytes bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

UpgradeRequest Request() { return {.host = "127.0.0.1:9000", .key = std::string(kKey)}; }

constexpr std::string_view kAgreed =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-QWP-Version: 1\r\n\r\n";

Result<UpgradeAnswer> AnswerTo(std::string_view script,
                               ScriptedStream::Then then = ScriptedStream::Then::kSilence) {
  ScriptedStream stream(script, then);
  return RequestUpgrade(stream, Request(), Deadline::Never());
}

// What the official client sends to the two paths of a server.
TEST(WriteUpgradeRequest, IsByteForByteTheCapturedOne) {
  UpgradeRequest ingress = Request();
  ingress.target = "/api/v4/write";
  ingress.headers = {{"X-QWP-Max-Version", "1"}};
  EXPECT_EQ(*WriteUpgradeRequest(ingress),
            "GET /api/v4/write HTTP/1.1\r\n"
            "Host: 127.0.0.1:9000\r\n"
            "Connection: Upgrade\r\n"
            "Upgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "X-QWP-Max-Version: 1\r\n"
            "\r\n");
  UpgradeRequest egress = Request();
  egress.target = "/read/v1";
  egress.headers = {{"X-QWP-Max-Version", "1"}, {"X-QWP-Accept-Encoding", "raw"}};
  EXPECT_EQ(*WriteUpgradeRequest(egress),
            "GET /read/v1 HTTP/1.1\r\n"
            "Host: 127.0.0.1:9000\r\n"
            "Connection: Upgrade\r\n"
            "Upgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "X-QWP-Max-Version: 1\r\n"
            "X-QWP-Accept-Encoding: raw\r\n"
            "\r\n");
}

TEST(WriteUpgradeRequest, RefusesAValueThatWouldBeAHeaderAndDoesNotShowIt) {
  UpgradeRequest request = Request();
  request.headers = {{"Authorization", "Bearer secret\r\nX: y"}};
  const auto text = WriteUpgradeRequest(request);
  EXPECT_THAT(text, StatusIs(StatusCode::kInvalidArgument, HasSubstr("Authorization")));
  EXPECT_THAT(std::string(text.status().message()), Not(HasSubstr("secret")));
}

TEST(WebSocketKey, BelongsToTheAcceptOfTheSpecification) {
  EXPECT_EQ(AcceptFor(kKey), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketKey, IsFreshEachTimeAndAccepted) {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const std::string key = NewWebSocketKey();
    keys.insert(key);
    EXPECT_EQ(CheckUpgradeRequest({.method = "GET",
                                   .target = "/",
                                   .headers = {{"Host", "a"},
                                               {"Connection", "Upgrade"},
                                               {"Upgrade", "websocket"},
                                               {"Sec-WebSocket-Version", "13"},
                                               {"Sec-WebSocket-Key", key}}}),
              std::nullopt)
        << key;
  }
  EXPECT_EQ(keys.size(), 100u);
}

TEST(HostHeader, LeavesOutTheDefaultPortAndBracketsAddresses) {
  EXPECT_EQ(HostHeader("db", 9000, false), "db:9000");
  EXPECT_EQ(HostHeader("db", 80, false), "db");
  EXPECT_EQ(HostHeader("db", 443, false), "db:443");
  EXPECT_EQ(HostHeader("db", 443, true), "db");
  EXPECT_EQ(HostHeader("db", 80, true), "db:80");
  EXPECT_EQ(HostHeader("::1", 80, false), "[::1]");
  EXPECT_EQ(HostHeader("::1", 9000, true), "[::1]:9000");
}

TEST(RequestUpgrade, KeepsWhatFollowsTheAnswer) {
  for (const size_t most : {1u, 7u, 100'000u}) {
    ScriptedStream stream(std::string(kAgreed) + "\x82\x01x", ScriptedStream::Then::kSilence);
    stream.set_most_read(most);
    std::string written;
    stream.set_written(&written);
    ASSERT_OK_AND_ASSIGN(const UpgradeAnswer answer,
                         RequestUpgrade(stream, Request(), Deadline::Never()));
    ASSERT_TRUE(std::holds_alternative<Upgraded>(answer));
    const auto& upgraded = std::get<Upgraded>(answer);
    EXPECT_EQ(upgraded.response.headers.Find("x-qwp-version"), "1");
    std::string rest(8, ' ');
    ASSERT_OK_AND_ASSIGN(const Transfer transfer,
                         stream.TryRead(std::as_writable_bytes(std::span(rest))));
    // Not a byte gets lost between the handshake and the WebSocket.
    std::string all = Text(upgraded.leftover) + rest.substr(0, transfer.bytes);
    while (true) {
      ASSERT_OK_AND_ASSIGN(const Transfer more,
                           stream.TryRead(std::as_writable_bytes(std::span(rest))));
      if (more.bytes == 0) break;
      all += rest.substr(0, more.bytes);
    }
    EXPECT_EQ(all, "\x82\x01x");
    EXPECT_THAT(written, StartsWith("GET / HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n"));
  }
}

TEST(RequestUpgrade, SkipsInterimAnswersButNotForEver) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  ASSERT_OK_AND_ASSIGN(const UpgradeAnswer answer, AnswerTo(interim + std::string(kAgreed)));
  EXPECT_TRUE(std::holds_alternative<Upgraded>(answer));
  std::string many;
  for (int i = 0; i < 20; ++i) many += interim;
  EXPECT_THAT(AnswerTo(many + std::string(kAgreed)), StatusIs(StatusCode::kProtocolError, _));
}

TEST(RequestUpgrade, ChecksEveryPartOfTheAgreement) {
  const auto changed = [](std::string_view from, std::string_view to) {
    std::string text(kAgreed);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const std::pair<std::string, const char*> cases[] = {
      {changed("Upgrade: WebSocket\r\n", ""), "no `Upgrade: websocket`"},
      {changed("WebSocket", "h2c"), "no `Upgrade: websocket`"},
      {changed("keep-alive, upgrade", "keep-alive"), "no `Connection: Upgrade`"},
      {changed("s3pP", "S3pP"), "does not belong to the key"},
      {changed("xOo=", "xOo"), "does not belong to the key"},
      {changed("Sec-WebSocket-Accept", "X-Accept"), "0 Sec-WebSocket-Accept headers"},
      {changed("X-QWP-Version: 1", "Sec-WebSocket-Accept: x"), "2 Sec-WebSocket-Accept headers"},
      {changed("X-QWP-Version: 1", "Sec-WebSocket-Extensions: permessage-deflate"),
       "Sec-WebSocket-Extensions that was not offered"},
      {changed("X-QWP-Version: 1", "Sec-WebSocket-Protocol: qwp"),
       "Sec-WebSocket-Protocol that was not offered"},
  };
  for (const auto& [script, message] : cases) {
    EXPECT_THAT(AnswerTo(script), StatusIs(StatusCode::kProtocolError, HasSubstr(message)));
    EXPECT_THAT(AnswerTo(script), StatusIs(StatusCode::kProtocolError, StartsWith("peer:9000: ")));
  }
}

TEST(RequestUpgrade, AnotherStatusComesBackWithHeadersAndBody) {
  ASSERT_OK_AND_ASSIGN(const UpgradeAnswer answer,
                       AnswerTo("HTTP/1.1 421 Misdirected Request\r\nX-QuestDB-Role: REPLICA\r\n"
                                "Content-Length: 9\r\n\r\nread only and no more"));
  ASSERT_TRUE(std::holds_alternative<HttpFailure>(answer));
  const auto& failure = std::get<HttpFailure>(answer);
  EXPECT_EQ(failure.status, 421);
  EXPECT_EQ(failure.reason, "Misdirected Request");
  EXPECT_EQ(failure.headers.Find("X-QuestDB-Role"), "REPLICA");
  EXPECT_EQ(failure.body, "read only");
}

TEST(RequestUpgrade, ABodyThatIsChunkedCutOffOrHugeDoesNotHurt) {
  const auto body = [](const std::string& script, ScriptedStream::Then then) {
    auto answer = AnswerTo("HTTP/1.1 404 Not Found\r\n" + script, then);
    EXPECT_OK(answer);
    return answer.ok() ? std::get<HttpFailure>(*answer).body : std::string();
  };
  using Then = ScriptedStream::Then;
  EXPECT_EQ(body("Transfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n6\r\n found\r\n0\r\n\r\n",
                 Then::kSilence),
            "not found");
  EXPECT_EQ(body("Content-Length: 99\r\n\r\ncut", Then::kEnd), "cut");
  EXPECT_EQ(body("Content-Length: 99\r\n\r\nsilence", Then::kSilence), "silence");
  EXPECT_EQ(body("\r\nto the end", Then::kEnd), "to the end");
  EXPECT_EQ(body("Content-Length: x\r\n\r\nno length", Then::kEnd), "");
  EXPECT_EQ(body("Transfer-Encoding: chunked\r\n\r\nzzz", Then::kEnd), "");
  EXPECT_EQ(body("\r\n" + std::string(200'000, 'x'), Then::kEnd).size(), kMaxRefusalBody);
}

TEST(RequestUpgrade, NamesAServerThatSpeaksTls) {
  for (const std::string_view alert :
       {std::string_view("\x15\x03\x01\x00\x02\x02\x46", 7), std::string_view("\x15\x03", 2)}) {
    EXPECT_THAT(AnswerTo(alert, ScriptedStream::Then::kEnd),
                StatusIs(StatusCode::kProtocolError,
                         HasSubstr("peer:9000: the server speaks TLS on this port")));
  }
}

TEST(RequestUpgrade, NamesAServerThatSpeaksNoHttpOrNothing) {
  EXPECT_THAT(AnswerTo("SSH-2.0-OpenSSH\r\n"),
              StatusIs(StatusCode::kProtocolError, HasSubstr("does not speak HTTP")));
  const auto closed = AnswerTo("", ScriptedStream::Then::kEnd);
  EXPECT_THAT(closed, StatusIs(StatusCode::kUnavailable,
                               HasSubstr("closed the connection without an answer")));
  EXPECT_EQ(closed.status().recovery(), Recovery::kReconnect);
  EXPECT_THAT(AnswerTo("HTTP/1.1 101 Swi", ScriptedStream::Then::kEnd),
              StatusIs(StatusCode::kUnavailable, HasSubstr("within its answer")));
  const auto silent = AnswerTo("HTTP/1.1 101 Swi");
  EXPECT_THAT(silent, StatusIs(StatusCode::kTimeout,
                               "peer:9000: timed out waiting for the answer to the WebSocket "
                               "upgrade"));
  EXPECT_EQ(silent.status().recovery(), Recovery::kReconnect);
}

TEST(RequestUpgrade, LimitsTheAnswersHead) {
  EXPECT_THAT(AnswerTo("HTTP/1.1 200 OK\r\nX: " + std::string(9'000, 'x')),
              StatusIs(StatusCode::kLimitExceeded, StartsWith("peer:9000: ")));
}

RequestHead Asked() {
  return {.method = "GET",
          .target = "/",
          .headers = {{"Host", "a"},
                      {"Connection", "Upgrade"},
                      {"Upgrade", "websocket"},
                      {"Sec-WebSocket-Version", "13"},
                      {"Sec-WebSocket-Key", std::string(kKey)}}};
}

int StatusFor(const RequestHead& request) {
  const auto failure = CheckUpgradeRequest(request);
  return failure ? failure->status : 101;
}

RequestHead With(std::string_view name, std::optional<std::string> value) {
  RequestHead request = Asked();
  HttpHeaders headers;
  for (const HttpHeader& header : request.headers) {
    if (header.name != name) headers.Add(header.name, header.value);
  }
  if (value) headers.Add(std::string(name), *value);
  request.headers = headers;
  return request;
}

TEST(CheckUpgradeRequest, AnswersEachMistake) {
  EXPECT_EQ(StatusFor(Asked()), 101);
  EXPECT_EQ(StatusFor(With("Sec-WebSocket-Version", "12")), 426);
  EXPECT_EQ(CheckUpgradeRequest(With("Sec-WebSocket-Version", "12"))
                ->headers.Find("Sec-WebSocket-Version"),
            "13");
  for (const char* name : {"Host", "Connection", "Upgrade", "Sec-WebSocket-Key"}) {
    EXPECT_EQ(StatusFor(With(name, std::nullopt)), 400) << name;
  }
  for (const char* key : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==",
                          "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZUFBQUE="}) {
    EXPECT_EQ(StatusFor(With("Sec-WebSocket-Key", key)), 400) << key;
  }
  EXPECT_EQ(StatusFor(With("Upgrade", "h2c")), 400);
  EXPECT_EQ(StatusFor(With("Connection", "close")), 400);
  EXPECT_EQ(StatusFor(With("Content-Length", "3")), 400);
  EXPECT_EQ(StatusFor(With("Content-Length", "0")), 101);
  EXPECT_EQ(StatusFor(With("Transfer-Encoding", "chunked")), 400);
  RequestHead post = Asked();
  post.method = "POST";
  EXPECT_EQ(StatusFor(post), 405);
  RequestHead old = Asked();
  old.minor_version = 0;
  EXPECT_EQ(StatusFor(old), 400);
  RequestHead twice = Asked();
  twice.headers.Add("sec-websocket-key", std::string(kKey));
  EXPECT_EQ(StatusFor(twice), 400);
}

TEST(ReadRequest, NamesAClientThatSpeaksTls) {
  ScriptedStream stream(std::string_view("\x16\x03\x01\x02\x00", 5));
  EXPECT_THAT(ReadRequest(stream, Deadline::Never()),
              StatusIs(StatusCode::kProtocolError, HasSubstr("the client speaks TLS")));
}

TEST(ReadRequest, TellsAClientThatIsGoneFromOneThatIsCutOff) {
  ScriptedStream gone("");
  EXPECT_THAT(ReadRequest(gone, Deadline::Never()),
              StatusIs(StatusCode::kUnavailable, "peer:9000: the client closed the connection"));
  ScriptedStream cut("GET / HT");
  EXPECT_THAT(ReadRequest(cut, Deadline::Never()),
              StatusIs(StatusCode::kUnavailable, HasSubstr("within its request")));
}

TEST(RefuseUpgrade, WritesStatusHeadersAndBody) {
  ScriptedStream stream("");
  std::string written;
  stream.set_written(&written);
  ASSERT_OK(RefuseUpgrade(stream,
                          {.status = 401, .headers = {{"WWW-Authenticate", "Basic"}}, .body = "no"},
                          Deadline::Never()));
  EXPECT_EQ(written,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\nno");
}

// Both sides over a pair of streams; the client's breaks at every operation in turn.
struct Outcome {
  Status client;
  Status server;
  int64_t operations = 0;
};

Outcome Handshake(const StreamFaults& faults) {
  Outcome outcome;
  auto ends = LocalPair();
  EXPECT_OK(ends);
  std::thread serving([&, stream = std::move(ends->second)]() mutable {
    auto request = ReadRequest(*stream, Patience());
    outcome.server = request.status();
    if (!request.ok()) return;
    EXPECT_EQ(CheckUpgradeRequest(request->head), std::nullopt);
    outcome.server = AcceptUpgrade(*stream, request->head, {{"X-QWP-Version", "1"}}, Patience());
  });
  {
    FaultyStream client(std::move(ends->first), faults);
    auto answer = RequestUpgrade(client, {.host = "a"}, Patience());
    outcome.client = answer.status();
    if (answer.ok()) {
      EXPECT_EQ(std::get<Upgraded>(*answer).response.headers.Find("X-QWP-Version"), "1");
    }
    outcome.operations = client.operations();
  }
  serving.join();
  return outcome;
}

TEST(Handshake, SucceedsHoweverSmallThePiecesAre) {
  for (const size_t most : {1u, 3u, 1000u}) {
    for (const int stutter : {0, 2}) {
      const Outcome outcome = Handshake({.most_bytes = most, .stutter = stutter});
      EXPECT_OK(outcome.client);
      EXPECT_OK(outcome.server);
    }
  }
}

TEST(Handshake, FailsCleanlyAtEveryOperation) {
  for (const auto kind : {StreamFaults::Kind::kError, StreamFaults::Kind::kEnd}) {
    const StreamFaults whole = {.most_bytes = 40, .stutter = 1};
    const int64_t operations = Handshake(whole).operations;
    ASSERT_GT(operations, 10);
    int failed = 0;
    for (int64_t at = 0; at < operations; ++at) {
      StreamFaults faults = whole;
      faults.kind = kind;
      faults.at = at;
      const Outcome outcome = Handshake(faults);
      if (outcome.client.ok()) continue;  // this time fewer waits were needed
      ++failed;
      EXPECT_THAT(outcome.client,
                  StatusIs(StatusCode::kUnavailable,
                           AnyOf(HasSubstr("injected fault"), HasSubstr("closed"))));
      EXPECT_EQ(outcome.client.recovery(), Recovery::kReconnect);
    }
    EXPECT_GT(failed, 10);
  }
}

}  // namespace
}  // namespace colonnade::net
