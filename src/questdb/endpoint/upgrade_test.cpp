#include "questdb/endpoint/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace colonnade::questdb::endpoint {
namespace {

net::RequestHead Request(std::string target, const std::vector<net::HttpHeader>& more = {}) {
  net::RequestHead head{.method = "GET",
                        .target = std::move(target),
                        .headers = {{"Host", "localhost"},
                                    {"Connection", "Upgrade"},
                                    {"Upgrade", "websocket"},
                                    {"Sec-WebSocket-Version", "13"},
                                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}};
  for (const net::HttpHeader& header : more) head.headers.Add(header.name, header.value);
  return head;
}

std::string TextOf(const std::variant<UpgradeTerms, net::HttpFailure>& decided) {
  if (const auto* failure = std::get_if<net::HttpFailure>(&decided)) {
    return std::to_string(failure->status);
  }
  std::string text = std::get<UpgradeTerms>(decided).direction == Direction::kIngest ? "in" : "out";
  for (const net::HttpHeader& header : std::get<UpgradeTerms>(decided).headers) {
    text += " " + header.name + "=" + header.value;
  }
  return text;
}

TEST(UpgradeTest, WhoWritesIsToldTheLimitAndWhatIsGranted) {
  UpgradeRules rules{.max_message_bytes = 2'097'138, .grants_durable_ack = true};
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/write/v4"), rules)),
            "in X-QWP-Version=1 X-QuestDB-Role=STANDALONE X-QWP-Max-Batch-Size=2097138");
  const auto asked =
      DecideUpgrade(Request("/api/v4/write", {{"X-QWP-Request-Durable-Ack", "true"}}), rules);
  EXPECT_EQ(TextOf(asked),
            "in X-QWP-Version=1 X-QuestDB-Role=STANDALONE X-QWP-Max-Batch-Size=2097138 "
            "X-QWP-Durable-Ack=enabled");
  EXPECT_TRUE(std::get<UpgradeTerms>(asked).durable_ack);
  rules.grants_durable_ack = false;
  rules.zone = "z1";
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/api/v4/write", {{"X-QWP-Request-Durable-Ack", "true"}}),
                                 rules)),
            "in X-QWP-Version=1 X-QuestDB-Zone=z1 X-QuestDB-Role=STANDALONE "
            "X-QWP-Max-Batch-Size=2097138");
}

TEST(UpgradeTest, TheFirstEncodingThatIsKnownIsTaken) {
  const auto encoding = [](const std::string& offered, bool granted = true) {
    const UpgradeRules rules{.grants_zstd = granted, .max_batch_rows = 100};
    const auto decided =
        DecideUpgrade(Request("/read/v1", {{"X-QWP-Accept-Encoding", offered}}), rules);
    const auto& terms = std::get<UpgradeTerms>(decided);
    return (terms.zstd ? std::to_string(terms.zstd_level) : "raw") + " " +
           terms.headers.back().value;
  };
  EXPECT_EQ(encoding("raw"), "raw raw");
  EXPECT_EQ(encoding("zstd"), "1 zstd;level=1");
  EXPECT_EQ(encoding("zstd;level=3"), "3 zstd;level=3");
  EXPECT_EQ(encoding("zstd;level=22, raw"), "9 zstd;level=9");
  EXPECT_EQ(encoding("zstd;level=0,raw"), "1 zstd;level=1");
  EXPECT_EQ(encoding("raw,zstd"), "raw raw");
  EXPECT_EQ(encoding("brotli, zstandard, zstd;level=2"), "2 zstd;level=2");
  EXPECT_EQ(encoding(""), "raw raw");
  EXPECT_EQ(encoding("zstd;level=3", false), "raw raw");
}

TEST(UpgradeTest, BatchesOnlyGetShorter) {
  const auto rows = [](const std::string& asked) {
    const UpgradeRules rules{.max_batch_rows = 100};
    const auto decided =
        DecideUpgrade(Request("/read/v1", {{"X-QWP-Max-Batch-Rows", asked}}), rules);
    return std::get<UpgradeTerms>(decided).max_batch_rows;
  };
  EXPECT_EQ(rows("7"), 7);
  EXPECT_EQ(rows("101"), 100);
  EXPECT_EQ(rows("0"), 100);
  EXPECT_EQ(rows("many"), 100);
}

TEST(UpgradeTest, RefusalsAreThoseOfARealServer) {
  UpgradeRules rules;
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/ping"), rules)), "204");
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/exec"), rules)), "404");
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/write/v4", {{"X-QWP-Max-Version", "0"}}), rules)),
            "400");
  net::RequestHead old = Request("/write/v4");
  old.headers = {{"Host", "localhost"}};
  EXPECT_EQ(TextOf(DecideUpgrade(old, rules)), "400");
  for (const auto role : {wire::ServerRole::kReplica, wire::ServerRole::kPrimaryCatchup}) {
    rules.role = role;
    rules.zone = "z";
    const auto decided = DecideUpgrade(Request("/write/v4"), rules);
    EXPECT_EQ(TextOf(decided), "421");
    const auto& failure = std::get<net::HttpFailure>(decided);
    EXPECT_EQ(failure.headers.Find("X-QuestDB-Role"), wire::ServerRoleName(role));
    EXPECT_EQ(failure.headers.Find("X-QuestDB-Zone"), "z");
    EXPECT_EQ(std::get<UpgradeTerms>(DecideUpgrade(Request("/read/v1"), rules)).direction,
              Direction::kQuery);
  }
}

TEST(UpgradeTest, OnlyTheRightCredentialsAreLetIn) {
  EXPECT_EQ(BasicAuthorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(BasicAuthorization("admin", "quest"), "Basic YWRtaW46cXVlc3Q=");
  EXPECT_EQ(BasicAuthorization("a", "b"), "Basic YTpi");
  const UpgradeRules rules{.authorizations = {"Basic YTpi", "Bearer t"}};
  const auto answer = [&](const std::vector<net::HttpHeader>& headers) {
    return TextOf(DecideUpgrade(Request("/read/v1", headers), rules)).substr(0, 3);
  };
  EXPECT_EQ(answer({}), "401");
  EXPECT_EQ(answer({{"Authorization", "Basic YTpi"}}), "out");
  EXPECT_EQ(answer({{"authorization", "Bearer t"}}), "out");
  EXPECT_EQ(answer({{"Authorization", "Bearer tt"}}), "401");
  EXPECT_EQ(answer({{"Authorization", "Bearer "}}), "401");
  EXPECT_EQ(answer({{"Authorization", ""}}), "401");
  EXPECT_EQ(answer({{"Authorization", "basic YTpi"}}), "401");
  EXPECT_EQ(answer({{"Authorization", "Bearer t"}, {"Authorization", "Bearer t"}}), "401");
  EXPECT_EQ(TextOf(DecideUpgrade(Request("/ping"), rules)), "204") << "nobody has to say who he is";
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
