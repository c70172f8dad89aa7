// Sessions: several connections that look like one.

#include "session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_dataset.h"
#include "support/status_matchers.h"
#include "table/grid.h"

namespace colonnade::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(session_, Session::Open({.threads = 2})); }

  static std::vector<std::string> Text(engine::QueryResult& rows) {
    std::vector<engine::TextRow> text;
    for (;;) {
      const auto more = rows.NextText(&text);
      EXPECT_OK(more);
      if (!more.ok() || !*more) break;
    }
    std::vector<std::string> lines;
    for (const engine::TextRow& row : text) {
      std::string line;
      for (const auto& cell : row) line += (line.empty() ? "" : "|") + cell.value_or("NULL");
      lines.push_back(line);
    }
    return lines;
  }

  Status Do(const std::string& sql) { return session_->Run(Call{sql, {}, {}, {}, {}}).status(); }

  Result<std::vector<std::string>> Ask(const std::string& sql, engine::Parameters parameters = {}) {
    COLONNADE_ASSIGN_OR_RETURN(const auto rows,
                               session_->Start(Call{sql, std::move(parameters), {}, {}, {}}));
    return Text(*rows);
  }

  static engine::TableObject Grid(const std::string& name, int32_t first) {
    auto dataset = std::make_shared<FakeDataset>(name);
    dataset->Add<int32_t>("v", {"x"}, {3}, {3}, {first, first + 1, first + 2});
    const auto grids = table::Grids::Create(dataset, {});
    EXPECT_OK(grids);
    return {(*grids)->table(0), nullptr};
  }

  std::shared_ptr<Session> session_;
};

TEST_F(SessionTest, RunsEverythingButALastQueryWhichItDescribes) {
  ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      session_->Run({"CREATE TABLE t (x INT); INSERT INTO t VALUES (1), (2); SELECT x, x / 2 AS h "
                     "FROM t",
                     {},
                     {},
                     {},
                     {}}));
  ASSERT_TRUE(outcome.query.has_value());
  EXPECT_EQ(outcome.rows, nullptr);
  ASSERT_EQ(outcome.query->columns.size(), 2u);
  EXPECT_EQ(outcome.query->columns[1].name, "h");
  EXPECT_EQ(outcome.query->columns[1].type, "DOUBLE");
  EXPECT_THAT(*Ask(outcome.query->sql), ElementsAre("1|0.5", "2|1.0"));
  EXPECT_THAT(*Ask(outcome.query->sql), ElementsAre("1|0.5", "2|1.0"));
}

TEST_F(SessionTest, RunsAStatementThatIsNoQueryExactlyOnce) {
  ASSERT_OK(Do("CREATE SEQUENCE s; CREATE TABLE t (x INT)"));
  ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                       session_->Run({"INSERT INTO t SELECT nextval('s')", {}, {}, {}, {}}));
  ASSERT_NE(outcome.rows, nullptr);
  EXPECT_TRUE(outcome.rows->gives_rows());
  EXPECT_THAT(Text(*outcome.rows), ElementsAre("1"));
  EXPECT_THAT(*Ask("SELECT * FROM t"), ElementsAre("1"));
  ASSERT_OK_AND_ASSIGN(const Outcome created,
                       session_->Run({"CREATE TABLE u (x INT)", {}, {}, {}, {}}));
  EXPECT_TRUE(created.rows == nullptr || !created.rows->gives_rows());
}

TEST_F(SessionTest, AFailingStatementEndsTheText) {
  EXPECT_THAT(Do("CREATE TABLE a (x INT); SELECT nonsense; CREATE TABLE b (x INT)"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("nonsense")));
  EXPECT_THAT(*Ask("SELECT table_name FROM duckdb_tables()"), ElementsAre("a"));
}

TEST_F(SessionTest, QueriesSeeSettingsVariablesTemporaryTablesAndTheSearchPath) {
  ASSERT_OK(
      Do("SET TimeZone = 'Asia/Tokyo'; SET VARIABLE answer = 42; CREATE TEMP TABLE tt AS "
         "SELECT 7 AS x; CREATE SCHEMA other; CREATE TABLE other.o AS SELECT 8 AS x; USE other"));
  EXPECT_THAT(*Ask("SELECT current_setting('TimeZone'), getvariable('answer')"),
              ElementsAre("Asia/Tokyo|42"));
  EXPECT_THAT(*Ask("SELECT tt.x, o.x FROM tt, o"), ElementsAre("7|8"));
  ASSERT_OK(Do("DROP TABLE tt"));
  EXPECT_THAT(Ask("SELECT * FROM tt"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("tt")));
}

TEST_F(SessionTest, ParametersGoByPositionAndByName) {
  EXPECT_THAT(
      *Ask("SELECT ? + 1, $2", {{{int64_t{41}, ""}, {std::string("2000-01-02"), "DATE"}}, {}}),
      ElementsAre("42|2000-01-02"));
  EXPECT_THAT(*Ask("SELECT $low, $high IS NULL", {{}, {{"low", {1.5, ""}}, {"high", {}}}}),
              ElementsAre("1.5|true"));
  EXPECT_THAT(Ask("SELECT $low", {{}, {{"lo", {1.5, ""}}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("$low")));
  EXPECT_THAT(Ask("SELECT ?", {{{std::string("x"), "DATE"}}, {}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("DATE")));
}

TEST_F(SessionTest, EveryValueOfACallHasAParameterAndEveryParameterAValue) {
  const auto run = [&](const std::string& sql, engine::Parameters parameters) {
    return session_->Run({sql, std::move(parameters), {}, {}, {}}).status();
  };
  const engine::Parameter one{int64_t{1}, ""};
  EXPECT_OK(run("CREATE TABLE t AS SELECT ? AS x, ? AS y; SELECT 1; SELECT ?", {{one, one}, {}}));
  EXPECT_OK(run("CREATE TABLE u AS SELECT $a AS x; SELECT $b", {{}, {{"a", one}, {"b", one}}}));
  EXPECT_THAT(run("SELECT ?", {{one, one}, {}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "2 values given by position, and no statement has more than 1 parameter"));
  EXPECT_THAT(run("SELECT 1", {{one}, {}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("more than 0 parameters")));
  EXPECT_THAT(run("CREATE TABLE v AS SELECT $a; SELECT $c", {{}, {{"a", one}, {"b", one}}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "a value for $b, and no statement has that parameter; there are $a, $c"));
  EXPECT_THAT(run("SELECT 1", {{}, {{"b", one}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("$b, and no statement")));
  EXPECT_THAT(run("SELECT $a, $b", {{}, {{"a", one}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no value for parameter $b")));
  EXPECT_THAT(run("SELECT ?, ?", {{one}, {}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no value for parameter $2")));
  EXPECT_THAT(run("SELECT $a", {{one}, {{"a", one}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not both")));
  EXPECT_FALSE(Ask("FROM v").ok());
}

TEST_F(SessionTest, AQueryIsDescribedWithTheColumnsThatItHas) {
  ASSERT_OK(session_->Register("grid", Grid("g", 10)));
  ASSERT_OK(Do("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b; CREATE VIEW w AS FROM t, grid"));
  const engine::Parameter whole{int64_t{1}, ""};
  const engine::Parameter part{1.5, ""};
  const engine::Parameter null;
  for (const auto& [sql, values] : std::vector<std::pair<std::string, engine::Parameters>>{
           {"SELECT NULL, 1 AS a, 2 AS a, 1.5::DECIMAL(5,2), [1], {'k': DATE '2000-01-01'}", {}},
           {"FROM w", {}},
           {"DESCRIBE w", {}},
           {"SUMMARIZE t", {}},
           {"SHOW TABLES", {}},
           {"VALUES (1, 'a'), (2, NULL)", {}},
           {"WITH c AS (SELECT v FROM grid) SELECT max(v), count(*) FROM c GROUP BY ALL", {}},
           {"PIVOT t ON a IN (1, 2) USING count(*) GROUP BY b", {}},
           {"SELECT ?, ? + 1, v * ? FROM grid LIMIT ?", {{null, whole, part, whole}, {}}},
           {"SELECT $x + $y, typeof($x) FROM w", {{}, {{"x", whole}, {"y", part}}}}}) {
    const Call call{sql, values, {}, {}, {}};
    ASSERT_OK_AND_ASSIGN(const Outcome outcome, session_->Run(call));
    ASSERT_TRUE(outcome.query.has_value()) << sql;
    ASSERT_OK_AND_ASSIGN(const auto rows, session_->Start(call));
    const auto& described = outcome.query->columns;
    ASSERT_EQ(described.size(), rows->columns().size()) << sql;
    for (size_t i = 0; i < described.size(); ++i) {
      EXPECT_EQ(described[i].name, rows->columns()[i].name) << sql;
      EXPECT_EQ(described[i].type, rows->columns()[i].type) << sql;
      EXPECT_EQ(described[i].numeric, rows->columns()[i].numeric) << sql;
    }
  }
}

TEST_F(SessionTest, AQueryWithParametersIsDescribedWithoutRunningAndKeepsNothing) {
  std::weak_ptr<const table::TableSource> source;
  {
    engine::TableObject grid = Grid("g", 10);
    source = grid.source;
    ASSERT_OK(session_->Register("grid", std::move(grid)));
  }
  ASSERT_OK(Do("CREATE SEQUENCE s"));
  const Call call{"SELECT v + ? AS sum, nextval('s') FROM grid", {{{1.5, ""}}, {}}, {}, {}, {}};
  ASSERT_OK_AND_ASSIGN(const Outcome outcome, session_->Run(call));
  ASSERT_TRUE(outcome.query.has_value());
  EXPECT_EQ(outcome.query->columns[0].name, "sum");
  EXPECT_EQ(outcome.query->columns[0].type, "DOUBLE");
  EXPECT_THAT(*Ask("SELECT nextval('s')"), ElementsAre("1"));
  session_.reset();
  EXPECT_TRUE(source.expired());
}

TEST_F(SessionTest, QueriesInATransactionSeeItsWritesAndOthersDoNotAfterRollback) {
  ASSERT_OK(Do("CREATE TABLE t (x INT); BEGIN; INSERT INTO t VALUES (1)"));
  EXPECT_THAT(*Ask("SELECT count(*) FROM t"), ElementsAre("1"));
  // Rows of the transaction stay readable while it goes on.
  ASSERT_OK_AND_ASSIGN(const auto rows, session_->Start(Call{"SELECT * FROM t", {}, {}, {}, {}}));
  ASSERT_OK(Do("INSERT INTO t VALUES (2)"));
  EXPECT_THAT(Text(*rows), ElementsAre("1"));
  ASSERT_OK(Do("ROLLBACK"));
  EXPECT_THAT(*Ask("SELECT count(*) FROM t"), ElementsAre("0"));
}

TEST_F(SessionTest, AnErrorInATransactionLeavesItToBeRolledBack) {
  ASSERT_OK(Do("CREATE TABLE t (x INT PRIMARY KEY); BEGIN; INSERT INTO t VALUES (1)"));
  EXPECT_FALSE(Do("INSERT INTO t VALUES (1)").ok());
  EXPECT_FALSE(Do("SELECT nonsense").ok());
  ASSERT_OK(Do("ROLLBACK"));
  EXPECT_THAT(*Ask("SELECT count(*) FROM t"), ElementsAre("0"));
}

TEST_F(SessionTest, OpenResultsDoNotDisturbEachOther) {
  ASSERT_OK_AND_ASSIGN(const auto first,
                       session_->Start(Call{"FROM range(1000000)", {}, {}, {}, {}}));
  ASSERT_OK_AND_ASSIGN(const auto second,
                       session_->Start(Call{"FROM range(500000)", {}, {}, {}, {}}));
  ASSERT_OK(Do("CREATE TABLE t (x INT)"));
  EXPECT_EQ(*first->Drain(), 1'000'000u);
  EXPECT_EQ(*second->Drain(), 500'000u);
}

TEST_F(SessionTest, ARegisteredTableIsVisibleToAllUntilItIsNot) {
  ASSERT_OK(session_->Register("Grid", Grid("g", 10)));
  EXPECT_THAT(*Ask("SELECT sum(v) FROM grid"), ElementsAre("33"));
  EXPECT_THAT(*Ask("SELECT x_idx FROM \"GRID\" WHERE v = 12"), ElementsAre("2"));
  ASSERT_OK(Do("CREATE VIEW seen AS SELECT v FROM grid; CREATE TABLE copied AS FROM grid"));
  EXPECT_THAT(*Ask("SELECT max(v) FROM seen"), ElementsAre("12"));
  ASSERT_OK(session_->Register("grid", Grid("g", 20)));
  EXPECT_THAT(*Ask("SELECT max(v) FROM seen"), ElementsAre("22"));
  EXPECT_THAT(*Ask("SELECT max(v) FROM copied"), ElementsAre("12"));
  EXPECT_THAT(session_->Unregister("gird"),
              StatusIs(StatusCode::kNotFound, HasSubstr("did you mean \"grid\"")));
  EXPECT_THAT(Ask("SELECT * FROM gird"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"grid\" is registered")));
  ASSERT_OK(session_->Unregister("GRID"));
  EXPECT_THAT(Ask("SELECT * FROM grid"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("grid")));
}

TEST_F(SessionTest, OnlyAFailureOfATableThatNobodyKnowsIsExplainedByWhatIsRegistered) {
  ASSERT_OK(session_->Register("grid", Grid("g", 10)));
  const Status unknown = Do("CREATE VIEW w AS SELECT * FROM gird");
  EXPECT_EQ(unknown.unknown_name(), "gird");
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("\"grid\" is registered; did you mean"));
  for (const char* sql : {"DROP TABLE grid", "INSERT INTO grid VALUES (1)", "FROM main.grid"}) {
    EXPECT_THAT(Do(sql), StatusIs(StatusCode::kInvalidArgument,
                                  HasSubstr("\"grid\" is registered, for FROM alone")))
        << sql;
  }
  for (const char* sql : {"SELECT gird(v) FROM grid", "SELECT gird FROM grid", "SELECT 1::gird",
                          "SET VARIABLE x = error('Table gird does not exist')", "USE gird"}) {
    const Status other = Do(sql);
    EXPECT_THAT(std::string(other.message()),
                ::testing::AllOf(HasSubstr("gird"), Not(HasSubstr("registered"))))
        << sql;
    EXPECT_EQ(other.unknown_name(), "") << sql;
  }
}

TEST_F(SessionTest, ForgetsItsTablesAndGoesOn) {
  std::weak_ptr<const table::TableSource> source;
  {
    engine::TableObject grid = Grid("g", 10);
    source = grid.source;
    ASSERT_OK(session_->Register("grid", std::move(grid)));
  }
  EXPECT_THAT(*Ask("SELECT max(v) FROM grid"), ElementsAre("12"));
  session_->ForgetTables();
  EXPECT_FALSE(Ask("SELECT max(v) FROM grid").ok());
  EXPECT_THAT(*Ask("SELECT 1"), ElementsAre("1"));
  EXPECT_TRUE(source.expired());
}

TEST_F(SessionTest, ACallsOwnTablesComeAfterRegisteredOnes) {
  ASSERT_OK(session_->Register("a", Grid("a", 10)));
  std::vector<std::string> asked;
  Call call{"SELECT min(a.v), min(b.v) FROM a, b", {}, {}, {}, {}};
  call.find_table = [&](const std::string& name) -> Result<std::optional<engine::TableObject>> {
    asked.push_back(name);
    return std::optional(Grid(name, 100));
  };
  ASSERT_OK_AND_ASSIGN(const auto rows, session_->Start(call));
  EXPECT_THAT(Text(*rows), ElementsAre("10|100"));
  EXPECT_THAT(asked, ::testing::Each("b"));
  EXPECT_THAT(Ask("SELECT * FROM b"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("b")));
}

TEST_F(SessionTest, AFindersErrorArrivesWithItsCause) {
  Call call{"SELECT * FROM b", {}, {}, {}, {}};
  call.find_table = [](const std::string&) -> Result<std::optional<engine::TableObject>> {
    return InvalidArgument("b is an int").WithCause(77);
  };
  const auto failed = session_->Start(call);
  EXPECT_THAT(failed, StatusIs(StatusCode::kInvalidArgument, "b is an int"));
  EXPECT_EQ(failed.status().cause(), 77u);
}

class TwoGrids final : public table::Catalog {
 public:
  Result<std::vector<std::string>> ListSchemas() const override {
    return std::vector<std::string>{"main"};
  }
  Result<std::vector<std::string>> ListTables(const std::string&) const override {
    return std::vector<std::string>{"one", "two"};
  }
  Result<std::shared_ptr<const table::TableSource>> Open(const std::string&,
                                                         const std::string& name) const override {
    return name == "one" ? one : two;
  }
  std::shared_ptr<const table::TableSource> one, two;
};

TEST_F(SessionTest, ARegisteredCatalogIsItsTables) {
  const auto catalog = std::make_shared<TwoGrids>();
  catalog->one = Grid("one", 1).source;
  catalog->two = Grid("two", 2).source;
  EXPECT_THAT(session_->RegisterCatalog("Memory", catalog),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("engine's own")));
  ASSERT_OK(session_->RegisterCatalog("pair", catalog));
  EXPECT_THAT(*Ask("SELECT min(a.v), min(b.v) FROM pair.one a, pair.two b"), ElementsAre("1|2"));
  EXPECT_THAT(Ask("SELECT * FROM pair"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("name one of pair.one, pair.two")));
  EXPECT_THAT(session_->Register("pair", Grid("g", 1)),
              StatusIs(StatusCode::kAlreadyExists, ::testing::_));
  const auto other = std::make_shared<TwoGrids>();
  other->one = Grid("one", 10).source;
  other->two = Grid("two", 20).source;
  ASSERT_OK(session_->RegisterCatalog("pair", other));
  EXPECT_THAT(*Ask("SELECT min(a.v), min(b.v) FROM pair.one a, pair.two b"), ElementsAre("10|20"));
  ASSERT_OK_AND_ASSIGN(const auto tables, session_->Tables());
  EXPECT_EQ(tables.size(), 2u);
  ASSERT_OK(session_->Unregister("pair"));
  EXPECT_FALSE(Ask("SELECT * FROM pair.one").ok());
  ASSERT_OK(session_->Register("pair", Grid("g", 1)));
}

class NoGrids final : public table::Catalog {
 public:
  Result<std::vector<std::string>> ListSchemas() const override { return Io("no grids"); }
  Result<std::vector<std::string>> ListTables(const std::string&) const override {
    return Io("no grids");
  }
  Result<std::shared_ptr<const table::TableSource>> Open(const std::string&,
                                                         const std::string&) const override {
    return Io("no grids");
  }
};

TEST_F(SessionTest, ACatalogThatCannotBeAttachedTakesNobodysPlace) {
  const auto catalog = std::make_shared<TwoGrids>();
  catalog->one = Grid("one", 1).source;
  catalog->two = Grid("two", 2).source;
  ASSERT_OK(session_->RegisterCatalog("pair", catalog));
  ASSERT_OK(session_->Register("grid", Grid("g", 3)));
  ASSERT_OK(Do("ATTACH ':memory:' AS own; CREATE TABLE own.t AS SELECT 4 AS v"));
  for (const char* name : {"pair", "Pair", "grid"}) {
    EXPECT_THAT(session_->RegisterCatalog(name, std::make_shared<NoGrids>()),
                StatusIs(StatusCode::kIo, HasSubstr("no grids")));
  }
  EXPECT_THAT(session_->RegisterCatalog("own", catalog),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("own")));
  EXPECT_THAT(*Ask("SELECT min(a.v), min(b.v), min(grid.v), min(t.v) FROM pair.one a, pair.two b, "
                   "grid, own.t t"),
              ElementsAre("1|2|3|4"));
  EXPECT_THAT(session_->Register("pair", Grid("g", 1)),
              StatusIs(StatusCode::kAlreadyExists, ::testing::_));
  ASSERT_OK(session_->Unregister("pair"));
  EXPECT_FALSE(Ask("SELECT * FROM pair.one").ok());
}

TEST_F(SessionTest, ANameIsOneTableOrOneCatalogWhicheverThreadsRegisterIt) {
  const auto catalog = std::make_shared<TwoGrids>();
  catalog->one = Grid("one", 1).source;
  catalog->two = Grid("two", 2).source;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        // Each may be refused: another thread was faster.
        (void)session_->Register("name", Grid("g", i));
        (void)session_->RegisterCatalog("name", catalog);
        if ((i + round) % 2 == 0) (void)session_->Unregister("name");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  (void)session_->Unregister("name");
  EXPECT_FALSE(Ask("FROM name.one").ok());
  ASSERT_OK(session_->Register("name", Grid("g", 3)));
  EXPECT_THAT(*Ask("SELECT min(v) FROM name"), ElementsAre("3"));
  ASSERT_OK(session_->RegisterCatalog("name", catalog));
  EXPECT_THAT(*Ask("SELECT min(v) FROM name.two"), ElementsAre("2"));
}

TEST_F(SessionTest, ThePollEndsAStatementAndAQuery) {
  for (const std::string sql :
       {"CREATE TABLE t AS SELECT sum(a.range) FROM range(1000000) a, range(100000) b",
        "SELECT sum(a.range) FROM range(1000000) a, range(100000) b"}) {
    std::atomic<int> polled = 0;
    Call call{
        sql,
        {},
        {},
        [&]() -> Status { return ++polled < 3 ? Status() : Cancelled("enough").WithCause(5); },
        {}};
    const bool is_query = sql.starts_with("SELECT");
    const Status status = is_query ? session_->Start(call).status() : session_->Run(call).status();
    EXPECT_THAT(status, StatusIs(StatusCode::kCancelled, "enough"));
    EXPECT_EQ(status.cause(), 5u);
  }
  EXPECT_THAT(*Ask("SELECT 1"), ElementsAre("1"));
}

TEST_F(SessionTest, ProgressIsToldOfWhatTakesLongAndThenItsEnd) {
  const std::string endless = "SELECT sum(a.range) FROM range(10000000) a, range(100000) b";
  for (const std::string& sql : {endless, "CREATE TABLE t AS " + endless}) {
    std::vector<bool> told;
    Call call{sql, {}, {}, {}, [&](const engine::QueryStats&, bool finished) {
                told.push_back(finished);
              }};
    call.poll = [&] { return told.size() < 3 ? Status() : Cancelled("enough"); };
    const Status status =
        sql == endless ? session_->Start(call).status() : session_->Run(call).status();
    EXPECT_THAT(status, StatusIs(StatusCode::kCancelled, "enough"));
    EXPECT_THAT(told, ElementsAre(false, false, false, true));
  }
  std::vector<bool> told;
  Call quick{"SELECT 1", {}, {}, {}, [&](const engine::QueryStats&, bool finished) {
               told.push_back(finished);
             }};
  ASSERT_OK_AND_ASSIGN(const auto rows, session_->Start(quick));
  ASSERT_OK(rows->Drain());
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(SessionTest, InterruptEndsWhatRunsAndNothingElse) {
  std::atomic<bool> done = false;
  std::thread interrupter([&] {
    while (!done) {
      session_->Interrupt();
      std::this_thread::yield();
    }
  });
  EXPECT_THAT(Ask("SELECT sum(a.range) FROM range(1000000) a, range(100000) b"),
              StatusIs(StatusCode::kCancelled, ::testing::_));
  done = true;
  interrupter.join();
  EXPECT_THAT(*Ask("SELECT 1"), ElementsAre("1"));
}

TEST_F(SessionTest, ResultsOutliveTheSession) {
  ASSERT_OK(session_->Register("grid", Grid("g", 10)));
  ASSERT_OK_AND_ASSIGN(const auto rows,
                       session_->Start(Call{"SELECT v FROM grid, range(100000)", {}, {}, {}, {}}));
  session_.reset();
  EXPECT_EQ(*rows->Drain(), 300'000u);
}

// True if `body` is true in a process that is forked off, within its time.
bool HoldsInAFork(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool IsRefused(const Status& status) { return status.code() == StatusCode::kInvalidState; }

TEST_F(SessionTest, AForkedProcessIsRefusedAndHasSessionsOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(auto rows, session_->Start(Call{"FROM range(1000000)", {}, {}, {}, {}}));
  std::vector<engine::TextRow> text;
  ASSERT_OK(rows->NextText(&text));
  EXPECT_TRUE(HoldsInAFork([&] {
    const bool refused = IsRefused(Do("SELECT 1")) && IsRefused(rows->Drain().status());
    rows.reset();
    session_.reset();
    const auto own = Session::Open({.threads = 2});
    return refused && own.ok() &&
           (*own)->Run({"CREATE TABLE t AS FROM range(9)", {}, {}, {}, {}}).ok();
  }));
  EXPECT_OK(rows->Drain());
}

TEST_F(SessionTest, EveryResultIsRefusedAndDroppedInAForkedProcessAlsoWithoutItsSession) {
  std::vector<std::unique_ptr<engine::QueryResult>> results;
  ASSERT_OK_AND_ASSIGN(results.emplace_back(),
                       session_->Start(Call{"FROM range(1000000)", {}, {}, {}, {}}));
  ASSERT_OK_AND_ASSIGN(
      Outcome outcome,
      session_->Run(
          {"CREATE TABLE t (x INT); BEGIN; INSERT INTO t VALUES (1) RETURNING x", {}, {}, {}, {}}));
  results.push_back(std::move(outcome.rows));
  ASSERT_OK_AND_ASSIGN(results.emplace_back(), session_->Start(Call{"FROM t", {}, {}, {}, {}}));
  for (const bool closed : {false, true}) {
    if (closed) session_.reset();
    for (auto& result : results) {
      ASSERT_NE(result, nullptr);
      EXPECT_TRUE(HoldsInAFork([&] {
        std::vector<engine::TextRow> text;
        const bool refused =
            IsRefused(result->NextText(&text).status()) && IsRefused(result->Drain().status()) &&
            IsRefused(result->Schema().status()) && IsRefused(result->NextBatch(1).status());
        session_.reset();
        results.clear();
        return refused;
      })) << (closed ? "closed" : "open");
    }
  }
  EXPECT_EQ(*results[0]->Drain(), 1'000'000u);
  EXPECT_THAT(Text(*results[1]), ElementsAre("1"));
  EXPECT_THAT(Text(*results[2]), ElementsAre("1"));
}

TEST_F(SessionTest, IsUsedFromManyThreads) {
  ASSERT_OK(session_->Register("grid", Grid("g", 10)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string name = "t" + std::to_string(i);
      for (int round = 0; round < 5; ++round) {
        EXPECT_OK(Do("CREATE OR REPLACE TEMP TABLE " + name + " AS SELECT v + " +
                     std::to_string(round) + " AS v FROM grid"));
        const auto rows = Ask("SELECT min(v) FROM " + name);
        EXPECT_OK(rows);
        if (rows.ok()) {
          EXPECT_THAT(*rows, ElementsAre(std::to_string(10 + round)));
        }
        EXPECT_OK(session_->Register("r" + name, Grid(name, i)));
        EXPECT_OK(Ask("SELECT * FROM r" + name));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace colonnade::session
