// Session: the only place that knows what is in the program. It wires stores and Zarr into the
// engine, and makes several connections look like one.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "table/table_source.h"

namespace colonnade::session {

struct SessionOptions {
  std::optional<int> threads;               // default: one per core
  std::optional<std::string> memory_limit;  // "4GB", of everything that grows with the data
  std::optional<std::string> temp_directory;
};

/// Opens an engine in which
///
/// * `FROM 'air.zarr'`, `'air.zarr/group'`, `'air.zarr.zip'` and `read_zarr('…', option := value,
/// …)` are tables,
/// * `ATTACH 'air.zarr' AS air (TYPE zarr)` gives one table per grid, one schema per group,
/// * `zarr_arrays('…')` and `zarr_attributes('…')` list what a store holds.
///
/// Options of read_zarr and ATTACH: `mask_fill` ('auto', 'always', 'never': whether Zarr's fill
/// value means missing), `nan` ('null', 'keep'), `coords` ('all', 'index', 'none'), `consolidated`
/// ('auto', 'always', 'never'), `zarr_version` (2, 3). Of read_zarr also `"table"` (a grid's name)
/// or `dims` (its dimensions, in any order), and `"group"`.
///
/// \error what engine::Engine::Open says.
Result<std::unique_ptr<engine::Engine>> Open(const SessionOptions& options);

/// A text to run, with what it may refer to.
struct Call {
  std::string sql;
  engine::Parameters parameters;
  /// Finds tables of this call alone, before the session's; may be empty.
  engine::TableFinder find_table;
  /// See engine::Connection::SetPoll; may be empty.
  std::function<Status()> poll;
  /// Told ten times a second how far a statement is, by the thread that runs it or pulls its rows,
  /// once it has taken half a second; and a last time, with `finished`, if it was told before. May
  /// be empty.
  std::function<void(const engine::QueryStats& stats, bool finished)> progress;
};

/// A query that has been checked but not run. Run it any number of times with Session::Query.
struct Query {
  std::string sql;
  std::vector<engine::ResultColumn> columns;
};

/// What became of a text: its last statement is a query to be run, or has been run.
struct Outcome {
  std::optional<Query> query;
  std::unique_ptr<engine::QueryResult> rows;  // of a last statement that is no query; may be empty
};

/// A table that FROM can name.
struct TableName {
  std::string catalog;  // "memory", "temp", or the name it is attached as; empty if registered
  std::string schema;   // empty if registered
  std::string name;
};

/// One user's engine, settings, temporary tables and registered tables.
///
/// **Statements** run one at a time, each to its end, on one connection that lives as long as the
/// session. **Queries** run on connections of their own, which see the settings, search path,
/// variables, temporary and registered tables of the moment they start, and any number of them at
/// once. **Transactions**: between BEGIN and COMMIT or ROLLBACK, queries run on the first
/// connection too, and so see what the transaction wrote; their rows are read to the end before
/// Query returns.
///
/// **Processes**: in a process that is forked off, the session and its results refuse everything
/// with InvalidState, and dropping them there is harmless; a session of its own works.
///
/// Thread-safe. Results keep what they need of it alive.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// \error as session::Open
  static Result<std::shared_ptr<Session>> Open(const SessionOptions& options);
  ~Session();

  /// Runs every statement of `call.sql`, but a last one that is a query. Parameters go to the
  /// statements that have some.
  ///
  /// \error InvalidArgument, and nothing is run, for a value that no statement has a parameter for;
  ///     the first statement's that fails, and those after it are not run.
  Result<Outcome> Run(const Call& call);

  /// Starts one query. \pre call.sql is one query (Query::sql)
  Result<std::unique_ptr<engine::QueryResult>> Start(const Call& call);

  /// Runs one query into a file; see engine::Connection::QueryToFile.
  Result<uint64_t> WriteFile(const Call& call, engine::FileFormat format, const std::string& path);

  /// The plan of one query.
  Result<std::string> Explain(const Call& call);

  /// Makes an object a table of that name, replacing one that was registered under it. Nothing is
  /// read. Tables and views made by SQL come before it.
  ///
  /// \error InvalidArgument for an empty name; AlreadyExists if a catalog is registered as `name`.
  Status Register(const std::string& name, engine::TableObject table);

  /// As Register, for an object that is several tables: `name.table`.
  Status RegisterCatalog(const std::string& name, std::shared_ptr<const table::Catalog> catalog);

  /// \error NotFound, with the nearest name.
  Status Unregister(const std::string& name);

  /// Forgets everything that is registered; catalogs stay attached, empty of it. For whoever closes
  /// the session: what is registered may itself hold the session.
  void ForgetTables() noexcept;

  /// All tables and views, sorted by catalog, schema and name.
  Result<std::vector<TableName>> Tables();

  /// Ends everything that runs with Cancelled.
  void Interrupt() noexcept;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace colonnade::session
