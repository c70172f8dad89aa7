#include "questdb/endpoint/query_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "questdb/endpoint/memory_store.h"
#include "questdb/endpoint/sessions_for_test.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using wire::ColumnType;

class QuerySessionTest : public ::testing::Test {
 protected:
  QuerySessionTest() {
    std::vector<std::optional<int64_t>> numbers;
    std::vector<std::optional<int32_t>> codes;
    std::vector<std::optional<int64_t>> times;
    for (int64_t i = 0; i < 100; ++i) {
      numbers.push_back(i);
      codes.push_back(static_cast<int32_t>(i % 3));
      times.push_back(i * 1'000);
    }
    TestWriter writer(store_);
    EXPECT_EQ(writer.SendRows("t",
                              {memory_.Fixed<int64_t>("n", ColumnType::kLong, numbers),
                               memory_.Codes("s", codes, {"red", "green", "blue"}),
                               memory_.Fixed<int64_t>("", ColumnType::kTimestamp, times)},
                              100),
              "OK 0 t@1");
  }

  // Sends a request for all rows.
  static void Request(TestReader& reader, int64_t id, uint64_t credit = 0,
                      std::string sql = "SELECT * FROM t") {
    wire::QueryRequest request;
    request.request_id = id;
    request.sql = std::move(sql);
    request.initial_credit = credit;
    ASSERT_OK(reader.Send(request));
  }

  MemoryStore store_;
  wire::TestColumns memory_;
};

TEST_F(QuerySessionTest, TheServerIntroducesItself) {
  QuerySessionOptions options;
  options.info.capabilities = wire::kHasQueryFlags;
  options.info.wall_clock_ns = 1'700'000'000'000'000'000;
  options.info.cluster_id = "c1";
  options.info.node_id = "n1";
  TestReader reader(store_, options);
  EXPECT_EQ(HexOf(*reader.Next()),
            HexOf(BytesOfHex("51575031 01 00 0000 1e000000 18 00 0000000000000000 02000000"
                             "00002a36fe9c9717 0200 6331 0200 6e31")));
  EXPECT_EQ(reader.Next(), std::nullopt);
}

TEST_F(QuerySessionTest, AResultIsTheWorkedExampleByteForByte) {
  // Section 12.3 of the documentation, of rows that were written as it has them.
  MemoryStore store;
  EXPECT_EQ(AnswerOf(store,
                     "CREATE TABLE w (id LONG, sym SYMBOL, ts TIMESTAMP, note VARCHAR, px DOUBLE, "
                     "ok BOOLEAN) TIMESTAMP(ts)"),
            "DONE -1");
  constexpr int64_t kStart = 1'700'000'000'000'000;
  EXPECT_EQ(TestWriter(store).SendRows(
                "w",
                {memory_.Fixed<int64_t>("id", ColumnType::kLong, {10, std::nullopt, 30, 40}),
                 memory_.Codes("sym", {0, 1, 0, 1}, {"A", "B"}),
                 memory_.Texts("note", ColumnType::kVarchar, {"a", "", "bb", "ccc"}),
                 memory_.Fixed<double>("px", ColumnType::kDouble, {1, 2, 3, 4}),
                 memory_.Booleans("ok", {true, false, true, true}),
                 memory_.Fixed<int64_t>("", ColumnType::kTimestamp,
                                        {kStart, kStart + 1'000, kStart + 2'000, kStart + 3'001})},
                4),
            "OK 0 w@1");
  TestReader reader(store);
  reader.Drain();
  Request(reader, 1, 0, "SELECT * FROM w");
  EXPECT_EQ(HexOf(*reader.Next()), HexOf(BytesOfGoldenFile("questdb/egress-batch-0.hex")));
  EXPECT_EQ(HexOf(*reader.Next()),
            HexOf(BytesOfHex("51575031 01 00 0000 0b000000 12 0100000000000000 00 04")));
}

TEST_F(QuerySessionTest, BatchesAreAsLongAsTheyMayBe) {
  TestReader reader(store_, {.max_batch_rows = 40});
  reader.Drain();
  Request(reader, 7);
  EXPECT_EQ(reader.Drain(),
            "BATCH 0 of request 7: 40 rows\nBATCH 1 of request 7: 40 rows\n"
            "BATCH 2 of request 7: 20 rows\nEND 100");
  EXPECT_EQ(SlotText(reader.blocks[2].columns[0], 19), "99");
  EXPECT_EQ(SlotText(reader.blocks[2].columns[1], 19), "red");
  Request(reader, 8, 0, "SELECT * FROM t LIMIT 80");
  EXPECT_EQ(reader.Drain(), "BATCH 0 of request 8: 40 rows\nBATCH 1 of request 8: 40 rows\nEND 80");
}

TEST_F(QuerySessionTest, BatchesOfTooManyBytesAreHalved) {
  TestReader reader(store_, {.max_batch_bytes = 400, .gorilla = false});
  reader.Drain();
  Request(reader, 1);
  std::string text = reader.Drain();
  EXPECT_THAT(text, HasSubstr("END 100"));
  int64_t rows = 0;
  std::string numbers;
  for (const wire::DecodedBlock& block : reader.blocks) {
    EXPECT_LE(block.rows, 25);
    for (int64_t row = 0; row < block.rows; ++row, ++rows) {
      ASSERT_EQ(SlotText(block.columns[0], row), std::to_string(rows));
      ASSERT_EQ(SlotText(block.columns[1], row),
                rows % 3 == 0 ? "red" : (rows % 3 == 1 ? "green" : "blue"));
    }
  }
  EXPECT_EQ(rows, 100);
  // A row that is too long even alone.
  TestReader strict(store_, {.max_batch_bytes = 20, .max_row_bytes = 30});
  strict.Drain();
  Request(strict, 1);
  EXPECT_THAT(strict.Drain(), StartsWith("LIMIT_EXCEEDED 1 a row of "));
  EXPECT_THAT(strict.Ask("SELECT count() FROM t"), StartsWith("LIMIT_EXCEEDED 1 a row of 43 "));
}

TEST_F(QuerySessionTest, AResultWithoutRowsHasItsColumns) {
  EXPECT_EQ(AnswerOf(store_,
                     "CREATE TABLE e (a DOUBLE[], s SYMBOL, v VARCHAR, b BOOLEAN, g GEOHASH(8b), "
                     "ts TIMESTAMP) TIMESTAMP(ts)"),
            "DONE -1");
  TestReader reader(store_);
  reader.Drain();
  Request(reader, 1, 0, "SELECT * FROM e");
  EXPECT_EQ(reader.Drain(), "BATCH 0 of request 1: 0 rows\nEND 0");
  ASSERT_EQ(reader.blocks[0].columns.size(), 6U);
  EXPECT_EQ(reader.blocks[0].columns[4].geohash_bits, 8);
}

TEST_F(QuerySessionTest, ConnectionsKeepTheirDictionariesUntilTheyAreReset) {
  TestReader reader(store_);
  EXPECT_THAT(reader.Ask("SELECT * FROM t LIMIT 2"), HasSubstr("s symbol: red green\n"));
  EXPECT_THAT(reader.Ask("SELECT * FROM t LIMIT 3"), HasSubstr("s symbol: red green blue\n"));
  EXPECT_EQ(reader.symbols.size(), 3U);
  wire::QueryRequest request;
  request.request_id = 9;
  request.sql = "SELECT * FROM t LIMIT 1";
  request.reset_dictionary = true;
  ASSERT_OK(reader.Send(request));
  EXPECT_EQ(reader.Drain(), "RESET\nBATCH 0 of request 9: 1 rows\nEND 1");
  EXPECT_EQ(reader.symbols.size(), 1U);
  // Above what the server likes to keep.
  TestReader small(store_, {.soft_max_symbols = 1});
  EXPECT_THAT(small.Ask("SELECT * FROM t LIMIT 2"), HasSubstr("s symbol: red green\n"));
  Request(small, 5, 0, "SELECT * FROM t LIMIT 1");
  EXPECT_EQ(small.Drain(), "RESET\nBATCH 0 of request 5: 1 rows\nEND 1");
}

TEST_F(QuerySessionTest, CreditIsWhatMaySent) {
  TestReader reader(store_, {.max_batch_rows = 10});
  reader.Drain();
  Request(reader, 1, 1);
  EXPECT_EQ(reader.Drain(), "BATCH 0 of request 1: 10 rows") << "any credit is good for a batch";
  EXPECT_FALSE(reader.session.HasNext());
  ASSERT_OK(reader.Send(wire::CreditRequest{2, 1'000'000}));
  EXPECT_FALSE(reader.session.HasNext()) << "of another request";
  ASSERT_OK(reader.Send(wire::CreditRequest{1, 1}));
  EXPECT_FALSE(reader.session.HasNext()) << "the batch cost more";
  ASSERT_OK(reader.Send(wire::CreditRequest{1, 600}));
  EXPECT_THAT(reader.Drain(), StartsWith("BATCH 1 of request 1: 10 rows"));
  EXPECT_FALSE(reader.session.HasNext());
  ASSERT_OK(reader.Send(wire::CreditRequest{1, UINT64_MAX}));
  ASSERT_OK(reader.Send(wire::CreditRequest{1, UINT64_MAX}));
  EXPECT_THAT(reader.Drain(), HasSubstr("END 100"));
}

TEST_F(QuerySessionTest, ACancelledQueryEndsWithAWord) {
  TestReader reader(store_, {.max_batch_rows = 10});
  reader.Drain();
  Request(reader, 1, 1);
  reader.Drain();
  ASSERT_OK(reader.Send(wire::CancelRequest{2}));
  EXPECT_FALSE(reader.session.HasNext()) << "another request";
  ASSERT_OK(reader.Send(wire::CancelRequest{1}));
  EXPECT_EQ(reader.Drain(), "CANCELLED 1 cancelled by user");
  ASSERT_OK(reader.Send(wire::CancelRequest{1}));
  EXPECT_EQ(reader.Drain(), "") << "it is over already";
  EXPECT_EQ(reader.Ask("SELECT count() FROM t"), "count long: 100\n");
}

TEST_F(QuerySessionTest, ASecondRequestIsRefusedAndTheFirstGoesOn) {
  TestReader reader(store_, {.max_batch_rows = 60});
  reader.Drain();
  Request(reader, 1);
  EXPECT_EQ(reader.Read(*reader.Next()), "BATCH 0 of request 1: 60 rows");
  Request(reader, 2);
  EXPECT_EQ(reader.Drain(),
            "PARSE_ERROR 2 request 1 is not at its end\nBATCH 1 of request 1: 40 rows\nEND 100");
}

TEST_F(QuerySessionTest, AQueryThatTakesTooLongEnds) {
  TestReader reader(store_, {.max_batch_rows = 10});
  reader.Drain();
  wire::QueryRequest request;
  request.request_id = 3;
  request.sql = "SELECT * FROM t";
  request.initial_credit = 1;
  request.timeout_ms = 1'500;
  ASSERT_OK(reader.Send(request));
  EXPECT_EQ(reader.session.timeout_ms(), 1'500);
  EXPECT_NE(reader.session.running(), 0);
  reader.Drain();
  reader.session.Expire();
  EXPECT_EQ(reader.Drain(), "QUERY_TIMEOUT 3 timeout, query aborted");
  EXPECT_EQ(reader.session.running(), 0);
  EXPECT_EQ(reader.session.timeout_ms(), 0);
}

TEST_F(QuerySessionTest, BatchesAreCompressedWhereThatMakesThemSmaller) {
  TestReader reader(store_, {.zstd = true, .zstd_level = 3});
  reader.Drain();
  Request(reader, 1);
  const auto batch = *reader.Next();
  EXPECT_EQ(static_cast<uint8_t>(batch[5]), 0x1C);
  EXPECT_EQ(reader.Read(batch), "BATCH 0 of request 1: 100 rows");
  EXPECT_EQ(reader.Drain(), "END 100");
  Request(reader, 2, 0, "SELECT count() FROM t");
  EXPECT_EQ(static_cast<uint8_t>((*reader.Next())[5]), 0x0C) << "too short to gain from it";
}

TEST_F(QuerySessionTest, ParametersComeBackAsTheyWent) {
  const auto bind = [](ColumnType type, std::string_view hex, int scale = 0, int bits = 0) {
    wire::Bind made;
    made.type = type;
    made.value = BytesOfHex(hex);
    made.scale = scale;
    made.geohash_bits = bits;
    return made;
  };
  const std::string w16 = "000102030405060708090a0b0c0d0e0f";
  const std::vector<wire::Bind> binds = {
      bind(ColumnType::kBoolean, "01"),
      bind(ColumnType::kByte, "ff"),
      bind(ColumnType::kShort, "0001"),
      bind(ColumnType::kInt, "04030201"),
      bind(ColumnType::kLong, "0807060504030201"),
      bind(ColumnType::kFloat, "0000c03f"),
      bind(ColumnType::kDouble, "000000000000f83f"),
      bind(ColumnType::kTimestamp, "0100000000000000"),
      bind(ColumnType::kDate, "0200000000000000"),
      bind(ColumnType::kUuid, w16),
      bind(ColumnType::kLong256, w16 + w16),
      bind(ColumnType::kGeohash, "ab00000000000000", 0, 8),
      bind(ColumnType::kVarchar, "6869"),
      bind(ColumnType::kTimestampNanos, "0300000000000000"),
      bind(ColumnType::kDecimal64, "3930000000000000", 2),
      bind(ColumnType::kDecimal128, w16, 6),
      bind(ColumnType::kDecimal256, w16 + w16, 12),
      bind(ColumnType::kChar, "4100"),
      bind(ColumnType::kBinary, "00ff"),
      bind(ColumnType::kIpv4, "0100007f"),
  };
  std::string sql = "SELECT ";
  for (size_t i = 1; i <= binds.size(); ++i) {
    sql += (i > 1 ? ", $" : "$") + std::to_string(i);
  }
  TestReader reader(store_);
  EXPECT_EQ(reader.Ask(sql, binds),
            std::string("$1 boolean: true\n$2 byte: -1\n$3 short: 256\n$4 int: 16909060\n"
                        "$5 long: 72623859790382856\n$6 float: 1.5\n$7 double: 1.5\n"
                        "$8 timestamp: 1\n$9 date: 2\n$10 uuid: ") +
                w16 + "\n$11 long256: " + w16 + w16 +
                "\n$12 geohash: 171\n$13 varchar: 'hi'\n$14 timestamp_ns: 3\n"
                "$15 decimal64: 12345\n$16 decimal128: " +
                w16 + "\n$17 decimal256: " + w16 + w16 + "\n$18 char: 65\n$19 binary: '" +
                std::string("\0\xff", 2) + "'\n$20 ipv4: 2130706433\n");
  EXPECT_EQ(reader.blocks[0].columns[11].geohash_bits, 8);
  EXPECT_EQ(reader.blocks[0].columns[16].scale, 12);

  std::vector<wire::Bind> nulls = binds;
  for (wire::Bind& null : nulls) {
    null.is_null = true;
    null.value.clear();
  }
  const std::string text = reader.Ask(sql, nulls);
  size_t missing = 0;
  for (size_t at = text.find(": null\n"); at != text.npos; at = text.find(": null\n", at + 1)) {
    ++missing;
  }
  EXPECT_EQ(missing, binds.size() - 4) << text;  // not boolean, byte, short, char
  EXPECT_EQ(reader.Ask("SELECT $2", {binds[0]}), "PARSE_ERROR 3 undefined bind variable: $2");
}

TEST_F(QuerySessionTest, StatementsThatFailSayWhy) {
  TestReader reader(store_);
  EXPECT_EQ(reader.Ask("SELECT * FROM nope"), "PARSE_ERROR 1 table does not exist [table=nope]");
  EXPECT_THAT(reader.Ask("COPY t FROM 'x'"), StartsWith("PARSE_ERROR 2 SQL at byte 0: "));
  EXPECT_EQ(reader.Ask("SELECT count() FROM t"), "count long: 100\n");
}

TEST_F(QuerySessionTest, RequestsThatCannotBeReadAreAnsweredAndOthersEndTheConnection) {
  TestReader reader(store_);
  reader.Drain();
  // A timeout of 0: flags 02, timeout_ms 0.
  ASSERT_OK(reader.session.Take(BytesOfHex("10 2a00000000000000 01 58 00 00 02 00")));
  EXPECT_THAT(reader.Drain(), StartsWith("PARSE_ERROR 42 "));
  ASSERT_OK(reader.session.Take(BytesOfHex("14 01")));
  ASSERT_OK(reader.session.Take(BytesOfHex("15 0100000000000000 00")));
  EXPECT_EQ(reader.Drain(), "");
  EXPECT_THAT(reader.session.Take(BytesOfHex("16 00")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("kind 22")));
  EXPECT_FALSE(reader.session.Take({}).ok());
  EXPECT_FALSE(reader.session.Take(BytesOfHex("10 00")).ok());
}

TEST_F(QuerySessionTest, ArraysWithManyListsComeInShorterBatches) {
  // 40 rows, each of one list of half a million empty lists.
  constexpr int64_t kLists = 500'000;
  constexpr int64_t kRows = 40;
  for (int64_t i = 0; i < kRows; ++i) {
    wire::Column column;
    column.name = "a";
    column.type = ColumnType::kDoubleArray;
    wire::ArrayValues values;
    values.levels = {{.size = kLists}, {.size = 0}};
    const double nothing = 0;
    values.elements = &nothing;
    column.values = values;
    ASSERT_THAT(TestWriter(store_).SendRows("wide", {column}, 1), HasSubstr("OK"));
  }
  TestReader reader(store_);
  reader.Drain();
  Request(reader, 1, 0, "SELECT * FROM wide");
  EXPECT_EQ(reader.Drain(),
            "BATCH 0 of request 1: 16 rows\nBATCH 1 of request 1: 16 rows\n"
            "BATCH 2 of request 1: 8 rows\nEND 40");
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
