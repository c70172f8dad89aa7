#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "net/tcp.h"
#include "net/websocket.h"
#include "net/websocket_handshake.h"
#include "support/faulty_stream.h"
#include "support/random.h"
#include "support/scripted_stream.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"
#include "support/test_certificates.h"

namespace colonnade::net {
namespace {

using namespace std::chrono_literals;
using ::testing::_;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

Deadline Patience() { return Deadline::After(60s); }

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

using Context = std::shared_ptr<const TlsContext>;

// An authority, a server that it vouches for, and a client that trusts it.
class Tls : public ::testing::Test {
 protected:
  static constexpr const char* kNames = "DNS:db.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1";

  Tls() : authority_({.name = "authority", .authority = true}) {
    directory_.Write("ca.pem", authority_.certificate_pem());
  }

  Context Server(const TestCertificate& certificate) {
    directory_.Write("server.pem", certificate.certificate_pem());
    directory_.Write("server.key", certificate.key_pem());
    auto context = TlsContext::Server(
        {.certificate_path = directory_ / "server.pem", .key_path = directory_ / "server.key"});
    EXPECT_OK(context);
    return *context;
  }
  Context Server(TestCertificate::Options options = {.alternatives = kNames}) {
    return Server(TestCertificate(options, &authority_));
  }
  Context Client(TlsClientOptions options = {}) {
    options.system_roots = false;
    if (options.roots_path.empty()) options.roots_path = directory_ / "ca.pem";
    auto context = TlsContext::Client(options);
    EXPECT_OK(context);
    return *context;
  }

  struct Ends {
    Result<std::unique_ptr<Stream>> client = Internal("not begun");
    Result<std::unique_ptr<Stream>> server = Internal("not begun");
  };
  Ends Handshake(const Context& client, const Context& server, const std::string& name,
                 const StreamFaults& client_faults = {}, const StreamFaults& server_faults = {}) {
    Ends ends;
    auto pair = LocalPair("db.example:9000");
    EXPECT_OK(pair);
    std::thread serving([&] {
      ends.server =
          AcceptTls(std::make_unique<FaultyStream>(std::move(pair->second), server_faults), server,
                    Patience());
    });
    ends.client = ConnectTls(std::make_unique<FaultyStream>(std::move(pair->first), client_faults),
                             client, name, Patience());
    serving.join();
    return ends;
  }
  Status ClientStatus(const Context& client, const Context& server,
                      const std::string& name = "db.example") {
    return Handshake(client, server, name).client.status();
  }

  TemporaryDirectory directory_;
  TestCertificate authority_;
};

TEST_F(Tls, CarriesBytesBothWays) {
  Ends ends = Handshake(Client(), Server(), "db.example");
  ASSERT_OK(ends.client);
  ASSERT_OK(ends.server);
  EXPECT_EQ((*ends.client)->peer(), "db.example:9000");
  ASSERT_OK(Write(**ends.client, AsBytes("hello"), Patience()));
  std::string got(5, ' ');
  ASSERT_OK(ReadExactly(**ends.server, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_EQ(got, "hello");
  ASSERT_OK(Write(**ends.server, AsBytes("world"), Patience()));
  ASSERT_OK(ReadExactly(**ends.client, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_EQ(got, "world");
  (*ends.server)->ShutdownWrite();
  ASSERT_OK_AND_ASSIGN(const Transfer transfer,
                       Read(**ends.client, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_TRUE(transfer.end);
}

TEST_F(Tls, KnowsTheServerByNameWildcardAndAddress) {
  const Context client = Client();
  const Context server = Server();
  for (const char* name :
       {"db.example", "DB.example", "db.example.", "a.wild.example", "127.0.0.1", "::1"}) {
    EXPECT_OK(ClientStatus(client, server, name)) << name;
  }
  for (const char* name :
       {"other.example", "a.b.wild.example", "wild.example", "127.0.0.2", "::2"}) {
    const Status status = ClientStatus(client, server, name);
    EXPECT_THAT(status,
                StatusIs(StatusCode::kUnavailable,
                         AllOf(HasSubstr("db.example:9000: "),
                               HasSubstr("issued for another host than " + std::string(name)))));
    EXPECT_EQ(status.recovery(), Recovery::kNone);
  }
  for (const std::string& name : {std::string(), std::string("a\0b", 3)}) {
    EXPECT_THAT(ClientStatus(client, server, name), StatusIs(StatusCode::kInvalidArgument, _));
  }
}

TEST_F(Tls, NamesWhatIsWrongWithACertificate) {
  const Context client = Client();
  EXPECT_THAT(
      ClientStatus(client,
                   Server({.alternatives = kNames, .valid_from_days = -9, .valid_to_days = -2})),
      StatusIs(StatusCode::kUnavailable, HasSubstr("certificate is not accepted: it has "
                                                   "expired")));
  EXPECT_THAT(ClientStatus(client, Server({.alternatives = kNames, .valid_from_days = 2})),
              StatusIs(StatusCode::kUnavailable, HasSubstr("not valid yet")));
  EXPECT_THAT(ClientStatus(client, Server(TestCertificate({.alternatives = kNames}))),
              StatusIs(StatusCode::kUnavailable, HasSubstr("self-signed")));
  const TestCertificate stranger({.name = "stranger", .authority = true});
  EXPECT_THAT(ClientStatus(client, Server(TestCertificate({.alternatives = kNames}, &stranger))),
              StatusIs(StatusCode::kUnavailable, HasSubstr("nobody who is trusted here")));
}

TEST_F(Tls, TheServerHearsWhyAClientLeft) {
  const Ends ends = Handshake(Client(), Server(), "other.example");
  EXPECT_FALSE(ends.client.ok());
  // With TLS 1.3 the server may be done before it hears.
  if (!ends.server.ok()) {
    EXPECT_THAT(ends.server, AnyOf(StatusIs(StatusCode::kProtocolError, HasSubstr("alert")),
                                   StatusIs(StatusCode::kUnavailable, _)));
  }
}

TEST_F(Tls, WithoutVerifyingAnyServerWillDo) {
  const Context client = *TlsContext::Client({.verify = false, .system_roots = false});
  EXPECT_OK(ClientStatus(client, Server(TestCertificate({.valid_to_days = -1})), "any.example"));
}

TEST_F(Tls, TrustsWhatAFileSays) {
  directory_.Write("both.pem", TestCertificate({.name = "x", .authority = true}).certificate_pem() +
                                   "text between\n" + authority_.certificate_pem());
  EXPECT_OK(ClientStatus(Client({.roots_path = directory_ / "both.pem"}), Server()));
  directory_.Write("ca.p12", authority_.pkcs12("changeit"));
  EXPECT_OK(ClientStatus(
      Client({.roots_path = directory_ / "ca.p12", .roots_password = "changeit"}), Server()));
}

TEST_F(Tls, RefusesFilesItCannotUseAndNeverShowsAPassword) {
  directory_.Write("ca.p12", authority_.pkcs12("changeit"));
  directory_.Write("store.jks", std::string("\xFE\xED\xFE\xED\0\0\0\2", 8));
  directory_.Write("empty", "");
  directory_.Write("text", "no certificate");
  directory_.Write("key.pem", authority_.key_pem());
  directory_.Write("cut.pem", authority_.certificate_pem().substr(0, 200));
  directory_.Write("der", "\x30\x03xyz");
  const auto roots = [&](std::string_view file, std::optional<std::string> password = {}) {
    return TlsContext::Client({.system_roots = false,
                               .roots_path = directory_ / file,
                               .roots_password = std::move(password)})
        .status();
  };
  EXPECT_THAT(roots("missing.pem"),
              StatusIs(StatusCode::kNotFound, HasSubstr(directory_ / "missing.pem")));
  EXPECT_THAT(roots("store.jks", "changeit"), StatusIs(StatusCode::kUnsupported, HasSubstr("JKS")));
  EXPECT_THAT(roots("ca.p12"), StatusIs(StatusCode::kUnsupported, HasSubstr("needs a password")));
  const Status wrong = roots("ca.p12", "a wrong one");
  EXPECT_THAT(wrong, StatusIs(StatusCode::kInvalidData, HasSubstr("password is wrong")));
  EXPECT_THAT(std::string(wrong.message()), Not(HasSubstr("a wrong one")));
  for (const char* file : {"empty", "text", "key.pem", "cut.pem"}) {
    EXPECT_THAT(roots(file), StatusIs(StatusCode::kInvalidData, HasSubstr(directory_ / file)));
  }
  EXPECT_THAT(roots("der", "x"), StatusIs(StatusCode::kInvalidData, _));
  EXPECT_THAT(TlsContext::Client({.system_roots = false}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("trusts no certificates")));
  EXPECT_THAT(TlsContext::Server(
                  {.certificate_path = directory_ / "text", .key_path = directory_ / "key.pem"}),
              StatusIs(StatusCode::kInvalidData, HasSubstr(directory_ / "text")));
  EXPECT_THAT(TlsContext::Server(
                  {.certificate_path = directory_ / "ca.pem", .key_path = directory_ / "text"}),
              StatusIs(StatusCode::kInvalidData, HasSubstr(directory_ / "text")));
  directory_.Write("other.key", TestCertificate({}).key_pem());
  EXPECT_THAT(TlsContext::Server({.certificate_path = directory_ / "ca.pem",
                                  .key_path = directory_ / "other.key"}),
              StatusIs(StatusCode::kInvalidData, HasSubstr(directory_ / "other.key")));
}

TEST_F(Tls, NamesAServerThatDoesNotSpeakIt) {
  const auto connect = [&](std::string_view answer) {
    return ConnectTls(std::make_unique<ScriptedStream>(answer), Client(), "db.example", Patience())
        .status();
  };
  EXPECT_THAT(connect("HTTP/1.1 400 Bad Request\r\n\r\n"),
              StatusIs(StatusCode::kProtocolError,
                       "peer:9000: the server does not speak TLS on this port: it speaks HTTP "
                       "without TLS"));
  EXPECT_THAT(connect("SSH-2.0-x\r\n"),
              StatusIs(StatusCode::kProtocolError,
                       "peer:9000: the server does not speak TLS on this port"));
  const Status closed = connect("");
  EXPECT_THAT(closed, StatusIs(StatusCode::kUnavailable, HasSubstr("may not speak TLS")));
  EXPECT_EQ(closed.recovery(), Recovery::kReconnect);
  EXPECT_THAT(connect(std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("handshake failure")));
  EXPECT_THAT(connect(std::string_view("\x16\x03\x03\x00\x10zz", 7)),
              StatusIs(StatusCode::kUnavailable, HasSubstr("within the TLS handshake")));
}

TEST_F(Tls, NamesAClientThatDoesNotSpeakIt) {
  const Context server = Server();
  EXPECT_THAT(AcceptTls(std::make_unique<ScriptedStream>("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                        server, Patience()),
              StatusIs(StatusCode::kProtocolError,
                       HasSubstr("the client does not speak TLS on this port: it speaks HTTP")));
}

TEST_F(Tls, AClientWithoutItIsToldThatThePortWantsIt) {
  auto pair = LocalPair("db.example:9000");
  ASSERT_OK(pair);
  std::thread serving([&, context = Server()] {
    EXPECT_THAT(AcceptTls(std::move(pair->second), context, Patience()),
                StatusIs(StatusCode::kProtocolError, _));
  });
  EXPECT_THAT(RequestUpgrade(*pair->first, {.host = "db.example"}, Patience()),
              AnyOf(StatusIs(StatusCode::kProtocolError, HasSubstr("speaks TLS on this port")),
                    StatusIs(StatusCode::kUnavailable, HasSubstr("TLS"))));
  serving.join();
}

TEST_F(Tls, TheHandshakeEndsAtTheDeadlineAndByAnInterrupt) {
  ASSERT_OK_AND_ASSIGN(auto pair, LocalPair("db.example:9000"));
  const auto timeout =
      ConnectTls(std::move(pair.first), Client(), "db.example", Deadline::After(0ms));
  EXPECT_THAT(timeout,
              StatusIs(StatusCode::kTimeout, "db.example:9000: timed out in the TLS handshake"));
  EXPECT_EQ(timeout.status().recovery(), Recovery::kReconnect);
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  ASSERT_OK_AND_ASSIGN(auto other, LocalPair());
  std::thread setting([&] { interrupt->Set(); });
  EXPECT_THAT(
      ConnectTls(std::move(other.first), Client(), "db.example", Patience(), interrupt.get()),
      StatusIs(StatusCode::kCancelled, _));
  setting.join();
}

TEST_F(Tls, AConnectionThatIsCutOffIsNotTakenForItsEnd) {
  auto pair = LocalPair("db.example:9000");
  ASSERT_OK(pair);
  Result<std::unique_ptr<Stream>> client = Internal("not begun");
  std::thread connecting(
      [&] { client = ConnectTls(std::move(pair->first), Client(), "db.example", Patience()); });
  ASSERT_OK_AND_ASSIGN(auto server, AcceptTls(std::move(pair->second), Server(), Patience()));
  connecting.join();
  ASSERT_OK(client);
  server.reset();  // without a close_notify
  std::byte byte;
  EXPECT_THAT(Read(**client, MutableBytes(&byte, 1), Patience()),
              StatusIs(StatusCode::kUnavailable, HasSubstr("cut off")));
}

// A WebSocket over TLS over a stream that gives and takes little at a time: both sides send more
// than any buffer holds, at once.
TEST_F(Tls, CarriesAWebSocketHoweverTheStreamCutsIt) {
  SeededRandom random;
  const Context client_context = Client();
  const Context server_context = Server();
  for (int round = 0; round < 6; ++round) {
    const auto faults = [&] {
      return StreamFaults{.most_bytes = static_cast<size_t>(
                              random.Chance(0.5) ? random.Uniform(20, 2'000) : 1 << 20),
                          .stutter = static_cast<int>(random.Uniform(0, 2))};
    };
    Ends ends = Handshake(client_context, server_context, "db.example", faults(), faults());
    ASSERT_OK(ends.client);
    ASSERT_OK(ends.server);
    WebSocket client(*std::move(ends.client), {.role = Role::kClient});
    WebSocket server(*std::move(ends.server), {.role = Role::kServer});
    std::string large(1 << 20, ' ');
    for (char& c : large) c = static_cast<char>(random.engine()());
    const auto send_and_receive = [&](WebSocket& socket) {
      for (const size_t size : {size_t{3}, large.size(), size_t{20'000}}) {
        MessageBuffer buffer;
        buffer.Begin(socket.NextMaskKey());
        buffer.Append(std::string_view(large).substr(0, size));
        ASSERT_OK(socket.Ping(AsBytes("x"), Patience()));
        ASSERT_OK(socket.Send(buffer, Patience()));
      }
      for (const size_t size : {size_t{3}, large.size(), size_t{20'000}}) {
        auto message = socket.Receive(Patience());
        ASSERT_OK(message);
        ASSERT_EQ(message->payload.size(), size);
        ASSERT_TRUE(
            std::equal(message->payload.begin(), message->payload.end(), AsBytes(large).begin()));
      }
    };
    std::thread serving([&] {
      send_and_receive(server);
      EXPECT_THAT(server.Receive(Patience()),
                  StatusIs(StatusCode::kUnavailable, HasSubstr("1000")));
      EXPECT_TRUE(server.Close({1000, ""}, Patience()));
    });
    send_and_receive(client);
    EXPECT_TRUE(client.Close({1000, ""}, Patience()));
    serving.join();
  }
}

// Short pieces share a record; what was cut short must be offered again in the same pieces or not.
TEST_F(Tls, WritesPiecesOfEverySize) {
  SeededRandom random;
  Ends ends = Handshake(Client(), Server(), "db.example", {.most_bytes = 700, .stutter = 1});
  ASSERT_OK(ends.client);
  ASSERT_OK(ends.server);
  std::string sent;
  for (int i = 0; i < 100'000; ++i) sent += static_cast<char>(random.engine()());
  std::string got(sent.size(), ' ');
  std::thread reading([&] {
    ASSERT_OK(ReadExactly(**ends.server, std::as_writable_bytes(std::span(got)), Patience()));
  });
  size_t at = 0;
  while (at < sent.size()) {
    // The same bytes, but cut anew each time: only their order is promised.
    std::vector<Bytes> pieces;
    size_t end = at;
    while (end < sent.size() && pieces.size() < 60) {
      const auto size = std::min(sent.size() - end, static_cast<size_t>(random.Uniform(0, 6'000)));
      pieces.push_back(AsBytes(sent).subspan(end, size));
      end += size;
    }
    if (end < sent.size()) pieces.push_back(AsBytes(sent).subspan(end));
    ASSERT_OK_AND_ASSIGN(const Transfer transfer, (*ends.client)->TryWrite(pieces));
    at += transfer.bytes;
    if (transfer.bytes == 0) {
      ASSERT_OK((*ends.client)->Wait(Interest::kWrite, Patience(), nullptr));
    }
  }
  reading.join();
  EXPECT_EQ(got, sent);
}

TEST_F(Tls, FailsCleanlyAtEveryOperation) {
  const Context client = Client();
  const Context server = Server();
  const auto exchange = [&](const StreamFaults& faults, int64_t* operations) -> Status {
    auto pair = LocalPair("db.example:9000");
    COLONNADE_RETURN_IF_ERROR(pair.status());
    std::thread serving([&, stream = std::move(pair->second)]() mutable {
      auto accepted = AcceptTls(std::move(stream), server, Patience());
      std::byte byte;
      if (accepted.ok() && ReadExactly(**accepted, MutableBytes(&byte, 1), Patience()).ok()) {
        static_cast<void>(Write(**accepted, AsBytes("y"), Patience()));
      }
    });
    auto faulty = std::make_unique<FaultyStream>(std::move(pair->first), faults);
    const FaultyStream* const counting = faulty.get();
    Status status = [&] {
      auto stream = ConnectTls(std::move(faulty), client, "db.example", Patience());
      COLONNADE_RETURN_IF_ERROR(stream.status());
      COLONNADE_RETURN_IF_ERROR(Write(**stream, AsBytes("x"), Patience()));
      std::byte byte;
      Status read = ReadExactly(**stream, MutableBytes(&byte, 1), Patience());
      if (operations != nullptr) *operations = counting->operations();
      return read;
    }();
    serving.join();
    return status;
  };
  for (const auto kind : {StreamFaults::Kind::kError, StreamFaults::Kind::kEnd}) {
    StreamFaults faults = {.kind = kind, .most_bytes = 300, .stutter = 1};
    int64_t operations = 0;
    ASSERT_OK(exchange(faults, &operations));
    ASSERT_GT(operations, 10);
    int failed = 0;
    for (int64_t at = 0; at < operations; ++at) {
      faults.at = at;
      const Status status = exchange(faults, nullptr);
      if (status.ok()) continue;  // this time fewer waits were needed
      ++failed;
      EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable,
                                   AnyOf(HasSubstr("injected fault"), HasSubstr("closed"),
                                         HasSubstr("cut off"))));
    }
    EXPECT_GT(failed, 10);
  }
}

}  // namespace
}  // namespace colonnade::net
