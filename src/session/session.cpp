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
  // Gives the name to `entry`, or to nothing. False if it is a catalog's, which is attached too,
  // and may not be taken from it.
  bool Put(const std::string& name, std::optional<Entry> entry, bool from_catalog) {
    const std::string key = Folded(name);
    std::map<std::string, Entry>::node_type before;  // destroyed outside the lock, as in Clear
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) {
      if (found->second.catalog && !from_catalog) return false;
      before = entries_.extract(found);
    }
    if (entry) entries_.emplace(key, *std::move(entry));
    return true;
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

  // The catalog that is being attached, if one is.
  void SetAttaching(std::shared_ptr<const table::Catalog> catalog) {
    const std::lock_guard lock(mutex_);
    attaching_.swap(catalog);
  }
  std::shared_ptr<const table::Catalog> attaching() const {
    const std::lock_guard lock(mutex_);
    return attaching_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const table::Catalog> attaching_;
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

// A connection for one query, while it runs.
struct Fork {
  Fork(std::unique_ptr<engine::Connection> connection_in, std::shared_ptr<Running> running_in,
       const Call& call)
      : connection(std::move(connection_in)),
        running(std::move(running_in)),
        progress(std::make_shared<Progress>(call, *connection)) {
    connection->SetPoll(Progress::PollOf(call, progress));
    running->Add(connection.get());
  }
  ~Fork() {
    running->Remove(connection.get());
    Finish();
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  // Tells the end of the progress, before the connection that it looks at goes.
  void Finish() {
    connection->SetPoll(nullptr);
    progress.reset();
  }

  std::unique_ptr<engine::Connection> connection;
  std::shared_ptr<Running> running;
  std::shared_ptr<Progress> progress;
};

// A result as a session gives it out: with the fork that it alone uses, if it does, and of use only
// in the process that it was made in.
class SessionResult final : public engine::QueryResult {
 public:
  SessionResult(std::unique_ptr<engine::QueryResult> result, std::unique_ptr<Fork> fork)
      : fork_(std::move(fork)), result_(std::move(result)) {}
  ~SessionResult() override {
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
    if (!more.ok() || !*more) Finish();
    return more;
  }
  Result<uint64_t> Drain() override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    auto rows = result_->Drain();
    Finish();
    return rows;
  }
  Result<arrow::Schema> Schema() override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    return result_->Schema();
  }
  Result<arrow::Array> NextBatch(uint64_t batch_rows) override {
    COLONNADE_RETURN_IF_ERROR(home_.Check());
    auto batch = result_->NextBatch(batch_rows);
    if (!batch.ok() || batch->empty()) Finish();
    return batch;
  }

 private:
  void Finish() {
    if (fork_) fork_->Finish();
  }

  HomeProcess home_;
  std::unique_ptr<Fork> fork_;
  std::unique_ptr<engine::QueryResult> result_;  // before the connection goes
};

// A started query, or a statement that has run, as a result.
Result<std::unique_ptr<engine::QueryResult>> GiveOut(
    Result<std::unique_ptr<engine::QueryResult>> rows, std::unique_ptr<Fork> fork = nullptr) {
  COLONNADE_RETURN_IF_ERROR(rows.status());
  return std::unique_ptr<engine::QueryResult>(
      std::make_unique<SessionResult>(*std::move(rows), std::move(fork)));
}

// That every value of a call has a parameter in some statement to go to. Whether every parameter
// has a value is seen when its statement runs.
Status CheckValues(const engine::Parameters& values,
                   const std::vector<engine::StatementText>& statements) {
  if (!values.positional.empty() && !values.named.empty())
    return InvalidArgument("parameters are given by position or by name, not both");
  size_t most = 0;
  std::set<std::string> names;
  for (const engine::StatementText& statement : statements) {
    most = std::max(most, statement.parameters.size());
    names.insert(statement.parameters.begin(), statement.parameters.end());
  }
  if (values.positional.size() > most)
    return InvalidArgument(values.positional.size(),
                           values.positional.size() == 1 ? " value" : " values",
                           " given by position, and no statement has more than ", most,
                           most == 1 ? " parameter" : " parameters");
  for (const auto& [name, value] : values.named) {
    if (names.contains(name)) continue;
    std::string list;
    for (const std::string& other : names) list += (list.empty() ? "$" : ", $") + other;
    return InvalidArgument("a value for $", name, ", and no statement has that parameter; there ",
                           names.size() == 1 ? "is " : "are ", list.empty() ? "none" : list);
  }
  return {};
}

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
  uint64_t catalogs_attached = 0;  // guarded by run_mutex

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

  // Looks names up for one call.
  engine::TableFinder Finder(const Call& call) const {
    return [registry = registry, local = call.find_table](
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
      if (local) return local(name);
      return std::optional<engine::TableObject>();
    };
  }

  // Adds to a failure that is about a name nobody knew what is registered under that or the
  // nearest.
  Status Explained(Status status) const {
    const std::string unknown(status.unknown_name());
    if (unknown.empty()) return status;
    std::string hint;
    if (const auto entry = registry->Find(unknown)) {
      hint = " A table \"" + entry->name + "\" is registered, for FROM alone.";
    } else {
      const std::vector<std::string> names = registry->Names();
      const std::string* nearest = NearestName(unknown, names);
      if (nearest == nullptr) return status;
      hint = " A table \"" + *nearest + "\" is registered; did you mean that?";
    }
    return Status(status.code(), std::string(status.message()) + hint)
        .WithCause(status.cause())
        .WithUnknownName(unknown);
  }

  // Runs `body` with the first connection, set up for a call.
  template <typename Body>
  auto OnMain(const Call& call, Body body) -> decltype(body(*main)) {
    COLONNADE_RETURN_IF_ERROR(home.Check());
    const std::lock_guard lock(run_mutex);
    main->SetTableFinder(Finder(call));
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
    if (!result.ok()) return Explained(result.status());
    return result;
  }

  // Runs `body` with a connection of its own, which it may keep.
  template <typename Body>
  auto OnFork(const Call& call, Body body) -> decltype(body(std::unique_ptr<Fork>())) {
    COLONNADE_RETURN_IF_ERROR(home.Check());
    std::unique_ptr<engine::Connection> connection;
    {
      const std::lock_guard lock(template_mutex);
      COLONNADE_ASSIGN_OR_RETURN(connection, forked->Fork());
    }
    connection->SetTableFinder(Finder(call));
    auto result = body(std::make_unique<Fork>(std::move(connection), running, call));
    if (!result.ok()) return Explained(result.status());
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
                                auto catalog = registry->attaching();
                                if (!catalog)
                                  return InvalidArgument("\"", arguments.uri, "\": TYPE ",
                                                         kRegisteredType, " is not for direct use");
                                return catalog;
                              }});
  COLONNADE_ASSIGN_OR_RETURN(state->engine, OpenEngine(options, std::move(sources)));
  COLONNADE_ASSIGN_OR_RETURN(state->main, state->engine->Connect());
  COLONNADE_RETURN_IF_ERROR(state->Publish());
  return std::shared_ptr<Session>(new Session(std::move(state)));
}

Result<Outcome> Session::Run(const Call& call) {
  return state_->OnMain(call, [&](engine::Connection& main) -> Result<Outcome> {
    COLONNADE_ASSIGN_OR_RETURN(const auto statements, main.Split(call.sql));
    COLONNADE_RETURN_IF_ERROR(CheckValues(call.parameters, statements));
    Outcome outcome;
    for (size_t i = 0; i < statements.size(); ++i) {
      const engine::StatementText& statement = statements[i];
      const bool last = i + 1 == statements.size();
      if (last && statement.is_query) {
        COLONNADE_ASSIGN_OR_RETURN(auto columns, main.Describe(statement.sql, call.parameters));
        outcome.query = Query{statement.sql, std::move(columns)};
        break;
      }
      COLONNADE_ASSIGN_OR_RETURN(auto rows, GiveOut(main.QueryAll(statement.sql, call.parameters)));
      if (last) outcome.rows = std::move(rows);
    }
    return outcome;
  });
}

Result<std::unique_ptr<engine::QueryResult>> Session::Start(const Call& call) {
  if (state_->in_transaction) {
    return state_->OnMain(call, [&](engine::Connection& main) {
      return GiveOut(main.QueryAll(call.sql, call.parameters));
    });
  }
  return state_->OnFork(call, [&](std::unique_ptr<Fork> fork) {
    auto rows = fork->connection->Query(call.sql, call.parameters);
    return GiveOut(std::move(rows), std::move(fork));
  });
}

Result<uint64_t> Session::WriteFile(const Call& call, engine::FileFormat format,
                                    const std::string& path) {
  const auto write = [&](engine::Connection& connection) {
    return connection.QueryToFile(call.sql, format, path, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, write);
  return state_->OnFork(call, [&](std::unique_ptr<Fork> fork) { return write(*fork->connection); });
}

Result<std::string> Session::Explain(const Call& call) {
  const auto explain = [&](engine::Connection& connection) {
    return connection.Explain(call.sql, call.parameters);
  };
  if (state_->in_transaction) return state_->OnMain(call, explain);
  return state_->OnFork(call,
                        [&](std::unique_ptr<Fork> fork) { return explain(*fork->connection); });
}

Status Session::Register(const std::string& name, engine::TableObject table) {
  COLONNADE_RETURN_IF_ERROR(state_->home.Check());
  if (name.empty()) return InvalidArgument("a table needs a name");
  if (!state_->registry->Put(name, Registry::Entry{name, std::move(table), nullptr}, false))
    return AlreadyExists("\"", name, "\" is registered with several tables: unregister it first");
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
  // One at a time: what is attached and what is registered stay the same.
  return state_
      ->OnMain(Call{},
               [&](engine::Connection& main) {
                 Registry& registry = *state_->registry;
                 const auto before = registry.Find(name);
                 // ATTACH keeps what it would replace if it fails, or if the path is the same.
                 const std::string path = name + "#" + std::to_string(++state_->catalogs_attached);
                 registry.SetAttaching(catalog);
                 auto attached = main.QueryAll(
                     std::string(before && before->catalog ? "ATTACH OR REPLACE " : "ATTACH ") +
                     Quoted(path, '\'') + " AS " + Quoted(name, '"') + " (TYPE " + kRegisteredType +
                     ")");
                 registry.SetAttaching(nullptr);
                 if (attached.ok())
                   registry.Put(name, Registry::Entry{name, {}, std::move(catalog)}, true);
                 return attached;
               })
      .status();
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
  if (state_->registry->Put(name, std::nullopt, false)) return {};
  return state_
      ->OnMain(Call{},
               [&](engine::Connection& main) {
                 auto detached =
                     main.QueryAll("DETACH DATABASE IF EXISTS " + Quoted(entry->name, '"'));
                 if (detached.ok()) state_->registry->Put(name, std::nullopt, true);
                 return detached;
               })
      .status();
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
