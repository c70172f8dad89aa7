#include "engine/connection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/main/materialized_query_result.hpp"
#include "engine/descriptor_files.h"
#include "engine/duckdb_status.h"
#include "engine/statements.h"

namespace colonnade::engine {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Times and counters of one connection; outlives its results.
struct Session {
  std::shared_ptr<Database> database;
  duckdb::Connection connection;
  QueryState& state;
  std::atomic<double> planning_ms = 0;
  std::atomic<double> execution_ms = 0;
  std::atomic<uint64_t> rows = 0;

  explicit Session(std::shared_ptr<Database> database_in)
      : database(std::move(database_in)),
        connection(database->database),
        state(QueryState::Get(*connection.context, *database->resources)) {}
};

class ResultImpl final : public QueryResult {
 public:
  ResultImpl(std::shared_ptr<Session> session, duckdb::unique_ptr<duckdb::QueryResult> result)
      : session_(std::move(session)), result_(std::move(result)) {
    for (size_t i = 0; i < result_->types.size(); ++i) {
      columns_.push_back(
          {result_->names[i], result_->types[i].ToString(), result_->types[i].IsNumeric()});
    }
  }

  ~ResultImpl() override {
    // A result that is dropped half read leaves its query running on the engine's threads until
    // told to stop.
    if (!finished_ && result_) session_->connection.Interrupt();
    result_.reset();
    session_->connection.context->ClearInterrupt();
  }

  const std::vector<ResultColumn>& columns() const override { return columns_; }

  Result<bool> NextText(std::vector<TextRow>* rows) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(const auto chunk, Fetch());
      if (!chunk) return false;
      const duckdb::idx_t count = chunk->size();
      const size_t first = rows->size();
      rows->resize(first + count, TextRow(columns_.size()));
      for (size_t column = 0; column < columns_.size(); ++column) {
        duckdb::Vector text(duckdb::LogicalType::VARCHAR, count);
        duckdb::VectorOperations::Cast(*session_->connection.context, chunk->data[column], text,
                                       count);
        duckdb::UnifiedVectorFormat format;
        text.ToUnifiedFormat(count, format);
        const auto* data = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
        for (duckdb::idx_t row = 0; row < count; ++row) {
          const auto index = format.sel->get_index(row);
          if (format.validity.RowIsValid(index))
            (*rows)[first + row][column] = data[index].GetString();
        }
      }
      return true;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<uint64_t> Drain() override {
    uint64_t count = 0;
    try {
      for (;;) {
        COLONNADE_ASSIGN_OR_RETURN(const auto chunk, Fetch());
        if (!chunk) return count;
        count += chunk->size();
      }
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Status ExportStream(uint64_t batch_rows, ArrowArrayStream* out) override {
    if (!result_) return InvalidState("the result has been exported already");
    try {
      // The wrapper frees itself when the stream is released.
      auto* wrapper = new duckdb::ResultArrowArrayStreamWrapper(std::move(result_), batch_rows);
      static_assert(sizeof(*out) == sizeof(wrapper->stream));
      std::memcpy(out, &wrapper->stream, sizeof(*out));
      finished_ = true;
      return {};
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

 private:
  // The next non-empty chunk, or null at the end.
  Result<duckdb::unique_ptr<duckdb::DataChunk>> Fetch() {
    if (!result_) return InvalidState("the result has been exported");
    const auto begin = Clock::now();
    for (;;) {
      duckdb::unique_ptr<duckdb::DataChunk> chunk;
      duckdb::ErrorData error;
      const bool ok = result_->TryFetch(chunk, error);
      if (!ok || result_->HasError()) {
        finished_ = true;
        // TryFetch fills `error` only from an exception.
        return ToStatus(result_->HasError() ? result_->GetErrorObject() : error);
      }
      if (!chunk || chunk->size() == 0) {
        finished_ = true;
        session_->execution_ms = session_->execution_ms + MillisecondsSince(begin);
        return duckdb::unique_ptr<duckdb::DataChunk>();
      }
      session_->rows += chunk->size();
      session_->execution_ms = session_->execution_ms + MillisecondsSince(begin);
      return chunk;
    }
  }

  std::shared_ptr<Session> session_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  std::vector<ResultColumn> columns_;
  bool finished_ = false;
};

// A file that appears under its name when it is complete. Devices and pipes are written directly.
class PendingFile {
 public:
  static Result<PendingFile> Create(const std::string& target) {
    PendingFile file;
    file.target_ = target;
    struct stat status{};
    if (::stat(target.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      if (S_ISDIR(status.st_mode))
        return InvalidArgument("cannot write \"", target, "\": it is a directory");
      const int descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
      if (descriptor < 0) return OpenError(target);
      file.descriptor_ = descriptor;
      file.direct_ = true;
      return file;
    }
    // A link keeps pointing where it does: its target is replaced.
    std::error_code error;
    if (std::filesystem::is_symlink(target, error)) {
      file.target_ = std::filesystem::weakly_canonical(target, error).string();
      if (error) return Io("cannot write \"", target, "\": ", error.message());
    }
    const std::filesystem::path path(file.target_);
    std::string pattern = path.parent_path().string();
    if (!pattern.empty()) pattern += '/';
    pattern += '.';
    pattern += path.filename().string();
    pattern += ".XXXXXX";
    file.descriptor_ = ::mkostemp(pattern.data(), O_CLOEXEC);
    if (file.descriptor_ < 0) return OpenError(target);
    file.temporary_ = pattern;
    // mkostemp makes private files; a result gets what any new file would.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    ::fchmod(file.descriptor_, status.st_mode != 0 ? (status.st_mode & 07777) : (0666 & ~mask));
    return file;
  }

  PendingFile(PendingFile&& other) noexcept
      : target_(std::move(other.target_)),
        temporary_(std::exchange(other.temporary_, {})),
        descriptor_(std::exchange(other.descriptor_, -1)),
        direct_(other.direct_) {}
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  int descriptor() const { return descriptor_; }

  Status Commit() {
    if (direct_) return {};
    if (::fsync(descriptor_) != 0 || ::close(std::exchange(descriptor_, -1)) != 0) {
      return Io("cannot write \"", target_, "\": ", std::generic_category().message(errno));
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      return Io("cannot write \"", target_, "\": ", std::generic_category().message(errno));
    }
    temporary_.clear();
    return {};
  }

 private:
  PendingFile() = default;

  static Status OpenError(const std::string& target) {
    const int error = errno;
    std::string message =
        "cannot write \"" + target + "\": " + std::generic_category().message(error);
    return Status(
        error == EACCES || error == EPERM ? StatusCode::kPermissionDenied : StatusCode::kIo,
        message);
  }

  std::string target_;
  std::string temporary_;
  int descriptor_ = -1;
  bool direct_ = false;
};

class ConnectionImpl final : public Connection {
 public:
  explicit ConnectionImpl(std::shared_ptr<Database> database)
      : session_(std::make_shared<Session>(std::move(database))) {}

  Result<std::unique_ptr<QueryResult>> Query(const std::string& sql) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(auto last, RunAllButLast(sql));
      COLONNADE_ASSIGN_OR_RETURN(auto result, Run(std::move(last), true));
      return std::unique_ptr<QueryResult>(
          std::make_unique<ResultImpl>(session_, std::move(result)));
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<uint64_t> QueryToFile(const std::string& sql, FileFormat format,
                               const std::string& path) override {
    COLONNADE_ASSIGN_OR_RETURN(PendingFile file, PendingFile::Create(path));
    auto rows = QueryToDescriptor(sql, format, file.descriptor());
    if (!rows.ok()) return std::move(rows).status().WithContext("writing \"" + path + "\"");
    COLONNADE_RETURN_IF_ERROR(file.Commit());
    return rows;
  }

  Result<uint64_t> QueryToDescriptor(const std::string& sql, FileFormat format,
                                     int descriptor) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(auto last, RunAllButLast(sql));
      duckdb::unique_ptr<duckdb::QueryResult> rows;  // outlives the copy
      if (last->type != duckdb::StatementType::SELECT_STATEMENT) {
        COLONNADE_ASSIGN_OR_RETURN(rows, Run(std::move(last), false));
        auto& materialized = rows->Cast<duckdb::MaterializedQueryResult>();
        last = SelectFrom(materialized.Collection(), rows->names);
      }
      if (format == FileFormat::kJson || format == FileFormat::kJsonLines) {
        const auto prepared = session_->connection.Prepare(last->Copy());
        if (prepared->HasError()) return ToStatus(prepared->error);
        last = WithJsonNumbers(std::move(last), prepared->GetNames(), prepared->GetTypes());
      }
      COLONNADE_ASSIGN_OR_RETURN(
          auto result, Run(CopyTo(std::move(last), format, DescriptorPath(descriptor)), false));
      auto& counted = result->Cast<duckdb::MaterializedQueryResult>();
      const auto count = counted.GetValue(0, 0).GetValue<uint64_t>();
      session_->rows = count;
      return count;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<std::string> Explain(const std::string& sql) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(auto last, RunAllButLast(sql));
      if (last->type != duckdb::StatementType::EXPLAIN_STATEMENT) {
        last = duckdb::make_uniq<duckdb::ExplainStatement>(std::move(last));
      }
      COLONNADE_ASSIGN_OR_RETURN(auto result, Run(std::move(last), false));
      auto& materialized = result->Cast<duckdb::MaterializedQueryResult>();
      std::string text;
      for (duckdb::idx_t row = 0; row < materialized.RowCount(); ++row) {
        text += materialized.GetValue(1, row).ToString();
      }
      return text;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  void Interrupt() noexcept override { session_->connection.Interrupt(); }

  QueryStats stats() const override {
    QueryCounters& counters = session_->state.counters();
    QueryStats stats;
    stats.planning_ms = session_->planning_ms;
    stats.execution_ms = session_->execution_ms;
    stats.rows = session_->rows;
    stats.chunks_total = counters.chunks_total;
    stats.chunks_read = counters.data.chunks_read;
    stats.chunks_filled = counters.data.chunks_filled;
    const uint64_t touched = stats.chunks_read + stats.chunks_filled;
    stats.chunks_skipped = stats.chunks_total > touched ? stats.chunks_total - touched : 0;
    stats.bytes_read = counters.data.bytes_read;
    stats.bytes_decoded = counters.data.bytes_decoded;
    stats.coordinate_chunks_read = counters.coordinates.chunks_read;
    stats.coordinate_bytes_read = counters.coordinates.bytes_read;
    stats.tiles_total = counters.tiles_total;
    stats.tiles_done = counters.tiles_done;
    return stats;
  }

 private:
  // Resets the statistics, runs all statements but the last, and returns the last.
  Result<duckdb::unique_ptr<duckdb::SQLStatement>> RunAllButLast(const std::string& sql) {
    session_->state.counters().Reset();
    session_->planning_ms = 0;
    session_->execution_ms = 0;
    session_->rows = 0;
    COLONNADE_ASSIGN_OR_RETURN(auto statements, ParseStatements(session_->connection, sql));
    for (size_t i = 0; i + 1 < statements.size(); ++i) {
      COLONNADE_RETURN_IF_ERROR(Run(std::move(statements[i]), false).status());
    }
    session_->state.counters().Reset();
    session_->rows = 0;
    return std::move(statements.back());
  }

  // Plans and starts a statement; if not `stream`, runs it to its end.
  Result<duckdb::unique_ptr<duckdb::QueryResult>> Run(
      duckdb::unique_ptr<duckdb::SQLStatement> statement, bool stream) {
    const auto begin = Clock::now();
    auto pending = session_->connection.PendingQuery(
        std::move(statement), stream ? duckdb::QueryResultOutputType::ALLOW_STREAMING
                                     : duckdb::QueryResultOutputType::FORCE_MATERIALIZED);
    session_->planning_ms = session_->planning_ms + MillisecondsSince(begin);
    if (pending->HasError()) return ToStatus(pending->GetErrorObject());
    const auto planned = Clock::now();
    auto result = pending->Execute();
    session_->execution_ms = session_->execution_ms + MillisecondsSince(planned);
    if (result->HasError()) return ToStatus(result->GetErrorObject());
    return result;
  }

  std::shared_ptr<Session> session_;
};

}  // namespace

Result<std::unique_ptr<Connection>> OpenConnection(std::shared_ptr<Database> database) {
  try {
    return std::unique_ptr<Connection>(std::make_unique<ConnectionImpl>(std::move(database)));
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

}  // namespace colonnade::engine
