#include "net/tcp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using namespace std::chrono_literals;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Far longer than anything here takes: it only ends a test that hangs.
Deadline Patience() { return Deadline::After(60s); }

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

Status Exchange(Stream& a, Stream& b) {
  std::string got(5, ' ');
  COLONNADE_RETURN_IF_ERROR(Write(a, AsBytes("hello"), Patience()));
  COLONNADE_RETURN_IF_ERROR(ReadExactly(b, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_EQ(got, "hello");
  COLONNADE_RETURN_IF_ERROR(Write(b, AsBytes("world"), Patience()));
  COLONNADE_RETURN_IF_ERROR(ReadExactly(a, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_EQ(got, "world");
  return {};
}

TEST(Tcp, ConnectsAndExchangesBytes) {
  for (const char* host : {"127.0.0.1", "localhost"}) {
    ASSERT_OK_AND_ASSIGN(Listener listener, Listener::Bind(host, 0));
    EXPECT_NE(listener.port(), 0);
    EXPECT_EQ(listener.address(), HostPort(host, listener.port()));
    // The connection waits in the listener's queue: nobody has to accept it yet.
    ASSERT_OK_AND_ASSIGN(auto client, Connect(host, listener.port(), {}, Patience()));
    EXPECT_EQ(client->peer(), HostPort(host, listener.port()));
    ASSERT_OK_AND_ASSIGN(auto server, listener.Accept(Patience()));
    EXPECT_OK(Exchange(*client, *server));
  }
}

TEST(Tcp, ConnectsOverIpv6) {
  auto listener = Listener::Bind("::1", 0);
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 on this machine: " << listener.status();
  ASSERT_OK_AND_ASSIGN(auto client, Connect("::1", listener->port(), {}, Patience()));
  EXPECT_THAT(client->peer(), StartsWith("[::1]:"));
  ASSERT_OK_AND_ASSIGN(auto server, listener->Accept(Patience()));
  EXPECT_OK(Exchange(*client, *server));
}

TEST(Tcp, AsksForBuffersOfTheSizesWanted) {
  const TcpOptions options = {.send_buffer_bytes = 1 << 20, .receive_buffer_bytes = 1 << 20};
  ASSERT_OK_AND_ASSIGN(Listener listener, Listener::Bind("127.0.0.1", 0, options));
  ASSERT_OK_AND_ASSIGN(auto client, Connect("127.0.0.1", listener.port(), options, Patience()));
  ASSERT_OK_AND_ASSIGN(auto server, listener.Accept(Patience()));
  EXPECT_OK(Exchange(*client, *server));
}

TEST(Tcp, ARefusedConnectionNamesTheEndpointAndTheReason) {
  uint16_t port = 0;
  {
    ASSERT_OK_AND_ASSIGN(const Listener listener, Listener::Bind("127.0.0.1", 0));
    port = listener.port();
  }
  const auto stream = Connect("127.0.0.1", port, {}, Patience());
  EXPECT_THAT(stream,
              StatusIs(StatusCode::kUnavailable,
                       HostPort("127.0.0.1", port) + ": cannot connect: Connection refused"));
  EXPECT_EQ(stream.status().recovery(), Recovery::kReconnect);
}

TEST(Tcp, AnUnknownHostIsNamed) {
  const auto stream = Connect("no-such-host.invalid", 9000, {}, Patience());
  EXPECT_THAT(stream, StatusIs(StatusCode::kUnavailable,
                               StartsWith("no-such-host.invalid:9000: cannot find the host: ")));
  EXPECT_EQ(stream.status().recovery(), Recovery::kReconnect);
}

TEST(Tcp, RefusesWhatIsNoEndpoint) {
  EXPECT_THAT(Connect("", 9000, {}, Patience()), StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Connect("localhost", 0, {}, Patience()), StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Connect(std::string("local\0host", 10), 9000, {}, Patience()),
              StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Listener::Bind("", 0), StatusIs(StatusCode::kInvalidArgument, _));
}

TEST(Tcp, AConnectThatIsInterruptedBeforeItBeginsDoesNotBegin) {
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  interrupt->Set();
  EXPECT_THAT(Connect("127.0.0.1", 9, {}, Patience(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, HasSubstr("127.0.0.1:9")));
}

// A queue that is full of connections swallows the next one, as a host behind a wall does.
TEST(Tcp, AConnectThatNobodyAnswersEndsAtTheDeadlineOrByAnInterrupt) {
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listening, 0), 0);
  ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const uint16_t port = ntohs(address.sin_port);
  std::vector<std::unique_ptr<Stream>> waiting;
  Status status;
  while (waiting.size() < 10) {
    auto stream = Connect("127.0.0.1", port, {}, Deadline::After(100ms));
    status = stream.status();
    if (!stream.ok()) break;
    waiting.push_back(*std::move(stream));
  }
  EXPECT_THAT(status, StatusIs(StatusCode::kTimeout,
                               HostPort("127.0.0.1", port) + ": timed out connecting"));
  EXPECT_EQ(status.recovery(), Recovery::kReconnect);

  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  std::thread setting([&] { interrupt->Set(); });
  EXPECT_THAT(Connect("127.0.0.1", port, {}, Patience(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  setting.join();
  close(listening);
}

TEST(Tcp, AnAddressInUseIsNamed) {
  ASSERT_OK_AND_ASSIGN(const Listener listener, Listener::Bind("127.0.0.1", 0));
  EXPECT_THAT(Listener::Bind("127.0.0.1", listener.port()),
              StatusIs(StatusCode::kUnavailable, HostPort("127.0.0.1", listener.port()) +
                                                     ": cannot listen: Address already in use"));
}

TEST(Tcp, AListenerMovesWithItsPort) {
  ASSERT_OK_AND_ASSIGN(Listener first, Listener::Bind("127.0.0.1", 0));
  Listener second = std::move(first);
  ASSERT_OK_AND_ASSIGN(auto client, Connect("127.0.0.1", second.port(), {}, Patience()));
  ASSERT_OK_AND_ASSIGN(Listener third, Listener::Bind("127.0.0.1", 0));
  third = std::move(second);
  EXPECT_OK(third.Accept(Patience()));
}

TEST(Tcp, AcceptEndsAtTheDeadlineAndByAnInterrupt) {
  ASSERT_OK_AND_ASSIGN(Listener listener, Listener::Bind("127.0.0.1", 0));
  EXPECT_THAT(listener.Accept(Deadline::After(0ms)), StatusIs(StatusCode::kTimeout, _));
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  std::thread waiting([&] {
    EXPECT_THAT(listener.Accept(Patience(), interrupt.get()),
                StatusIs(StatusCode::kCancelled, HasSubstr(listener.address())));
  });
  interrupt->Set();
  waiting.join();
}

TEST(LocalPair, ExchangesBytesAndTellsTheEnd) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair("in memory"));
  EXPECT_EQ(ends.first->peer(), "in memory");
  EXPECT_OK(Exchange(*ends.first, *ends.second));
  ends.first->ShutdownWrite();
  std::string text(4, ' ');
  ASSERT_OK_AND_ASSIGN(const Transfer transfer,
                       Read(*ends.second, std::as_writable_bytes(std::span(text)), Patience()));
  EXPECT_TRUE(transfer.end);
  EXPECT_OK(Write(*ends.second, AsBytes("still"), Patience()));
}

TEST(LocalPair, NothingThereWouldBlock) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair());
  std::string text(4, ' ');
  const MutableBytes target = std::as_writable_bytes(std::span(text));
  ASSERT_OK_AND_ASSIGN(const Transfer transfer, ends.first->TryRead(target));
  EXPECT_EQ(transfer.bytes, 0u);
  EXPECT_FALSE(transfer.end);
  EXPECT_THAT(ends.first->Wait(Interest::kRead, Deadline::After(1ms), nullptr),
              StatusIs(StatusCode::kTimeout, "local: timed out"));
  ASSERT_OK_AND_ASSIGN(const Readiness ready,
                       ends.first->Wait(Interest::kReadWrite, Deadline::After(0ms), nullptr));
  EXPECT_TRUE(ready.writable);
  EXPECT_FALSE(ready.readable);
}

TEST(LocalPair, AFullStreamWouldBlockUntilThePeerReads) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair());
  const std::string text(1 << 16, 'x');
  const Bytes piece = AsBytes(text);
  size_t written = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const Transfer transfer,
                         ends.first->TryWrite(std::span<const Bytes>(&piece, 1)));
    if (transfer.bytes == 0) break;
    written += transfer.bytes;
  }
  EXPECT_THAT(ends.first->Wait(Interest::kWrite, Deadline::After(0ms), nullptr),
              StatusIs(StatusCode::kTimeout, _));
  std::string got(written, ' ');
  ASSERT_OK(ReadExactly(*ends.second, std::as_writable_bytes(std::span(got)), Patience()));
  EXPECT_OK(ends.first->Wait(Interest::kWrite, Patience(), nullptr));
}

TEST(LocalPair, WritingToAPeerThatIsGoneIsAStatusAndNoSignal) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair("gone:1"));
  ends.second.reset();
  EXPECT_THAT(Write(*ends.first, AsBytes("x"), Patience()),
              StatusIs(StatusCode::kUnavailable, "gone:1: Broken pipe"));
  std::string text(1, ' ');
  ASSERT_OK_AND_ASSIGN(const Transfer transfer,
                       Read(*ends.first, std::as_writable_bytes(std::span(text)), Patience()));
  EXPECT_TRUE(transfer.end);
}

TEST(LocalPair, AWaitIsEndedFromAnotherThread) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair());
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  std::promise<void> begun;
  std::thread setting([&] {
    begun.get_future().wait();
    interrupt->Set();
  });
  begun.set_value();
  EXPECT_THAT(ends.first->Wait(Interest::kRead, Patience(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  setting.join();
  // It stays until it is cleared; then the stream works as before.
  EXPECT_THAT(ends.first->Wait(Interest::kWrite, Patience(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  interrupt->Clear();
  EXPECT_OK(ends.first->Wait(Interest::kWrite, Patience(), interrupt.get()));
  EXPECT_OK(Exchange(*ends.first, *ends.second));
}

}  // namespace
}  // namespace colonnade::net
