#include "questdb/endpoint/statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Parsed(std::string_view sql) {
  auto statement = ParseStatement(sql);
  EXPECT_OK(statement) << sql;
  if (!statement.ok() || !std::holds_alternative<T>(*statement)) {
    ADD_FAILURE() << "another statement: " << sql;
    return {};
  }
  return std::get<T>(*std::move(statement));
}

TEST(StatementTest, KeywordsHaveNoCaseAndNamesMayBeQuoted) {
  EXPECT_EQ(Parsed<SelectRows>("SELECT * FROM trades").table, "trades");
  EXPECT_EQ(Parsed<SelectRows>("select\n*\tfrom 'my trades' ;").table, "my trades");
  EXPECT_EQ(Parsed<SelectRows>("Select * From \"a\" Limit 12").limit, 12);
  EXPECT_EQ(Parsed<CountRows>("SELECT count() FROM t").table, "t");
  EXPECT_EQ(Parsed<CountRows>("SELECT COUNT ( * ) FROM t").table, "t");
  EXPECT_THAT(Parsed<SelectBinds>("SELECT $1, $3,$2").binds, ElementsAre(0, 2, 1));
  Parsed<ShowTables>("SHOW TABLES");
  EXPECT_EQ(Parsed<ShowColumns>("show columns from t-1.x").table, "t-1.x");
  EXPECT_FALSE(Parsed<DropTable>("DROP TABLE t").if_exists);
  EXPECT_TRUE(Parsed<DropTable>("DROP TABLE IF EXISTS t").if_exists);
}

TEST(StatementTest, TablesAreMadeWithEveryType) {
  const auto create = Parsed<CreateTable>(
      "CREATE TABLE IF NOT EXISTS t (a BOOLEAN, b byte, c SHORT, d INT, e LONG, f FLOAT, g DOUBLE, "
      "h SYMBOL, ts TIMESTAMP, i TIMESTAMP_NS, j DATE, k UUID, l LONG256, m GEOHASH(20b), "
      "n GEOHASH(12c), o VARCHAR, p STRING, q BINARY, r CHAR, s IPV4, u DECIMAL(18,2), "
      "v DECIMAL(19, 3), w DECIMAL(76,76), x DOUBLE[], y DOUBLE[][][], z LONG[]) "
      "TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, h);");
  EXPECT_TRUE(create.if_not_exists);
  std::string types;
  for (const ColumnShape& column : create.shape.columns) {
    types += column.name + " " + TypeText(column) + "\n";
  }
  EXPECT_EQ(types,
            "a BOOLEAN\nb BYTE\nc SHORT\nd INT\ne LONG\nf FLOAT\ng DOUBLE\nh SYMBOL\n"
            "ts TIMESTAMP\ni TIMESTAMP_NS\nj DATE\nk UUID\nl LONG256\nm GEOHASH(20b)\n"
            "n GEOHASH(60b)\no VARCHAR\np VARCHAR\nq BINARY\nr CHAR\ns IPV4\nu DECIMAL(18,2)\n"
            "v DECIMAL(38,3)\nw DECIMAL(76,76)\nx DOUBLE[]\ny DOUBLE[][][]\nz LONG[]\n");
  EXPECT_EQ(create.shape.timestamp, 8U);
  EXPECT_THAT(create.shape.keys, ElementsAre(8, 7));
}

TEST(StatementTest, WhatIsNotUnderstoodIsSaidWithItsPlace) {
  const auto fault = [](std::string_view sql) {
    const auto statement = ParseStatement(sql);
    EXPECT_FALSE(statement.ok()) << sql;
    EXPECT_EQ(statement.status().code(), StatusCode::kInvalidArgument);
    return std::string(statement.status().message());
  };
  EXPECT_EQ(fault(""),
            "SQL at byte 0: expected SELECT, CREATE TABLE, DROP TABLE, SHOW TABLES or SHOW "
            "COLUMNS, found the end");
  EXPECT_EQ(fault("INSERT INTO t VALUES (1)"),
            "SQL at byte 0: expected SELECT, CREATE TABLE, DROP TABLE, SHOW TABLES or SHOW "
            "COLUMNS, found 'INSERT'");
  EXPECT_EQ(fault("SELECT * FROM"), "SQL at byte 13: expected the name of a table, found the end");
  EXPECT_EQ(fault("SELECT * FROM t WHERE x = 1"),
            "SQL at byte 16: expected the end of the statement, found 'WHERE'");
  EXPECT_EQ(fault("SELECT * FROM t LIMIT -1"), "SQL at byte 22: expected a number, found '-1'");
  EXPECT_EQ(fault("SELECT $0"), "SQL at byte 7: expected a parameter such as $1, found '$0'");
  EXPECT_EQ(fault("SELECT x FROM t"),
            "SQL at byte 7: expected *, count() or parameters such as $1, found 'x'");
  EXPECT_EQ(fault("SELECT * FROM 't"), "SQL at byte 14: the quote is never closed");
  EXPECT_THAT(fault("SELECT * FROM 'a/b'"), HasSubstr("has '/'"));
  EXPECT_THAT(fault("CREATE TABLE t (a INT)"), HasSubstr("expected TIMESTAMP, found the end"));
  EXPECT_THAT(fault("CREATE TABLE t (a INT) TIMESTAMP(a)"), HasSubstr("is INT, not TIMESTAMP"));
  EXPECT_THAT(fault("CREATE TABLE t (a TIMESTAMP) TIMESTAMP(b)"), HasSubstr("no column 'b'"));
  EXPECT_THAT(fault("CREATE TABLE t (a TIMESTAMP, A INT) TIMESTAMP(a)"),
              HasSubstr("two columns are named 'A'"));
  EXPECT_THAT(fault("CREATE TABLE t (a TIMESTAMP, b INT) TIMESTAMP(a) DEDUP UPSERT KEYS(b)"),
              HasSubstr("must have the designated timestamp, 'a'"));
  EXPECT_THAT(fault("CREATE TABLE t (a TIMESTAMP) TIMESTAMP(a) DEDUP UPSERT KEYS(a, a)"),
              HasSubstr("twice"));
  EXPECT_THAT(fault("CREATE TABLE t (a GEOHASH(61b))"), HasSubstr("a precision from 1b to 60b"));
  EXPECT_THAT(fault("CREATE TABLE t (a GEOHASH(13c))"), HasSubstr("a precision"));
  EXPECT_THAT(fault("CREATE TABLE t (a DECIMAL(77,1))"), HasSubstr("digits are 1 to 76"));
  EXPECT_THAT(fault("CREATE TABLE t (a DECIMAL(3,4))"), HasSubstr("digits"));
  EXPECT_THAT(fault("CREATE TABLE t (a WHATEVER)"), HasSubstr("the type of column 'a'"));
  EXPECT_THAT(fault("CREATE TABLE t (a TIMESTAMP) TIMESTAMP(a) PARTITION BY TEA"),
              HasSubstr("expected NONE, YEAR"));
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
