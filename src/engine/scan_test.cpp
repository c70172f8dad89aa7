// Predicates, metadata answers and order of scans, over a fake dataset.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>

#include "support/fake_engine.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// v(t: 12, y: 5, x: 7) in chunks of 3 x 2 x 4; y has a duplicate and a NaN, name is text over x.
std::shared_ptr<FakeDataset> MakeGrid() {
  auto dataset = std::make_shared<FakeDataset>("grid");
  std::vector<double> v(12 * 5 * 7);
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = i % 11 == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(i % 50);
  }
  dataset->Add<double>("v", {"t", "y", "x"}, {12, 5, 7}, {3, 2, 4}, v);
  std::vector<int64_t> t(12);
  std::iota(t.begin(), t.end(), 100);
  dataset->Add<int64_t>("t", {"t"}, {12}, {}, t);
  array::Variable& y = dataset->Add<double>(
      "y", {"y"}, {5}, {}, {30, 10, 10, std::numeric_limits<double>::quiet_NaN(), -20});
  y.plan = array::cf::MakeDecodePlan(y.type, y.attributes, {.nan = array::cf::NanPolicy::kKeep});
  dataset->Add<std::string>("name", {"x"}, {7}, {}, {"a", "b", "c", "a", "", "e", "f"},
                            {{"units", "1"}});
  dataset->mutable_attributes() = {{"coordinates", "name"}};
  return dataset;
}

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dataset_ = MakeGrid();
    fakes_.Add("grid", dataset_);
    ASSERT_OK_AND_ASSIGN(engine_, fakes_.Open({.threads = 2}));
    ASSERT_OK_AND_ASSIGN(connection_, engine_->Connect());
  }

  std::vector<std::string> Query(const std::string& sql) {
    auto rows = Rows(*connection_, sql);
    EXPECT_OK(rows) << sql;
    return rows.ok() ? *rows : std::vector<std::string>();
  }

  // The same rows with every rewrite and predicate on coordinates switched off.
  std::vector<std::string> Plain(const std::string& sql) {
    Query("SET colonnade_pushdown = false");
    auto rows = Query(sql);
    Query("SET colonnade_pushdown = true");
    return rows;
  }

  std::shared_ptr<FakeDataset> dataset_;
  FakeEngine fakes_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ScanTest, ReadsOnlyTheChunksThatAPredicateOnCoordinatesNeeds) {
  EXPECT_THAT(Query("SELECT count(v) FROM fake('grid') WHERE t = 104 AND x = 5"), ElementsAre("5"));
  EXPECT_EQ(connection_->stats().chunks_total, 4u * 3 * 2);
  EXPECT_EQ(dataset_->total_chunk_reads(), 3 + 1);  // three of v, and the coordinate t
}

TEST_F(ScanTest, EvaluatesAnyFunctionOfOneCoordinateBeforeReading) {
  Query("SELECT sum(v) FROM fake('grid') WHERE t % 12 IN (4, 5)");
  EXPECT_EQ(dataset_->chunk_reads().size(), 6u + 1);
  dataset_->ForgetReads();
  Query("SELECT sum(v) FROM fake('grid') WHERE upper(name) LIKE 'F%' AND t NOT IN (100, 101, 102)");
  EXPECT_EQ(dataset_->chunk_reads().size(), 9u + 2);  // nine of v, and the coordinates name and t
}

TEST_F(ScanTest, AContradictionReadsNoData) {
  EXPECT_THAT(Query("SELECT * FROM fake('grid') WHERE t > 108 AND t < 103"), IsEmpty());
  for (const auto& [chunk, times] : dataset_->chunk_reads()) EXPECT_NE(chunk.first, 0u);
}

TEST_F(ScanTest, AnOrAcrossAxesReadsOnlyTheTilesThatCanMatch) {
  EXPECT_THAT(
      Query("SELECT count(v) FROM fake('grid') WHERE (t = 100 AND x = 1) OR (t = 111 AND x = 6)"),
      ElementsAre("9"));
  int of_v = 0;
  for (const auto& [chunk, times] : dataset_->chunk_reads()) of_v += chunk.first == 0 ? 1 : 0;
  EXPECT_EQ(of_v, 6);  // two columns of three chunks, not the four of the product
}

TEST_F(ScanTest, NanIsGreaterThanEveryNumberAndEqualToItselfAsInSql) {
  EXPECT_THAT(Query("SELECT count(*) FROM fake('grid') WHERE y > 20"), ElementsAre("168"));
  EXPECT_THAT(Query("SELECT count(*) FROM fake('grid') WHERE y = 'NaN'::DOUBLE"),
              ElementsAre("84"));
  EXPECT_THAT(Query("SELECT count(*) FROM fake('grid') WHERE y = 10"), ElementsAre("168"));
}

TEST_F(ScanTest, CountsComeFromCoordinatesAlone) {
  EXPECT_THAT(Query("SELECT count(*) FROM fake('grid')"), ElementsAre("420"));
  EXPECT_THAT(Query("SELECT t, count(*) FROM fake('grid') WHERE t < 102 GROUP BY t ORDER BY t"),
              ElementsAre("100|35", "101|35"));
  EXPECT_THAT(dataset_->chunk_reads(),
              Not(::testing::Contains(::testing::Key(::testing::Pair(0u, ::testing::_)))));
  ASSERT_OK_AND_ASSIGN(
      const std::string plan,
      connection_->Explain("SELECT max(y), count(DISTINCT name) FROM fake('grid')"));
  EXPECT_THAT(plan, HasSubstr("from coordinates"));
}

TEST_F(ScanTest, FactsOfSeveralHugeAxesDoNotVisitTheirProduct) {
  auto huge = std::make_shared<FakeDataset>("huge");
  huge->AddShape("v", {"t", "y", "x"}, {1'000'000, 100'000, 100'000}, {1, 1000, 1000});
  fakes_.Add("huge", huge);
  ASSERT_OK_AND_ASSIGN(engine_, fakes_.Open({.threads = 2}));
  ASSERT_OK_AND_ASSIGN(connection_, engine_->Connect());
  EXPECT_THAT(Query("SELECT min(t), max(t), max(y), count(DISTINCT x), count(*), count(y) FROM "
                    "fake('huge') WHERE x > 7"),
              ElementsAre("0|999999|99999|99992|9999200000000000|9999200000000000"));
  EXPECT_EQ(huge->total_chunk_reads(), 0);
}

TEST_F(ScanTest, AggregatesOverLimitedRowsAreNotAnsweredFromCoordinates) {
  EXPECT_THAT(Query("SELECT count(*) FROM (SELECT t FROM fake('grid') LIMIT 11)"),
              ElementsAre("11"));
  EXPECT_THAT(Query("SELECT count(*) FROM (SELECT y FROM fake('grid') LIMIT 100 OFFSET 400)"),
              ElementsAre("20"));
}

TEST_F(ScanTest, TheRewriteOfCountsNeverChangesAnAnswer) {
  for (const std::string sql : {
           "SELECT count(*), count(y), count(name), min(y), max(t), count(DISTINCT y) FROM "
           "fake('grid')",
           "SELECT y, x, count(*) FROM fake('grid') GROUP BY ALL ORDER BY ALL",
           "SELECT t % 3 AS k, count(*) FILTER (WHERE y > 0), max(name) FROM fake('grid') GROUP BY "
           "k ORDER BY k",
           "SELECT DISTINCT y FROM fake('grid') ORDER BY y",
           "SELECT DISTINCT name, t > 105 FROM fake('grid') WHERE y = 10 ORDER BY ALL",
           "SELECT y, t, count(*) FROM fake('grid') WHERE t < 103 GROUP BY ROLLUP (y, t) ORDER BY "
           "ALL",
           "SELECT count(*) FROM fake('grid') WHERE t + x < 105",
           "SELECT name, count(*) FROM fake('grid') WHERE t + x < 105 GROUP BY name ORDER BY name",
           "SELECT count(*) FROM fake('grid') WHERE false",
           "SELECT y, count(*) FROM fake('grid') WHERE t < 0 GROUP BY y",
           "SELECT count(*), min(t), max(name) FROM fake('grid') WHERE t < 0",
           "SELECT count(DISTINCT t), count(t_idx), min(x_idx) FROM fake('grid') WHERE x_idx > 2",
           "SELECT sum(t), avg(t) FROM fake('grid') WHERE y > 0",
           "SELECT min(t), max(t), min(y), count(y), count(t), count(x_idx), max(name), "
           "count(DISTINCT name), count(*) "
           "FROM fake('grid') WHERE t > 102 AND x_idx <> 3",
           "SELECT y, min(t), max(name), count(name), count(*) FROM fake('grid') GROUP BY y ORDER "
           "BY y",
           "SELECT count(*) FILTER (WHERE t > 103), count(name) FILTER (WHERE t > 103), max(t) "
           "FILTER (WHERE t < 0) "
           "FROM fake('grid')",
           "SELECT max(t + x_idx), min(y), count(*) FROM fake('grid')",
           "SELECT count(*) + 1 AS n FROM fake('grid') HAVING count(*) > 3",
           "SELECT a.y, a.n, b.n FROM (SELECT y, count(*) n FROM fake('grid') GROUP BY y) a JOIN "
           "(SELECT y, count(DISTINCT t) n FROM fake('grid') WHERE t > 105 GROUP BY y) b USING (y) "
           "ORDER BY ALL",
           "SELECT count(*) FROM fake('grid') a JOIN fake('grid') b USING (t, y, x)",
           "SELECT list(t ORDER BY t) FROM (SELECT DISTINCT t FROM fake('grid'))",
           "SELECT string_agg(name, ',' ORDER BY name) FROM fake('grid') WHERE t = 100 AND y = 30",
       }) {
    SCOPED_TRACE(sql);
    EXPECT_EQ(Query(sql), Plain(sql));
  }
}

TEST_F(ScanTest, ValuePredicatesInsideTheScanGiveTheRowsOfAPlainFilter) {
  for (const std::string where :
       {"v > 25", "v IS NULL", "v IS NOT NULL AND v < 3", "v IN (1, 2, 49)", "v % 7 = 3",
        "NOT (v BETWEEN 10 AND 40)", "v > t - 90", "v = 5 OR y = 30", "v > 48 OR v IS NULL",
        "(t = 101 AND v > 3) OR (x = 2 AND v < 9)"}) {
    SCOPED_TRACE(where);
    const std::string sql = "SELECT t, y, x, name, v FROM fake('grid') WHERE " + where;
    EXPECT_EQ(Query(sql), Plain(sql));
  }
}

TEST_F(ScanTest, RandomQueriesAnswerTheSameWithAndWithoutPushdown) {
  SeededRandom random;
  const std::vector<std::string> parts = {"t = 104",         "t BETWEEN 102 AND 107",
                                          "t % 4 = 1",       "t NOT IN (101, 103)",
                                          "y > 5",           "y = 10",
                                          "y IS NULL",       "isnan(y)",
                                          "x <= 3",          "x_idx <> 2",
                                          "name = 'a'",      "name >= 'c'",
                                          "v > 20",          "v IS NULL",
                                          "t + x > 106",     "y < t",
                                          "length(name) = 0"};
  for (int round = 0; round < 150; ++round) {
    std::string where =
        parts[static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(parts.size()) - 1))];
    for (int64_t more = random.Uniform(0, 3); more > 0; --more) {
      const std::string& part =
          parts[static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(parts.size()) - 1))];
      const std::string next = random.Chance(0.3) ? "NOT (" + part + ")" : part;
      where = "(" + where + (random.Chance(0.5) ? " AND " : " OR ") + next + ")";
    }
    const std::vector<std::string> selects = {"*", "t, y",
                                              "count(*), count(v), sum(v), min(y), max(name)",
                                              "DISTINCT name", "y, count(*) AS n"};
    const size_t pick = static_cast<size_t>(random.Uniform(0, 4));
    std::string sql = "SELECT " + selects[pick] + " FROM fake('grid') WHERE " + where;
    if (pick == 3) sql += " ORDER BY name";
    if (pick == 4) sql += " GROUP BY y ORDER BY y";
    SCOPED_TRACE(sql);
    ASSERT_EQ(Query(sql), Plain(sql));
  }
}

TEST_F(ScanTest, OrderIsTheSameOnAnyNumberOfThreads) {
  const auto sql = "SELECT t, y, x, v FROM fake('grid') WHERE v IS NULL OR v > 3";
  Query("SET threads = 1");
  const auto one = Query(sql);
  for (const char* threads : {"2", "8"}) {
    Query(std::string("SET threads = ") + threads);
    EXPECT_EQ(Query(sql), one);
    EXPECT_EQ(Query(std::string(sql) + " LIMIT 20 OFFSET 13"),
              std::vector<std::string>(one.begin() + 13, one.begin() + 33));
  }
}

TEST_F(ScanTest, JoinsNarrowTheScanByWhatTheOtherSideHas) {
  Query("SELECT sum(v) FROM fake('grid') JOIN (VALUES (104), (105)) AS k(t) USING (t)");
  int of_v = 0;
  for (const auto& [chunk, times] : dataset_->chunk_reads()) of_v += chunk.first == 0 ? 1 : 0;
  EXPECT_EQ(of_v, 6);
}

TEST_F(ScanTest, PreparedStatementsAnswerForEachParameter) {
  EXPECT_THAT(Query("PREPARE q AS SELECT count(*) FROM fake('grid') WHERE t < $1; EXECUTE q(103)"),
              ElementsAre("105"));
  EXPECT_THAT(Query("EXECUTE q(101)"), ElementsAre("35"));
  EXPECT_THAT(Query("EXECUTE q(0)"), ElementsAre("0"));
}

TEST_F(ScanTest, APredicateThatCanFailIsLeftToTheRowsThatReachIt) {
  // 'a' is no number; but no row with name 'a' gets there.
  EXPECT_THAT(Query("SELECT count(v) FROM fake('grid') WHERE name = '' AND "
                    "CASE WHEN name = '' THEN true ELSE name::INTEGER > 1 END"),
              ElementsAre("54"));
  EXPECT_THAT(Rows(*connection_, "SELECT count(v) FROM fake('grid') WHERE name::INTEGER > 1"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("Could not convert string")));
}

}  // namespace
}  // namespace colonnade::engine
