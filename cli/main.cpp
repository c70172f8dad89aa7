// The command line: parse, call the session, print.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include "commands.h"
#include "engine/engine.h"

namespace {

// "512MB", "1.5 GiB": what the engine takes; empty if so, else what is wrong.
std::string MemorySize(std::string& text) {
  constexpr std::string_view kUnits[] = {"b",   "bytes", "kb",  "kib", "mb",
                                         "mib", "gb",    "gib", "tb",  "tib"};
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit = text.substr(static_cast<size_t>(rest - text.data()));
  unit.erase(0, unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool known = std::find(std::begin(kUnits), std::end(kUnits), unit) != std::end(kUnits);
  if (error == std::errc() && number > 0 && known) return "";
  return "'" + text + "' is not a size such as 512MB or 2GiB";
}

}  // namespace

int main(int argc, char** argv) {
  using colonnade::cli::ExitCode;

  CLI::App app(
      "SQL over chunked arrays.\n\n"
      "  colonnade query \"SELECT lat, avg(t2m) FROM 'air.zarr' WHERE month(time) = 7 GROUP BY "
      "lat\"\n"
      "  colonnade inspect air.zarr",
      "colonnade");
  app.set_version_flag("--version", "colonnade " COLONNADE_VERSION "\nDuckDB " +
                                        colonnade::engine::LibraryVersion());
  app.require_subcommand(1);

  colonnade::cli::QueryCommand query;
  CLI::App* query_app = app.add_subcommand("query", "run SQL and print or write its result");
  query_app
      ->add_option("sql", query.sql,
                   "statements, separated by ';'; the last one's rows are the result; '-' reads "
                   "standard input")
      ->required();
  query_app
      ->add_option(
          "-f,--format", query.format,
          "table, csv, json, jsonl or parquet (default: by the ending of --output, else table)")
      ->check(CLI::IsMember({"table", "csv", "json", "jsonl", "parquet"}));
  query_app->add_option("-o,--output", query.output,
                        "write to this file, which appears when it is complete");
  query_app->add_option(
      "--max-rows", query.max_rows,
      "rows of a printed table (default: 40 on a terminal, all otherwise); 0: all");
  query_app->add_flag("--explain", query.explain,
                      "print the plan instead of running the last statement");
  query_app
      ->add_flag("--stats{text}", query.stats,
                 "print to standard error what was planned, read and decoded; --stats=json as one "
                 "JSON object")
      ->check(CLI::IsMember({"text", "json"}));
  query_app->add_option("--threads", query.session.threads, "threads (default: one per core)")
      ->check(CLI::Range(1, 1024));
  query_app
      ->add_option(
          "--memory-limit", query.session.memory_limit,
          "bound of everything that grows with the data, e.g. 2GB (default: 80 % of the memory)")
      ->check(CLI::Validator(MemorySize, "SIZE"));
  query_app->add_option("--temp-directory", query.session.temp_directory,
                        "where large sorts and joins spill");

  colonnade::cli::InspectCommand inspect;
  CLI::App* inspect_app =
      app.add_subcommand("inspect", "show the groups, arrays and tables of a store");
  inspect_app->add_option("uri", inspect.uri, "path of a store, or of a group in it")->required();
  inspect_app->add_flag("--json", inspect.json, "one JSON document");
  inspect_app->add_flag("--attributes", inspect.attributes,
                        "all attributes, not only units and names");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "colonnade: " << error.what() << " (see colonnade --help)\n";
    return static_cast<int>(ExitCode::kUsage);
  }
  if (query_app->parsed()) {
    return static_cast<int>(query.Run());
  }
  return static_cast<int>(inspect.Run());
}
