#include "net/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "support/faulty_stream.h"
#include "support/scripted_stream.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

MutableBytes AsBytes(std::string& text) { return std::as_writable_bytes(std::span(text)); }

TEST(Stream, ReadsExactlyWhatWasAskedForFromShortReads) {
  ScriptedStream stream("eleven bytes and more");
  stream.set_most_read(3);
  std::string text(12, ' ');
  ASSERT_OK(ReadExactly(stream, AsBytes(text), Deadline::Never()));
  EXPECT_EQ(text, "eleven bytes");
  ASSERT_OK_AND_ASSIGN(const Transfer transfer, Read(stream, AsBytes(text), Deadline::Never()));
  EXPECT_EQ(transfer.bytes, 3u);
  EXPECT_FALSE(transfer.end);
}

TEST(Stream, AnEndBeforeAllBytesIsALostConnectionThatSaysHowManyCame) {
  ScriptedStream stream("seven..");
  std::string text(12, ' ');
  const Status status = ReadExactly(stream, AsBytes(text), Deadline::Never());
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable,
                               "peer:9000: the peer closed the connection after 7 of 12 bytes"));
  EXPECT_EQ(status.recovery(), Recovery::kReconnect);
}

TEST(Stream, AReadOfNothingDoesNotWait) {
  ScriptedStream stream("", ScriptedStream::Then::kSilence);
  ASSERT_OK(ReadExactly(stream, {}, Deadline::Never()));
  ASSERT_OK_AND_ASSIGN(const Transfer transfer, Read(stream, {}, Deadline::Never()));
  EXPECT_EQ(transfer.bytes, 0u);
}

TEST(Stream, WritesAllPiecesInOrderThroughShortWrites) {
  for (const size_t most : {1u, 2u, 5u, 100u}) {
    for (const int stutter : {0, 1, 3}) {
      std::string written;
      auto inner = std::make_unique<ScriptedStream>("");
      inner->set_written(&written);
      FaultyStream stream(std::move(inner), {.most_bytes = most, .stutter = stutter});
      const std::array<Bytes, 5> pieces = {AsBytes("one,"), Bytes(), AsBytes("two,"),
                                           AsBytes("three"), Bytes()};
      ASSERT_OK(Write(stream, pieces, Deadline::Never()));
      EXPECT_EQ(written, "one,two,three");
    }
  }
}

TEST(Stream, AWriteWithoutRoomEndsAtTheDeadline) {
  ScriptedStream stream("");
  stream.set_room(4);
  EXPECT_THAT(Write(stream, AsBytes("too long"), Deadline::Never()),
              StatusIs(StatusCode::kTimeout, HasSubstr("peer:9000")));
}

TEST(Stream, AnInterruptIsSeenEvenIfThePeerNeverPauses) {
  ASSERT_OK_AND_ASSIGN(auto interrupt, Interrupt::Create());
  interrupt->Set();
  ScriptedStream stream("plenty");
  std::string text(6, ' ');
  EXPECT_THAT(ReadExactly(stream, AsBytes(text), Deadline::Never(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  EXPECT_THAT(Write(stream, AsBytes("x"), Deadline::Never(), interrupt.get()),
              StatusIs(StatusCode::kCancelled, _));
  interrupt->Clear();
  EXPECT_OK(ReadExactly(stream, AsBytes(text), Deadline::Never(), interrupt.get()));
}

TEST(Stream, RefusesMorePiecesThanItCanWrite) {
#ifdef NDEBUG
  ScriptedStream stream("");
  const std::vector<Bytes> pieces(65, AsBytes("x"));
  EXPECT_THAT(Write(stream, pieces, Deadline::Never()), StatusIs(StatusCode::kInvalidArgument, _));
#endif
  ScriptedStream wide("");
  std::string written;
  wide.set_written(&written);
  ASSERT_OK(Write(wide, std::vector<Bytes>(64, AsBytes("x")), Deadline::Never()));
  EXPECT_EQ(written, std::string(64, 'x'));
}

TEST(Stream, FailsAtEveryOperationWithTheFaultItMet) {
  for (int64_t at = 0; at < 20; ++at) {
    FaultyStream stream(std::make_unique<ScriptedStream>("0123456789"),
                        {.at = at, .most_bytes = 2, .stutter = 1});
    std::string text(10, ' ');
    const Status status = ReadExactly(stream, AsBytes(text), Deadline::Never());
    // Five transfers, each after an attempt that would block and a wait.
    if (at < 15) {
      EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "peer:9000: injected fault")) << at;
    } else {
      EXPECT_OK(status);
    }
  }
}

TEST(HostPort, BracketsAddressesWithColons) {
  EXPECT_EQ(HostPort("db.example", 9000), "db.example:9000");
  EXPECT_EQ(HostPort("127.0.0.1", 1), "127.0.0.1:1");
  EXPECT_EQ(HostPort("::1", 65535), "[::1]:65535");
}

TEST(ConnectionLost, SaysTheSystemsReason) {
  const Status status = ConnectionLost("db:9000", ECONNRESET);
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "db:9000: Connection reset by peer"));
  EXPECT_EQ(status.recovery(), Recovery::kReconnect);
}

}  // namespace
}  // namespace colonnade::net
