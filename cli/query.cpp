#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "base/json.h"
#include "base/quote.h"
#include "commands.h"
#include "table_printer.h"
#include "terminal.h"

namespace colonnade::cli {
namespace {

constexpr int64_t kTerminalRows = 40;

std::string FormatOfName(const std::string& path) {
  for (const auto& [ending, format] : {std::pair{".csv", "csv"},
                                       {".json", "json"},
                                       {".jsonl", "jsonl"},
                                       {".ndjson", "jsonl"},
                                       {".parquet", "parquet"}}) {
    if (path.ends_with(ending)) return format;
  }
  return "";
}

engine::FileFormat FileFormatOf(const std::string& format) {
  if (format == "json") return engine::FileFormat::kJson;
  if (format == "jsonl") return engine::FileFormat::kJsonLines;
  if (format == "parquet") return engine::FileFormat::kParquet;
  return engine::FileFormat::kCsv;
}

// Writes all of `text` to standard output.
Status Print(const std::string& text) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, text.size() - written);
    if (count < 0) {
      if (errno == EINTR) continue;
      return Io("cannot write the output: ", std::generic_category().message(errno));
    }
    written += static_cast<size_t>(count);
  }
  return {};
}

void PrintStats(const engine::QueryStats& stats, const std::string& form) {
  if (form == "json") {
    const Json json = {{"planning_ms", stats.planning_ms},
                       {"execution_ms", stats.execution_ms},
                       {"chunks_total", stats.chunks_total},
                       {"chunks_read", stats.chunks_read},
                       {"chunks_filled", stats.chunks_filled},
                       {"chunks_skipped", stats.chunks_skipped},
                       {"bytes_read", stats.bytes_read},
                       {"bytes_decoded", stats.bytes_decoded},
                       {"coordinate_chunks_read", stats.coordinate_chunks_read},
                       {"coordinate_bytes_read", stats.coordinate_bytes_read},
                       {"rows", stats.rows}};
    std::fprintf(stderr, "%s\n", json.dump().c_str());
    return;
  }
  std::fprintf(stderr,
               "%llu rows; chunks: %llu read of %llu (%llu skipped, %llu filled); %.2f MB read, "
               "%.2f MB decoded; "
               "planning %.1f ms, execution %.1f ms\n",
               static_cast<unsigned long long>(stats.rows),
               static_cast<unsigned long long>(stats.chunks_read),
               static_cast<unsigned long long>(stats.chunks_total),
               static_cast<unsigned long long>(stats.chunks_skipped),
               static_cast<unsigned long long>(stats.chunks_filled),
               static_cast<double>(stats.bytes_read) / 1e6,
               static_cast<double>(stats.bytes_decoded) / 1e6, stats.planning_ms,
               stats.execution_ms);
}

// Prints a result as a table, at most `max_rows` of it (0: all).
Status PrintResult(engine::Connection& connection, const std::string& sql, int64_t max_rows,
                   ProgressLine& progress) {
  COLONNADE_ASSIGN_OR_RETURN(auto result, connection.Query(sql));
  std::vector<engine::TextRow> rows;
  bool more = true;
  while (more && (max_rows == 0 || rows.size() <= static_cast<size_t>(max_rows))) {
    COLONNADE_ASSIGN_OR_RETURN(more, result->NextText(&rows));
  }
  const std::vector<engine::ResultColumn> columns = result->columns();
  result.reset();  // stops a query whose remaining rows nobody will see
  progress.Stop();
  const bool truncated = max_rows > 0 && rows.size() > static_cast<size_t>(max_rows);
  if (truncated) rows.resize(static_cast<size_t>(max_rows));
  std::ostringstream text;
  PrintTable(columns, rows, {TerminalWidth(STDOUT_FILENO), UseColor(STDOUT_FILENO)}, text);
  COLONNADE_RETURN_IF_ERROR(Print(text.str()));
  if (truncated) {
    std::fprintf(stderr, "the first %lld rows; --max-rows 0 prints all, -o FILE writes all\n",
                 static_cast<long long>(max_rows));
  }
  return {};
}

}  // namespace

ExitCode Fail(const Status& status) {
  std::fprintf(stderr, "colonnade: %s\n", EscapeControls(status.message(), 4000).c_str());
  return ExitCode::kFailed;
}

ExitCode QueryCommand::Run() {
  if (sql == "-") sql.assign(std::istreambuf_iterator<char>(std::cin), {});
  if (format.empty()) format = output.empty() ? "table" : FormatOfName(output);
  if (!output.empty() && (format.empty() || format == "table")) {
    std::fprintf(stderr,
                 "colonnade: cannot tell the format of %s from its name; give --format csv, json, "
                 "jsonl or parquet\n",
                 Quote(output).c_str());
    return ExitCode::kUsage;
  }
  if (output.empty() && format == "parquet" && TerminalWidth(STDOUT_FILENO) > 0) {
    std::fprintf(stderr, "colonnade: Parquet is not for a terminal; give -o FILE\n");
    return ExitCode::kUsage;
  }
  if (max_rows && *max_rows < 0) {
    std::fprintf(stderr, "colonnade: --max-rows is %lld; it takes 0 or more\n",
                 static_cast<long long>(*max_rows));
    return ExitCode::kUsage;
  }

  InterruptOnSignal signals;
  auto engine = session::Open(session);
  if (!engine.ok()) return Fail(engine.status());
  auto connection = (*engine)->Connect();
  if (!connection.ok()) return Fail(connection.status());
  signals.Watch(connection->get());

  if (signals.interrupted()) return ExitCode::kInterrupted;
  Status status;
  {
    ProgressLine progress(**connection);
    if (explain) {
      auto plan = (*connection)->Explain(sql);
      progress.Stop();
      status = plan.ok() ? Print(*plan + "\n") : plan.status();
    } else if (!output.empty()) {
      status = (*connection)->QueryToFile(sql, FileFormatOf(format), output).status();
    } else if (format == "table") {
      const int64_t default_rows = TerminalWidth(STDOUT_FILENO) > 0 ? kTerminalRows : 0;
      status = PrintResult(**connection, sql, max_rows.value_or(default_rows), progress);
    } else {
      status = (*connection)->QueryToDescriptor(sql, FileFormatOf(format), STDOUT_FILENO).status();
    }
  }
  signals.Watch(nullptr);
  if (signals.interrupted()) return ExitCode::kInterrupted;
  if (!status.ok()) return Fail(status);
  if (!stats.empty()) PrintStats((*connection)->stats(), stats);
  return ExitCode::kOk;
}

}  // namespace colonnade::cli
