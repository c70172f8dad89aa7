#include "questdb/endpoint/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>

#include "questdb/endpoint/sessions_for_test.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using wire::ColumnType;

class MemoryStoreTest : public ::testing::Test {
 protected:
  // Sends one block in one message and says what the server says to it.
  std::string Send(std::string_view table, const std::vector<wire::Column>& columns, int64_t rows) {
    return TestWriter(store_).SendRows(table, columns, rows);
  }
  std::string Ask(const std::string& sql) { return AnswerOf(store_, sql); }
  template <typename T>
  wire::Column Fixed(std::string name, ColumnType type,
                     const std::vector<std::optional<T>>& values) {
    return memory_.Fixed<T>(std::move(name), type, values);
  }
  wire::Column Longs(std::string name, const std::vector<std::optional<int64_t>>& values) {
    return Fixed<int64_t>(std::move(name), ColumnType::kLong, values);
  }
  wire::Column Micros(const std::vector<std::optional<int64_t>>& values) {
    return Fixed<int64_t>("", ColumnType::kTimestamp, values);
  }

  MemoryStore store_;
  wire::TestColumns memory_;
};

TEST_F(MemoryStoreTest, ColumnsThatComeLaterHaveNoValueInEarlierRows) {
  EXPECT_EQ(Send("t", {Longs("a", {1, 2})}, 2), "OK 0 t@1");
  EXPECT_EQ(Send("t",
                 {Longs("a", {3}), memory_.Texts("v", ColumnType::kVarchar, {"x"}),
                  memory_.Booleans("b", {true}), memory_.Codes("s", {0}, {"sym"}),
                  Fixed<int16_t>("sh", ColumnType::kShort, {7})},
                 1),
            "OK 0 t@2");
  EXPECT_EQ(Send("t", {memory_.Texts("v", ColumnType::kVarchar, {"y"})}, 1), "OK 0 t@3");
  EXPECT_EQ(Ask("SELECT * FROM t"),
            "a long: 1 2 3 null\n"
            "timestamp timestamp: 1700000000000000 1700000000000000 1700000000000000 "
            "1700000000000000\n"
            "v varchar: null null 'x' 'y'\n"
            "b boolean: false false true false\n"
            "s symbol: null null sym null\n"
            "sh short: 0 0 7 0\n");
}

TEST_F(MemoryStoreTest, NamesAreFoundInEitherCase) {
  EXPECT_EQ(Send("Trades", {Longs("Qty", {1})}, 1), "OK 0 Trades@1");
  EXPECT_EQ(Send("TRADES", {Longs("qTY", {2})}, 1), "OK 0 Trades@2");
  EXPECT_EQ(Ask("SELECT count() FROM tradeS"), "count long: 2\n");
  EXPECT_THAT(Ask("SHOW COLUMNS FROM trades"), HasSubstr("column varchar: 'Qty' 'timestamp'\n"));
}

TEST_F(MemoryStoreTest, TheTablesTypeDecides) {
  EXPECT_EQ(Ask("CREATE TABLE t (a SHORT, f DOUBLE, n TIMESTAMP, s SYMBOL, v VARCHAR, "
                "d DECIMAL(18,2), ts TIMESTAMP_NS) TIMESTAMP(ts)"),
            "DONE -1");
  EXPECT_EQ(
      Send("t",
           {Fixed<int32_t>("a", ColumnType::kInt, {7, std::nullopt}), Longs("f", {1, std::nullopt}),
            Fixed<int64_t>("n", ColumnType::kTimestampNanos, {-1'500, std::nullopt}),
            memory_.Texts("s", ColumnType::kVarchar, {"x", "x"}),
            memory_.Codes("v", {1, 0}, {"p", "q"}), Micros({2, 3})},
           2),
      "OK 0 t@1");
  EXPECT_EQ(Ask("SELECT * FROM t"),
            "a short: 7 0\nf double: 1 null\nn timestamp: -2 null\ns symbol: x x\n"
            "v varchar: 'q' 'p'\nd decimal64: null null\nts timestamp_ns: 2000 3000\n");
  EXPECT_EQ(Send("t", {Longs("a", {40'000})}, 1),
            "SCHEMA_MISMATCH 0 table t: column a: row 0: 40000 does not fit SHORT");
  EXPECT_EQ(Send("t", {memory_.Booleans("a", {true})}, 1),
            "SCHEMA_MISMATCH 0 table t: column a is SHORT and cannot hold BOOLEAN");
  EXPECT_EQ(Send("t", {Longs("a", {1}), Micros({INT64_MAX / 2})}, 1),
            "SCHEMA_MISMATCH 0 table t: column ts: row 0: 4611686018427387903 does not fit "
            "TIMESTAMP_NS");
  wire::Column decimals = Longs("d", {1'234});
  decimals.type = ColumnType::kDecimal64;
  decimals.scale = 3;
  EXPECT_EQ(Send("t", {decimals}, 1),
            "SCHEMA_MISMATCH 0 table t: column d is DECIMAL(18,2) and cannot hold DECIMAL(18,3)");
  EXPECT_EQ(store_.rows("t"), 2);
}

TEST_F(MemoryStoreTest, DecimalsOfTheSameScaleFitEachOther) {
  EXPECT_EQ(Ask("CREATE TABLE t (w DECIMAL(38,2), n DECIMAL(18,2), ts TIMESTAMP) TIMESTAMP(ts)"),
            "DONE -1");
  const auto wide = [&](std::string_view hex) {
    wire::Column column =
        memory_.Wide("n", ColumnType::kDecimal128, {BytesOfHex(hex)}, wire::Element::kBytes16);
    column.scale = 2;
    return column;
  };
  wire::Column narrow = Longs("w", {-5});
  narrow.type = ColumnType::kDecimal64;
  narrow.scale = 2;
  EXPECT_EQ(Send("t", {narrow, wide("feffffffffffffffffffffffffffffff")}, 1), "OK 0 t@1");
  EXPECT_EQ(Send("t", {wide("00000000000000000100000000000000")}, 1),
            "SCHEMA_MISMATCH 0 table t: column n: row 0: the decimal does not fit DECIMAL(18,2)");
  EXPECT_THAT(Ask("SELECT * FROM t"),
              HasSubstr("w decimal128: fbffffffffffffffffffffffffffffff\nn decimal64: -2\n"));
}

TEST_F(MemoryStoreTest, ArraysKeepTheirDimensions) {
  const double elements[] = {1, 2, 3, 4, 5, 6};
  const int32_t outer[] = {0, 2, 2, 4};
  const int32_t inner[] = {0, 1, 2, 4, 6};
  wire::Column column;
  column.name = "m";
  column.type = ColumnType::kDoubleArray;
  const uint8_t valid[] = {0b101};
  column.validity = {valid, 0};
  wire::ArrayValues values;
  values.levels = {{.offsets = outer}, {.offsets = inner}};
  values.elements = elements;
  column.values = values;
  EXPECT_EQ(Send("t", {column}, 3), "OK 0 t@1");
  EXPECT_THAT(Ask("SELECT * FROM t"), HasSubstr("m double_array: [[1],[2]] null [[3,4],[5,6]]\n"));
  values.levels = {{.offsets = inner}};
  column.values = values;
  column.validity = {};
  EXPECT_EQ(Send("t", {column}, 1),
            "SCHEMA_MISMATCH 0 table t: column m is DOUBLE[][] and cannot hold DOUBLE[]");
}

TEST_F(MemoryStoreTest, AnArrayColumnIsMadeWhenARowShowsItsDimensions) {
  const double elements[] = {1};
  const int32_t offsets[] = {0, 0, 1};
  const uint8_t valid[] = {0b10};
  wire::Column column;
  column.name = "a";
  column.type = ColumnType::kDoubleArray;
  column.validity = {valid, 0};
  wire::ArrayValues values;
  values.levels = {{.offsets = offsets}};
  values.elements = elements;
  column.values = values;
  EXPECT_EQ(Send("t", {Longs("x", {1}), column}, 1), "OK 0 t@1");
  EXPECT_THAT(Ask("SHOW COLUMNS FROM t"), HasSubstr("type varchar: 'LONG' 'TIMESTAMP'\n"));
  EXPECT_EQ(Send("t", {Longs("x", {2, 3}), column}, 2), "OK 0 t@2");
  EXPECT_THAT(Ask("SELECT * FROM t"), HasSubstr("a double_array: null null [1]\n"));
  EXPECT_EQ(Send("t", {Longs("x", {4}), column}, 1), "OK 0 t@3");
  EXPECT_THAT(Ask("SELECT * FROM t"), HasSubstr("a double_array: null null [1] null\n"));
}

TEST_F(MemoryStoreTest, ADesignatedTimestampComesByItsNameOrWithoutOne) {
  EXPECT_EQ(Ask("CREATE TABLE t (a LONG, at TIMESTAMP) TIMESTAMP(at)"), "DONE -1");
  EXPECT_EQ(Send("t", {Longs("a", {1}), Micros({5})}, 1), "OK 0 t@1");
  EXPECT_EQ(Send("t", {Longs("a", {2}), Fixed<int64_t>("at", ColumnType::kTimestamp, {6})}, 1),
            "OK 0 t@2");
  EXPECT_EQ(
      Send("t", {Longs("a", {3}), Fixed<int64_t>("at", ColumnType::kTimestamp, {std::nullopt})}, 1),
      "OK 0 t@3");
  EXPECT_EQ(Ask("SELECT * FROM t"), "a long: 1 2 3\nat timestamp: 5 6 1700000000000000\n");
  EXPECT_EQ(Send("t", {Micros({5}), Fixed<int64_t>("at", ColumnType::kTimestamp, {6})}, 1),
            "SCHEMA_MISMATCH 0 table t: column at is the designated timestamp, which is there "
            "twice");
  EXPECT_EQ(Send("new", {Longs("timestamp", {1})}, 1),
            "SCHEMA_MISMATCH 0 table new: column timestamp is LONG, but the designated timestamp "
            "of a new table has that name");
}

TEST_F(MemoryStoreTest, ARowReplacesTheOneWithItsKeys) {
  EXPECT_EQ(Ask("CREATE TABLE t (k SYMBOL, v VARCHAR, ts TIMESTAMP) TIMESTAMP(ts) "
                "DEDUP UPSERT KEYS(ts, k)"),
            "DONE -1");
  const auto block = [&](const std::vector<std::optional<int32_t>>& codes,
                         const std::vector<std::optional<std::string>>& texts,
                         const std::vector<std::optional<int64_t>>& times) {
    return std::vector<wire::Column>{memory_.Codes("k", codes, {"a", "b"}),
                                     memory_.Texts("v", ColumnType::kVarchar, texts),
                                     Micros(times)};
  };
  EXPECT_EQ(Send("t", block({0, 1, 0}, {"1", "2", "3"}, {10, 10, 11}), 3), "OK 0 t@1");
  EXPECT_EQ(
      Send("t", block({1, 0, 1, 0}, {"new b", "x", std::nullopt, "longer"}, {10, 12, 13, 12}), 4),
      "OK 0 t@2");
  EXPECT_EQ(Send("t", block({std::nullopt, std::nullopt}, {"n", "m"}, {10, 10}), 2), "OK 0 t@3");
  EXPECT_EQ(Ask("SELECT * FROM t"),
            "k symbol: a b a a b null\nv varchar: '1' 'new b' '3' 'longer' null 'm'\n"
            "ts timestamp: 10 10 11 12 13 10\n");
}

TEST_F(MemoryStoreTest, UpsertsAreThoseOfAMap) {
  SeededRandom random;
  EXPECT_EQ(Ask("CREATE TABLE t (k LONG, v VARCHAR, ts TIMESTAMP) TIMESTAMP(ts) "
                "DEDUP UPSERT KEYS(ts, k)"),
            "DONE -1");
  std::map<std::pair<int64_t, int64_t>, std::string> oracle;
  for (int message = 0; message < 60; ++message) {
    std::vector<std::optional<int64_t>> keys;
    std::vector<std::optional<int64_t>> times;
    std::vector<std::optional<std::string>> texts;
    const int64_t rows = random.Uniform(1, 200);
    for (int64_t row = 0; row < rows; ++row) {
      keys.push_back(random.Uniform(0, 40));
      times.push_back(random.Uniform(0, 40));
      texts.push_back(std::string(static_cast<size_t>(random.Uniform(0, 3'000)), 'x') +
                      std::to_string(message) + "." + std::to_string(row));
      oracle[{*times.back(), *keys.back()}] = *texts.back();
    }
    wire::TestColumns memory;
    ASSERT_THAT(Send("t",
                     {memory.Fixed<int64_t>("k", ColumnType::kLong, keys),
                      memory.Texts("v", ColumnType::kVarchar, texts),
                      memory.Fixed<int64_t>("", ColumnType::kTimestamp, times)},
                     rows),
                HasSubstr("OK 0 t@"));
  }
  TestReader reader(store_);
  reader.Ask("SELECT * FROM t");
  size_t rows = 0;
  for (const wire::DecodedBlock& block : reader.blocks) {
    for (int64_t row = 0; row < block.rows; ++row, ++rows) {
      const auto key = std::pair(std::stoll(SlotText(block.columns[2], row)),
                                 std::stoll(SlotText(block.columns[0], row)));
      ASSERT_EQ(SlotText(block.columns[1], row), "'" + oracle[key] + "'");
    }
  }
  EXPECT_EQ(rows, oracle.size());
}

TEST_F(MemoryStoreTest, TooManyUncommittedRowsAreCommittedWithoutBeingAsked) {
  MemoryStore store({.uncommitted_rows = 5});
  TestWriter writer(store);
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {1, 2, 3})}, 3, true), "");
  EXPECT_EQ(store.rows("t"), 0);
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {4, 5})}, 2, true), "");
  EXPECT_EQ(store.rows("t"), 0);
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {6})}, 1, true), "") << "never acknowledged alone";
  EXPECT_EQ(store.rows("t"), 6);
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {7})}, 1, true), "");
  EXPECT_EQ(writer.Commit(), "OK 4 t@2");
  EXPECT_EQ(store.rows("t"), 7);
}

TEST_F(MemoryStoreTest, LimitsAreKeptAndNothingIsHalfDone) {
  MemoryStore store({.rows_per_table = 4, .columns_per_table = 3, .tables = 2});
  EXPECT_EQ(TestWriter(store).SendRows("t", {Longs("a", {1, 2, 3})}, 3), "OK 0 t@1");
  TestWriter writer(store);
  EXPECT_EQ(writer.SendRows("u", {Longs("a", {1})}, 1, true), "");
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {4, 5})}, 2),
            "WRITE_ERROR 1 table t: more than 4 rows");
  EXPECT_EQ(store.rows("t"), 3);
  EXPECT_EQ(store.rows("u"), 0);
  EXPECT_EQ(TestWriter(store).SendRows("v", {Longs("a", {1})}, 1),
            "WRITE_ERROR 0 table v: there are 2 tables already");
  EXPECT_EQ(TestWriter(store).SendRows("t", {Longs("b", {1}), Longs("c", {1})}, 1),
            "WRITE_ERROR 0 table t: more than 3 columns");
}

TEST_F(MemoryStoreTest, AQueryDoesNotSeeWhatIsCommittedAfterItBegan) {
  EXPECT_EQ(Ask("CREATE TABLE t (a LONG, ts TIMESTAMP) TIMESTAMP(ts) DEDUP UPSERT KEYS(ts)"),
            "DONE -1");
  EXPECT_EQ(Send("t", {Longs("a", {1, 2}), Micros({1, 2})}, 2), "OK 0 t@1");
  ASSERT_OK_AND_ASSIGN(Answer answer, store_.Execute("SELECT * FROM t", {}));
  auto source = std::get<std::unique_ptr<BatchSource>>(std::move(answer));
  EXPECT_EQ(Send("t", {Longs("a", {9, 3}), Micros({1, 3})}, 2), "OK 0 t@2");
  EXPECT_EQ(Send("t", {Longs("b", {7}), Micros({4})}, 1), "OK 0 t@3");
  EXPECT_EQ(Ask("DROP TABLE t"), "DONE -1");
  ASSERT_OK_AND_ASSIGN(const ResultRows rows, source->Next(10));
  EXPECT_EQ(rows.rows, 2);
  ASSERT_EQ(rows.columns.size(), 2U);
  const auto& values = std::get<wire::FixedValues>(rows.columns[0].values);
  EXPECT_EQ(LoadLittle<int64_t>(values.values), 1);
  ASSERT_OK_AND_ASSIGN(const ResultRows end, source->Next(10));
  EXPECT_EQ(end.rows, 0);
}

TEST_F(MemoryStoreTest, StatementsAboutTables) {
  EXPECT_EQ(Ask("SHOW TABLES"), "table_name varchar: \n");
  EXPECT_EQ(Ask("CREATE TABLE b (ts TIMESTAMP) TIMESTAMP(ts)"), "DONE -1");
  EXPECT_EQ(Ask("CREATE TABLE a (x LONG, ts TIMESTAMP) TIMESTAMP(ts) DEDUP UPSERT KEYS(ts)"),
            "DONE -1");
  EXPECT_EQ(Ask("SHOW TABLES"), "table_name varchar: 'a' 'b'\n");
  EXPECT_EQ(Ask("SHOW COLUMNS FROM a"),
            "column varchar: 'x' 'ts'\ntype varchar: 'LONG' 'TIMESTAMP'\n"
            "designated boolean: false true\nupsertKey boolean: false true\n");
  EXPECT_EQ(Ask("CREATE TABLE A (ts TIMESTAMP) TIMESTAMP(ts)"),
            "PARSE_ERROR 1 table already exists [table=A]");
  EXPECT_EQ(Ask("CREATE TABLE IF NOT EXISTS A (ts TIMESTAMP) TIMESTAMP(ts)"), "DONE -1");
  EXPECT_EQ(Ask("DROP TABLE A"), "DONE -1");
  EXPECT_EQ(Ask("DROP TABLE a"), "PARSE_ERROR 1 table does not exist [table=a]");
  EXPECT_EQ(Ask("DROP TABLE IF EXISTS a"), "DONE -1");
  EXPECT_EQ(Ask("SELECT * FROM a"), "PARSE_ERROR 1 table does not exist [table=a]");
  EXPECT_EQ(Ask("SHOW TABLES"), "table_name varchar: 'b'\n");
}

TEST_F(MemoryStoreTest, ATableThatIsDroppedTakesUncommittedRowsWithIt) {
  TestWriter writer(store_);
  EXPECT_EQ(writer.SendRows("t", {Longs("a", {1})}, 1, true), "");
  EXPECT_EQ(Ask("DROP TABLE t"), "DONE -1");
  EXPECT_EQ(writer.Commit(), "WRITE_ERROR 1 table t was dropped before its rows were committed");
}

TEST_F(MemoryStoreTest, WritersAndReadersMeetInAnyOrder) {
  constexpr int kWriters = 3;
  constexpr int kMessages = 60;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([this] {
      wire::TestColumns memory;
      TestWriter writer(store_);
      for (int64_t i = 0; i < kMessages; ++i) {
        EXPECT_THAT(writer.SendRows("t",
                                    {memory.Fixed<int64_t>("a", ColumnType::kLong, {i}),
                                     memory.Texts("v", ColumnType::kVarchar, {std::to_string(i)})},
                                    1),
                    HasSubstr("OK "));
      }
    });
  }
  threads.emplace_back([this] {
    for (int i = 0; i < kMessages; ++i) {
      TestReader reader(store_);
      reader.Ask("SELECT * FROM t");
      for (const wire::DecodedBlock& block : reader.blocks) {
        for (int64_t row = 0; row < block.rows; ++row) {
          ASSERT_EQ("'" + SlotText(block.columns[0], row) + "'", SlotText(block.columns[1], row));
        }
      }
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_.rows("t"), kWriters * kMessages);
  EXPECT_EQ(store_.transaction("t"), kWriters * kMessages);
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
