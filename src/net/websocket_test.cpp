#include "net/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "net/tcp.h"
#include "support/counting_budget.h"
#include "support/faulty_stream.h"
#include "support/random.h"
#include "support/scripted_stream.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::_;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Then = ScriptedStream::Then;

constexpr MaskKey kKey = 0x3d21fa37;  // 37 fa 21 3d
constexpr std::string_view kCommit("QWP1\x01\x08\x00\x00\x02\x00\x00\x00\x00\x00", 14);

Deadline Patience() { return Deadline::After(60s); }

std::string Text(Bytes bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// An unmasked frame, as a server sends it.
std::string Frame(std::string_view payload, Opcode opcode = Opcode::kBinary) {
  std::array<std::byte, MessageBuffer::kHeaderRoom> header;
  const size_t size =
      EncodeFrameHeader({.opcode = opcode, .payload_bytes = payload.size()}, header);
  return Text(Bytes(header).first(size)) + std::string(payload);
}

std::string CloseFrame(uint16_t code, std::string_view text) {
  return Frame(EncodeCloseBody({code, std::string(text)}), Opcode::kClose);
}

// A client whose server follows a script.
struct ScriptedClient {
  std::string written;
  ScriptedStream* stream = nullptr;
  std::unique_ptr<WebSocket> socket;

  explicit ScriptedClient(std::string_view script, Then then = Then::kSilence,
                          WebSocketOptions options = {}) {
    auto made = std::make_unique<ScriptedStream>(script, then);
    made->set_written(&written);
    stream = made.get();
    socket = std::make_unique<WebSocket>(std::move(made), options);
  }

  Result<std::string> Receive() {
    COLONNADE_ASSIGN_OR_RETURN(const Message message, socket->Receive(Deadline::Never()));
    return Text(message.payload);
  }
  Status Send(std::string_view payload) {
    MessageBuffer buffer;
    buffer.Begin(socket->NextMaskKey());
    buffer.Append(payload);
    return socket->Send(buffer, Deadline::Never());
  }
  // What the client wrote, as the server sees it: opcode and payload.
  std::vector<std::pair<Opcode, std::string>> Frames() const {
    std::vector<std::pair<Opcode, std::string>> frames;
    Bytes rest = std::as_bytes(std::span(written));
    while (!rest.empty()) {
      auto parsed = ParseFrameHeader(rest, Role::kServer, UINT64_MAX);
      if (!parsed.ok() || !*parsed) {
        ADD_FAILURE() << "not a frame";
        break;
      }
      const ParsedFrameHeader& header = **parsed;
      std::vector<std::byte> payload(header.header.payload_bytes);
      MaskCopy(payload.data(), rest.data() + header.bytes, payload.size(), *header.header.key, 0);
      frames.emplace_back(header.header.opcode, Text(payload));
      rest = rest.subspan(header.bytes + payload.size());
    }
    return frames;
  }
};

struct SocketPair {
  std::unique_ptr<WebSocket> client;
  std::unique_ptr<WebSocket> server;
};

SocketPair MakePair(const StreamFaults& client_faults = {}, const StreamFaults& server_faults = {},
                    WebSocketOptions options = {}) {
  auto ends = LocalPair();
  EXPECT_OK(ends);
  SocketPair pair;
  options.role = Role::kClient;
  pair.client = std::make_unique<WebSocket>(
      std::make_unique<FaultyStream>(std::move(ends->first), client_faults), options);
  options.role = Role::kServer;
  pair.server = std::make_unique<WebSocket>(
      std::make_unique<FaultyStream>(std::move(ends->second), server_faults), options);
  return pair;
}

Status SendText(WebSocket& socket, std::string_view text, Interrupt* interrupt = nullptr) {
  MessageBuffer buffer;
  buffer.Begin(socket.NextMaskKey());
  buffer.Append(text);
  return socket.Send(buffer, Patience(), interrupt);
}

Result<std::string> ReceiveText(WebSocket& socket) {
  COLONNADE_ASSIGN_OR_RETURN(const Message message, socket.Receive(Patience()));
  return Text(message.payload);
}

TEST(WebSocket, SendsTheCommitFrameAsOnTheWire) {
  ScriptedClient client("");
  MessageBuffer buffer;
  buffer.Begin(kKey);
  buffer.Append(kCommit);
  ASSERT_OK(client.socket->Send(buffer, Deadline::Never()));
  EXPECT_EQ(client.written,
            "\x82\x8e\x37\xfa\x21\x3d\x66\xad\x71\x0c\x36\xf2\x21\x3d\x35\xfa\x21\x3d\x37\xfa\x21"
            "\x3d"s.substr(0, 20));
  EXPECT_TRUE(client.socket->send_started());
  // The payload is as it was: it may be sent again.
  EXPECT_EQ(Text(buffer.Unmasked()), kCommit);
}

TEST(WebSocket, SendsSeveralMessagesAndEmptyOnes) {
  ScriptedClient client("");
  MessageBuffer first;
  first.Begin(client.socket->NextMaskKey());
  first.Append("first");
  MessageBuffer second;
  second.Begin(client.socket->NextMaskKey());
  MessageBuffer* const both[] = {&first, &second};
  ASSERT_OK(client.socket->Send(both, Deadline::Never()));
  using Frames = std::vector<std::pair<Opcode, std::string>>;
  EXPECT_EQ(client.Frames(), (Frames{{Opcode::kBinary, "first"}, {Opcode::kBinary, ""}}));
  ASSERT_OK(client.socket->Send(std::span<MessageBuffer* const>(), Deadline::Never()));
}

TEST(WebSocket, MasksEveryMessageWithAFreshKeyThatIsNotZero) {
  ScriptedClient client("");
  std::set<MaskKey> keys;
  for (int i = 0; i < 2'000; ++i) keys.insert(client.socket->NextMaskKey());
  EXPECT_GE(keys.size(), 1'990u);  // 2^32 possibilities
  EXPECT_EQ(keys.count(0), 0u);
}

TEST(WebSocket, RefusesTheMaskOfTheOtherRoleAndGoesOn) {
  ScriptedClient client("");
  MessageBuffer buffer;
  buffer.Begin(0);
  buffer.Append("x");
  EXPECT_THAT(client.socket->Send(buffer, Deadline::Never()),
              StatusIs(StatusCode::kInvalidState, _));
  EXPECT_EQ(client.written, "");
  EXPECT_OK(client.Send("x"));
  WebSocket server(std::make_unique<ScriptedStream>(""), {.role = Role::kServer});
  EXPECT_EQ(server.NextMaskKey(), 0u);
  buffer.Begin(kKey);
  EXPECT_THAT(server.Send(buffer, Deadline::Never()), StatusIs(StatusCode::kInvalidState, _));
}

TEST(WebSocket, ReceivesMessagesOfEverySizeInAlignedMemory) {
  std::string script;
  std::vector<std::string> want;
  for (const size_t size : {0u, 1u, 125u, 126u, 127u, 4'095u, 16'383u, 16'384u, 65'535u, 65'536u,
                            70'000u, 5u, 300'001u, 0u, 16'390u, 3u}) {
    std::string payload(size, ' ');
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7 + size);
    script += Frame(payload);
    want.push_back(std::move(payload));
  }
  for (const size_t most : {1'000'000u, 65'536u, 4'097u, 113u}) {
    ScriptedClient client(script);
    client.stream->set_most_read(most);
    for (const std::string& payload : want) {
      ASSERT_OK_AND_ASSIGN(const Message message, client.socket->Receive(Deadline::Never()));
      ASSERT_EQ(Text(message.payload), payload) << payload.size() << " in pieces of " << most;
      ASSERT_EQ(reinterpret_cast<uintptr_t>(message.payload.data()) % 64, 0u);
    }
    ASSERT_OK_AND_ASSIGN(const auto none, client.socket->TryReceive());
    EXPECT_FALSE(none.has_value());
  }
}

TEST(WebSocket, MessagesOutliveItAndTheirMemoryIsUsedAgain) {
  std::string script;
  for (int i = 0; i < 4; ++i) script += Frame(std::string(100'000, static_cast<char>('a' + i)));
  Message kept;
  {
    ScriptedClient client(script);
    ASSERT_OK_AND_ASSIGN(kept, client.socket->Receive(Deadline::Never()));
    ASSERT_OK_AND_ASSIGN(Message second, client.socket->Receive(Deadline::Never()));
    const std::byte* const memory = second.payload.data();
    EXPECT_NE(memory, kept.payload.data());
    second = {};
    ASSERT_OK_AND_ASSIGN(const Message third, client.socket->Receive(Deadline::Never()));
    EXPECT_EQ(third.payload.data(), memory);
  }
  EXPECT_EQ(Text(kept.payload), std::string(100'000, 'a'));
}

TEST(WebSocket, BeginsWithWhatFollowedTheHandshake) {
  const std::string all = Frame("first") + Frame("second");
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    const Bytes leftover = std::as_bytes(std::span(all)).first(cut);
    WebSocket socket(std::make_unique<ScriptedStream>(std::string_view(all).substr(cut)), {},
                     std::vector<std::byte>(leftover.begin(), leftover.end()));
    EXPECT_EQ(*ReceiveText(socket), "first");
    EXPECT_EQ(*ReceiveText(socket), "second");
    EXPECT_THAT(socket.TryReceive(), StatusIs(StatusCode::kUnavailable, _));
  }
}

TEST(WebSocket, ALargeLeftoverIsNoLimit) {
  std::string all;
  for (int i = 0; i < 30; ++i) all += Frame(std::string(10'000, 'x'));
  const Bytes bytes = std::as_bytes(std::span(all));
  WebSocket socket(std::make_unique<ScriptedStream>(""), {},
                   std::vector<std::byte>(bytes.begin(), bytes.end()));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(ReceiveText(socket)->size(), 10'000u);
}

TEST(WebSocket, AnswersPingsAndCountsPongs) {
  ScriptedClient client(Frame("are you there", Opcode::kPing) + Frame("", Opcode::kPong) +
                        Frame("message") + Frame("", Opcode::kPing));
  EXPECT_EQ(*client.Receive(), "message");
  EXPECT_EQ(client.socket->pongs(), 1u);
  ASSERT_OK(client.socket->TryReceive());
  using Frames = std::vector<std::pair<Opcode, std::string>>;
  EXPECT_EQ(client.Frames(), (Frames{{Opcode::kPong, "are you there"}, {Opcode::kPong, ""}}));
  ASSERT_OK(client.socket->Ping(std::as_bytes(std::span("flush", 5)), Deadline::Never()));
  EXPECT_EQ(client.Frames().back(), (std::pair<Opcode, std::string>(Opcode::kPing, "flush")));
  EXPECT_THAT(client.socket->Ping(Bytes(std::vector<std::byte>(126)), Deadline::Never()),
              StatusIs(StatusCode::kInvalidArgument, _));
}

TEST(WebSocket, APongWaitsForRoomAndGoesBeforeTheNextMessage) {
  ScriptedClient client(Frame("1", Opcode::kPing) + Frame("2", Opcode::kPing));
  client.stream->set_room(3);
  ASSERT_OK(client.socket->TryReceive());
  EXPECT_EQ(client.written.size(), 3u);
  client.stream->set_room(1000);
  ASSERT_OK(client.Send("message"));
  using Frames = std::vector<std::pair<Opcode, std::string>>;
  EXPECT_EQ(client.Frames(),
            (Frames{{Opcode::kPong, "1"}, {Opcode::kPong, "2"}, {Opcode::kBinary, "message"}}));
}

TEST(WebSocket, AFloodOfPingsThatNobodyReadsTheAnswersToTakesBoundedMemory) {
  std::string script;
  for (int i = 0; i < 50'000; ++i) script += Frame(std::string(100, 'x'), Opcode::kPing);
  script += Frame("end");
  ScriptedClient client(script);
  client.stream->set_room(0);
  EXPECT_EQ(*client.Receive(), "end");
  client.stream->set_room(1 << 30);
  ASSERT_OK(client.socket->TryReceive());
  EXPECT_GT(client.Frames().size(), 100u);
  EXPECT_LT(client.Frames().size(), 200u);
}

TEST(WebSocket, ReceivesWhileASendWaitsForRoom) {
  // The server reads the client's message only after it could write all of its own.
  SocketPair pair = MakePair();
  const std::string large(8 << 20, 'c');
  std::thread serving([&] {
    for (int i = 0; i < 50; ++i) ASSERT_OK(SendText(*pair.server, std::string(200'000, 's')));
    EXPECT_EQ(*ReceiveText(*pair.server), large);
  });
  ASSERT_OK(SendText(*pair.client, large));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(*ReceiveText(*pair.client), std::string(200'000, 's'));
  serving.join();
}

TEST(WebSocket, BothSidesMaySendAtOnce) {
  SocketPair pair = MakePair({.most_bytes = 70'000}, {.most_bytes = 90'000});
  const std::string large(6 << 20, 'x');
  std::thread serving([&] { ASSERT_OK(SendText(*pair.server, large)); });
  ASSERT_OK(SendText(*pair.client, large));
  serving.join();
  EXPECT_EQ(*ReceiveText(*pair.server), large);
  EXPECT_EQ(*ReceiveText(*pair.client), large);
}

TEST(WebSocket, QueuesNoMoreThanItMayWhileItSends) {
  std::string script;
  for (int i = 0; i < 10; ++i) script += Frame("message " + std::to_string(i));
  ScriptedClient client(script, Then::kSilence, {.max_queued_messages = 3});
  client.stream->set_most_read(5);
  client.stream->set_room(2);
  EXPECT_THAT(client.Send("x"), StatusIs(StatusCode::kTimeout, HasSubstr("while sending")));
  EXPECT_TRUE(client.socket->send_started());
  // A message that is half out ends the connection, but not what came before.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*client.Receive(), "message " + std::to_string(i));
  EXPECT_THAT(client.Receive(), StatusIs(StatusCode::kTimeout, HasSubstr("while sending")));
}

TEST(WebSocket, TellsWhetherAnyByteOfAMessageMayHaveLeft) {
  ScriptedClient client(Frame("", Opcode::kPing));
  client.stream->set_room(0);
  ASSERT_OK(client.socket->TryReceive());
  client.stream->set_room(6);  // the Pong, and nothing else
  EXPECT_THAT(client.Send("message"), StatusIs(StatusCode::kTimeout, _));
  EXPECT_FALSE(client.socket->send_started());
  ScriptedClient other("");
  other.stream->set_room(1);
  EXPECT_THAT(other.Send("message"), StatusIs(StatusCode::kTimeout, _));
  EXPECT_TRUE(other.socket->send_started());
}

TEST(WebSocket, APeersCloseIsTheFailureAfterTheMessagesBeforeIt) {
  ScriptedClient client(Frame("last words") + CloseFrame(1009, "frame too large") +
                        Frame("after the end"));
  EXPECT_EQ(*client.Receive(), "last words");
  for (int i = 0; i < 2; ++i) {
    const auto received = client.Receive();
    EXPECT_THAT(received,
                StatusIs(StatusCode::kUnavailable,
                         "peer:9000: the peer closed the connection: 1009 (message too big): "
                         "frame too large"));
    EXPECT_EQ(received.status().recovery(), Recovery::kReconnect);
  }
  EXPECT_EQ(client.socket->peer_close(), (CloseReason{1009, "frame too large"}));
  EXPECT_THAT(client.Send("x"), StatusIs(StatusCode::kUnavailable, HasSubstr("1009")));
  EXPECT_FALSE(client.socket->send_started());
  using Frames = std::vector<std::pair<Opcode, std::string>>;
  EXPECT_EQ(client.Frames(), (Frames{{Opcode::kClose, "\x03\xf1"}}));
}

TEST(WebSocket, TheAnswerToACloseThatFoundNoRoomGoesOutWhenThisSideCloses) {
  ScriptedClient client(CloseFrame(1001, ""));
  client.stream->set_room(0);
  EXPECT_THAT(client.Receive(), StatusIs(StatusCode::kUnavailable, HasSubstr("1001")));
  EXPECT_EQ(client.written, "");
  client.stream->set_room(100);
  EXPECT_TRUE(client.socket->Close({1000, ""}, Deadline::Never()));
  using Frames = std::vector<std::pair<Opcode, std::string>>;
  EXPECT_EQ(client.Frames(), (Frames{{Opcode::kClose, "\x03\xe9"}}));
}

TEST(WebSocket, ASendThatFailsReportsWhatThePeerSaidBeforeItWent) {
  // The stream takes nothing any more, but the reason is there to be read.
  auto scripted = std::make_unique<ScriptedStream>(Frame("ack") + CloseFrame(1008, "no"));
  class BrokenPipe final : public Stream {
   public:
    explicit BrokenPipe(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
    Result<Transfer> TryRead(MutableBytes target) override { return inner_->TryRead(target); }
    Result<Transfer> TryWrite(std::span<const Bytes>) override {
      return ConnectionLost(peer(), EPIPE);
    }
    Result<Readiness> Wait(Interest interest, Deadline deadline, Interrupt* interrupt) override {
      return inner_->Wait(interest, deadline, interrupt);
    }
    void ShutdownWrite() noexcept override {}
    const std::string& peer() const override { return inner_->peer(); }

   private:
    std::unique_ptr<Stream> inner_;
  };
  WebSocket socket(std::make_unique<BrokenPipe>(std::move(scripted)), {});
  EXPECT_THAT(SendText(socket, "x"), StatusIs(StatusCode::kUnavailable, HasSubstr("1008")));
  EXPECT_FALSE(socket.send_started());
  EXPECT_EQ(*ReceiveText(socket), "ack");
  EXPECT_THAT(ReceiveText(socket), StatusIs(StatusCode::kUnavailable, HasSubstr("1008")));

  WebSocket silent(
      std::make_unique<BrokenPipe>(std::make_unique<ScriptedStream>(Frame("ack"), Then::kSilence)),
      {});
  EXPECT_THAT(SendText(silent, "x"), StatusIs(StatusCode::kUnavailable, "peer:9000: Broken pipe"));
  EXPECT_EQ(*ReceiveText(silent), "ack");
  EXPECT_THAT(ReceiveText(silent), StatusIs(StatusCode::kUnavailable, HasSubstr("Broken pipe")));
}

TEST(WebSocket, AnEndWithoutACloseSaysWhereItCame) {
  ScriptedClient between(Frame("x"), Then::kEnd);
  EXPECT_EQ(*between.Receive(), "x");
  EXPECT_THAT(between.Receive(), StatusIs(StatusCode::kUnavailable, HasSubstr("without a Close")));
  ScriptedClient header("\x82\x7e\x01"s, Then::kEnd);
  EXPECT_THAT(header.Receive(),
              StatusIs(StatusCode::kUnavailable, HasSubstr("within a frame's header")));
  ScriptedClient payload(Frame(std::string(50'000, 'x')).substr(0, 30'004), Then::kEnd);
  EXPECT_THAT(payload.Receive(),
              StatusIs(StatusCode::kUnavailable, HasSubstr("after 30000 of 50000 bytes")));
}

TEST(WebSocket, TellsAPeerThatBreaksTheRulesWhy) {
  struct Case {
    std::string script;
    StatusCode code;
    uint16_t close;
  };
  const Case cases[] = {
      {"\xc2\x00"s, StatusCode::kProtocolError, 1002},            // reserved bit
      {"\x83\x00"s, StatusCode::kProtocolError, 1002},            // reserved opcode
      {"\x82\x80"s, StatusCode::kProtocolError, 1002},            // masked
      {"\x82\x7e\x00\x01"s, StatusCode::kProtocolError, 1002},    // length too long
      {"\x89\x7e"s, StatusCode::kProtocolError, 1002},            // long control frame
      {"\x09\x00"s, StatusCode::kProtocolError, 1002},            // fragmented one
      {"\x02\x00"s, StatusCode::kProtocolError, 1002},            // fragmented message
      {"\x80\x00"s, StatusCode::kProtocolError, 1002},            // its continuation
      {"\x81\x02hi"s, StatusCode::kUnsupported, 1003},            // text
      {"\x88\x01\x03"s, StatusCode::kProtocolError, 1002},        // half a code
      {"\x88\x02\x03\xee"s, StatusCode::kProtocolError, 1002},    // 1006
      {"\x88\x03\x03\xe8\xff"s, StatusCode::kInvalidData, 1007},  // not UTF-8
      {"\x82\x7e\x03\xe9"s, StatusCode::kLimitExceeded, 1009},    // 1001 bytes
  };
  for (const Case& one : cases) {
    ScriptedClient client(Frame("before") + one.script + Frame("after"), Then::kSilence,
                          {.max_message_bytes = 1000});
    EXPECT_EQ(*client.Receive(), "before");
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(client.Receive(), StatusIs(one.code, StartsWith("peer:9000: ")));
    }
    ASSERT_EQ(client.Frames().size(), 1u) << client.socket->failure();
    EXPECT_EQ(client.Frames()[0].first, Opcode::kClose);
    EXPECT_EQ(client.Frames()[0].second,
              (std::string{static_cast<char>(one.close >> 8), static_cast<char>(one.close)}));
    EXPECT_EQ(client.socket->peer_close(), std::nullopt);
  }
}

TEST(WebSocket, AMessageBeyondTheBudgetIsRefusedBeforeMemoryIsTaken) {
  CountingBudget budget(1 << 20);
  ScriptedClient client(Frame("small") + "\x82\x7f\0\0\0\0\0\x40\0\0"s, Then::kSilence,
                        {.budget = &budget});
  EXPECT_EQ(*client.Receive(), "small");
  EXPECT_THAT(client.Receive(), StatusIs(StatusCode::kLimitExceeded, _));
  client.socket.reset();
  EXPECT_EQ(budget.held(), 0u);
}

TEST(WebSocket, AReceiveThatTimesOutOrIsCancelledGoesOnLater) {
  SocketPair pair = MakePair();
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  EXPECT_THAT(pair.client->Receive(Deadline::After(0ms)), StatusIs(StatusCode::kTimeout, _));
  std::thread setting([&] { interrupt->Set(); });
  EXPECT_THAT(pair.client->Receive(Patience(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  setting.join();
  EXPECT_THAT(SendText(*pair.client, "not sent", interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  EXPECT_FALSE(pair.client->send_started());
  EXPECT_OK(pair.client->failure());
  interrupt->Clear();
  ASSERT_OK(SendText(*pair.client, "sent", interrupt.get()));
  EXPECT_EQ(*ReceiveText(*pair.server), "sent");
  ASSERT_OK(SendText(*pair.server, "answer"));
  EXPECT_EQ(*ReceiveText(*pair.client), "answer");
}

TEST(WebSocket, AnInterruptIsSeenEvenIfThePeerNeverPauses) {
  std::string script;
  for (int i = 0; i < 100; ++i) script += Frame("x", Opcode::kPing);
  ScriptedClient client(script);
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  interrupt->Set();
  EXPECT_THAT(client.socket->Receive(Deadline::Never(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
}

TEST(WebSocket, ASendThatIsInterruptedHalfWayEndsTheConnection) {
  ASSERT_OK_AND_ASSIGN(auto ends, LocalPair());
  WebSocket client(std::move(ends.first), {});
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  std::thread setting([&] {
    // The first byte has come: the message, which fits no buffer, is under way.
    std::byte first;
    ASSERT_OK(ReadExactly(*ends.second, MutableBytes(&first, 1), Patience()));
    interrupt->Set();
  });
  EXPECT_THAT(SendText(client, std::string(64 << 20, 'x'), interrupt.get()),
              StatusIs(StatusCode::kCancelled, HasSubstr("while sending")));
  EXPECT_TRUE(client.send_started());
  setting.join();
  interrupt->Clear();
  EXPECT_THAT(SendText(client, "more", interrupt.get()), StatusIs(StatusCode::kCancelled, _));
  EXPECT_THAT(ReceiveText(client), StatusIs(StatusCode::kCancelled, _));
}

TEST(WebSocket, CloseIsAnsweredAndEndsBothSides) {
  SocketPair pair = MakePair();
  std::thread serving([&] {
    EXPECT_THAT(ReceiveText(*pair.server),
                StatusIs(StatusCode::kUnavailable, HasSubstr("1000 (normal): bye")));
    EXPECT_EQ(pair.server->peer_close(), (CloseReason{1000, "bye"}));
    EXPECT_TRUE(pair.server->Close({1000, ""}, Patience()));
  });
  EXPECT_TRUE(pair.client->Close({1000, "bye"}, Patience()));
  serving.join();
  EXPECT_EQ(pair.client->peer_close()->code, 1000);
  EXPECT_THAT(ReceiveText(*pair.client), StatusIs(StatusCode::kUnavailable, _));
  EXPECT_THAT(SendText(*pair.client, "x"), StatusIs(StatusCode::kUnavailable, _));
}

TEST(WebSocket, CloseGivesUpAtTheDeadlineAndThrowsAwayWhatArrives) {
  ScriptedClient client(Frame("late") + Frame("later"), Then::kSilence, {.max_queued_messages = 1});
  EXPECT_FALSE(client.socket->Close({1001, ""}, Deadline::Never()));
  EXPECT_THAT(client.Receive(), StatusIs(StatusCode::kInvalidState, HasSubstr("closed here")));
  ScriptedClient gone("", Then::kEnd);
  EXPECT_FALSE(gone.socket->Close({1000, ""}, Deadline::Never()));
  ScriptedClient stuck("");
  stuck.stream->set_room(0);
  EXPECT_FALSE(stuck.socket->Close({1000, ""}, Deadline::Never()));
}

TEST(WebSocketProperty, MessagesArriveWholeAndInOrderHoweverTheStreamCutsThem) {
  SeededRandom random;
  for (int round = 0; round < 6; ++round) {
    const auto faults = [&] {
      return StreamFaults{
          .most_bytes = static_cast<size_t>(random.Chance(0.5) ? random.Uniform(1, 300) : 1 << 20),
          .stutter = static_cast<int>(random.Uniform(0, 2))};
    };
    SocketPair pair = MakePair(faults(), faults());
    std::vector<std::string> messages;
    for (int i = 0; i < 60; ++i) {
      std::string text(static_cast<size_t>(random.Chance(0.2) ? random.Uniform(0, 80'000)
                                                              : random.Uniform(0, 300)),
                       ' ');
      for (char& c : text) c = static_cast<char>(random.engine()());
      messages.push_back(std::move(text));
    }
    // The server sends back what it gets.
    std::thread serving([&] {
      for (size_t i = 0; i < messages.size(); ++i) {
        auto text = ReceiveText(*pair.server);
        ASSERT_OK(text);
        ASSERT_OK(SendText(*pair.server, *text));
      }
    });
    size_t received = 0;
    for (size_t sent = 0; sent < messages.size(); ++sent) {
      ASSERT_OK(SendText(*pair.client, messages[sent]));
      ASSERT_OK_AND_ASSIGN(const auto message, pair.client->TryReceive());
      if (message) {
        ASSERT_EQ(Text(message->payload), messages[received]);
        ++received;
      }
    }
    for (; received < messages.size(); ++received) {
      ASSERT_EQ(*ReceiveText(*pair.client), messages[received]);
    }
    serving.join();
  }
}

TEST(WebSocket, FailsCleanlyAtEveryOperation) {
  struct Outcome {
    Status status;
    int received = 0;
    int64_t operations = 0;
  };
  const auto exchange = [](const StreamFaults& faults) {
    auto ends = LocalPair();
    EXPECT_OK(ends);
    auto faulty = std::make_unique<FaultyStream>(std::move(ends->first), faults);
    FaultyStream* const counting = faulty.get();
    WebSocket client(std::move(faulty), {});
    auto server = std::make_unique<WebSocket>(std::move(ends->second),
                                              WebSocketOptions{.role = Role::kServer});
    std::thread serving([&] {
      while (true) {
        auto text = ReceiveText(*server);
        if (!text.ok() || !SendText(*server, *text).ok()) break;
      }
      server.reset();
    });
    Outcome outcome;
    for (int i = 0; i < 3 && outcome.status.ok(); ++i) {
      const std::string text(static_cast<size_t>(i) * 400 + 10, 'x');
      outcome.status = SendText(client, text);
      if (!outcome.status.ok()) break;
      auto echo = ReceiveText(client);
      outcome.status = echo.status();
      if (echo.ok()) {
        EXPECT_EQ(*echo, text);
        ++outcome.received;
      }
    }
    // A failure is final.
    if (!outcome.status.ok()) {
      EXPECT_FALSE(SendText(client, "x").ok());
      EXPECT_FALSE(ReceiveText(client).ok());
    }
    outcome.operations = counting->operations();
    const bool answered = client.Close({1000, ""}, Patience());
    EXPECT_EQ(answered, faults.at < 0 || client.peer_close().has_value());
    serving.join();
    return outcome;
  };
  for (const auto kind : {StreamFaults::Kind::kError, StreamFaults::Kind::kEnd}) {
    StreamFaults faults = {.kind = kind, .most_bytes = 150, .stutter = 1};
    const Outcome whole = exchange(faults);
    EXPECT_OK(whole.status);
    EXPECT_EQ(whole.received, 3);
    ASSERT_GT(whole.operations, 30);
    int failed = 0;
    for (int64_t at = 0; at < whole.operations; ++at) {
      faults.at = at;
      const Outcome outcome = exchange(faults);
      if (outcome.status.ok()) continue;  // this time fewer waits were needed
      ++failed;
      EXPECT_THAT(outcome.status, StatusIs(StatusCode::kUnavailable,
                                           AnyOf(HasSubstr("injected fault"), HasSubstr("ended"))));
      EXPECT_LT(outcome.received, 3);
    }
    EXPECT_GT(failed, 20);
  }
}

}  // namespace
}  // namespace colonnade::net
