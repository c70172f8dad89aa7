#include "session.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "interop.h"
#include "numpy_export.h"
#include "session/session.h"
#include "tables.h"

namespace colonnade::python {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

Columns ColumnPairs(const std::vector<engine::ResultColumn>& columns) {
  Columns pairs;
  for (const engine::ResultColumn& column : columns) pairs.emplace_back(column.name, column.type);
  return pairs;
}

// (value, SQL type or "") as colonnade.parameters makes them.
engine::Parameter ToParameter(nb::handle pair) {
  engine::Parameter parameter;
  const nb::object value = nb::borrow(pair)[0];
  parameter.type = nb::cast<std::string>(nb::borrow(pair)[1]);
  if (value.is_none()) {
    parameter.value = std::monostate();
  } else if (nb::isinstance<nb::bool_>(value)) {
    parameter.value = nb::cast<bool>(value);
  } else if (nb::isinstance<nb::int_>(value)) {
    parameter.value = nb::cast<int64_t>(value);
  } else if (nb::isinstance<nb::float_>(value)) {
    parameter.value = nb::cast<double>(value);
  } else if (nb::isinstance<nb::bytes>(value)) {
    const auto bytes = nb::cast<nb::bytes>(value);
    parameter.value = std::string(bytes.c_str(), bytes.size());
  } else {
    parameter.value = nb::cast<std::string>(value);
  }
  return parameter;
}

engine::Parameters ToParameters(const nb::list& positional, const nb::dict& named) {
  engine::Parameters parameters;
  for (const nb::handle pair : positional) parameters.positional.push_back(ToParameter(pair));
  for (const auto& [name, pair] : named)
    parameters.named.emplace(nb::cast<std::string>(name), ToParameter(pair));
  return parameters;
}

// Asks `find`, a Python function from a name to a Table or None.
engine::TableFinder ToFinder(nb::object find) {
  if (find.is_none()) return nullptr;
  return [find = SharedObject(std::move(find))](
             const std::string& name) -> Result<std::optional<engine::TableObject>> {
    GilAcquire gil;
    if (!gil.held()) return gil.status();
    try {
      const nb::object found = nb::borrow(find.get())(name);
      if (found.is_none()) return std::optional<engine::TableObject>();
      return std::optional(nb::cast<const PyTable&>(found).object);
    } catch (nb::python_error& error) {
      return StatusFromPython(error, "");
    } catch (const std::exception& error) {
      return InvalidArgument("table \"", name, "\": ", error.what());
    }
  };
}

// Tells `tell`, a Python function of (fraction done or None, chunks, bytes, finished).
std::function<void(const engine::QueryStats&, bool)> ToProgress(const SharedObject& tell) {
  if (!tell) return nullptr;
  return [tell](const engine::QueryStats& stats, bool finished) {
    GilAcquire gil;
    if (!gil.held()) return;
    try {
      nb::object fraction = nb::none();
      if (stats.tiles_total > 0) {
        fraction = nb::float_(static_cast<double>(stats.tiles_done) /
                              static_cast<double>(stats.tiles_total));
      }
      nb::borrow(tell.get())(fraction, stats.chunks_read + stats.chunks_filled, stats.bytes_read,
                             finished);
    } catch (nb::python_error& error) {  // a display that fails must not end a query
      error.discard_as_unraisable("colonnade's progress display");
    }
  };
}

// A running query. One thread at a time; others wait.
class PyResult {
 public:
  explicit PyResult(std::unique_ptr<engine::QueryResult> result)
      : result_(std::move(result)),
        columns_(ColumnPairs(result_->columns())),
        failure_(std::make_shared<Failure>()) {}

  ~PyResult() {
    // Dropping waits for the engine's threads, which may need the interpreter lock.
    GilRelease release;
    result_.reset();
  }

  const Columns& columns() const { return columns_; }

  nb::object Schema() {
    auto schema = Locked([](engine::QueryResult& result) { return result.Schema(); });
    return MakeCapsule(ValueOrRaise(std::move(schema)));
  }

  nb::object Stream(uint64_t batch_rows) {
    Result<arrow::ArrayStream> stream = [&]() -> Result<arrow::ArrayStream> {
      GilRelease release;
      const std::lock_guard lock(mutex_);
      if (!result_) return InvalidState("the result has been exported already");
      return engine::MakeArrayStream(
          std::move(result_), batch_rows,
          [failure = failure_](const Status& status) { failure->Set(status); });
    }();
    return MakeCapsule(ValueOrRaise(std::move(stream)));
  }

  nb::list FetchRows(int64_t count) {
    nb::list rows;
    while (static_cast<int64_t>(rows.size()) < count) {
      if (!batch_.empty() && batch_row_ < batch_->length) {
        const int64_t take = std::min<int64_t>(count - static_cast<int64_t>(rows.size()),
                                               batch_->length - batch_row_);
        if (!reader_) reader_.emplace(SchemaOnce(), ColumnTypes());
        reader_->Append(*batch_.get(), batch_row_, take, &rows);
        batch_row_ += take;
        continue;
      }
      auto batch =
          Locked([](engine::QueryResult& result) { return result.NextBatch(kRowsAtOnce); });
      batch_ = ValueOrRaise(std::move(batch));
      batch_row_ = 0;
      if (batch_.empty()) break;
    }
    return rows;
  }

  nb::dict ToNumpy(bool text_as_streams) {
    if (!batch_.empty())
      return Fail(InvalidState("some rows of the result have been fetched already"));
    NumpyBuilder builder(SchemaOnce(), ColumnTypes(), {.text_as_streams = text_as_streams});
    // The first batch may be all there is, and is then not copied; the others should stay in the
    // processor's cache between the engine's copy and ours.
    for (uint64_t rows = kExportRows;; rows = kCopiedRows) {
      auto batch = Locked([rows](engine::QueryResult& result) { return result.NextBatch(rows); });
      arrow::Array array = ValueOrRaise(std::move(batch));
      if (array.empty()) return builder.Finish();
      builder.Add(std::move(array));
    }
  }

  nb::object FailureObject() const {
    const std::optional<Status> status = failure_->Get();
    if (!status) return nb::none();
    return ExceptionOf(*status);
  }

 private:
  static constexpr uint64_t kRowsAtOnce = 2'048;
  static constexpr uint64_t kExportRows = 122'880;
  static constexpr uint64_t kCopiedRows = 16'384;

  // The failure of a stream that has left, told by whichever thread pulls it.
  class Failure {
   public:
    void Set(const Status& status) {
      const std::lock_guard lock(mutex_);
      if (!status_) status_ = status;
    }
    std::optional<Status> Get() const {
      const std::lock_guard lock(mutex_);
      return status_;
    }

   private:
    mutable std::mutex mutex_;
    std::optional<Status> status_;
  };

  [[noreturn]] static nb::dict Fail(const Status& status) { RaiseStatus(status); }

  template <typename Body>
  auto Locked(Body body) -> decltype(body(std::declval<engine::QueryResult&>())) {
    GilRelease release;
    const std::lock_guard lock(mutex_);
    if (!result_) return InvalidState("the result has been exported already");
    return body(*result_);
  }

  const ArrowSchema& SchemaOnce() {
    if (schema_.empty()) {
      schema_ = ValueOrRaise(Locked([](engine::QueryResult& result) { return result.Schema(); }));
    }
    return *schema_.get();
  }

  std::vector<std::string> ColumnTypes() const {
    std::vector<std::string> types;
    for (const auto& [name, type] : columns_) types.push_back(type);
    return types;
  }

  std::mutex mutex_;
  std::unique_ptr<engine::QueryResult> result_;
  Columns columns_;
  std::shared_ptr<Failure> failure_;
  arrow::Schema schema_;
  std::optional<RowReader> reader_;      // of the schema
  std::optional<RowReader> row_reader_;  // borrows the schema
  arrow::Array batch_;
  int64_t batch_row_ = 0;
};

// Sessions that are alive, for InterruptAllSessions.
struct LiveSessions {
  std::mutex mutex;
  std::vector<std::weak_ptr<session::Session>> sessions;
};

LiveSessions& Live() {
  static auto* live = new LiveSessions;  // outlives every thread
  return *live;
}

class PySession {
 public:
  explicit PySession(std::shared_ptr<session::Session> session) : session_(std::move(session)) {}
  ~PySession() {
    GilRelease release;
    session_.reset();
  }

  std::shared_ptr<session::Session> Get() const {
    if (!session_) RaiseStatus(InvalidState("the session is closed"));
    return session_;
  }
  void Close() {
    progress_ = SharedObject();
    std::shared_ptr<session::Session> closing = std::move(session_);
    if (!closing) return;
    GilRelease release;
    closing->ForgetTables();
    closing.reset();
  }
  bool closed() const { return session_ == nullptr; }

  void SetProgress(nb::object tell) {
    progress_ = tell.is_none() ? SharedObject() : SharedObject(std::move(tell));
  }

  session::Call MakeCall(std::string sql, const nb::list& positional, const nb::dict& named,
                         nb::object find_table) const {
    return {std::move(sql), ToParameters(positional, named), ToFinder(std::move(find_table)),
            SignalPoll(), ToProgress(progress_)};
  }

 private:
  std::shared_ptr<session::Session> session_;
  SharedObject progress_;
};

std::unique_ptr<PySession> OpenSession(std::optional<int> threads,
                                       std::optional<std::string> memory_limit,
                                       std::optional<std::string> temp_directory) {
  session::SessionOptions options{threads, std::move(memory_limit), std::move(temp_directory)};
  auto opened = [&] {
    GilRelease release;
    return session::Session::Open(options);
  }();
  auto session = ValueOrRaise(std::move(opened));
  {
    LiveSessions& live = Live();
    const std::lock_guard lock(live.mutex);
    std::erase_if(live.sessions, [](const auto& weak) { return weak.expired(); });
    live.sessions.push_back(session);
  }
  return std::make_unique<PySession>(std::move(session));
}

using QueryTuple = std::pair<std::string, Columns>;

std::pair<std::optional<QueryTuple>, std::unique_ptr<PyResult>> Run(const PySession& self,
                                                                    std::string sql,
                                                                    const nb::list& positional,
                                                                    const nb::dict& named,
                                                                    nb::object find_table) {
  const auto session = self.Get();
  session::Call call = self.MakeCall(std::move(sql), positional, named, std::move(find_table));
  auto ran = [&] {
    GilRelease release;
    return session->Run(call);
  }();
  session::Outcome outcome = ValueOrRaise(std::move(ran));
  std::optional<QueryTuple> query;
  if (outcome.query) query.emplace(outcome.query->sql, ColumnPairs(outcome.query->columns));
  std::unique_ptr<PyResult> rows;
  if (outcome.rows && outcome.rows->gives_rows())
    rows = std::make_unique<PyResult>(std::move(outcome.rows));
  return {std::move(query), std::move(rows)};
}

std::unique_ptr<PyResult> Start(const PySession& self, std::string sql, const nb::list& positional,
                                const nb::dict& named, nb::object find_table) {
  const auto session = self.Get();
  session::Call call = self.MakeCall(std::move(sql), positional, named, std::move(find_table));
  auto started = [&] {
    GilRelease release;
    return session->Start(call);
  }();
  return std::make_unique<PyResult>(ValueOrRaise(std::move(started)));
}

Result<engine::FileFormat> ToFormat(const std::string& name) {
  if (name == "csv") return engine::FileFormat::kCsv;
  if (name == "json") return engine::FileFormat::kJson;
  if (name == "jsonl") return engine::FileFormat::kJsonLines;
  if (name == "parquet") return engine::FileFormat::kParquet;
  return InvalidArgument("format \"", name, "\": there are csv, json, jsonl and parquet");
}

uint64_t WriteFile(const PySession& self, std::string sql, const nb::list& positional,
                   const nb::dict& named, nb::object find_table, const std::string& format,
                   const std::string& path) {
  const auto session = self.Get();
  const engine::FileFormat file_format = ValueOrRaise(ToFormat(format));
  session::Call call = self.MakeCall(std::move(sql), positional, named, std::move(find_table));
  auto rows = [&] {
    GilRelease release;
    return session->WriteFile(call, file_format, path);
  }();
  return ValueOrRaise(std::move(rows));
}

std::string Explain(const PySession& self, std::string sql, const nb::list& positional,
                    const nb::dict& named, nb::object find_table) {
  const auto session = self.Get();
  session::Call call = self.MakeCall(std::move(sql), positional, named, std::move(find_table));
  auto plan = [&] {
    GilRelease release;
    return session->Explain(call);
  }();
  return ValueOrRaise(std::move(plan));
}

// Tables that were given together, as one catalog.
class TableCatalog final : public table::Catalog {
 public:
  explicit TableCatalog(
      std::vector<std::pair<std::string, std::shared_ptr<const table::TableSource>>> tables)
      : tables_(std::move(tables)) {}
  Result<std::vector<std::string>> ListSchemas() const override {
    return std::vector<std::string>{"main"};
  }
  Result<std::vector<std::string>> ListTables(const std::string& schema) const override {
    if (schema != "main") return NotFound("no schema \"", schema, "\"");
    std::vector<std::string> names;
    for (const auto& [name, source] : tables_) names.push_back(name);
    return names;
  }
  Result<std::shared_ptr<const table::TableSource>> Open(const std::string& schema,
                                                         const std::string& table) const override {
    for (const auto& [name, source] : tables_) {
      if (schema == "main" && name == table) return source;
    }
    return NotFound("no table \"", table, "\" in \"", schema, "\"");
  }

 private:
  std::vector<std::pair<std::string, std::shared_ptr<const table::TableSource>>> tables_;
};

void RegisterCatalog(const PySession& self, const std::string& name, const nb::dict& tables) {
  const auto session = self.Get();
  std::vector<std::pair<std::string, std::shared_ptr<const table::TableSource>>> sources;
  for (const auto& [table_name, table] : tables) {
    const auto& object = nb::cast<const PyTable&>(table).object;
    if (!object.source)
      RaiseStatus(InvalidArgument("\"", nb::cast<std::string>(table_name),
                                  "\" is a stream: only array tables make a catalog"));
    sources.emplace_back(nb::cast<std::string>(table_name), object.source);
  }
  auto status = [&] {
    GilRelease release;
    return session->RegisterCatalog(name, std::make_shared<TableCatalog>(std::move(sources)));
  }();
  RaiseIfError(status);
}

std::vector<std::tuple<std::string, std::string, std::string>> Tables(const PySession& self) {
  const auto session = self.Get();
  auto listed = [&] {
    GilRelease release;
    return session->Tables();
  }();
  std::vector<std::tuple<std::string, std::string, std::string>> names;
  for (const session::TableName& table : ValueOrRaise(std::move(listed)))
    names.emplace_back(table.catalog, table.schema, table.name);
  return names;
}

}  // namespace

void EndAllSessions() {
  std::vector<std::shared_ptr<session::Session>> alive;
  {
    LiveSessions& live = Live();
    const std::lock_guard lock(live.mutex);
    for (const auto& weak : live.sessions) {
      if (auto session = weak.lock()) alive.push_back(std::move(session));
    }
  }
  for (const auto& session : alive) {
    session->Interrupt();
    session->ForgetTables();
  }
}

void BindSession(nb::module_& module) {
  nb::class_<PyResult>(module, "Result", "The rows of one run of a statement.")
      .def_prop_ro("columns", &PyResult::columns)
      .def("schema", &PyResult::Schema)
      .def("stream", &PyResult::Stream, nb::arg("batch_rows") = 122'880)
      .def("fetch_rows", &PyResult::FetchRows, nb::arg("count"))
      .def("to_numpy", &PyResult::ToNumpy, nb::arg("text_as_streams") = false)
      .def("failure", &PyResult::FailureObject);

  const auto find_table = [] { return nb::arg("find_table") = nb::none(); };
  nb::class_<PySession>(module, "Session", "An engine and its tables. Thread-safe.")
      .def(nb::new_(&OpenSession), nb::arg("threads") = nb::none(),
           nb::arg("memory_limit") = nb::none(), nb::arg("temp_directory") = nb::none())
      .def("run", &Run, nb::arg("sql"), nb::arg("positional"), nb::arg("named"), find_table())
      .def("start", &Start, nb::arg("sql"), nb::arg("positional"), nb::arg("named"), find_table())
      .def("write_file", &WriteFile, nb::arg("sql"), nb::arg("positional"), nb::arg("named"),
           nb::arg("find_table").none(), nb::arg("format"), nb::arg("path"))
      .def("explain", &Explain, nb::arg("sql"), nb::arg("positional"), nb::arg("named"),
           find_table())
      .def(
          "register",
          [](const PySession& self, const std::string& name, const PyTable& table) {
            RaiseIfError(self.Get()->Register(name, table.object));
          },
          nb::arg("name"), nb::arg("table"))
      .def("register_catalog", &RegisterCatalog, nb::arg("name"), nb::arg("tables"))
      .def(
          "unregister",
          [](const PySession& self, const std::string& name) {
            const auto session = self.Get();
            auto status = [&] {
              GilRelease release;
              return session->Unregister(name);
            }();
            RaiseIfError(status);
          },
          nb::arg("name"))
      .def("tables", &Tables)
      .def("interrupt", [](const PySession& self) { self.Get()->Interrupt(); })
      .def("set_progress", &PySession::SetProgress, nb::arg("progress").none())
      .def("close", &PySession::Close)
      .def_prop_ro("closed", &PySession::closed);
}

}  // namespace colonnade::python
