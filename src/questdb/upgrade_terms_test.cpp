#include "questdb/upgrade_terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "questdb/connect_string.h"
#include "support/status_matchers.h"

namespace colonnade::questdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const EndpointAddress kEndpoint = {"db", 9000};
using Headers = std::vector<net::HttpHeader>;

ConnectOptions Options(const std::string& pairs = "") {
  const auto options = ParseConnectString("ws::addr=db;" + pairs);
  EXPECT_OK(options);
  return options.ok() ? *options : ConnectOptions();
}

std::variant<IngestTerms, EndpointFailure> Ingest(Headers headers, const std::string& pairs = "") {
  const ConnectOptions options = Options(pairs);
  return CheckIngestTerms({kEndpoint, Direction::kIngest, options}, net::HttpHeaders(headers));
}

std::variant<QueryTerms, EndpointFailure> Query(Headers headers) {
  const ConnectOptions options = Options();
  return CheckQueryTerms({kEndpoint, Direction::kQuery, options}, net::HttpHeaders(headers));
}

TEST(UpgradeTerms, AsksForWhatTheOptionsSayInTheOrderOfTheDocumentation) {
  EXPECT_EQ(UpgradePath(Direction::kIngest, Options("path=/x")), "/api/v4/write");
  EXPECT_EQ(UpgradePath(Direction::kQuery, Options()), "/read/v1");
  EXPECT_EQ(UpgradePath(Direction::kQuery, Options("path=/x")), "/x");

  EXPECT_EQ(UpgradeHeaders(Direction::kIngest, Options()), (Headers{{"X-QWP-Max-Version", "1"}}));
  EXPECT_EQ(UpgradeHeaders(Direction::kQuery, Options()),
            (Headers{{"X-QWP-Max-Version", "1"}, {"X-QWP-Accept-Encoding", "raw"}}));

  const std::string all =
      "client_id=me;request_durable_ack=on;compression=zstd;compression_level=3;max_batch_rows=7;";
  EXPECT_EQ(UpgradeHeaders(Direction::kIngest, Options(all + "username=admin;password=quest")),
            (Headers{{"X-QWP-Max-Version", "1"},
                     {"X-QWP-Client-Id", "me"},
                     {"X-QWP-Request-Durable-Ack", "true"},
                     {"Authorization", "Basic YWRtaW46cXVlc3Q="}}));
  EXPECT_EQ(UpgradeHeaders(Direction::kQuery, Options(all + "token=t")),
            (Headers{{"X-QWP-Max-Version", "1"},
                     {"X-QWP-Client-Id", "me"},
                     {"X-QWP-Accept-Encoding", "zstd;level=3"},
                     {"X-QWP-Max-Batch-Rows", "7"},
                     {"Authorization", "Bearer t"}}));
  EXPECT_EQ(UpgradeHeaders(Direction::kQuery, Options("compression=auto")),
            (Headers{{"X-QWP-Max-Version", "1"}, {"X-QWP-Accept-Encoding", "zstd;level=1,raw"}}));
}

TEST(UpgradeTerms, VerbatimAuthorizationGoesOutInBothDirections) {
  const ConnectOptions options = Options("auth=Custom a;;b=\"c\"");
  const net::HttpHeader expected = {"Authorization", "Custom a;b=\"c\""};
  EXPECT_THAT(UpgradeHeaders(Direction::kIngest, options), ::testing::Contains(expected));
  EXPECT_THAT(UpgradeHeaders(Direction::kQuery, options), ::testing::Contains(expected));
}

TEST(UpgradeTerms, IngestAssumesVersionOneWhereNoneIsSaid) {
  EXPECT_EQ(std::get<IngestTerms>(Ingest({})), IngestTerms());
  EXPECT_EQ(std::get<IngestTerms>(Ingest({{"x-qwp-version", "1"}})), IngestTerms());
}

TEST(UpgradeTerms, RefusesVersionsThatWereNotOffered) {
  for (const std::string& version : std::vector<std::string>{"0", "2", "-1", "", "1.0", "one", "1 ",
                                                             "+1", "0x1", "99999999999"}) {
    const auto ingest = Ingest({{"X-QWP-Version", version}});
    ASSERT_TRUE(std::holds_alternative<EndpointFailure>(ingest)) << version;
    const EndpointFailure& failure = std::get<EndpointFailure>(ingest);
    EXPECT_EQ(failure.kind, FailureKind::kVersion);
    EXPECT_EQ(failure.status.recovery(), Recovery::kNone);
    EXPECT_THAT(failure.status,
                StatusIs(StatusCode::kUnsupported,
                         AllOf(StartsWith("db:9000: the server answers X-QWP-Version "),
                               HasSubstr("this client speaks 1"))));
    const auto query = Query({{"X-QWP-Version", version}});
    ASSERT_TRUE(std::holds_alternative<EndpointFailure>(query)) << version;
    EXPECT_EQ(std::get<EndpointFailure>(query).kind, FailureKind::kHandshake);
    EXPECT_FALSE(std::get<EndpointFailure>(query).ends_walk);
  }
  // Two answers are none.
  const Headers twice = {{"X-QWP-Version", "1"}, {"X-QWP-Version", "1"}};
  EXPECT_TRUE(std::holds_alternative<EndpointFailure>(Ingest(twice)));
  EXPECT_TRUE(std::holds_alternative<EndpointFailure>(Query(twice)));
}

TEST(UpgradeTerms, QueriesNeedAVersion) {
  const auto query = Query({});
  ASSERT_TRUE(std::holds_alternative<EndpointFailure>(query));
  EXPECT_THAT(
      std::get<EndpointFailure>(query).status,
      StatusIs(StatusCode::kProtocolError, "db:9000: the server answers without X-QWP-Version"));
  EXPECT_EQ(std::get<QueryTerms>(Query({{"X-QWP-Version", "1"}})), QueryTerms());
}

TEST(UpgradeTerms, TakesAMessageSizeOnlyIfItIsOne) {
  const std::vector<std::pair<std::string, uint64_t>> cases = {
      {"2097138", 2097138},
      {"1", 1},
      {"16777216", 16777216},
      {"16777217", 16777216},
      {"18446744073709551615", 16777216},
      {"18446744073709551616", 0},
      {"0", 0},
      {"-5", 0},
      {"", 0},
      {"many", 0},
      {"2097138 bytes", 0},
      {"+7", 0},
      {"1e6", 0},
  };
  for (const auto& [value, bytes] : cases) {
    const auto terms = std::get<IngestTerms>(Ingest({{"X-QWP-Max-Batch-Size", value}}));
    EXPECT_EQ(terms.advertised_message_bytes, bytes) << value;
    EXPECT_EQ(terms.max_message_bytes(), bytes == 0 ? 1'992'294u : bytes) << value;
  }
  EXPECT_EQ(std::get<IngestTerms>(Ingest({})).max_message_bytes(), 1'992'294u);
}

TEST(UpgradeTerms, NeverAcceptsAcknowledgementsThatAreWorthLessThanAskedFor) {
  for (const std::string& value : std::vector<std::string>{"enabled", "Enabled"}) {
    EXPECT_TRUE(
        std::get<IngestTerms>(Ingest({{"X-QWP-Durable-Ack", value}}, "request_durable_ack=on"))
            .durable_ack);
  }
  std::vector<Headers> refused = {{}};
  for (const std::string& value :
       std::vector<std::string>{"", "disabled", "true", "enabled,enabled"}) {
    refused.push_back({{"X-QWP-Durable-Ack", value}});
  }
  for (const Headers& headers : refused) {
    const auto terms = Ingest(headers, "request_durable_ack=on");
    ASSERT_TRUE(std::holds_alternative<EndpointFailure>(terms));
    EXPECT_EQ(std::get<EndpointFailure>(terms).kind, FailureKind::kVersion);
    EXPECT_THAT(std::get<EndpointFailure>(terms).status.message(),
                HasSubstr("request_durable_ack=on"));
    EXPECT_TRUE(std::holds_alternative<IngestTerms>(Ingest(headers)));
  }
}

TEST(UpgradeTerms, KnowsTheEncodingsOfBatches) {
  const auto query = [](const std::string& encoding) {
    return Query({{"X-QWP-Version", "1"}, {"X-QWP-Content-Encoding", encoding}});
  };
  for (const std::string& encoding : std::vector<std::string>{"raw", "identity", "RAW"}) {
    EXPECT_EQ(std::get<QueryTerms>(query(encoding)), QueryTerms()) << encoding;
  }
  EXPECT_EQ(std::get<QueryTerms>(query("zstd")), (QueryTerms{.zstd = true}));
  EXPECT_EQ(std::get<QueryTerms>(query("ZSTD;Level=9")),
            (QueryTerms{.zstd = true, .zstd_level = 9}));
  for (const std::string& encoding :
       std::vector<std::string>{"", "gzip", "zstd;", "zstd;level=", "zstd;level=0", "zstd;level=23",
                                "zstd;level=x", "zstd,raw", "zstdx"}) {
    const auto terms = query(encoding);
    ASSERT_TRUE(std::holds_alternative<EndpointFailure>(terms)) << encoding;
    EXPECT_EQ(std::get<EndpointFailure>(terms).kind, FailureKind::kHandshake);
    EXPECT_THAT(std::get<EndpointFailure>(terms).status,
                StatusIs(StatusCode::kProtocolError, HasSubstr("X-QWP-Content-Encoding")));
  }
}

TEST(UpgradeTerms, TellTheZone) {
  EXPECT_EQ(std::get<IngestTerms>(Ingest({{"X-QuestDB-Zone", "eu"}})).zone, "eu");
  EXPECT_EQ(std::get<QueryTerms>(Query({{"X-QWP-Version", "1"}, {"X-QuestDB-Zone", "eu"}})).zone,
            "eu");
}

}  // namespace
}  // namespace colonnade::questdb
