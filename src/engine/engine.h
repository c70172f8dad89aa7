// The SQL engine: DuckDB behind a door that knows no DuckDB types.
//
// engine/ turns any table::TableSource into a SQL table and any table::Catalog into an attached
// database. It does not know where tables come from: session/ passes the functions that open them.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "engine/query_result.h"
#include "table/stream_table.h"
#include "table/table_source.h"

namespace colonnade::engine {

/// A named argument of a source function or of ATTACH.
struct SourceOption {
  enum class Type : uint8_t { kText, kBool, kInteger, kTextList };
  std::string name;
  Type type = Type::kText;
};
using OptionValue = std::variant<std::string, bool, int64_t, std::vector<std::string>>;

/// How a user named a source.
struct SourceArguments {
  std::string uri;
  std::map<std::string, OptionValue> options;  // only declared ones, of the declared type
};

/// A table function `name('uri', option := value, …)`.
struct SourceFunction {
  std::string name;
  std::vector<SourceOption> options;
  std::function<Result<std::shared_ptr<const table::TableSource>>(const SourceArguments&)> open;
};

/// `ATTACH 'uri' AS x (TYPE name, option value, …)`.
struct CatalogType {
  std::string name;
  std::vector<SourceOption> options;
  std::function<Result<std::shared_ptr<const table::Catalog>>(const SourceArguments&)> open;
};

/// Everything that can be named in SQL besides the engine's own tables and files. The functions are
/// called from any thread, several at once.
struct Sources {
  std::vector<SourceFunction> functions;
  std::vector<CatalogType> catalogs;
  /// For `FROM 'text'`: the name of the source function that opens it, or nothing.
  std::function<std::optional<std::string>(std::string_view text)> resolve;
};

/// A value for a parameter of a statement.
struct Parameter {
  std::variant<std::monostate, bool, int64_t, double, std::string> value;  // monostate: NULL
  /// SQL type to cast the value to, e.g. "TIMESTAMP" or "DECIMAL(10,2)"; empty: BOOLEAN, BIGINT,
  /// DOUBLE, VARCHAR by the value. "BLOB" takes the bytes as they are.
  std::string type;
};

/// `?` and `$1` by position, `$name` by name (without the dollar). Not both.
struct Parameters {
  std::vector<Parameter> positional;
  std::map<std::string, Parameter> named;
};

/// One statement of a text.
struct StatementText {
  std::string sql;
  /// True for what only reads and gives rows: SELECT, and what SQL makes of it (WITH, FROM, VALUES,
  /// DESCRIBE, SHOW, SUMMARIZE).
  bool is_query = false;
  /// Names of its parameters, in the order of their positions: "1", "2", … for `?`.
  std::vector<std::string> parameters;
};

/// A table that is given as an object: one of the two.
struct TableObject {
  std::shared_ptr<const table::TableSource> source;
  std::shared_ptr<const table::StreamTable> stream;
};

/// Finds a table by a name that the engine does not know: nothing if there is none of that name.
/// Called by the thread that plans a statement.
using TableFinder = std::function<Result<std::optional<TableObject>>(const std::string& name)>;

struct EngineOptions {
  std::optional<int> threads;               // default: all
  std::optional<std::string> memory_limit;  // "4GB"; default: 80 % of the machine
  std::optional<std::string> temp_directory;
};

/// Work of the statement that runs, or ran last. Cheap; callable from any thread.
struct QueryStats {
  double planning_ms = 0;
  double execution_ms = 0;
  uint64_t chunks_total = 0;    // chunks of the scanned value columns, over the whole tables
  uint64_t chunks_read = 0;     // fetched and decoded
  uint64_t chunks_filled = 0;   // needed, absent from the store
  uint64_t chunks_skipped = 0;  // the rest
  uint64_t bytes_read = 0;      // of chunks, as stored
  uint64_t bytes_decoded = 0;
  uint64_t coordinate_chunks_read = 0;  // for coordinates that were loaded whole
  uint64_t coordinate_bytes_read = 0;
  uint64_t rows = 0;         // of the result, or written
  uint64_t tiles_total = 0;  // pieces of the scans planned so far
  uint64_t tiles_done = 0;
};

enum class FileFormat : uint8_t { kCsv, kJson, kJsonLines, kParquet };

/// One stream of statements. Not thread-safe, except Interrupt() and stats().
class Connection {
 public:
  virtual ~Connection() = default;

  /// Another connection that sees what this one sees: a copy of its settings, variables and search
  /// path, the same temporary tables, the same finder. Transactions are not shared.
  virtual Result<std::unique_ptr<Connection>> Fork() = 0;

  virtual void SetTableFinder(TableFinder finder) = 0;

  /// Called by the thread that runs statements or pulls rows, between pieces of work and at least
  /// every 50 ms while it waits; if it returns an error, the statement ends with that error.
  virtual void SetPoll(std::function<Status()> poll) = 0;

  /// Splits a text into its statements.
  ///
  /// \error InvalidArgument if it does not parse or has no statement.
  virtual Result<std::vector<StatementText>> Split(const std::string& sql) = 0;

  /// The columns that a query will have. Runs nothing.
  virtual Result<std::vector<ResultColumn>> Describe(const std::string& sql,
                                                     const Parameters& parameters) = 0;

  /// True between BEGIN and COMMIT or ROLLBACK.
  virtual bool in_transaction() const = 0;

  /// Runs all statements of `sql` but the last to their end, then starts the last, whose rows are
  /// pulled. A result must be finished or dropped before the next call.
  ///
  /// \error InvalidArgument for SQL that does not parse, bind or is empty; what the sources say
  /// otherwise.
  virtual Result<std::unique_ptr<QueryResult>> Query(const std::string& sql,
                                                     const Parameters& parameters = {}) = 0;

  /// As Query, with all rows of the last statement in memory (spilled if need be) before it
  /// returns, so that the connection is free again.
  virtual Result<std::unique_ptr<QueryResult>> QueryAll(const std::string& sql,
                                                        const Parameters& parameters = {}) = 0;

  /// As Query, and writes the rows of the last statement to a file. The file appears under its name
  /// only when it is complete and on disk; a device or pipe is written directly. Returns the number
  /// of rows.
  virtual Result<uint64_t> QueryToFile(const std::string& sql, FileFormat format,
                                       const std::string& path,
                                       const Parameters& parameters = {}) = 0;

  /// As QueryToFile, to an open descriptor (borrowed).
  virtual Result<uint64_t> QueryToDescriptor(const std::string& sql, FileFormat format,
                                             int descriptor) = 0;

  /// The plan of the last statement as text, after running all others.
  virtual Result<std::string> Explain(const std::string& sql,
                                      const Parameters& parameters = {}) = 0;

  /// Makes the running statement fail with Cancelled soon. Thread-safe; no effect when none runs.
  virtual void Interrupt() noexcept = 0;

  virtual QueryStats stats() const = 0;
};

/// An embedded database in memory. Thread-safe. Connections keep it alive.
class Engine {
 public:
  /// \error Internal if the linked library is not the release that the headers are from;
  /// InvalidArgument for an
  ///     option that the library refuses.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options, Sources sources);
  virtual ~Engine() = default;

  virtual Result<std::unique_ptr<Connection>> Connect() = 0;
};

/// "v1.5.6 (069cc9f9b5)": release and source id of the linked library.
std::string LibraryVersion();

}  // namespace colonnade::engine
