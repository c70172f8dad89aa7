#include "session/session.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/nearest_name.h"
#include "session/zarr_source.h"
#include "session/zarr_tables.h"

namespace colonnade::session {
namespace {

constexpr const char* kRegisteredType = "colonnade_registered";

// SQL names compare without case, in ASCII.
std::string Folded(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted + quote;
}

engine::Sources ZarrSources() {
  engine::Sources sources;
  sources.functions = {{"read_zarr", ZarrTableOptions(), OpenZarrTable},
                       {"zarr_arrays", ZarrStoreOptions(), OpenArraysTable},
                       {"zarr_attributes", ZarrStoreOptions(), OpenAttributesTable}};
  sources.catalogs = {{"zarr", ZarrStoreOptions(), OpenZarrCatalog}};
  sources.resolve = [](std::string_view text) -> std::optional<std::string> {
    if (NamesZarrStore(text)) return "read_zarr";
    return std::nullopt;
  };
  return sources;
}

Result<std::unique_ptr<engine::Engine>> OpenEngine(const SessionOptions& options,
                                                   engine::Sources sources) {
  engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.memory_limit = options.memory_limit;
  engine_options.temp_directory = options.temp_directory;
  return engine::Engine::Open(engine_options, std::move(sources));
}

// What is registered in a session. Shared with the engine's catalog type, which outlives the
// session when results do.
class Registry {
 public:
  struct Entry {
    std::string name;
    engine::TableObject table;
    std::shared_ptr<const table::Catalog> catalog;  // instead of the table
  };

  std::optional<Entry> Find(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(Folded(name));
    if (found == entries_.end()) return std::nullopt;
    return found->second;
  }
  void Put(Entry entry) {
    const std::lock_guard lock(mutex_);
    std::string key = Folded(entry.name);
    entries_.insert_or_assign(std::move(key), std::move(entry));
  }
  void Remove(std::string_view name) {
    const std::lock_guard lock(mutex_);
    entries_.erase(Folded(name));
  }
  std::vector<std::string> Names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [folded, entry] : entries_) names.push_back(entry.name);
    return names;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

// Connections that run something, to be interrupted.
class Running {
 public:
  void Add(engine::Connection* connection) {
    const std::lock_guard lock(mutex_);
    connections_.insert(connection);
  }
  void Remove(engine::Connection* connection) {
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
  }
  void InterruptAll() {
    const std::lock_guard lock(mutex_);
    for (engine::Connection* connection : connections_) connection->Interrupt();
  }

 private:
  std::mutex mutex_;
  std::set<engine::Connection*> connections_;
};

// A result with the connection that it alone uses.
class OwnResult final : public engine::QueryResult {
 public:
  OwnResult(std::shared_ptr<Running> running, std::unique_ptr<engine::Connection> connection,
            std::unique_ptr<engine::QueryResult> result)
      : running_(std::move(running)),
        connection_(std::move(connection)),
        result_(std::move(result)) {}
  ~OwnResult() override {
    result_.reset();
    running_->Remove(connection_.get());
  }
  const std::vector<engine::ResultColumn>& columns() const override { return result_->columns(); }
  bool gives_rows() const override { return result_->gives_rows(); }
  Result<bool> NextText(std::vector<engine::TextRow>* rows) override {
    return result_->NextText(rows);
  }
  Result<uint64_t> Drain() override { return result_->Drain(); }
  Result<arrow::Schema> Schema() override { return result_->Schema(); }
  Result<arrow::Array> NextBatch(uint64_t batch_rows) override {
    return result_->NextBatch(batch_rows);
  }

 private:
  std::shared_ptr<Running> running_;
  std::unique_ptr<engine::Connection> connection_;
  std::unique_ptr<engine::QueryResult> result_;
};

}  // namespace

Result<std::unique_ptr<engine::Engine>> Open(const SessionOptions& options) {
  return OpenEngine(options, ZarrSources());
}

struct Session::State {
  std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  std::shared_ptr<Running> running = std::make_shared<Running>();
  std::unique_ptr<engine::Engine> engine;

  // Held while a statement runs on `main`.
  std::mutex run_mutex;
  std::unique_ptr<engine::Connection> main;
  std::atomic<bool> in_transaction = false;

  // Queries fork from a connection that runs nothing, so that they need not wait for statements.
  std::mutex template_mutex;
  std::unique_ptr<engine::Connection> forked;

  // \pre run_mutex is held, or nobody else knows the state yet
  Status Publish() {
    in_transaction = main->in_transaction();
    COLONNADE_ASSIGN_OR_RETURN(auto fork, main->Fork());
    const std::lock_guard lock(template_mutex);
    forked = std::move(fork);
    return {};
  }

  // Looks names up for one call. Remembers what was not there, for the message.
  engine::TableFinder Finder(const Call& call, std::shared_ptr<std::string> missing) const {
    return [registry = registry, local = call.find_table, missing = std::move(missing)](
               const std::string& name) -> Result<std::optional<engine::TableObject>> {
      // Registered tables come first: a variable of the caller does not change what a name means.
      if (auto entry = registry->Find(name)) {
        if (!entry->catalog) return std::optional(std::move(entry->table));
        COLONNADE_ASSIGN_OR_RETURN(const auto tables, entry->catalog->ListTables("main"));
        std::string list;
        for (const std::string& table : tables)
          list += (list.empty() ? "" : ", ") + entry->name + "." + table;
        return InvalidArgument("\"", entry->name, "\" has several tables: name one of ", list);
      }
      if (local) {
        COLONNADE_ASSIGN_OR_RETURN(auto table, local(name));
        if (table) return table;
      }
      *missing = name;
      return std::optional<engine::TableObject>();
    };
  }

  // Adds the nearest registered name to a failure that is about a name nobody knew.
  Status Explained(Status status, const std::string& missing) const {
    if (missing.empty() || status.code() != StatusCode::kInvalidArgument) return status;
    if (status.message().find("does not exist") == std::string_view::npos) return status;
    const std::vector<std::string> names = registry->Names();
    const std::string* nearest = NearestName(missing, names);
    if (nearest == nullptr) return status;
    return Status(status.code(), std::string(status.message()) + " A table \"" + *nearest +
                                     "\" is registered; did you mean that?")
        .WithCause(status.cause());
  }

  // Runs `body` with the first connection, set up for a call.
  template <typename Body>
  auto OnMain(const Call& call, Body body) -> decltype(body(*main)) {
    const std::lock_guard lock(run_mutex);
    const auto missing = std::make_shared<std::string>();
    main->SetTableFinder(Finder(call, missing));
    main->SetPoll(call.poll);
    running->Add(main.get());
    auto result = body(*main);
    running->Remove(main.get());
    main->SetTableFinder(nullptr);
    main->SetPoll(nullptr);
    COLONNADE_RETURN_IF_ERROR(Publish());
    if (!result.ok()) return Explained(result.status(), *missing);
    return result;
  }

  // Runs `body` with a connection of its own, which it may keep.
  template <typename Body>
  auto OnFork(const Call& call, Body body) -> decltype(body(std::move(main))) {
    std::unique_ptr<engine::Connection> fork;
    {
      const std::lock_guard lock(template_mutex);
      COLONNADE_ASSIGN_OR_RETURN(fork, forked->Fork());
    }
    const auto missing = std::make_shared<std::string>();
    fork->SetTableFinder(Finder(call, missing));
    fork->SetPoll(call.poll);
    auto result = body(std::move(fork));
    if (!result.ok()) return Explained(result.status(), *missing);
    return result;
  }
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::shared_ptr<Session>> Session::Open(const SessionOptions& options) {
  auto state = std::make_unique<State>();
  engine::Sources sources = ZarrSources();
  sources.catalogs.push_back({kRegisteredType,
                              {},
                              [registry = state->registry](const engine::SourceArguments& arguments)
                                  -> Result<std::shared_ptr<const table::Catalog>> {
                                auto entry = registry->Find(arguments.uri);
                                if (!entry || !entry->catalog)
                                  return NotFound("nothing is registered as \"", arguments.uri,
                                                  "\"");
                                return std::move(entry->catalog);
                              }});
  COLONNADE_ASSIGN_OR_RETURN(state->engine, OpenEngine(options, std::move(sources)));
  COLONNADE_ASSIGN_OR_RETURN(state->main, state->engine->Connect());
  COLONNADE_RETURN_IF_ERROR(state->Publish());
  return std::shared_ptr<Session>(new Session(std::move(state)));
}

Result<Outcome> Session::Run(const Call& call) {
  return state_->OnMain(call, [&](engine::Connection& main) -> Result<Outcome> {
    COLONNADE_ASSIGN_OR_RETURN(const auto statements, main.Split(call.sql));
    Outcome outcome;
    for (size_t i = 0; i < statements.size(); ++i) {
      const engine::StatementText& statement = statements[i];
      const bool last = i + 1 == statements.size();
      if (last && statement.is_query) {
        COLONNADE_ASSIGN_OR_RETURN(auto columns, main.Describe(statement.sql, call.parameters));
        outcome.query = Query{statement.sql, std::move(columns)};
        break;
      }
      COLONNADE_ASSIGN_OR_RETURN(auto rows, main.QueryAll(statement.sql, call.parameters));
      if (last) outcome.rows = std::move(rows);
    }
    return outcome;
  });
}

Result<std::unique_ptr<engine::QueryResult>> Session::Start(const Call& call) {
  using Rows = std::unique_ptr<engine::QueryResult>;
  if (state_->in_transaction) {
    return state_->OnMain(
        call, [&](engine::Connection& main) { return main.QueryAll(call.sql, call.parameters); });
  }
  return state_->OnFork(call, [&](std::unique_ptr<engine::Connection> connection) -> Result<Rows> {
    state_->running->Add(connection.get());
    auto rows = connection->Query(call.sql, call.parameters);
    if (!rows.ok()) {
      state_->running->Remove(connection.get());
      return rows;
    }
    return Rows(
        std::make_unique<OwnResult>(state_->running, std::move(connection), *std::move(rows)));
  });
}

Result<uint64_t> Session::WriteFile(const Call& call, engine::FileFormat format,
                                    const std::string& path) {
  const auto write = [&](engine::Connection& connection) {
    return connection.QueryToFile(call.sql, format, path, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, write);
  return state_->OnFork(call, [&](std::unique_ptr<engine::Connection> connection) {
    state_->running->Add(connection.get());
    auto rows = write(*connection);
    state_->running->Remove(connection.get());
    return rows;
  });
}

Result<std::string> Session::Explain(const Call& call) {
  const auto explain = [&](engine::Connection& connection) {
    return connection.Explain(call.sql, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, explain);
  return state_->OnFork(
      call, [&](std::unique_ptr<engine::Connection> connection) { return explain(*connection); });
}

Status Session::Register(const std::string& name, engine::TableObject table) {
  if (name.empty()) return InvalidArgument("a table needs a name");
  if (const auto entry = state_->registry->Find(name); entry && entry->catalog)
    return AlreadyExists("\"", name, "\" is registered with several tables: unregister it first");
  state_->registry->Put({name, std::move(table), nullptr});
  return {};
}

Status Session::RegisterCatalog(const std::string& name,
                                std::shared_ptr<const table::Catalog> catalog) {
  if (name.empty()) return InvalidArgument("a catalog needs a name");
  const auto before = state_->registry->Find(name);
  Call call;
  if (before && before->catalog) {
    call.sql = "DETACH " + Quoted(name, '"');
    COLONNADE_RETURN_IF_ERROR(Run(call).status());
  }
  state_->registry->Put({name, {}, std::move(catalog)});
  call.sql = "ATTACH " + Quoted(name, '\'') + " AS " + Quoted(name, '"') + " (TYPE " +
             kRegisteredType + ")";
  Status status = Run(call).status();
  if (!status.ok()) {
    state_->registry->Remove(name);
    if (before && !before->catalog) state_->registry->Put(*before);
  }
  return status;
}

Status Session::Unregister(const std::string& name) {
  const auto entry = state_->registry->Find(name);
  if (!entry) {
    const std::vector<std::string> names = state_->registry->Names();
    const std::string* nearest = NearestName(name, names);
    if (nearest != nullptr)
      return NotFound("nothing is registered as \"", name, "\"; did you mean \"", *nearest, "\"?");
    return NotFound("nothing is registered as \"", name, "\"");
  }
  if (entry->catalog) {
    Call call;
    call.sql = "DETACH " + Quoted(entry->name, '"');
    COLONNADE_RETURN_IF_ERROR(Run(call).status());
  }
  state_->registry->Remove(name);
  return {};
}

Result<std::vector<TableName>> Session::Tables() {
  Call call;
  call.sql =
      "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal "
      "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT "
      "internal ORDER BY ALL";
  COLONNADE_ASSIGN_OR_RETURN(const auto rows, Start(call));
  std::vector<TableName> tables;
  for (const std::string& name : state_->registry->Names()) {
    if (const auto entry = state_->registry->Find(name); entry && !entry->catalog)
      tables.push_back({"", "", name});
  }
  std::vector<engine::TextRow> text;
  for (;;) {
    COLONNADE_ASSIGN_OR_RETURN(const bool more, rows->NextText(&text));
    if (!more) break;
  }
  for (const engine::TextRow& row : text)
    tables.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  return tables;
}

void Session::Interrupt() noexcept { state_->running->InterruptAll(); }

}  // namespace colonnade::session
