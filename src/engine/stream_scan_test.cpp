// Stream tables in SQL: what makers are asked, that their answers are checked, and that the rows
// are the query's whatever they do.

#include "engine/stream_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>

#include "support/fake_engine.h"
#include "support/fake_stream_table.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::engine {
namespace {

using arrow::ColumnType;
using table::FilterOperator;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Columns id, x (DOUBLE with NaN and NULL), s, b, t, each with NULLs but id.
std::vector<FakeColumn> RandomColumns(SeededRandom& random, int64_t rows) {
  std::vector<FakeColumn> columns = {{{"id", ColumnType::kInt32, {}}, {}},
                                     {{"x", ColumnType::kFloat64, {}}, {}},
                                     {{"s", ColumnType::kUtf8, {}}, {}},
                                     {{"b", ColumnType::kBool, {}}, {}},
                                     {{"t", ColumnType::kTimestampMicros, {}}, {}}};
  for (int64_t row = 0; row < rows; ++row) {
    const auto maybe = [&](Cell cell) {
      return random.Chance(0.2) ? std::nullopt : std::optional<Cell>(std::move(cell));
    };
    columns[0].cells.emplace_back(row);
    const double number = random.Chance(0.2) ? std::numeric_limits<double>::quiet_NaN()
                                             : static_cast<double>(random.Uniform(-3, 3)) / 2;
    columns[1].cells.push_back(maybe(number));
    std::string text(static_cast<size_t>(random.Uniform(0, 3)), 'a');
    if (random.Chance(0.3)) text += " long enough to lie outside of the vector";
    columns[2].cells.push_back(maybe(std::move(text)));
    columns[3].cells.push_back(maybe(random.Uniform(0, 1)));
    columns[4].cells.push_back(maybe(random.Uniform(-5, 5) * 86'400'000'000));
  }
  return columns;
}

std::vector<FakeColumn> Numbers(int64_t rows) {
  std::vector<FakeColumn> columns = {{{"n", ColumnType::kInt64, {}}, {}},
                                     {{"m", ColumnType::kInt64, {}}, {}}};
  for (int64_t row = 0; row < rows; ++row) {
    columns[0].cells.emplace_back(row);
    columns[1].cells.emplace_back(row * 10);
  }
  return columns;
}

// Counts the array in `live` until it is released.
void CountWhileLive(ArrowArray* array, std::atomic<int>* live) {
  using Counted = std::pair<ArrowArray, std::atomic<int>*>;
  ++*live;
  array->private_data = new Counted(*array, live);
  array->release = [](ArrowArray* self) {
    const std::unique_ptr<Counted> counted(static_cast<Counted*>(self->private_data));
    counted->first.release(&counted->first);
    self->release = nullptr;
    --*counted->second;
    counted->second->notify_all();
  };
}

class StreamScanTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(2); }

  void Open(int threads) {
    connection_.reset();
    EngineOptions options;
    options.threads = threads;
    ASSERT_OK_AND_ASSIGN(engine_, Engine::Open(options, {}));
    ASSERT_OK_AND_ASSIGN(connection_, engine_->Connect());
    connection_->SetTableFinder(
        [this](const std::string& name) -> Result<std::optional<TableObject>> {
          if (name != "t") return std::optional<TableObject>();
          return std::optional<TableObject>(TableObject{nullptr, table_});
        });
  }

  FakeStreamTable& Make(std::vector<FakeColumn> columns,
                        FakeStreamTable::Behaviour behaviour = {}) {
    table_ = std::make_shared<FakeStreamTable>("t", std::move(columns), std::move(behaviour));
    return *table_;
  }

  std::vector<std::string> MustRun(const std::string& sql) {
    auto rows = Rows(*connection_, sql);
    EXPECT_OK(rows) << sql;
    return rows.ok() ? *std::move(rows) : std::vector<std::string>();
  }

  std::shared_ptr<FakeStreamTable> table_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(StreamScanTest, RowsComeInTheOrderOfPartitionsAndBatches) {
  for (const int64_t partitions : {1, 3, 7, 40}) {
    SCOPED_TRACE(partitions);
    Make(Numbers(20'000), {.partitions = partitions, .batch_rows = 300});
    const auto rows = MustRun("SELECT n, m FROM t");
    ASSERT_THAT(rows, SizeIs(20'000));
    for (size_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(rows[i], std::to_string(i) + "|" + std::to_string(i * 10));
    EXPECT_THAT(table_->calls(), SizeIs(partitions));
    EXPECT_EQ(table_->live_streams(), 0);
  }
}

TEST_F(StreamScanTest, ABatchOfManyRowsIsSharedByThreadsAndKeepsItsOrder) {
  Open(4);
  Make(Numbers(1'000'000), {.batch_rows = 1'000'000});
  EXPECT_THAT(MustRun("CREATE TABLE copied AS SELECT n FROM t"), ElementsAre("1000000"));
  EXPECT_THAT(MustRun("SELECT count(*) FROM copied WHERE n <> rowid"), ElementsAre("0"));
  EXPECT_THAT(MustRun("SELECT sum(m) FROM t"), ElementsAre("4999995000000"));
}

TEST_F(StreamScanTest, OnlyTheColumnsOfTheQueryAreAskedFor) {
  auto& table = Make(Numbers(10));
  MustRun("SELECT m FROM t");
  MustRun("SELECT m, n, m + 1 FROM t");
  MustRun("SELECT count(*) FROM t");
  MustRun("SELECT m FROM t WHERE n > 3");
  const auto calls = table.calls();
  ASSERT_THAT(calls, SizeIs(4));
  EXPECT_THAT(calls[0].columns, ElementsAre(1));
  EXPECT_THAT(calls[1].columns, ElementsAre(0, 1));
  EXPECT_THAT(calls[2].columns, IsEmpty());
  EXPECT_THAT(calls[3].columns, ElementsAre(0, 1));
}

TEST_F(StreamScanTest, CountingNeedsNoColumn) {
  Make(Numbers(12'345), {.partitions = 3, .batch_rows = 100});
  EXPECT_THAT(MustRun("SELECT count(*) FROM t"), ElementsAre("12345"));
}

TEST_F(StreamScanTest, AMakerMayDeliverAllColumns) {
  Make(Numbers(3), {.project = false});
  EXPECT_THAT(MustRun("SELECT m FROM t"), ElementsAre("0", "10", "20"));
  EXPECT_THAT(MustRun("SELECT count(*) FROM t WHERE m > 5"), ElementsAre("2"));
  EXPECT_THAT(MustRun("SELECT count(*) FROM t"), ElementsAre("3"));
}

TEST_F(StreamScanTest, NothingIsOpenedBeforeTheQueryRuns) {
  auto& table = Make(Numbers(3));
  ASSERT_OK(connection_->Explain("SELECT n FROM t WHERE n > 1 LIMIT 1"));
  ASSERT_OK(connection_->Describe("SELECT n FROM t", {}));
  EXPECT_THAT(table.calls(), IsEmpty());
}

TEST_F(StreamScanTest, EveryScanOpensEveryPartitionOnce) {
  auto& table = Make(Numbers(1'000), {.partitions = 5});
  EXPECT_THAT(MustRun("SELECT count(*) FROM t AS l JOIN t AS r ON l.n = r.m"), ElementsAre("100"));
  std::vector<int64_t> partitions;
  for (const auto& call : table.calls()) partitions.push_back(call.partition);
  std::sort(partitions.begin(), partitions.end());
  EXPECT_THAT(partitions, ElementsAre(0, 0, 1, 1, 2, 2, 3, 3, 4, 4));
}

//===--------------------------------------------------------------------===//
// Filters
//===--------------------------------------------------------------------===//

struct TermCase {
  const char* filter;
  std::vector<std::string> terms;
};

std::string Spell(const table::Scalar& scalar) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
          return "'" + value + "'";
        } else {
          return internal::Concat(value);
        }
      },
      scalar.value);
}

std::string Spell(const table::FilterTerm& term) {
  std::string text = std::to_string(term.column) + " " + std::string(ToString(term.op));
  for (const auto& value : term.values) text += " " + Spell(value);
  return text;
}

TEST_F(StreamScanTest, FiltersBecomeTerms) {
  SeededRandom random;
  const TermCase cases[] = {
      {"id = 3", {"0 = 3"}},
      {"3 > id", {"0 < 3"}},
      {"id <> 3", {"0 != 3"}},
      {"id BETWEEN 2 AND 5", {"0 >= 2", "0 <= 5"}},
      {"id IN (1, 7, 100)", {"0 in 1 7 100"}},
      {"id IN (1, 7, NULL)", {"0 in 1 7"}},
      {"id = 1 OR id = 100 OR id IN (7, 50)", {"0 in 1 100 7 50"}},
      {"x IS NULL", {"1 is null"}},
      {"x IS NOT NULL AND id >= 4", {"1 is not null", "0 >= 4"}},
      {"x < 1.5", {"1 < 1.5"}},
      {"s = 'aa'", {"2 = 'aa'"}},
      {"b", {"3 = 1"}},
      {"NOT b", {"3 = 0"}},
      {"t >= TIMESTAMP '1970-01-02'", {"4 >= 86400000000000"}},
      {"t < DATE '1970-01-02'", {"4 < 86400000000000"}},
      {"x = 'nan'::DOUBLE", {}},
      {"id % 2 = 1", {}},
      {"id = 1 OR x = 2", {}},
      {"x IS DISTINCT FROM 1", {}},
      {"id < x", {}},
  };
  for (const TermCase& test : cases) {
    SCOPED_TRACE(test.filter);
    auto& table = Make(RandomColumns(random, 10));
    MustRun("SELECT id FROM t WHERE " + std::string(test.filter));
    const auto calls = table.calls();
    ASSERT_THAT(calls, SizeIs(1));
    std::vector<std::string> terms;
    for (const auto& term : calls[0].filters) terms.push_back(Spell(term));
    std::sort(terms.begin(), terms.end());
    std::vector<std::string> expected = test.terms;
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(terms, expected);
    EXPECT_FALSE(calls[0].filter_sql.empty());
  }
}

TEST_F(StreamScanTest, FiltersThatCanFailOrAreVolatileStayInThePlan) {
  SeededRandom random;
  auto& table = Make(RandomColumns(random, 100));
  EXPECT_THAT(Rows(*connection_, "SELECT id FROM t WHERE s::INTEGER = 1"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("convert")));
  // A row that another filter rejects must not make it fail.
  EXPECT_THAT(MustRun("SELECT id FROM t WHERE id = -1 AND s::INTEGER = 1"), IsEmpty());
  MustRun("SELECT id FROM t WHERE random() < 2");
  const auto calls = table.calls();
  ASSERT_THAT(calls, SizeIs(3));
  EXPECT_THAT(calls[0].filter_sql, HasSubstr("CAST(s AS INTEGER)"));
  EXPECT_EQ(calls[2].filter_sql, "");
}

TEST_F(StreamScanTest, NamesInFilterSqlAreQuotedWhereNeeded) {
  auto columns = Numbers(3);
  columns[1].field.name = "sel ect\"";
  auto& table = Make(std::move(columns));
  EXPECT_THAT(MustRun("SELECT n FROM (SELECT n, \"sel ect\"\"\" AS q FROM t) WHERE q > n + 9"),
              ElementsAre("2"));
  EXPECT_THAT(MustRun("SELECT n FROM (SELECT n, \"sel ect\"\"\" AS q FROM t) WHERE q > n"),
              ElementsAre("1", "2"));
  EXPECT_THAT(MustRun("SELECT n FROM t WHERE \"sel ect\"\"\" + n > 12"), ElementsAre("2"));
  const auto calls = table.calls();
  ASSERT_THAT(calls, SizeIs(3));
  EXPECT_EQ(calls[1].filter_sql, "(\"sel ect\"\"\" > n)");
  EXPECT_EQ(calls[2].filter_sql, "((\"sel ect\"\"\" + n) > 12)");
}

TEST_F(StreamScanTest, AClaimOfFiltersThatWereNotAskedForIsRefused) {
  Make(Numbers(3), {.claim = [](const auto&) { return std::vector<size_t>{1}; }});
  EXPECT_THAT(Rows(*connection_, "SELECT n FROM t WHERE n > 1"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("filter 1 of 1")));
}

std::string RandomFilter(SeededRandom& random, int depth) {
  if (depth > 0 && random.Chance(0.5)) {
    const char* words[] = {" AND ", " OR "};
    return "(" + RandomFilter(random, depth - 1) + words[random.Uniform(0, 1)] +
           RandomFilter(random, depth - 1) + ")";
  }
  if (random.Chance(0.15)) return "NOT " + RandomFilter(random, 0);
  const char* comparisons[] = {"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"};
  const std::string op = std::string(" ") + comparisons[random.Uniform(0, 6)] + " ";
  const auto number = [&](int64_t low, int64_t high) {
    return std::to_string(random.Uniform(low, high));
  };
  switch (random.Uniform(0, 12)) {
    case 0: return "(id" + op + number(-5, 2'005) + ")";
    case 1: return "(x" + op + number(-2, 2) + ".5)";
    case 2: return "(x" + op + "'nan'::DOUBLE)";
    case 3:
      return "(s" + op + "'" + std::string(static_cast<size_t>(random.Uniform(0, 3)), 'a') + "')";
    case 4: return "(t" + op + "TIMESTAMP '1970-01-0" + number(1, 5) + "')";
    case 5: return "(x BETWEEN " + number(-2, 0) + " AND " + number(-1, 2) + ")";
    case 6: return "(id IN (" + number(0, 9) + ", " + number(10, 99) + ", NULL))";
    case 7: return "(x IN (0.5, 1, " + number(-1, 1) + "))";
    case 8:
      return std::string(random.Chance(0.5) ? "(x" : "(s") +
             (random.Chance(0.5) ? " IS NULL)" : " IS NOT NULL)");
    case 9: return "b";
    case 10: return "(id % 7" + op + "3)";
    case 11: return "(s LIKE 'a%" + std::string(random.Chance(0.5) ? "r" : "") + "')";
    default: return "(x" + op + "id / 1000)";
  }
}

// Oracle: the same query over a table of DuckDB's own, whatever the maker does with the filters.
TEST_F(StreamScanTest, FilteredRowsAreThoseOfATable) {
  SeededRandom random;
  for (int round = 0; round < 12; ++round) {
    auto columns = RandomColumns(random, 2'000);
    Make(columns);
    MustRun("CREATE OR REPLACE TABLE oracle AS SELECT * FROM t");
    std::vector<std::string> failed;
    for (int query = 0; query < 25; ++query) {
      FakeStreamTable::Behaviour behaviour;
      behaviour.partitions = random.Uniform(1, 4);
      behaviour.batch_rows = random.Uniform(1, 5) * random.Uniform(1, 500);
      behaviour.project = random.Chance(0.5);
      behaviour.know_rows = random.Chance(0.5);
      behaviour.apply_terms = random.Chance(0.6);
      if (behaviour.apply_terms && random.Chance(0.7)) {
        const bool all = random.Chance(0.5);
        behaviour.claim = [all](const table::StreamRequest& request) {
          std::vector<size_t> terms;
          for (size_t i = 0; i < request.filters.size(); ++i) {
            if (all || i % 2 == 0) terms.push_back(i);
          }
          return terms;
        };
      }
      auto& table = Make(columns, std::move(behaviour));
      const std::string filter = RandomFilter(random, 2);
      SCOPED_TRACE(filter);
      const std::string select = random.Chance(0.5) ? "*" : "id, s";
      EXPECT_EQ(MustRun("SELECT " + select + " FROM t WHERE " + filter),
                MustRun("SELECT " + select + " FROM oracle WHERE " + filter));
      EXPECT_EQ(table.live_streams(), 0);
      for (const auto& call : table.calls()) {
        const std::string sql = call.filter_sql.empty() ? "true" : call.filter_sql;
        EXPECT_EQ(MustRun("SELECT id FROM oracle WHERE " + sql),
                  MustRun("SELECT id FROM oracle WHERE " + filter))
            << sql;
      }
      if (HasFailure()) return;
    }
  }
}

TEST_F(StreamScanTest, WithoutPushdownNothingIsAskedAndTheRowsAreTheSame) {
  auto& table = Make(Numbers(100));
  MustRun("SET colonnade_pushdown = false");
  EXPECT_THAT(MustRun("SELECT n FROM t WHERE n IN (5, 7) LIMIT 9"), ElementsAre("5", "7"));
  EXPECT_THAT(MustRun("SELECT n FROM t LIMIT 1"), ElementsAre("0"));
  for (const auto& call : table.calls()) {
    EXPECT_THAT(call.filters, IsEmpty());
    EXPECT_EQ(call.limit, std::nullopt);
  }
}

//===--------------------------------------------------------------------===//
// Limits
//===--------------------------------------------------------------------===//

TEST_F(StreamScanTest, ALimitIsToldWhenNothingIsAboveTheScan) {
  const std::pair<const char*, std::optional<int64_t>> cases[] = {
      {"SELECT n FROM t LIMIT 5", 5},
      {"SELECT n + 1 AS k, m FROM t LIMIT 5 OFFSET 7", 12},
      {"SELECT * FROM (SELECT * FROM t LIMIT 9) LIMIT 5", 9},
      {"SELECT n FROM t WHERE n > 3 LIMIT 5", std::nullopt},
      {"SELECT n FROM t WHERE n::VARCHAR::INTEGER > 3 LIMIT 5", std::nullopt},
      {"SELECT n FROM t ORDER BY m LIMIT 5", std::nullopt},
      {"SELECT DISTINCT n FROM t LIMIT 5", std::nullopt},
      {"SELECT count(*) FROM t GROUP BY n LIMIT 5", std::nullopt},
      {"SELECT l.n FROM t AS l JOIN range(9) AS r(k) ON l.n = r.k LIMIT 5", std::nullopt},
      {"SELECT unnest([n, m]) FROM t LIMIT 5", std::nullopt},
      {"SELECT n FROM t USING SAMPLE 50% LIMIT 5", std::nullopt},
      {"SELECT n FROM t LIMIT 50%", std::nullopt},
      {"SELECT n FROM t", std::nullopt},
  };
  for (const auto& [sql, limit] : cases) {
    SCOPED_TRACE(sql);
    auto& table = Make(Numbers(1'000));
    MustRun(sql);
    ASSERT_THAT(table.calls(), SizeIs(1));
    EXPECT_EQ(table.calls()[0].limit, limit);
  }
}

TEST_F(StreamScanTest, ReadingStopsWhenTheLimitIsReached) {
  Open(4);
  auto& table = Make(Numbers(100'000), {.partitions = 10, .batch_rows = 100});
  EXPECT_THAT(MustRun("SELECT n FROM t LIMIT 3 OFFSET 50"), ElementsAre("50", "51", "52"));
  EXPECT_THAT(table.calls(), SizeIs(1));
  EXPECT_EQ(table.batches_made(), 1);
  EXPECT_EQ(table.live_streams(), 0);
}

TEST_F(StreamScanTest, ALimitReachesOverPartitions) {
  for (const int threads : {1, 4}) {
    Open(threads);
    for (const int64_t limit : {1, 10, 11, 95, 200'000}) {
      SCOPED_TRACE(limit);
      auto& table = Make(Numbers(100), {.partitions = 10, .batch_rows = 3});
      const auto rows = MustRun("SELECT n FROM t LIMIT " + std::to_string(limit));
      ASSERT_THAT(rows, SizeIs(std::min<int64_t>(limit, 100)));
      for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], std::to_string(i));
      EXPECT_EQ(table.calls().size(), std::min<int64_t>((limit + 9) / 10, 10));
      EXPECT_EQ(table.live_streams(), 0);
    }
  }
}

TEST_F(StreamScanTest, AFilteredLimitStopsReadingToo) {
  auto& table = Make(Numbers(3'000'000), {.batch_rows = 5'000});
  EXPECT_THAT(MustRun("SELECT n FROM t WHERE n % 2 = 1 LIMIT 2"), ElementsAre("1", "3"));
  EXPECT_LT(table.batches_made(), 300);
}

//===--------------------------------------------------------------------===//
// Errors and endings
//===--------------------------------------------------------------------===//

// In a schema of nanoarrow's, whose texts are malloc's.
void Replace(const char** text, const char* other) {
  std::free(const_cast<char*>(*text));
  *text = other == nullptr ? nullptr : ::strdup(other);
}

TEST_F(StreamScanTest, AnErrorOfTheMakerKeepsItsKindAndCause) {
  Make(Numbers(100), {.open_error = Status(StatusCode::kUnavailable, "no answer").WithCause(7)});
  const auto opened = Rows(*connection_, "SELECT n FROM t");
  EXPECT_THAT(opened, StatusIs(StatusCode::kUnavailable, HasSubstr("table 't': no answer")));
  EXPECT_EQ(opened.status().cause(), 7);

  for (const int64_t bad : {0, 1, 5}) {
    auto& table =
        Make(Numbers(10'000), {.partitions = 2,
                               .batch_rows = 100,
                               .before_batch = [bad](int64_t partition, int64_t batch) {
                                 if (partition == 1 && batch == bad)
                                   return Status(StatusCode::kInvalidData, "torn").WithCause(9);
                                 return Status();
                               }});
    const auto rows = Rows(*connection_, "SELECT sum(n) FROM t");
    EXPECT_THAT(rows, StatusIs(StatusCode::kInvalidData,
                               AllOf(HasSubstr("partition 1"), HasSubstr("torn"))));
    EXPECT_EQ(rows.status().cause(), 9);
    MustRun("SELECT 1");  // the connection lives, and lets go of the failed query
    EXPECT_EQ(table.live_streams(), 0);
  }
}

TEST_F(StreamScanTest, OtherColumnsAndTypesThanTheTablesAreRefusedByName) {
  Make(Numbers(3),
       {.disturb_schema = [](ArrowSchema* s) { Replace(&s->children[0]->name, "other"); }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("columns other instead of m")));
  Make(Numbers(3),
       {.disturb_schema = [](ArrowSchema* s) { Replace(&s->children[0]->format, "i"); }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData,
                       HasSubstr("column 'm': the stream has int32, the table says int64")));
}

TEST_F(StreamScanTest, MalformedBatchesAreRefusedByName) {
  Make(Numbers(30), {.disturb_batch = [](ArrowArray* a) { a->children[0]->length = 1; }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("table 't': ")));
  Make(Numbers(30), {.disturb_batch = [](ArrowArray* a) { a->children[0]->n_buffers = 1; }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("'m'")));
  Make(Numbers(30),
       {.disturb_schema = [](ArrowSchema* s) { Replace(&s->children[0]->format, nullptr); }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("format is null")));
}

TEST_F(StreamScanTest, RowsThatAreNullAsAWholeAreRefused) {
  static const uint8_t kFirstRowMissing[] = {0xFE};
  static const void* buffers[] = {kFirstRowMissing};
  Make(Numbers(8), {.disturb_batch = [](ArrowArray* array) {
         array->buffers = buffers;
         array->null_count = 1;
       }});
  EXPECT_THAT(Rows(*connection_, "SELECT m FROM t"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("null as a whole")));
}

TEST_F(StreamScanTest, ASliceOfABatchIsRead) {
  Make(Numbers(100), {.batch_rows = 100, .disturb_batch = [](ArrowArray* array) {
                        array->offset = 60;
                        array->length = 5;
                      }});
  EXPECT_THAT(MustRun("SELECT n, m FROM t"),
              ElementsAre("60|600", "61|610", "62|620", "63|630", "64|640"));
}

TEST_F(StreamScanTest, AnInterruptedQueryEndsBetweenBatches) {
  Connection* connection = connection_.get();
  auto& table =
      Make(Numbers(2'000'000),
           {.partitions = 2, .batch_rows = 1, .before_batch = [&](int64_t, int64_t batch) {
              if (batch == 10) connection->Interrupt();
              return Status();
            }});
  EXPECT_THAT(Rows(*connection_, "SELECT sum(n) FROM t"),
              StatusIs(StatusCode::kCancelled, HasSubstr("")));
  EXPECT_LT(table.batches_made(), 200'000);
  MustRun("SELECT 1");
  EXPECT_EQ(table.live_streams(), 0);
}

TEST_F(StreamScanTest, AThreadThatWaitsForAnothersReadIsInterruptedAtOnce) {
  // One thread reads until the other one does, too; then it waits for that one with its last batch.
  std::atomic<std::thread::id> first;
  std::atomic<int> held = 0;  // batches of the first thread
  std::atomic<bool> second_reads = false;
  const auto before_batch = [&](int64_t, int64_t) {
    std::thread::id nobody;
    const auto self = std::this_thread::get_id();
    if (first.compare_exchange_strong(nobody, self) || nobody == self) return Status();
    second_reads = true;
    second_reads.notify_all();
    while (const int count = held) held.wait(count);  // for ever, unless the first one leaves
    return Status();
  };
  const auto hold = [&](ArrowArray* batch) {
    if (first.load() == std::this_thread::get_id()) CountWhileLive(batch, &held);
  };
  Make(Numbers(200'000), {.batch_rows = 1, .before_batch = before_batch, .disturb_batch = hold});
  for (int round = 0; round < 50; ++round) {  // in some the interrupt comes before the wait
    first = std::thread::id();
    second_reads = false;
    std::thread query([&] {
      EXPECT_THAT(Rows(*connection_, "SELECT sum(n) FROM t"),
                  StatusIs(StatusCode::kCancelled, HasSubstr("")));
      second_reads = true;
      second_reads.notify_all();
    });
    second_reads.wait(false);
    connection_->Interrupt();
    query.join();
    ASSERT_EQ(held, 0);
  }
}

TEST_F(StreamScanTest, ADroppedResultReleasesItsStreams) {
  auto& table = Make(Numbers(3'000'000), {.partitions = 3, .batch_rows = 5'000});
  {
    ASSERT_OK_AND_ASSIGN(auto connection, connection_->Fork());
    ASSERT_OK_AND_ASSIGN(auto result, connection->Query("SELECT n FROM t"));
    std::vector<TextRow> rows;
    ASSERT_OK(result->NextText(&rows));
    EXPECT_GT(table.live_streams(), 0);
    result.reset();
    connection.reset();
  }
  EXPECT_EQ(table.live_streams(), 0);
  EXPECT_LT(table.batches_made(), 600);
}

TEST_F(StreamScanTest, ManyConnectionsReadOneTable) {
  Make(Numbers(50'000), {.partitions = 4, .batch_rows = 700});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto connection = connection_->Fork();
      ASSERT_OK(connection);
      for (int round = 0; round < 10; ++round) {
        EXPECT_THAT(*Rows(**connection, "SELECT count(*), sum(m) FROM t WHERE n >= 10"),
                    ElementsAre("49990|12499749550"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table_->live_streams(), 0);
}

//===--------------------------------------------------------------------===//
// Names
//===--------------------------------------------------------------------===//

TEST_F(StreamScanTest, NamesThatSqlCannotTellApartGetNumbers) {
  auto columns = Numbers(2);
  columns[0].field.name = "A";
  columns[1].field.name = "a";
  Make(std::move(columns));
  EXPECT_THAT(MustRun("SELECT a_2, \"A_1\" FROM t"), ElementsAre("0|0", "10|1"));
  EXPECT_THAT(Rows(*connection_, "SELECT A FROM t"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("A_1")));
}

}  // namespace
}  // namespace colonnade::engine
