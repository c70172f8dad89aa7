// Measures one query: opens a session, attaches a store as `s`, then runs SQL to its last row.
//
//   session_bench STORE SQL [THREADS [MEMORY_LIMIT]]
//
// STORE may be "-" for none. Prints one JSON line. Everything up to the attached store is "open";
// the query's figures start there, memory included: memory_mb is the peak above what the open
// session held.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "process_meter.h"
#include "session/session.h"

namespace colonnade::bench {
namespace {

constexpr size_t kRowsShown = 20;  // enough for run.py to check an answer; the rest is counted

int Fail(const Status& status) {
  std::fprintf(stderr, "session_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Run(const std::string& store, const std::string& sql, session::SessionOptions options) {
  const Usage start = Now();
  auto engine = session::Open(options);
  if (!engine.ok()) return Fail(engine.status());
  auto connection = (*engine)->Connect();
  if (!connection.ok()) return Fail(connection.status());
  if (store != "-") {
    std::string literal = "'";
    for (const char c : store) literal += c == '\'' ? "''" : std::string(1, c);
    auto attached = (*connection)->Query("ATTACH " + literal + "' AS s (TYPE zarr)");
    if (!attached.ok()) return Fail(attached.status());
    if (auto rows = (*attached)->Drain(); !rows.ok()) return Fail(rows.status());
  }
  ResetPeak();
  const double resident_mb = ResidentMb();
  const Usage open = Now();

  auto result = (*connection)->Query(sql);
  if (!result.ok()) return Fail(result.status());
  std::vector<engine::TextRow> rows;
  bool more = true;
  while (more && rows.size() < kRowsShown) {
    auto next = (*result)->NextText(&rows);
    if (!next.ok()) return Fail(next.status());
    more = *next;
  }
  uint64_t count = rows.size();
  if (more) {
    auto rest = (*result)->Drain();
    if (!rest.ok()) return Fail(rest.status());
    count += *rest;
  }
  result->reset();
  const Usage done = Now();
  const double peak_mb = PeakMb();

  Json answer = Json::array();
  for (size_t i = 0; i < rows.size() && i < kRowsShown; ++i) {
    Json row = Json::array();
    for (const auto& cell : rows[i]) row.push_back(cell ? Json(*cell) : Json(nullptr));
    answer.push_back(std::move(row));
  }
  const engine::QueryStats stats = (*connection)->stats();
  Json line = Json::object();
  line["open_cpu_s"] = open.cpu_s - start.cpu_s;
  line["open_wall_s"] = open.wall_s - start.wall_s;
  line["cpu_s"] = done.cpu_s - open.cpu_s;
  line["wall_s"] = done.wall_s - open.wall_s;
  line["memory_mb"] = peak_mb - resident_mb;
  line["read_mb"] = done.read_mb - open.read_mb;
  line["rows"] = count;
  line["answer"] = std::move(answer);
  line["chunks_read"] = stats.chunks_read;
  line["chunks_total"] = stats.chunks_total;
  line["data_bytes"] = stats.bytes_read;
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace colonnade::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: session_bench STORE|- SQL [THREADS [MEMORY_LIMIT]]\n");
    return 2;
  }
  colonnade::session::SessionOptions options;
  if (argc > 3) options.threads = std::atoi(argv[3]);
  if (argc > 4) options.memory_limit = argv[4];
  return colonnade::bench::Run(argv[1], argv[2], options);
}
