// The client against the endpoint, over TCP and TLS.

#include "questdb/endpoint/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "net/tcp.h"
#include "net/websocket.h"
#include "net/websocket_handshake.h"
#include "questdb/endpoint/client_for_test.h"
#include "support/temporary_directory.h"
#include "support/test_certificates.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using wire::ColumnType;

class EndpointTest : public ClientTest {
 protected:
  // All batches of a query, column by column.
  static std::string Ask(Reader& reader, std::string sql, std::vector<wire::Bind> binds = {}) {
    auto cursor = reader.Execute({.sql = std::move(sql), .binds = std::move(binds)});
    if (!cursor.ok()) return cursor.status().ToString();
    auto blocks = cursor->ReadAll();
    if (!blocks.ok()) return blocks.status().ToString();
    std::string text;
    for (const wire::DecodedBlock& block : *blocks) text += BlockText(block);
    return text;
  }

  // What the server answers to a request for a path.
  Result<net::UpgradeAnswer> Request(const std::string& path,
                                     std::vector<net::HttpHeader> headers = {}) {
    COLONNADE_ASSIGN_OR_RETURN(auto stream,
                               net::Connect("127.0.0.1", endpoint_->port(), {}, Soon()));
    net::UpgradeRequest request;
    request.target = path;
    request.host = "localhost";
    request.headers = std::move(headers);
    return net::RequestUpgrade(*stream, request, Soon());
  }
  int StatusOf(const std::string& path, std::vector<net::HttpHeader> headers = {}) {
    auto answer = Request(path, std::move(headers));
    EXPECT_OK(answer);
    if (!answer.ok()) return 0;
    const auto* failure = std::get_if<net::HttpFailure>(&*answer);
    return failure != nullptr ? failure->status : 101;
  }

  std::vector<wire::Column> AllTypes() {
    wire::Column geohash =
        memory_.Fixed<int32_t>("g", ColumnType::kGeohash, {0xABCDE, std::nullopt, 1});
    geohash.geohash_bits = 20;
    wire::Column wide_geohash =
        memory_.Fixed<int16_t>("g8", ColumnType::kGeohash, {0xFF, std::nullopt, 1});
    wide_geohash.geohash_bits = 8;
    wire::Column d64 =
        memory_.Fixed<int64_t>("d6", ColumnType::kDecimal64, {12345, std::nullopt, -1});
    d64.scale = 2;
    const auto bytes = [](size_t count, int first) {
      std::vector<std::byte> made;
      for (size_t i = 0; i < count; ++i) {
        made.push_back(static_cast<std::byte>(first + static_cast<int>(i)));
      }
      return made;
    };
    wire::Column d128 =
        memory_.Wide("d8", ColumnType::kDecimal128, {bytes(16, 0), std::nullopt, bytes(16, 1)},
                     wire::Element::kBytes16);
    d128.scale = 6;
    wire::Column d256 =
        memory_.Wide("d5", ColumnType::kDecimal256, {bytes(32, 0), std::nullopt, bytes(32, 1)},
                     wire::Element::kBytes32);
    d256.scale = 12;
    wire::Column arrays;
    arrays.name = "da";
    arrays.type = ColumnType::kDoubleArray;
    arrays.validity = memory_.ValidityOf<int>({1, std::nullopt, 1});
    wire::ArrayValues values;
    values.levels = {{.offsets = memory_.memory.KeepAll(std::vector<int32_t>{0, 2, 2, 4})},
                     {.offsets = memory_.memory.KeepAll(std::vector<int32_t>{0, 1, 2, 4, 6})}};
    values.elements = memory_.memory.KeepAll(std::vector<double>{1, 2, 3, 4, 5, 6});
    arrays.values = values;
    return {
        memory_.Booleans("b", {true, std::nullopt, true}),
        memory_.Fixed<int8_t>("by", ColumnType::kByte, {1, std::nullopt, -1}),
        memory_.Fixed<int16_t>("sh", ColumnType::kShort, {256, std::nullopt, -2}),
        memory_.Fixed<int32_t>("i", ColumnType::kInt, {1, std::nullopt, -3}),
        memory_.Fixed<int64_t>("l", ColumnType::kLong, {1, std::nullopt, -3}),
        memory_.Fixed<float>("f", ColumnType::kFloat, {1.5F, std::nullopt, -2.F}),
        memory_.Fixed<double>("d", ColumnType::kDouble, {1.5, std::nullopt, -2.}),
        memory_.Codes("s", {0, std::nullopt, 1}, {"x", "y"}),
        memory_.Fixed<int64_t>("t", ColumnType::kTimestamp, {1, std::nullopt, 2}),
        memory_.Fixed<int64_t>("dt", ColumnType::kDate, {1000, std::nullopt, 2000}),
        memory_.Wide("u", ColumnType::kUuid, {bytes(16, 0), std::nullopt, bytes(16, 1)},
                     wire::Element::kBytes16),
        memory_.Wide("l2", ColumnType::kLong256, {bytes(32, 0), std::nullopt, bytes(32, 1)},
                     wire::Element::kBytes32),
        geohash,
        wide_geohash,
        memory_.Texts("v", ColumnType::kVarchar, {"foo", std::nullopt, ""}),
        memory_.Fixed<int64_t>("tn", ColumnType::kTimestampNanos, {1, std::nullopt, 2}),
        arrays,
        d64,
        d128,
        d256,
        memory_.Fixed<uint16_t>("c", ColumnType::kChar, {65, std::nullopt, 8364}),
        memory_.Texts("bi", ColumnType::kBinary, {"\xde\xad", std::nullopt, ""}),
        memory_.Fixed<uint32_t>("ip", ColumnType::kIpv4, {3232235777, std::nullopt, 2130706433}),
        memory_.Fixed<int64_t>("", ColumnType::kTimestamp, {10, 11, 12})};
  }

  void SendAndReadEveryType(Pool pool) {
    ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
    ASSERT_OK(sender->Flush("all", AllTypes(), 3));
    ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
    EXPECT_EQ(sender->report().committed_rows, 3);
    EXPECT_FALSE(sender->report().in_doubt());
    ASSERT_OK(sender.Return());
    ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
    const std::string w16 = "000102030405060708090a0b0c0d0e0f";
    const std::string w17 = "0102030405060708090a0b0c0d0e0f10";
    const std::string w32 = w16 + "101112131415161718191a1b1c1d1e1f";
    const std::string w33 = w17 + "1112131415161718191a1b1c1d1e1f20";
    EXPECT_EQ(Ask(*reader, "SELECT * FROM all"),
              "b boolean: true false true\nby byte: 1 0 -1\nsh short: 256 0 -2\ni int: 1 null -3\n"
              "l long: 1 null -3\nf float: 1.5 null -2\nd double: 1.5 null -2\ns symbol: x null y\n"
              "t timestamp: 1 null 2\ndt date: 1000 null 2000\nu uuid: " +
                  w16 + " null " + w17 + "\nl2 long256: " + w32 + " null " + w33 +
                  "\ng geohash: 703710 null 1\ng8 geohash: 255 null 1\nv varchar: 'foo' null ''\n"
                  "tn timestamp_ns: 1 null 2\nda double_array: [[1],[2]] null [[3,4],[5,6]]\n"
                  "d6 decimal64: 12345 null -1\nd8 decimal128: " +
                  w16 + " null " + w17 + "\nd5 decimal256: " + w32 + " null " + w33 +
                  "\nc char: 65 0 8364\nbi binary: '\xde\xad' null ''\n"
                  "ip ipv4: 3232235777 null 2130706433\ntimestamp timestamp: 10 11 12\n");
    EXPECT_EQ(Ask(*reader, "SELECT * FROM all"), Stored("SELECT * FROM all"));
  }
};

TEST_F(EndpointTest, EveryTypeGoesInAndComesBack) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  SendAndReadEveryType(std::move(pool));
}

TEST_F(EndpointTest, EveryTypeGoesInAndComesBackCompressed) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("compression=zstd;compression_level=3;"));
  SendAndReadEveryType(std::move(pool));
}

TEST_F(EndpointTest, EveryTypeGoesInAndComesBackOverTls) {
  const TemporaryDirectory directory;
  const TestCertificate certificate({.alternatives = "IP:127.0.0.1", .authority = true});
  directory.Write("server.pem", certificate.certificate_pem());
  directory.Write("server.key", certificate.key_pem());
  EndpointOptions options;
  options.tls = net::TlsServerOptions{.certificate_path = directory / "server.pem",
                                      .key_path = directory / "server.key"};
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(Pool pool,
                       Open("tls_ca=pem_file;tls_roots=" + directory / "server.pem" + ";", "wss"));
  SendAndReadEveryType(std::move(pool));
  // Plain against TLS: the message names the cause.
  ASSERT_OK_AND_ASSIGN(Pool plain, Open());
  EXPECT_THAT(plain.BorrowSender(), Says(HasSubstr("TLS")));
}

TEST_F(EndpointTest, CommitsAreWhatTheStoreHas) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  EXPECT_EQ(sender->report().flushed_rows, 10);
  ASSERT_OK(sender->Flush("t", Numbers(10, 5), 5));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  EXPECT_EQ(sender->report().committed_rows, 15);
  EXPECT_EQ(store_->rows("t"), 15);
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon())) << "with nothing to commit";
  // The first frame of a connection commits itself, later ones wait.
  ASSERT_OK(sender->Flush("t", Numbers(15, 5), 5));
  EXPECT_EQ(sender->uncommitted_rows(), 5);
  ASSERT_OK(sender.Return());
  EXPECT_EQ(store_->rows("t"), 20) << "returning commits";
  ASSERT_OK_AND_ASSIGN(auto again, pool.BorrowSender());
  ASSERT_OK(again->Flush("t", Numbers(20, 5), 5));
  EXPECT_EQ(again->report().flushed_rows, 5);
  again.Drop();
  ASSERT_OK(pool.Close());
  endpoint_->Stop();
  EXPECT_EQ(store_->rows("t"), 20) << "dropping does not";
}

TEST_F(EndpointTest, DurableAcknowledgementsAreWaitedFor) {
  EndpointOptions options;
  options.grants_durable_ack = true;
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(Pool pool,
                       Open("request_durable_ack=on;durable_ack_keepalive_interval_millis=1;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kDurable, Soon()));
  EXPECT_EQ(store_->rows("t"), 10);
  ASSERT_OK_AND_ASSIGN(Pool other, Open());
  ASSERT_OK_AND_ASSIGN(auto plain, other.BorrowSender());
  EXPECT_THAT(plain->Commit(AckLevel::kDurable, Soon()),
              StatusIs(StatusCode::kInvalidState, HasSubstr("request_durable_ack")));
}

TEST_F(EndpointTest, ServersThatDoNotGrantDurableAcknowledgementsAreRefused) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("request_durable_ack=on;"));
  EXPECT_THAT(pool.BorrowSender(), Says(HasSubstr("does not grant durable acknowledgements")));
}

TEST_F(EndpointTest, LargeBatchesAreSplitUnderTheServersLimit) {
  EndpointOptions options;
  options.max_message_bytes = 2'000;
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  EXPECT_EQ(sender->frame_limit(), 2'000U);
  ASSERT_OK(sender->Flush("t", Numbers(0, 3'000), 3'000));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  EXPECT_EQ(store_->rows("t"), 3'000);
  EXPECT_GT(endpoint_->counters().messages, 24);
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK_AND_ASSIGN(auto cursor, reader->Execute({.sql = "SELECT * FROM t"}));
  ASSERT_OK_AND_ASSIGN(const auto blocks, cursor.ReadAll());
  int64_t row = 0;
  for (const wire::DecodedBlock& block : blocks) {
    for (int64_t i = 0; i < block.rows; ++i, ++row) {
      ASSERT_EQ(SlotText(block.columns[0], i), std::to_string(row));
    }
  }
  // A row that does not fit even alone is refused, and nothing of it is sent.
  const std::string long_text(3'000, 'x');
  EXPECT_THAT(sender->Flush("t", {{memory_.Texts("w", ColumnType::kVarchar, {"a", long_text})}}, 2),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("row 1 takes ")));
  ASSERT_OK(sender->Flush("t", Numbers(3'000, 1), 1));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  EXPECT_EQ(store_->rows("t"), 3'001);
}

TEST_F(EndpointTest, SymbolsAreSentOnce) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  std::vector<std::optional<std::string>> dictionary;
  std::vector<std::optional<int32_t>> codes;
  for (int32_t i = 0; i < 20'000; ++i) {
    dictionary.push_back("symbol " + std::to_string(i));
    codes.push_back(19'999 - i);
  }
  const std::vector<wire::Column> columns = {memory_.Codes("s", codes, dictionary)};
  for (int round = 0; round < 3; ++round) ASSERT_OK(sender->Flush("t", columns, 20'000));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK_AND_ASSIGN(auto cursor, reader->Execute({.sql = "SELECT * FROM t"}));
  ASSERT_OK_AND_ASSIGN(const auto blocks, cursor.ReadAll());
  int64_t row = 0;
  for (const wire::DecodedBlock& block : blocks) {
    for (int64_t i = 0; i < block.rows; ++i, ++row) {
      ASSERT_EQ(SlotText(block.columns[0], i), "symbol " + std::to_string(19'999 - row % 20'000));
    }
  }
  EXPECT_EQ(row, 60'000);
}

TEST_F(EndpointTest, WhatTheServerRefusesEndsTheSenderWithTheReason) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK(sender->Flush("t", Numbers(10, 10), 10));
  ASSERT_OK(sender->Flush("t", {{memory_.Texts("v", ColumnType::kVarchar, {"x"})}}, 1));
  const Status refused = sender->Commit(AckLevel::kOk, Soon());
  EXPECT_THAT(refused, StatusIs(StatusCode::kInvalidArgument,
                                HasSubstr("column v is LONG and cannot hold VARCHAR")));
  EXPECT_EQ(refused.recovery(), Recovery::kNone);
  EXPECT_THAT(refused.message(), HasSubstr("10 of 21 rows are committed"));
  EXPECT_EQ(sender->report().committed_rows, 10);
  EXPECT_FALSE(sender->report().in_doubt());
  EXPECT_EQ(sender->failure().ToString(), refused.ToString());
  EXPECT_EQ(sender->Flush("t", Numbers(0, 1), 1).ToString(), refused.ToString());
  EXPECT_OK(sender.Return()) << "its caller knows";
  EXPECT_EQ(store_->rows("t"), 10);
  EXPECT_EQ(pool.counters().senders.free, 0) << "the connection is not lent again";
}

TEST_F(EndpointTest, StatementsAndParametersRunOverOneConnection) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK_AND_ASSIGN(
      auto made, reader->Execute({.sql = "CREATE TABLE t (a LONG, ts TIMESTAMP) TIMESTAMP(ts)"}));
  ASSERT_OK_AND_ASSIGN(const auto none, made.Next());
  EXPECT_FALSE(none.has_value());
  ASSERT_TRUE(made.executed().has_value());
  EXPECT_EQ(made.executed()->rows_affected, std::nullopt);
  EXPECT_EQ(Ask(*reader, "SELECT count() FROM t"), "count long: 0\n");
  wire::Bind bind{.type = ColumnType::kVarchar};
  bind.value = BytesOfHex("6869");
  EXPECT_EQ(Ask(*reader, "SELECT $1", {bind}), "$1 varchar: 'hi'\n");
  EXPECT_THAT(Ask(*reader, "SELECT nonsense"), HasSubstr("PARSE_ERROR: SQL at byte 7"));
  EXPECT_EQ(Ask(*reader, "SELECT * FROM t"), "a long: \nts timestamp: \n");
  ASSERT_TRUE(reader->server().has_value());
  EXPECT_EQ(reader->server()->role, wire::ServerRole::kStandalone);
  EXPECT_EQ(endpoint_->counters().upgraded, 1);
}

TEST_F(EndpointTest, CreditHoldsTheServerBack) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("max_batch_rows=100;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 1'000), 1'000));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK_AND_ASSIGN(auto cursor, reader->Execute({.sql = "SELECT * FROM t", .credit_bytes = 1}));
  ASSERT_OK_AND_ASSIGN(const auto blocks, cursor.ReadAll());
  EXPECT_EQ(blocks.size(), 10U);
  EXPECT_EQ(blocks[9].rows, 100);
}

TEST_F(EndpointTest, ACancelledQueryIsOverAtOnceAndTheConnectionLivesOn) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("max_batch_rows=1;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 1'000), 1'000));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  {
    ASSERT_OK_AND_ASSIGN(auto cursor,
                         reader->Execute({.sql = "SELECT * FROM t", .credit_bytes = 1}));
    ASSERT_OK(cursor.Next());
    cursor.Cancel();
    EXPECT_THAT(cursor.Next(), StatusIs(StatusCode::kCancelled, HasSubstr("cancelled")));
    EXPECT_THAT(cursor.Next(), StatusIs(StatusCode::kCancelled, HasSubstr("cancelled")));
  }
  EXPECT_EQ(Ask(*reader, "SELECT count() FROM t"), "count long: 1000\n");
}

TEST_F(EndpointTest, TheServersTimeLimitIsAnError) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("max_batch_rows=1;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  // Without more credit the server waits, and its limit passes: a batch that is lost is one that
  // nobody gives credit for.
  endpoint_->SetFaults({FaultOf("lose-batch,at=1")});
  ASSERT_OK_AND_ASSIGN(
      auto cursor,
      reader->Execute({.sql = "SELECT * FROM t", .credit_bytes = 1, .timeout_ms = 50}));
  EXPECT_THAT(cursor.ReadAll(), StatusIs(StatusCode::kTimeout, HasSubstr("QUERY_TIMEOUT")));
  EXPECT_EQ(Ask(*reader, "SELECT count() FROM t"), "count long: 10\n");
}

TEST_F(EndpointTest, CredentialsAreAskedFor) {
  EndpointOptions options;
  options.user = "admin";
  options.password = Secret("quest");
  options.token = Secret("secret-token");
  Start(std::move(options));
  for (const char* good : {"username=admin;password=quest;", "token=secret-token;"}) {
    ASSERT_OK_AND_ASSIGN(Pool pool, Open(good));
    EXPECT_OK(pool.BorrowSender()) << good;
    EXPECT_OK(pool.BorrowReader()) << good;
  }
  for (const char* bad : {"", "username=admin;password=quest2;", "token=secret-toke;"}) {
    ASSERT_OK_AND_ASSIGN(Pool pool, Open(bad));
    EXPECT_THAT(pool.BorrowSender(), StatusIs(StatusCode::kUnauthenticated, HasSubstr("401")))
        << bad;
    EXPECT_THAT(pool.BorrowReader(), StatusIs(StatusCode::kUnauthenticated, HasSubstr("401")))
        << bad;
  }
}

TEST_F(EndpointTest, AReplicaTakesNoRowsAndAnswersQueries) {
  EndpointOptions options;
  options.role = wire::ServerRole::kReplica;
  options.zone = "eu-1";
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("target=replica;"));
  EXPECT_THAT(pool.BorrowSender(), Says(HasSubstr("REPLICA")));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  EXPECT_EQ(reader->server()->zone_id, "eu-1");
  ASSERT_OK_AND_ASSIGN(Pool primary, Open("target=primary;"));
  EXPECT_THAT(primary.BorrowReader(), Says(HasSubstr("REPLICA")));
}

TEST_F(EndpointTest, PathsAreWhatTheyAreAtARealServer) {
  Start();
  EXPECT_EQ(StatusOf("/ping"), 204);
  EXPECT_EQ(StatusOf("/write/v4"), 101);
  EXPECT_EQ(StatusOf("/api/v4/write"), 101);
  EXPECT_EQ(StatusOf("/read/v1?x=y"), 101);
  EXPECT_EQ(StatusOf("/"), 404);
  EXPECT_EQ(StatusOf("/api/v4/write/"), 404);
  EXPECT_EQ(StatusOf("/read/v1", {{"X-QWP-Max-Version", "0"}}), 400);
}

TEST_F(EndpointTest, AMessageAboveTheLimitClosesTheConnection) {
  EndpointOptions options;
  options.max_message_bytes = 100;
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(auto stream, net::Connect("127.0.0.1", endpoint_->port(), {}, Soon()));
  net::UpgradeRequest request;
  request.target = "/write/v4";
  request.host = "localhost";
  ASSERT_OK_AND_ASSIGN(auto answer, net::RequestUpgrade(*stream, request, Soon()));
  const auto& upgraded = std::get<net::Upgraded>(answer);
  EXPECT_EQ(upgraded.response.headers.Find("X-QWP-Max-Batch-Size"), "100");
  net::WebSocket socket(std::move(stream), {}, upgraded.leftover);
  net::MessageBuffer message;
  message.Begin(socket.NextMaskKey());
  for (int i = 0; i < 101; ++i) message.AppendLittle(uint8_t{0});
  ASSERT_OK(socket.Send(message, Soon()));
  EXPECT_FALSE(socket.Receive(Soon()).ok());
  ASSERT_TRUE(socket.peer_close().has_value());
  EXPECT_EQ(socket.peer_close()->code, net::kCloseTooBig);
}

TEST_F(EndpointTest, ConnectionsAboveTheLimitWait) {
  EndpointOptions options;
  options.max_connections = 1;
  Start(std::move(options));
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto first, pool.BorrowSender());
  std::thread second([&] { EXPECT_OK(pool.BorrowSender()); });
  ASSERT_OK(first->Flush("t", Numbers(0, 1), 1));
  ASSERT_OK(first->Commit(AckLevel::kOk, Soon()));
  EXPECT_EQ(endpoint_->counters().upgraded, 1);
  first.Drop();
  second.join();
  EXPECT_EQ(endpoint_->counters().upgraded, 2);
}

TEST_F(EndpointTest, StopEndsEverythingAndClientsNotice) {
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("reconnect_max_duration_millis=0;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK(sender->Flush("t", Numbers(10, 10), 10));
  endpoint_->Stop();
  endpoint_->Stop();
  EXPECT_EQ(endpoint_->counters().open, 0);
  EXPECT_EQ(store_->rows("t"), 10) << "what was deferred is rolled back";
  const Status lost = sender->Commit(AckLevel::kOk, Soon());
  EXPECT_THAT(lost, StatusIs(StatusCode::kUnavailable, HasSubstr("10 of 20 rows are committed")));
  EXPECT_EQ(sender->report().committed_rows, 10);
  EXPECT_THAT(reader->Execute({.sql = "SHOW TABLES"}),
              StatusIs(StatusCode::kUnavailable, HasSubstr("connect")));
}

TEST_F(EndpointTest, APortThatIsTakenIsAnError) {
  Start();
  EndpointOptions options;
  options.port = endpoint_->port();
  EXPECT_THAT(Endpoint::Start(store_, options),
              StatusIs(StatusCode::kUnavailable, HasSubstr("cannot listen")));
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
