#include "session/session.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
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
  void Clear() {
    std::map<std::string, Entry> dropped;  // destroyed outside the lock: what goes may call back
    {
      const std::lock_guard lock(mutex_);
      dropped.swap(entries_);
    }
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

// The process that something with threads was made in. A process that is forked off has a copy of
// the memory and none of the threads: whatever waits for one would wait for ever.
class HomeProcess {
 public:
  bool is_here() const { return ::getpid() == id_; }
  Status Check() const {
    if (is_here()) return {};
    return InvalidState("the session belongs to process ", id_,
                        ", which this one was forked from: open one here");
  }

 private:
  pid_t id_ = ::getpid();
};

// Tells a call's progress function how its connection gets on.
class Progress {
 public:
  Progress(const Call& call, const engine::Connection& connection)
      : tell_(call.progress), connection_(connection) {}
  ~Progress() {
    if (told_) tell_(connection_.stats(), true);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What a connection polls: the call's poll, and this.
  static std::function<Status()> PollOf(const Call& call, const std::shared_ptr<Progress>& self) {
    if (!call.progress) return call.poll;
    return [poll = call.poll, self]() -> Status {
      self->Tick();
      return poll ? poll() : Status();
    };
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Tick() {
    const auto now = Clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    told_ = true;
    tell_(connection_.stats(), false);
  }

  std::function<void(const engine::QueryStats&, bool)> tell_;
  const engine::Connection& connection_;  // outlives the calls of Tick and the end
  Clock::time_point next_ = Clock::now() + std::chrono::milliseconds(500);
  bool told_ = false;
};

// A connection for one query, while it runs. Move-only.
struct Fork {
  Fork(std::unique_ptr<engine::Connection> connection_in, std::shared_ptr<Running> running_in,
       const Call& call)
      : connection(std::move(connection_in)),
        running(std::move(running_in)),
        progress(std::make_shared<Progress>(call, *connection)) {
    connection->SetPoll(Progress::PollOf(call, progress));
    running->Add(connection.get());
  }
  Fork(Fork&&) = default;
  Fork& operator=(Fork&&) = delete;
  ~Fork() {
    if (connection == nullptr) return;  // moved from
    running->Remove(connection.get());
    Finish();
  }

  // Tells the end of the progress, before the connection that it looks at goes.
  void Finish() {
    connection->SetPoll(nullptr);
    progress.reset();
  }

  std::unique_ptr<engine::Connection> connection;
  std::shared_ptr<Running> running;
  std::shared_ptr<Progress> progress;
};

// A result with the connection that it alone uses.
class ForkResult final : public engine::QueryResult {
 public:
  ForkResult(Fork fork, std::unique_ptr<engine::QueryResult> result)
      : fork_(std::make_unique<Fork>(std::move(fork))), result_(std::move(result)) {}
  ~ForkResult() override {
    if (home_.is_here()) return;
    // Nobody is left to end it.
    (void)result_.release();
    (void)fork_.release();
  }
  const std::vector<engine::ResultColumn>& columns() const override { return result_->columns(); }
  bool gives_rows() const override { return result_->gives_rows(); }
  Result<bool> NextText(std::vector<engine::TextRow>* rows) override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    auto more = result_->NextText(rows);
    if (!more.ok() || !*more) fork_->Finish();
    return more;
  }
  Result<uint64_t> Drain() override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    auto rows = result_->Drain();
    fork_->Finish();
    return rows;
  }
  Result<arrow::Schema> Schema() override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    return result_->Schema();
  }
  Result<arrow::Array> NextBatch(uint64_t batch_rows) override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    auto batch = result_->NextBatch(batch_rows);
    if (!batch.ok() || batch->empty()) fork_->Finish();
    return batch;
  }

 private:
  HomeProcess home_;
  std::unique_ptr<Fork> fork_;
  std::unique_ptr<engine::QueryResult> result_;  // before the connection goes
};

}  // namespace

Result<std::unique_ptr<engine::Engine>> Open(const SessionOptions& options) {
  return OpenEngine(options, ZarrSources());
}

struct Session::State {
  HomeProcess home;
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
    COLONNADE_RETURN_IF_ERROR(home.Check());
    const std::lock_guard lock(run_mutex);
    const auto missing = std::make_shared<std::string>();
    main->SetTableFinder(Finder(call, missing));
    {
      const auto progress = std::make_shared<Progress>(call, *main);
      main->SetPoll(Progress::PollOf(call, progress));
      running->Add(main.get());
    }
    auto result = body(*main);
    running->Remove(main.get());
    main->SetTableFinder(nullptr);
    main->SetPoll(nullptr);  // the end of the progress
    COLONNADE_RETURN_IF_ERROR(Publish());
    if (!result.ok()) return Explained(result.status(), *missing);
    return result;
  }

  // Runs `body` with a connection of its own, which it may keep.
  template <typename Body>
  auto OnFork(const Call& call, Body body) -> decltype(body(std::declval<Fork>())) {
    COLONNADE_RETURN_IF_ERROR(home.Check());
    std::unique_ptr<engine::Connection> connection;
    {
      const std::lock_guard lock(template_mutex);
      COLONNADE_ASSIGN_OR_RETURN(connection, forked->Fork());
    }
    const auto missing = std::make_shared<std::string>();
    connection->SetTableFinder(Finder(call, missing));
    auto result = body(Fork(std::move(connection), running, call));
    if (!result.ok()) return Explained(result.status(), *missing);
    return result;
  }
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}

Session::~Session() {
  if (!state_->home.is_here()) (void)state_.release();  // nobody is left to end its threads
}

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
    const size_t values = call.parameters.positional.size() + call.parameters.named.size();
    if (values > 0 && std::ranges::all_of(statements, [](const engine::StatementText& statement) {
          return statement.parameter_count == 0;
        })) {
      return InvalidArgument(values, values == 1 ? " value is" : " values are",
                             " given for parameters, and no statement has any");
    }
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
  return state_->OnFork(call, [&](Fork fork) -> Result<Rows> {
    COLONNADE_ASSIGN_OR_RETURN(auto rows, fork.connection->Query(call.sql, call.parameters));
    return Rows(std::make_unique<ForkResult>(std::move(fork), std::move(rows)));
  });
}

Result<uint64_t> Session::WriteFile(const Call& call, engine::FileFormat format,
                                    const std::string& path) {
  const auto write = [&](engine::Connection& connection) {
    return connection.QueryToFile(call.sql, format, path, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, write);
  return state_->OnFork(call, [&](Fork fork) { return write(*fork.connection); });
}

Result<std::string> Session::Explain(const Call& call) {
  const auto explain = [&](engine::Connection& connection) {
    return connection.Explain(call.sql, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, explain);
  return state_->OnFork(call, [&](Fork fork) { return explain(*fork.connection); });
}

Status Session::Register(const std::string& name, engine::TableObject table) {
  COLONNADE_RETURN_IF_ERROR(state_->home.Check());
  if (name.empty()) return InvalidArgument("a table needs a name");
  if (const auto entry = state_->registry->Find(name); entry && entry->catalog)
    return AlreadyExists("\"", name, "\" is registered with several tables: unregister it first");
  state_->registry->Put({name, std::move(table), nullptr});
  return {};
}

Status Session::RegisterCatalog(const std::string& name,
                                std::shared_ptr<const table::Catalog> catalog) {
  COLONNADE_RETURN_IF_ERROR(state_->home.Check());
  if (name.empty()) return InvalidArgument("a catalog needs a name");
  for (const char* own : {"memory", "temp", "system"}) {
    if (Folded(name) == own)
      return InvalidArgument("\"", name, "\" is the name of a catalog of the engine's own");
  }
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
  COLONNADE_RETURN_IF_ERROR(state_->home.Check());
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

void Session::ForgetTables() noexcept {
  if (state_->home.is_here()) state_->registry->Clear();
}

void Session::Interrupt() noexcept {
  if (state_->home.is_here()) state_->running->InterruptAll();
}

}  // namespace colonnade::session
