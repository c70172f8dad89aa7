#include "questdb/wire/ingest_response.h"

#include <gtest/gtest.h>

#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> Encoded(const IngestResponse& response) {
  net::MessageBuffer message;
  message.Begin(0);
  EncodeIngestResponse(response, message);
  return message.Unmasked();
}

TEST(IngestResponseTest, TheWorkedVectorsAreReadAndWritten) {
  const auto both_ways = [](const IngestResponse& expected, const std::vector<std::byte>& bytes) {
    EXPECT_EQ(HexOf(Encoded(expected)), HexOf(bytes));
    const Result<IngestResponse> response = ParseIngestResponse(bytes);
    EXPECT_OK(response);
    EXPECT_EQ(response->index(), expected.index());
    EXPECT_EQ(HexOf(Encoded(*response)), HexOf(bytes));
  };
  both_ways(OkResponse{3, {}}, BytesOfHex("00 0300000000000000 0000"));
  both_ways(OkResponse{0, {{"trades", 7}}},
            BytesOfHex("00 0000000000000000 0100 0600 747261646573 0700000000000000"));
  both_ways(DurableResponse{{{"trades", 7}}, false},
            BytesOfHex("02 0100 0600 747261646573 0700000000000000"));
  both_ways(DurableResponse{{{"trades", 7}}, true},
            BytesOfHex("0e 0100 0600 747261646573 0700000000000000"));
  both_ways(ErrorResponse{ServerStatus::kSchemaMismatch, 5, "bad"},
            BytesOfHex("03 0500000000000000 0300 626164"));
  both_ways(OkResponse{0, {{"trades", 7}}}, BytesOfGoldenFile("questdb/ack-ok.hex"));
  both_ways(ErrorResponse{ServerStatus::kSchemaMismatch, 5, "bad"},
            BytesOfGoldenFile("questdb/ack-error.hex"));
}

TEST(IngestResponseTest, EveryTruncationIsRefused) {
  for (const char* hex :
       {"00 0000000000000000 0100 0600 747261646573 0700000000000000",
        "02 0100 0600 747261646573 0700000000000000", "7f 0500000000000000 0300 626164"}) {
    const std::vector<std::byte> whole = BytesOfHex(hex);
    ASSERT_OK(ParseIngestResponse(whole));
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(ParseIngestResponse(Bytes(whole).first(size)),
                  StatusIs(StatusCode::kProtocolError, HasSubstr("response to ingest: ")));
    }
    // Newer servers may append.
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{1});
    EXPECT_OK(ParseIngestResponse(longer));
  }
}

TEST(IngestResponseTest, TextIsChecked) {
  EXPECT_THAT(ParseIngestResponse(BytesOfHex("00 0000000000000000 0100 0000 0700000000000000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("is empty")));
  EXPECT_THAT(ParseIngestResponse(BytesOfHex("00 0000000000000000 0100 0100ff 0700000000000000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("table name at byte 13: not UTF-8")));
  const auto error_of = [](size_t size) {
    std::vector<std::byte> bytes = BytesOfHex("03 0500000000000000");
    bytes.push_back(static_cast<std::byte>(size & 255));
    bytes.push_back(static_cast<std::byte>(size >> 8));
    bytes.insert(bytes.end(), size, std::byte{'x'});
    return bytes;
  };
  EXPECT_OK(ParseIngestResponse(error_of(1'024)));
  EXPECT_THAT(ParseIngestResponse(error_of(1'025)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("1025 bytes, at most 1024")));
}

TEST(IngestResponseTest, ALongMessageIsCutBetweenCharacters) {
  std::string text(1'023, 'x');
  text += "\xC3\xB1 and more";
  const auto parsed =
      ParseIngestResponse(Encoded(ErrorResponse{ServerStatus::kParseError, 1, text}));
  ASSERT_OK(parsed);
  EXPECT_EQ(std::get<ErrorResponse>(*parsed).message, std::string(1'023, 'x'));
}

struct Meaning {
  int byte;
  const char* name;
  StatusCode code;
  Recovery recovery;
};

TEST(StatusFromServerTest, EveryStatusHasItsMeaning) {
  const Meaning meanings[] = {
      {0x03, "SCHEMA_MISMATCH", StatusCode::kInvalidArgument, Recovery::kNone},
      {0x05, "PARSE_ERROR", StatusCode::kInvalidArgument, Recovery::kNone},
      {0x06, "INTERNAL_ERROR", StatusCode::kInternal, Recovery::kReconnect},
      {0x08, "SECURITY_ERROR", StatusCode::kPermissionDenied, Recovery::kNone},
      {0x09, "WRITE_ERROR", StatusCode::kUnavailable, Recovery::kReconnect},
      {0x0A, "CANCELLED", StatusCode::kCancelled, Recovery::kNone},
      {0x0B, "LIMIT_EXCEEDED", StatusCode::kLimitExceeded, Recovery::kNone},
      {0x0C, "NOT_WRITABLE", StatusCode::kUnavailable, Recovery::kReconnect},
      {0x0D, "DICTIONARY_GAP", StatusCode::kProtocolError, Recovery::kReconnect},
      {0x0E, "QUERY_TIMEOUT", StatusCode::kTimeout, Recovery::kNone},
      {0x7F, "status 0x7f", StatusCode::kInternal, Recovery::kReconnect},
      {0x04, "status 0x04", StatusCode::kInternal, Recovery::kReconnect},
  };
  for (const Meaning& meaning : meanings) {
    const Status status = StatusFromServer(static_cast<ServerStatus>(meaning.byte), "why");
    EXPECT_EQ(status.code(), meaning.code) << meaning.name;
    EXPECT_EQ(status.recovery(), meaning.recovery) << meaning.name;
    EXPECT_EQ(status.message(), "server: " + std::string(meaning.name) + ": why");
  }
}

TEST(StatusFromServerTest, NoByteIsASuccessAndTextIsMadeOneLine) {
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_FALSE(StatusFromServer(static_cast<ServerStatus>(byte), "").ok()) << byte;
  }
  EXPECT_EQ(StatusFromServer(ServerStatus::kParseError, "a\nb\x1b[31m").message(),
            "server: PARSE_ERROR: a\\nb\\x1b[31m");
  EXPECT_EQ(StatusFromServer(ServerStatus::kParseError, "").message(), "server: PARSE_ERROR");
}

}  // namespace
}  // namespace colonnade::questdb::wire
