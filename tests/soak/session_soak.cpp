// One session over real stores for a while: connections come and go on several threads, queries are
// answered, dropped half read, interrupted, or fail. Answers stay the same; open files, threads and
// memory do not grow.
//
// COLONNADE_SOAK_DATA names the folder with the stores, COLONNADE_SOAK_SECONDS the time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "session/session.h"
#include "support/status_matchers.h"

namespace colonnade::session {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kThreads = 3;
// What the allocator may keep beyond the first quarter of the run, with sanitizers off.
constexpr int64_t kAllowedGrowth = int64_t{48} << 20;

std::string Environment(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

int64_t CountEntries(const char* directory) {
  return std::distance(std::filesystem::directory_iterator(directory), {});
}

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

struct Load {
  std::string sql;
  StatusCode outcome = StatusCode::kOk;
};

std::vector<Load> Loads(const std::string& data) {
  const auto store = [&](const char* name) { return "'" + data + "/" + name + "'"; };
  return {
      {"SELECT sum(HGT::DOUBLE)::BIGINT, count(*), count(DISTINCT lat) FROM " + store("hgt.zarr")},
      {"SELECT lat, max(HGT), min(HGT) FROM " + store("hgt.v2.zarr") +
       " WHERE lat > 0 GROUP BY lat ORDER BY lat"},
      {"SELECT count(*), min(ETOPO05_X) FROM " + store("etopo5.zarr") + " WHERE ETOPO05_Y > 0"},
      {"SELECT min(ROSE), max(ROSE) FROM " + store("etopo5.zarr") + " WHERE ETOPO05_Y < -30"},
      {"SELECT * FROM " + store("etopo5.v2.zarr") + " WHERE ROSE > 3000"},
      {"SELECT a.TEMP, b.lat FROM " + store("levitus_climatology.zarr") +
       " a JOIN (SELECT DISTINCT lat FROM " + store("hgt.zarr") +
       ") b ON a.YAXLEVITR = b.lat + 0.5 ORDER BY ALL LIMIT 5"},
      {"SELECT * FROM zarr_arrays(" + store("climdiv_polygons.zarr") + ") ORDER BY ALL"},
      {"SELECT nonsense FROM " + store("hgt.zarr"), StatusCode::kInvalidArgument},
      {"SELECT * FROM " + store("missing.zarr"), StatusCode::kNotFound},
  };
}

// All rows of a result as one text, or with `batches` the first few.
Result<std::string> Answer(engine::Connection& connection, const std::string& sql,
                           std::optional<int> batches = std::nullopt) {
  COLONNADE_ASSIGN_OR_RETURN(const auto result, connection.Query(sql));
  std::string text;
  std::vector<engine::TextRow> rows;
  for (int batch = 0; !batches || batch < *batches; ++batch) {
    rows.clear();
    COLONNADE_ASSIGN_OR_RETURN(const bool more, result->NextText(&rows));
    for (const engine::TextRow& row : rows) {
      for (const auto& cell : row) text += cell.value_or("NULL") + "\t";
      text += "\n";
    }
    if (!more) break;
  }
  return text;
}

// What a thread does until the end of the run.
class Worker {
 public:
  Worker(engine::Engine& engine, const std::vector<Load>& loads, int seed)
      : engine_(engine), loads_(loads), random_(static_cast<unsigned>(seed)) {}

  void RunUntil(Clock::time_point end) {
    while (Clock::now() < end && !::testing::Test::HasFailure()) {
      ASSERT_OK_AND_ASSIGN(const auto connection, engine_.Connect());
      for (int i = 0; i < 8; ++i) OneQuery(*connection);
      if (random_() % 4 == 0) AttachAndDetach(*connection);
    }
  }

  int answered = 0;
  int interrupted = 0;

 private:
  void OneQuery(engine::Connection& connection) {
    const size_t which = random_() % loads_.size();
    const Load& load = loads_[which];
    if (random_() % 5 == 0) {
      Interrupted(connection, load);
    } else if (random_() % 5 == 0) {
      const auto some = Answer(connection, load.sql, 1);
      EXPECT_EQ(some.status().code(), load.outcome) << load.sql << "\n" << some.status().message();
    } else {
      const auto rows = Answer(connection, load.sql);
      ASSERT_EQ(rows.status().code(), load.outcome) << load.sql << "\n" << rows.status().message();
      if (!rows.ok()) return;
      ++answered;
      const auto [first, is_new] = answers_.emplace(which, std::hash<std::string>()(*rows));
      EXPECT_EQ(first->second, std::hash<std::string>()(*rows)) << load.sql;
    }
  }

  void Interrupted(engine::Connection& connection, const Load& load) {
    std::atomic<bool> done = false;
    const auto delay = std::chrono::microseconds(random_() % 20'000);
    std::thread other([&] {
      const auto at = Clock::now() + delay;
      while (!done && Clock::now() < at) std::this_thread::yield();
      connection.Interrupt();
    });
    const auto rows = Answer(connection, load.sql);
    done = true;
    other.join();
    if (rows.status().code() == StatusCode::kCancelled)
      ++interrupted;
    else
      EXPECT_EQ(rows.status().code(), load.outcome) << load.sql << "\n" << rows.status().message();
  }

  void AttachAndDetach(engine::Connection& connection) {
    const std::string name = "store_" + std::to_string(reinterpret_cast<uintptr_t>(this) % 100'000);
    const std::string data = Environment("COLONNADE_SOAK_DATA", "data");
    EXPECT_OK(Answer(connection,
                     "ATTACH '" + data + "/levitus_climatology.zarr' AS " + name + " (TYPE zarr)"));
    const auto tables = Answer(
        connection, "SELECT count(*) FROM duckdb_tables() WHERE database_name = '" + name + "'");
    ASSERT_OK(tables);
    EXPECT_EQ(*tables, "1\t\n");
    EXPECT_OK(Answer(connection, "DETACH " + name));
  }

  engine::Engine& engine_;
  const std::vector<Load>& loads_;
  std::minstd_rand random_;
  std::map<size_t, size_t> answers_;  // hash of the first answer, by load
};

void RunWorkers(engine::Engine& engine, const std::vector<Load>& loads, double seconds, int seed,
                int* answered, int* interrupted) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  std::vector<Worker> workers;
  workers.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) workers.emplace_back(engine, loads, seed + i);
  std::vector<std::thread> threads;
  for (Worker& worker : workers) threads.emplace_back([&] { worker.RunUntil(end); });
  for (std::thread& thread : threads) thread.join();
  for (const Worker& worker : workers) {
    *answered += worker.answered;
    *interrupted += worker.interrupted;
  }
}

TEST(SessionSoak, AnswersStayAndNothingGrows) {
  const std::string data = Environment("COLONNADE_SOAK_DATA", "data");
  const double seconds = std::atof(Environment("COLONNADE_SOAK_SECONDS", "10").c_str());
  const std::vector<Load> loads = Loads(data);
  ASSERT_OK_AND_ASSIGN(const auto engine, Open({.threads = 2, .memory_limit = "512MB"}));

  int answered = 0;
  int interrupted = 0;
  RunWorkers(*engine, loads, seconds / 4, 1, &answered, &interrupted);
  const int64_t files = CountEntries("/proc/self/fd");
  const int64_t threads = CountEntries("/proc/self/task");
  const int64_t bytes = ResidentBytes();

  RunWorkers(*engine, loads, seconds * 3 / 4, 100, &answered, &interrupted);
  EXPECT_EQ(CountEntries("/proc/self/fd"), files);
  EXPECT_EQ(CountEntries("/proc/self/task"), threads);
  EXPECT_LE(ResidentBytes() - bytes, kAllowedGrowth);
  EXPECT_GT(answered, 0);
  EXPECT_GT(interrupted, 0);
  std::printf("%d answered, %d interrupted; resident %+lld KiB after the first quarter\n", answered,
              interrupted, static_cast<long long>((ResidentBytes() - bytes) / 1024));
}

}  // namespace
}  // namespace colonnade::session
