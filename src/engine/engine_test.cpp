// Errors, limits, cancellation, catalogs and outputs of the engine.

#include "engine/engine.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/fake_engine.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dataset_ = std::make_shared<FakeDataset>("grid");
    std::vector<int32_t> values(1000 * 10);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>(i);
    dataset_->Add<int32_t>("v", {"t", "x"}, {1000, 10}, {10, 10}, values,
                           {{"long_name", "value"}, {"units", "m"}});
    dataset_->Add<double>("x", {"x"}, {10}, {}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    fakes_.Add("grid", dataset_);
    Open({.threads = 2});
  }

  void Open(const EngineOptions& options) {
    connection_.reset();
    ASSERT_OK_AND_ASSIGN(engine_, fakes_.Open(options));
    ASSERT_OK_AND_ASSIGN(connection_, engine_->Connect());
  }

  std::shared_ptr<FakeDataset> dataset_;
  FakeEngine fakes_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(EngineTest, AnErrorOfTheSourceKeepsItsKindAndTheConnectionLives) {
  dataset_->FailReads(InvalidData("chunk c/0 is corrupt"));
  EXPECT_THAT(Rows(*connection_, "SELECT sum(v) FROM fake('grid')"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("chunk c/0 is corrupt")));
  dataset_->FailReads(Status());
  EXPECT_THAT(*Rows(*connection_, "SELECT max(v) FROM fake('grid')"), ElementsAre("9999"));
}

TEST_F(EngineTest, MessagesOfTheSqlEngineAreOneLineWithCandidates) {
  const auto rows = Rows(*connection_, "SELECT w FROM fake('grid')");
  EXPECT_THAT(rows, StatusIs(StatusCode::kInvalidArgument, HasSubstr("Candidate bindings")));
  EXPECT_THAT(std::string(rows.status().message()), Not(HasSubstr("\n")));
}

TEST_F(EngineTest, EmptyAndBrokenSqlIsRefused) {
  EXPECT_THAT(Rows(*connection_, ""),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no statement")));
  EXPECT_THAT(Rows(*connection_, " ; "),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no statement")));
  EXPECT_THAT(Rows(*connection_, "SELEC 1"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("SELEC")));
}

TEST_F(EngineTest, OptionsOfSourcesAreChecked) {
  EXPECT_THAT(Rows(*connection_, "SELECT * FROM fake('grid', colour := 1)"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("colour")));
  EXPECT_THAT(Rows(*connection_, "SELECT * FROM fake('grid', rows := 'many')"),
              StatusIs(StatusCode::kInvalidArgument, ::testing::_));
  EXPECT_THAT(Rows(*connection_, "SELECT * FROM fake(NULL)"),
              StatusIs(StatusCode::kInvalidArgument, ::testing::_));
  EXPECT_THAT(Rows(*connection_, "ATTACH 'grid' AS g (TYPE fake, colour 1)"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("colour")));
  EXPECT_THAT(Rows(*connection_, "SELECT * FROM fake('none')"),
              StatusIs(StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(EngineTest, AnAttachedCatalogListsDescribesAndScansItsTables) {
  ASSERT_OK(Rows(*connection_, "ATTACH 'grid' AS g (TYPE fake)"));
  EXPECT_THAT(*Rows(*connection_, "SELECT count(*), sum(v) FROM g.t_x WHERE x = 3 AND t < 2"),
              ElementsAre("2|16"));
  EXPECT_THAT(
      *Rows(*connection_,
            "SELECT comment FROM duckdb_columns() WHERE table_name = 't_x' AND column_name = 'v'"),
      ElementsAre("value [m]"));
  EXPECT_THAT(*Rows(*connection_, "SELECT t_idx, x_idx FROM g.T_X WHERE v = 25"),
              ElementsAre("2|5"));
  EXPECT_THAT(*Rows(*connection_, "SELECT count(*) FROM g"), ElementsAre("10000"));
  EXPECT_THAT(Rows(*connection_, "CREATE TABLE g.other (i INTEGER)"),
              StatusIs(StatusCode::kUnsupported, HasSubstr("read-only")));
  EXPECT_THAT(Rows(*connection_, "DROP TABLE g.t_x"),
              StatusIs(StatusCode::kUnsupported, HasSubstr("read-only")));
  EXPECT_THAT(Rows(*connection_, "INSERT INTO g.t_x VALUES (1, 2, 3)"), Not(IsOk()));
  for (const char* sql : {"DELETE FROM g.t_x", "UPDATE g.t_x SET v = 1"}) {
    EXPECT_THAT(Rows(*connection_, sql),
                StatusIs(StatusCode::kUnsupported, HasSubstr("read-only")));
  }
  EXPECT_THAT(Rows(*connection_, "SELECT * FROM g.nothing"), Not(IsOk()));
  ASSERT_OK(Rows(*connection_, "DETACH g"));
}

TEST_F(EngineTest, NamesInFromOpenSources) {
  fakes_.Add("a.fake", dataset_);
  Open({});
  EXPECT_THAT(*Rows(*connection_, "SELECT count(*) FROM 'a.fake'"), ElementsAre("10000"));
  EXPECT_THAT(Rows(*connection_, "SELECT count(*) FROM 'b.fake'"),
              StatusIs(StatusCode::kNotFound, ::testing::_));
}

TEST_F(EngineTest, CoordinatesCountAgainstTheMemoryLimit) {
  auto wide = std::make_shared<FakeDataset>("wide");
  wide->AddShape("v", {"x"}, {20'000'000}, {1000});
  wide->AddShape("x", {"x"}, {20'000'000}, {20'000'000});
  fakes_.Add("wide", wide);
  Open({.threads = 1, .memory_limit = "64MB"});
  EXPECT_THAT(Rows(*connection_, "SELECT max(x) FROM fake('wide')"),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("memory limit")));
  EXPECT_THAT(*Rows(*connection_, "SELECT count(*) FROM fake('wide')"), ElementsAre("20000000"));
  EXPECT_THAT(*Rows(*connection_, "SELECT 1"), ElementsAre("1"));
}

TEST_F(EngineTest, InterruptEndsAQueryWithCancelledAndTheConnectionGoesOn) {
  auto huge = std::make_shared<FakeDataset>("huge");
  huge->AddShape("v", {"t", "x"}, {1'000'000'000, 1000}, {1, 1000});
  fakes_.Add("huge", huge);
  Open({.threads = 2});
  std::atomic<bool> done = false;
  std::thread interrupter([&] {
    while (!done) {
      if (connection_->stats().tiles_done > 10) connection_->Interrupt();
      std::this_thread::yield();
    }
  });
  const auto rows = Rows(*connection_, "SELECT sum(v) FROM fake('huge')");
  done = true;
  interrupter.join();
  EXPECT_THAT(rows, StatusIs(StatusCode::kCancelled, ::testing::_));
  EXPECT_THAT(*Rows(*connection_, "SELECT 2"), ElementsAre("2"));
}

// Many times: when one thread fails, the engine interrupts the others, and the interrupt must not
// win.
TEST_F(EngineTest, AnErrorInTheMiddleOfAResultKeepsItsKindAndText) {
  for (int round = 0; round < 100; ++round) {
    ASSERT_OK_AND_ASSIGN(
        const auto failing,
        connection_->Query("SELECT CASE WHEN i < 400000 THEN i ELSE error('too many') END "
                           "FROM range(600000) t(i)"));
    const auto drained = failing->Drain();
    ASSERT_THAT(drained, StatusIs(StatusCode::kInvalidArgument, HasSubstr("too many")));
  }
}

TEST_F(EngineTest, AResultInterruptedHalfReadEndsWithCancelled) {
  ASSERT_OK_AND_ASSIGN(const auto result, connection_->Query("SELECT * FROM range(100000000)"));
  std::vector<TextRow> rows;
  ASSERT_OK(result->NextText(&rows));
  connection_->Interrupt();
  EXPECT_THAT(result->Drain(), StatusIs(StatusCode::kCancelled, "cancelled"));
  EXPECT_THAT(*Rows(*connection_, "SELECT 2"), ElementsAre("2"));
}

TEST_F(EngineTest, AResultDroppedHalfReadStopsReading) {
  ASSERT_OK_AND_ASSIGN(auto result, connection_->Query("SELECT * FROM fake('grid')"));
  std::vector<TextRow> rows;
  ASSERT_OK_AND_ASSIGN(const bool more, result->NextText(&rows));
  EXPECT_TRUE(more);
  result.reset();
  EXPECT_THAT(*Rows(*connection_, "SELECT 3"), ElementsAre("3"));
}

TEST_F(EngineTest, AResultOutlivesItsConnectionAndEngine) {
  ASSERT_OK_AND_ASSIGN(auto result, connection_->Query("SELECT v FROM fake('grid')"));
  connection_.reset();
  engine_.reset();
  ASSERT_OK_AND_ASSIGN(const uint64_t rows, result->Drain());
  EXPECT_EQ(rows, 10'000u);
}

TEST_F(EngineTest, ExportsAnArrowStreamWithAllRows) {
  ASSERT_OK_AND_ASSIGN(auto result, connection_->Query("SELECT t, x, v FROM fake('grid')"));
  ASSERT_OK_AND_ASSIGN(auto owner, MakeArrayStream(std::move(result), 4096));
  ArrowArrayStream stream;
  owner.MoveTo(&stream);
  ArrowSchema schema;
  ASSERT_EQ(stream.get_schema(&stream, &schema), 0);
  EXPECT_EQ(schema.n_children, 3);
  EXPECT_STREQ(schema.children[2]->format, "i");
  schema.release(&schema);
  int64_t rows = 0;
  for (;;) {
    ArrowArray batch;
    ASSERT_EQ(stream.get_next(&stream, &batch), 0);
    if (batch.release == nullptr) break;
    rows += batch.length;
    batch.release(&batch);
  }
  EXPECT_EQ(rows, 10'000);
  stream.release(&stream);
}

TEST_F(EngineTest, BatchesHaveTheRowsThatAreAskedForWhateverTheEnginesChunks) {
  for (const uint64_t rows : {1u, 7u, 1000u, 2048u, 3000u, 100'000u}) {
    ASSERT_OK_AND_ASSIGN(const auto result,
                         connection_->Query("SELECT i::INT FROM range(10000) t(i)"));
    int32_t next = 0;
    uint64_t left = 10'000;
    while (left > 0) {
      ASSERT_OK_AND_ASSIGN(const auto batch, result->NextBatch(rows));
      ASSERT_EQ(static_cast<uint64_t>(batch->length), std::min(rows, left));
      const auto* values = static_cast<const int32_t*>(batch->children[0]->buffers[1]);
      for (int64_t i = 0; i < batch->length; ++i) ASSERT_EQ(values[i], next++);
      left -= static_cast<uint64_t>(batch->length);
    }
    ASSERT_OK_AND_ASSIGN(const auto end, result->NextBatch(rows));
    EXPECT_TRUE(end.empty());
  }
  ASSERT_OK_AND_ASSIGN(const auto mixed, connection_->Query("FROM range(5000)"));
  ASSERT_OK(mixed->NextBatch(1000));
  std::vector<TextRow> text;
  ASSERT_OK(mixed->NextText(&text));
  EXPECT_EQ(text[0][0], "1000");
  ASSERT_OK_AND_ASSIGN(const uint64_t drained, mixed->Drain());
  EXPECT_EQ(1000 + text.size() + drained, 5000u);
}

TEST_F(EngineTest, WritesEveryFormatAndCountsTheRows) {
  const TemporaryDirectory directory;
  const std::string sql = "SELECT t, x, v FROM fake('grid') WHERE t < 2 AND x < 2";
  for (const auto& [format, name] : {std::pair{FileFormat::kCsv, "o.csv"},
                                     {FileFormat::kJson, "o.json"},
                                     {FileFormat::kJsonLines, "o.jsonl"},
                                     {FileFormat::kParquet, "o.parquet"}}) {
    const std::string path = directory.path() + "/" + name;
    ASSERT_OK_AND_ASSIGN(const uint64_t rows, connection_->QueryToFile(sql, format, path));
    EXPECT_EQ(rows, 4u);
    EXPECT_THAT(*Rows(*connection_, "SELECT sum(v), max(t) FROM '" + path + "'"),
                ElementsAre("22|1"));
  }
  EXPECT_EQ(ReadFile(directory.path() + "/o.csv"), "t,x,v\n0,0.0,0\n0,1.0,1\n1,0.0,10\n1,1.0,11\n");
  ASSERT_OK(connection_->QueryToFile("DESCRIBE SELECT 1 AS a", FileFormat::kCsv,
                                     directory.path() + "/d.csv"));
  ASSERT_OK(connection_->QueryToFile("EXPLAIN SELECT 1", FileFormat::kJson,
                                     directory.path() + "/e.json"));
}

TEST_F(EngineTest, JsonHasNoBareNanOrInfinity) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/o.jsonl";
  ASSERT_OK(connection_->QueryToFile(
      "SELECT 'inf'::DOUBLE AS a, 'nan'::FLOAT AS b, NULL::DOUBLE AS c, 1.5::DOUBLE AS d, 'x' AS e",
      FileFormat::kJsonLines, path));
  EXPECT_EQ(ReadFile(path), "{\"a\":\"inf\",\"b\":\"nan\",\"c\":null,\"d\":1.5,\"e\":\"x\"}\n");
}

TEST_F(EngineTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/o.csv";
  std::ofstream(path) << "old\n";
  dataset_->FailReads(Io("disk on fire"));
  EXPECT_THAT(connection_->QueryToFile("SELECT v FROM fake('grid')", FileFormat::kCsv, path),
              StatusIs(StatusCode::kIo, HasSubstr("disk on fire")));
  EXPECT_EQ(ReadFile(path), "old\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
  EXPECT_THAT(connection_->QueryToFile("SELECT 1", FileFormat::kCsv, directory.path()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("directory")));
  EXPECT_THAT(
      connection_->QueryToFile("SELECT 1", FileFormat::kCsv, directory.path() + "/no/o.csv"),
      StatusIs(StatusCode::kIo, HasSubstr("No such file")));
}

TEST_F(EngineTest, AFullDiskIsAnErrorAndLeavesNoFile) {
  const TemporaryDirectory directory;
  EXPECT_THAT(connection_->QueryToFile("SELECT 1", FileFormat::kCsv, "/dev/full"),
              StatusIs(StatusCode::kIo, HasSubstr("No space left")));
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit small = old_limit;
  small.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto rows = connection_->QueryToFile("SELECT * FROM fake('grid')", FileFormat::kCsv,
                                             directory.path() + "/o.csv");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(rows, StatusIs(StatusCode::kIo, HasSubstr("File too large")));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST_F(EngineTest, WritesToADescriptorFromWhereItStands) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  std::ofstream(path) << "before\n";
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND);
  ASSERT_OK(connection_->QueryToDescriptor("SELECT 1 AS a", FileFormat::kCsv, descriptor));
  ::close(descriptor);
  EXPECT_EQ(ReadFile(path), "before\na\n1\n");
}

TEST_F(EngineTest, RunsAllStatementsAndReturnsTheLast) {
  EXPECT_THAT(
      *Rows(*connection_,
            "CREATE TABLE k AS SELECT 1 AS a; INSERT INTO k VALUES (2); SELECT sum(a) FROM k"),
      ElementsAre("3"));
  EXPECT_THAT(Rows(*connection_,
                   "CREATE TABLE m AS SELECT 1; SELECT * FROM nothing; CREATE TABLE n AS SELECT 1"),
              Not(IsOk()));
  EXPECT_THAT(*Rows(*connection_, "SELECT table_name FROM duckdb_tables() ORDER BY ALL"),
              ElementsAre("k", "m"));
}

TEST_F(EngineTest, ABadOptionIsNamed) {
  EXPECT_THAT(fakes_.Open({.memory_limit = "lots"}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("lots")));
}

TEST(EngineVersion, NamesTheReleaseThatTheHeadersAreFrom) {
  EXPECT_THAT(LibraryVersion(), HasSubstr("v1.5.6"));
}

}  // namespace
}  // namespace colonnade::engine
