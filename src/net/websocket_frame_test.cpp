#include "net/websocket_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

constexpr uint64_t kNoLimit = UINT64_MAX;

std::string Encoded(const FrameHeader& header) {
  std::array<std::byte, MessageBuffer::kHeaderRoom> bytes;
  const size_t size = EncodeFrameHeader(header, bytes);
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

Result<std::optional<ParsedFrameHeader>> Parse(std::string_view bytes, Role receiver,
                                               uint64_t limit = kNoLimit) {
  return ParseFrameHeader(std::as_bytes(std::span(bytes)), receiver, limit);
}

constexpr MaskKey kKey = 0x3d21fa37;  // 37 fa 21 3d

TEST(EncodeFrameHeader, UsesTheShortestForm) {
  using namespace std::string_literals;
  EXPECT_EQ(Encoded({.payload_bytes = 0}), "\x82\x00"s);
  EXPECT_EQ(Encoded({.payload_bytes = 125}), "\x82\x7d"s);
  EXPECT_EQ(Encoded({.payload_bytes = 126}), "\x82\x7e\x00\x7e"s);
  EXPECT_EQ(Encoded({.payload_bytes = 65535}), "\x82\x7e\xff\xff"s);
  EXPECT_EQ(Encoded({.payload_bytes = 65536}), "\x82\x7f\0\0\0\0\0\x01\0\0"s);
  EXPECT_EQ(Encoded({.opcode = Opcode::kPing, .payload_bytes = 1}), "\x89\x01"s);
  EXPECT_EQ(Encoded({.final = false, .payload_bytes = 1}), "\x02\x01"s);
}

TEST(EncodeFrameHeader, PutsTheKeyLast) {
  EXPECT_EQ(Encoded({.key = kKey, .payload_bytes = 14}), "\x82\x8e\x37\xfa\x21\x3d");
  EXPECT_EQ(Encoded({.key = kKey, .payload_bytes = 373}), "\x82\xfe\x01\x75\x37\xfa\x21\x3d");
}

TEST(FrameHeaderProperty, WhatIsEncodedIsParsedBackAndEveryPrefixWantsMore) {
  SeededRandom random;
  for (int round = 0; round < 3'000; ++round) {
    const auto bits = random.Uniform(0, 62);
    FrameHeader header{
        .opcode = random.Chance(0.5) ? Opcode::kBinary : Opcode::kPing,
        .payload_bytes = static_cast<uint64_t>(random.engine()()) & ((uint64_t{1} << bits) - 1)};
    if (IsControl(header.opcode)) {
      header.payload_bytes %= kMaxControlPayload + 1;
    } else {
      header.final = random.Chance(0.5);
    }
    const Role receiver = random.Chance(0.5) ? Role::kServer : Role::kClient;
    if (receiver == Role::kServer) header.key = static_cast<MaskKey>(random.engine()());
    const std::string bytes = Encoded(header);
    for (size_t count = 0; count < bytes.size(); ++count) {
      ASSERT_OK_AND_ASSIGN(const auto part, Parse(bytes.substr(0, count), receiver));
      ASSERT_FALSE(part.has_value());
    }
    ASSERT_OK_AND_ASSIGN(const auto parsed, Parse(bytes + "payload", receiver));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->header, header);
    EXPECT_EQ(parsed->bytes, bytes.size());
  }
}

TEST(ParseFrameHeader, RefusesReservedBitsAndOpcodes) {
  for (const int first : {0xC2, 0xA2, 0x92, 0xF2, 0x83, 0x87, 0x8B, 0x8F, 0x03, 0x0B}) {
    EXPECT_THAT(Parse(std::string(1, static_cast<char>(first)), Role::kClient),
                StatusIs(StatusCode::kProtocolError, HasSubstr("reserved")))
        << first;
  }
}

TEST(ParseFrameHeader, RefusesTheMaskOfTheWrongRole) {
  EXPECT_THAT(Parse("\x82\x81", Role::kClient),
              StatusIs(StatusCode::kProtocolError, "masked WebSocket frame from a server"));
  EXPECT_THAT(Parse("\x82\x01", Role::kServer),
              StatusIs(StatusCode::kProtocolError, "unmasked WebSocket frame from a client"));
}

TEST(ParseFrameHeader, RefusesLengthsThatAreLongerThanNeedBe) {
  using namespace std::string_literals;
  EXPECT_THAT(Parse("\x82\x7e\x00\x7d"s, Role::kClient),
              StatusIs(StatusCode::kProtocolError, HasSubstr("125")));
  EXPECT_THAT(Parse("\x82\x7f\0\0\0\0\0\0\xff\xff"s, Role::kClient),
              StatusIs(StatusCode::kProtocolError, HasSubstr("65535")));
  EXPECT_THAT(Parse("\x82\x7f\x80\0\0\0\0\x01\0\0"s, Role::kClient),
              StatusIs(StatusCode::kProtocolError, HasSubstr("top bit")));
}

TEST(ParseFrameHeader, RefusesControlFramesThatAreLongOrInPieces) {
  EXPECT_THAT(Parse("\x09", Role::kClient), StatusIs(StatusCode::kProtocolError, _));
  EXPECT_THAT(Parse("\x89\x7e", Role::kClient), StatusIs(StatusCode::kProtocolError, _));
  EXPECT_THAT(Parse("\x88\x7f", Role::kClient), StatusIs(StatusCode::kProtocolError, _));
}

TEST(ParseFrameHeader, RefusesAPayloadBeyondTheLimit) {
  using namespace std::string_literals;
  EXPECT_OK(Parse("\x82\x7e\x01\x00"s, Role::kClient, 256));
  EXPECT_THAT(Parse("\x82\x7e\x01\x01"s, Role::kClient, 256),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("257 bytes; the limit is 256")));
  EXPECT_THAT(Parse("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s, Role::kClient, 256),
              StatusIs(StatusCode::kLimitExceeded, _));
}

TEST(CloseBody, GoesThereAndBack) {
  for (const CloseReason& reason :
       {CloseReason{}, CloseReason{1000, ""}, CloseReason{1009, "zu groß"},
        CloseReason{4999, std::string(123, 'x')}}) {
    ASSERT_OK_AND_ASSIGN(const CloseReason parsed,
                         ParseCloseBody(std::as_bytes(std::span(EncodeCloseBody(reason).c_str(),
                                                                EncodeCloseBody(reason).size()))));
    EXPECT_EQ(parsed, reason);
  }
}

TEST(CloseBody, ATextThatDoesNotFitIsCutAtACharacter) {
  const std::string body = EncodeCloseBody({1000, std::string(122, 'x') + "ß"});
  EXPECT_EQ(body.size(), 124u);
  EXPECT_EQ(EncodeCloseBody({1000, std::string(121, 'x') + "ß"}).size(), 125u);
}

TEST(CloseBody, RefusesOneByteUnsendableCodesAndTextThatIsNotUtf8) {
  const auto parse = [](std::string_view body) {
    return ParseCloseBody(std::as_bytes(std::span(body)));
  };
  EXPECT_THAT(parse("\x03"), StatusIs(StatusCode::kProtocolError, _));
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    const char body[2] = {static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_THAT(parse(std::string_view(body, 2)),
                StatusIs(StatusCode::kProtocolError, HasSubstr(std::to_string(code))));
  }
  for (const char* text : {"\xff", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80"}) {
    EXPECT_THAT(parse(std::string("\x03\xe8ok") + text),
                StatusIs(StatusCode::kInvalidData, HasSubstr("byte 2")));
  }
  for (const char* text :
       {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_OK(parse(std::string("\x03\xe8") + text));
  }
}

TEST(CloseBody, IsDescribedInOneLine) {
  EXPECT_EQ(DescribeClose({1009, "frame\nof 3 MiB"}), "1009 (message too big): frame?of 3 MiB");
  EXPECT_EQ(DescribeClose({4001, ""}), "4001");
}

TEST(CloseCodeFor, EachFailureHasItsCode) {
  EXPECT_EQ(CloseCodeFor(ProtocolError("")), kCloseProtocolError);
  EXPECT_EQ(CloseCodeFor(Unsupported("")), kCloseUnsupported);
  EXPECT_EQ(CloseCodeFor(InvalidData("")), kCloseInvalidText);
  EXPECT_EQ(CloseCodeFor(LimitExceeded("")), kCloseTooBig);
  EXPECT_EQ(CloseCodeFor(Io("")), kCloseInternalError);
}

}  // namespace
}  // namespace colonnade::net
