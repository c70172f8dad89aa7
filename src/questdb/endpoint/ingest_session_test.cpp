// The worked examples of the protocol's documentation, and the rules of acknowledgements.

#include "questdb/endpoint/ingest_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "questdb/endpoint/memory_store.h"
#include "questdb/endpoint/sessions_for_test.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using wire::ColumnType;

class IngestSessionTest : public ::testing::Test {
 protected:
  std::vector<wire::Column> OneLong(int64_t value) {
    return {memory_.Fixed<int64_t>("v", ColumnType::kLong, {value})};
  }
  std::string Ask(const std::string& sql) { return AnswerOf(store_, sql); }

  MemoryStore store_;
  TestWriter writer_{store_};
  wire::TestColumns memory_;
};

TEST_F(IngestSessionTest, QuotesAreStored) {
  EXPECT_EQ(writer_.SendGolden("ingress-quotes"), "OK 0 trades@1");
  EXPECT_EQ(Ask("SELECT * FROM trades LIMIT 3"),
            "sym symbol: SYM_000 SYM_001 SYM_002\n"
            "qty long: 0 1 2\n"
            "px double: 100 101 102\n"
            "timestamp timestamp_ns: 1700000000000000000 1700000000000000001 "
            "1700000000000000002\n");
  EXPECT_EQ(store_.rows("trades"), 10);
}

TEST_F(IngestSessionTest, DictionariesGrowFromMessageToMessage) {
  EXPECT_EQ(writer_.SendGolden("ingress-symbols-1"), "OK 0 trades@1");
  EXPECT_EQ(writer_.SendGolden("ingress-symbols-2"), "");
  EXPECT_EQ(store_.rows("trades"), 2) << "the second message is deferred";
  EXPECT_EQ(writer_.SendGolden("ingress-commit"), "OK 2 trades@2");
  EXPECT_EQ(Ask("SELECT * FROM trades"),
            "sym symbol: alpha beta alpha gamma\ntimestamp timestamp_ns: 1 2 3 4\n");
}

TEST_F(IngestSessionTest, AWholeDictionaryMayComeAgainAndWithoutATable) {
  EXPECT_EQ(writer_.SendGolden("ingress-symbols-1"), "OK 0 trades@1");
  // All three, of which two are known.
  EXPECT_EQ(writer_.SendHex("515750310108010037000000000305616c70686104626574610567616d6d6106"
                            "74726164657302020373796d090010000002000300000000000000040000000000"
                            "0000"),
            "OK 1 trades@2");
  EXPECT_EQ(writer_.SendHex("515750310108000013000000000305616c70686104626574610567616d6d61"),
            "OK 2");
  EXPECT_EQ(store_.rows("trades"), 4);
}

TEST_F(IngestSessionTest, AnEntryThatBecomesAnotherOneIsRefused) {
  EXPECT_EQ(writer_.SendGolden("ingress-symbols-1"), "OK 0 trades@1");
  EXPECT_THAT(writer_.SendHex("515750310108000008000000000105616c70686f"),
              StartsWith("PARSE_ERROR 1 dictionary at byte 12: entry 0"));
}

TEST_F(IngestSessionTest, AGapInTheDictionaryIsRefusedAndNothingAfterItIsAnswered) {
  EXPECT_THAT(writer_.SendHex("5157503101080000070000000501047a657461"),
              StartsWith("DICTIONARY_GAP 0 "));
  EXPECT_TRUE(writer_.session.failed());
  EXPECT_EQ(writer_.SendGolden("ingress-quotes"), "");
  EXPECT_EQ(writer_.Commit(), "");
  EXPECT_EQ(TextOf(writer_.session.Ping()), "");
  EXPECT_EQ(store_.rows("trades"), -1);
}

TEST_F(IngestSessionTest, EveryTypeIsStoredWithItsMissingValues) {
  EXPECT_EQ(writer_.SendGolden("ingress-all-types"), "OK 0 all_types@1");
  EXPECT_EQ(Ask("SELECT * FROM all_types"),
            "b boolean: true false true\n"
            "by byte: 1 0 -1\n"
            "sh short: 256 0 -2\n"
            "i int: 1 null -3\n"
            "l long: 1 null -3\n"
            "f float: 1.5 null -2\n"
            "d double: 1.5 null -2\n"
            "s symbol: x null y\n"
            "t timestamp: 1 null 2\n"
            "dt date: 1000 null 2000\n"
            "u uuid: 123e4567e89b12d3a456426614174000 null 123e4567e89b12d3a456426614174000\n"
            "l2 long256: 0100000000000000000000000000000000000000000000000000000000000000 null "
            "0000000000000000000000000000000000000000000000000000000000000080\n"
            "g geohash: 703710 null 1\n"
            "v varchar: 'foo' null ''\n"
            "tn timestamp_ns: 1 null 2\n"
            "da double_array: [1,2] null []\n"
            "d6 decimal64: 12345 null -1\n"
            "d8 decimal128: d6ffffffffffffffffffffffffffffff null "
            "07000000000000000000000000000000\n"
            "d5 decimal256: d6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff null "
            "0700000000000000000000000000000000000000000000000000000000000000\n"
            "c char: 65 0 8364\n"
            "bi binary: '\xde\xad' null ''\n"
            "ip ipv4: 3232235777 null 2130706433\n"
            "timestamp timestamp: 1700000000000000 1700000000000001 1700000000000002\n");
}

TEST_F(IngestSessionTest, TimestampsMayBeCoded) {
  EXPECT_EQ(writer_.SendHex("51575031010c0100500000000002077365727665723107736572766572320773"
                            "656e736f7273020304686f7374090474656d7007000a 000001"
                            "00 6666666666e65640 9a99999999195740"
                            "00 01 00401e18240a0600 e8431e18240a0600"),
            "OK 0 sensors@1");
  EXPECT_EQ(Ask("SELECT * FROM sensors"),
            "host symbol: server1 server2\ntemp double: 91.599999999999994 92.400000000000006\n"
            "timestamp timestamp: 1700000000000000 1700000000001000\n");
}

TEST_F(IngestSessionTest, AMessageWithoutFlagsHasItsDictionariesInItsColumns) {
  EXPECT_EQ(
      writer_.SendHex("51575031010001004a0000000773656e736f72730203026964050576616c756507000a00010"
                      "0000000000000020000000000000000cdccccccccccf43f9a999999999901400000e40b5402"
                      "000000801a060000000000"),
      "OK 0 sensors@1");
  EXPECT_EQ(Ask("SELECT * FROM sensors"),
            "id long: 1 2\nvalue double: 1.3 2.2000000000000002\n"
            "timestamp timestamp: 10000000000 400000\n");
}

TEST_F(IngestSessionTest, RowsWithoutATimestampGetTheServersTime) {
  EXPECT_EQ(writer_.SendGolden("ingress-nullable-varchar-at-now"), "OK 0 t@1");
  EXPECT_EQ(Ask("SELECT * FROM t"),
            "v varchar: 'foo' null 'bar' 'baz'\n"
            "timestamp timestamp: 1700000000000000 1700000000000000 1700000000000000 "
            "1700000000000000\n");
}

TEST_F(IngestSessionTest, OneMessageMayHaveSeveralTables) {
  EXPECT_EQ(writer_.SendHex("51575031010802002d000000000001610102017805000a000100000000000000"
                            "0001000000000000000162010101790700000000000000e03f"),
            "OK 0 a@1 b@1");
  EXPECT_EQ(Ask("SELECT * FROM a"), "x long: 1\ntimestamp timestamp: 1\n");
  EXPECT_EQ(Ask("SELECT * FROM b"), "y double: 0.5\ntimestamp timestamp: 1700000000000000\n");
}

TEST_F(IngestSessionTest, AcknowledgementsGatherUntilEightOrUntilNothingMoreComes) {
  const auto frame = BytesOfGoldenFile("questdb/ingress-nullable-varchar-at-now.hex");
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(TextOf(writer_.session.Take(MessageOf(frame), kServerTime)), "") << i;
  }
  EXPECT_EQ(TextOf(writer_.session.Take(MessageOf(frame), kServerTime)), "OK 7 t@8");
  EXPECT_EQ(TextOf(writer_.session.Take(MessageOf(frame), kServerTime)), "");
  EXPECT_EQ(TextOf(writer_.session.Flush()), "OK 8 t@9");
  EXPECT_EQ(TextOf(writer_.session.Flush()), "");
}

TEST_F(IngestSessionTest, DeferredMessagesAreAcknowledgedByWhatCommitsThem) {
  EXPECT_EQ(writer_.SendRows("t", OneLong(1), 1, true), "");
  EXPECT_EQ(writer_.SendRows("t", OneLong(2), 1, true), "");
  EXPECT_EQ(writer_.SendRows("u", OneLong(3), 1, true), "");
  EXPECT_EQ(TextOf(writer_.session.Ping()), "");
  EXPECT_EQ(writer_.session.uncommitted_rows(), 3);
  EXPECT_EQ(store_.rows("t"), 0) << "the table is made at once, its rows are not there";
  // At once, not when eight have gathered.
  EXPECT_EQ(TextOf(writer_.session.Take(MessageOf(BytesOfHex("5157503101080000020000000000")),
                                        kServerTime)),
            "OK 3 t@1 u@1");
  EXPECT_EQ(store_.rows("t"), 2);
}

TEST_F(IngestSessionTest, WhatIsCommittedBeforeADeferredMessageIsAcknowledgedWithoutIt) {
  EXPECT_EQ(TextOf(writer_.session.Take(
                MessageOf(BytesOfGoldenFile("questdb/ingress-symbols-1.hex")), kServerTime)),
            "");
  EXPECT_EQ(TextOf(writer_.session.Take(
                MessageOf(BytesOfGoldenFile("questdb/ingress-symbols-2.hex")), kServerTime)),
            "");
  EXPECT_EQ(TextOf(writer_.session.Flush()), "OK 0 trades@1");
}

TEST_F(IngestSessionTest, AnErrorTakesBackWhatWasDeferred) {
  EXPECT_EQ(writer_.SendRows("t", OneLong(1), 1), "OK 0 t@1");
  EXPECT_EQ(writer_.SendRows("t", OneLong(2), 1, true), "");
  EXPECT_EQ(writer_.SendRows("t", {memory_.Texts("v", ColumnType::kVarchar, {"x"})}, 1),
            "SCHEMA_MISMATCH 2 table t: column v is LONG and cannot hold VARCHAR");
  EXPECT_EQ(store_.rows("t"), 1);
  EXPECT_EQ(writer_.session.uncommitted_rows(), 0);
}

TEST_F(IngestSessionTest, WhatWasCommittedIsAcknowledgedBeforeTheRefusalOfWhatFollows) {
  EXPECT_EQ(TextOf(writer_.session.Take(
                MessageOf(BytesOfGoldenFile("questdb/ingress-symbols-1.hex")), kServerTime)),
            "");
  const auto refusal = writer_.session.Refuse(wire::ServerStatus::kWriteError, "disk full");
  EXPECT_EQ(TextOf(refusal), "OK 0 trades@1\nWRITE_ERROR 1 disk full");
  EXPECT_EQ(writer_.session.next_sequence(), 2);
}

TEST_F(IngestSessionTest, DurableAcknowledgementsComeWithWhatTheClientSendsNext) {
  TestWriter writer(store_, {.durable_ack = true});
  EXPECT_EQ(writer.SendRows("t", OneLong(1), 1), "OK 0 t@1");
  EXPECT_TRUE(writer.session.owes_durable());
  EXPECT_EQ(TextOf(writer.session.Flush()), "");
  EXPECT_EQ(TextOf(writer.session.Ping()), "DURABLE t@1");
  EXPECT_FALSE(writer.session.owes_durable());
  EXPECT_EQ(TextOf(writer.session.Ping()), "");
  EXPECT_EQ(writer.SendRows("t", OneLong(1), 1), "OK 1 t@2");
  EXPECT_EQ(writer.SendRows("t", OneLong(1), 1), "DURABLE t@2\nOK 2 t@3");
}

TEST_F(IngestSessionTest, WhatIsNoMessageIsRefused) {
  const auto refusal = [&](std::string_view hex) {
    MemoryStore store;
    return TestWriter(store).SendHex(hex);
  };
  EXPECT_THAT(refusal(""), StartsWith("PARSE_ERROR 0 "));
  EXPECT_THAT(refusal("5157503201080000020000000000"), StartsWith("PARSE_ERROR 0 "));
  EXPECT_THAT(refusal("5157503101180000020000000000"), HasSubstr("flags 24, known are 13"));
  EXPECT_THAT(refusal("515750310108000003000000000000"), HasSubstr("end of the tables"));
  // Long arrays: table t, one row, column la of one element.
  EXPECT_THAT(refusal("515750310108010018000000 0000 0174 01 01 026c61 12 00 01 01000000"
                      "0100000000000000"),
              HasSubstr("long arrays are not supported"));
  // A name that tables must not have.
  EXPECT_THAT(refusal("515750310108010013000000 0000 022f74 01 01 0178 05 00 0100000000000000"),
              StartsWith("PARSE_ERROR 0 table name '/t' has '/'"));
  // Rows without columns.
  EXPECT_THAT(refusal("515750310108010006000000 0000 0174 05 00"),
              HasSubstr("5 rows without a column"));
}

TEST_F(IngestSessionTest, TruncatedMessagesAreRefusedAtEveryByte) {
  const auto whole = BytesOfGoldenFile("questdb/ingress-all-types.hex");
  for (size_t size = wire::kFrameHeaderBytes; size < whole.size(); ++size) {
    std::vector<std::byte> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const auto payload = static_cast<uint32_t>(size - wire::kFrameHeaderBytes);
    std::memcpy(bytes.data() + 8, &payload, sizeof(payload));
    MemoryStore store;
    ASSERT_THAT(TestWriter(store).Send(bytes), StartsWith("PARSE_ERROR 0 ")) << size;
    ASSERT_EQ(store.rows("all_types"), -1);
  }
}

TEST_F(IngestSessionTest, LimitsAreKept) {
  TestWriter few_rows(store_, {.max_rows_per_block = 9});
  EXPECT_THAT(few_rows.SendGolden("ingress-quotes"), HasSubstr("number of rows"));
  TestWriter few_tables(store_, {.max_tables = 1});
  EXPECT_EQ(few_tables.SendRows("t", OneLong(1), 1), "OK 0 t@1");
  EXPECT_THAT(few_tables.SendRows("u", OneLong(1), 1),
              StartsWith("WRITE_ERROR 1 the connection writes to more than 1 tables"));
  TestWriter few_symbols(store_, {.max_symbols = 9});
  EXPECT_THAT(few_symbols.SendGolden("ingress-quotes"), StartsWith("PARSE_ERROR 0 "));
}

TEST_F(IngestSessionTest, ASessionThatEndsTakesBackWhatIsNotCommitted) {
  {
    TestWriter writer(store_);
    EXPECT_EQ(writer.SendRows("t", OneLong(1), 1, true), "");
  }
  EXPECT_EQ(store_.rows("t"), 0);
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
