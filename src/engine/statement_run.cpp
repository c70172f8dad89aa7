#include "engine/statement_run.h"

#include <cstring>
#include <utility>

#include "duckdb/common/arrow/arrow_appender.hpp"
#include "duckdb/common/arrow/arrow_converter.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/execution/executor.hpp"
#include "duckdb/function/table/arrow/arrow_duck_schema.hpp"
#include "duckdb/main/pending_query_result.hpp"
#include "duckdb/main/stream_query_result.hpp"
#include "engine/duckdb_status.h"

namespace colonnade::engine {
namespace {

using Clock = std::chrono::steady_clock;
using duckdb::PendingExecutionResult;
using duckdb::StreamExecutionResult;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Status Poll(ConnectionState& connection) {
  if (!connection.poll) return {};
  Status status = connection.poll();
  if (!status.ok()) connection.connection.Interrupt();
  return status;
}

// Works on an interrupted statement until it notices. One that is dropped before keeps its
// connection, and its connection keeps it.
void RunToItsEnd(duckdb::PendingQueryResult& pending) {
  try {
    for (;;) {
      const PendingExecutionResult outcome = pending.ExecuteTask();
      if (duckdb::PendingQueryResult::IsExecutionFinished(outcome)) return;
      if (outcome == PendingExecutionResult::NO_TASKS_AVAILABLE ||
          outcome == PendingExecutionResult::BLOCKED)
        pending.WaitForTask();
    }
  } catch (const std::exception&) {  // the interrupt
  }
}

class StatementResult final : public QueryResult {
 public:
  StatementResult(std::shared_ptr<ConnectionState> connection,
                  duckdb::unique_ptr<duckdb::QueryResult> result)
      : connection_(std::move(connection)), result_(std::move(result)) {
    for (size_t i = 0; i < result_->types.size(); ++i) {
      columns_.push_back(
          {result_->names[i], result_->types[i].ToString(), result_->types[i].IsNumeric()});
    }
  }

  ~StatementResult() override {
    const bool streams = result_->type == duckdb::QueryResultType::STREAM_RESULT;
    // A result that is dropped half read leaves its query running on the engine's threads until
    // told to stop.
    if (streams && !finished_) connection_->connection.Interrupt();
    result_.reset();
    if (streams) connection_->connection.context->ClearInterrupt();
  }

  const std::vector<ResultColumn>& columns() const override { return columns_; }

  bool gives_rows() const override {
    return result_->properties.return_type != duckdb::StatementReturnType::NOTHING;
  }

  Result<bool> NextText(std::vector<TextRow>* rows) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(const auto chunk, Fetch());
      if (!chunk) return false;
      const duckdb::idx_t count = chunk->size();
      const size_t first = rows->size();
      rows->resize(first + count, TextRow(columns_.size()));
      for (size_t column = 0; column < columns_.size(); ++column) {
        duckdb::Vector text(duckdb::LogicalType::VARCHAR, count);
        duckdb::VectorOperations::Cast(*connection_->connection.context, chunk->data[column], text,
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

  Result<arrow::Schema> Schema() override {
    try {
      arrow::Schema schema;
      // DuckDB declares the same struct in its own namespace.
      auto* out = reinterpret_cast<::ArrowSchema*>(schema.out());
      duckdb::ArrowConverter::ToArrowSchema(out, result_->types, result_->names,
                                            result_->client_properties);
      return schema;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<arrow::Array> NextBatch(uint64_t batch_rows) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(auto chunk, Fetch());
      if (!chunk) return arrow::Array();
      if (!extension_types_) {
        extension_types_ = duckdb::ArrowTypeExtensionData::GetExtensionTypes(
            *connection_->connection.context, result_->types);
      }
      duckdb::ArrowAppender appender(result_->types, std::max(batch_rows, chunk->size()),
                                     result_->client_properties, *extension_types_);
      for (uint64_t rows = 0; chunk;) {
        const uint64_t taken = std::min(batch_rows - rows, chunk->size());
        appender.Append(*chunk, 0, taken, chunk->size());
        rows += taken;
        if (taken < chunk->size()) rest_ = RowsFrom(*chunk, taken);
        if (rows == batch_rows) break;
        COLONNADE_ASSIGN_OR_RETURN(chunk, Fetch());
      }
      ::ArrowArray array = appender.Finalize();
      return arrow::Array::TakeFrom(&array);
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

 private:
  duckdb::unique_ptr<duckdb::DataChunk> RowsFrom(duckdb::DataChunk& chunk, uint64_t begin) const {
    const duckdb::idx_t count = chunk.size() - begin;
    duckdb::SelectionVector rows(count);
    for (duckdb::idx_t i = 0; i < count; ++i) rows.set_index(i, begin + i);
    auto slice = duckdb::make_uniq<duckdb::DataChunk>();
    slice->InitializeEmpty(result_->types);
    slice->Slice(chunk, rows, count);
    return slice;
  }

  // The next non-empty chunk, or null at the end.
  Result<duckdb::unique_ptr<duckdb::DataChunk>> Fetch() {
    if (rest_) return std::move(rest_);
    if (finished_) return duckdb::unique_ptr<duckdb::DataChunk>();
    const auto begin = Clock::now();
    for (;;) {
      if (Status status = WaitForChunk(); !status.ok()) {
        finished_ = true;
        return status;
      }
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
        connection_->execution_ms = connection_->execution_ms + MillisecondsSince(begin);
        return duckdb::unique_ptr<duckdb::DataChunk>();
      }
      connection_->rows += chunk->size();
      connection_->execution_ms = connection_->execution_ms + MillisecondsSince(begin);
      return chunk;
    }
  }

  // Works on a streaming query until it has a chunk, has ended or has failed.
  Status WaitForChunk() {
    if (result_->type != duckdb::QueryResultType::STREAM_RESULT) return {};
    auto& stream = result_->Cast<duckdb::StreamQueryResult>();
    try {
      StreamExecutionResult outcome = stream.ExecuteTask();
      while (!duckdb::StreamQueryResult::IsChunkReady(outcome)) {
        COLONNADE_RETURN_IF_ERROR(Poll(*connection_));
        if (outcome == StreamExecutionResult::BLOCKED) stream.WaitForTask();
        outcome = stream.ExecuteTask();
      }
      return {};
    } catch (const duckdb::InterruptException&) {
      // The engine interrupts a query when one of its threads fails, and may notice the interrupt
      // before the failure.
      auto& context = *connection_->connection.context;
      if (context.ExecutionIsFinished() && context.GetExecutor().HasError())
        return ToStatus(context.GetExecutor().GetError());
      return Cancelled("cancelled");
    }
  }

  std::shared_ptr<ConnectionState> connection_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  std::vector<ResultColumn> columns_;
  std::optional<duckdb::unordered_map<duckdb::idx_t,
                                      const duckdb::shared_ptr<duckdb::ArrowTypeExtensionData>>>
      extension_types_;
  duckdb::unique_ptr<duckdb::DataChunk> rest_;  // of a chunk that did not fit into a batch
  bool finished_ = false;
};

}  // namespace

Result<duckdb::unique_ptr<duckdb::QueryResult>> RunStatement(
    ConnectionState& connection, duckdb::unique_ptr<duckdb::SQLStatement> statement,
    BoundParameters parameters, RunMode mode) {
  const auto begin = Clock::now();
  const auto output = mode == RunMode::kStream ? duckdb::QueryResultOutputType::ALLOW_STREAMING
                                               : duckdb::QueryResultOutputType::FORCE_MATERIALIZED;
  const auto pending =
      parameters.empty()
          ? connection.connection.PendingQuery(std::move(statement), output)
          : connection.connection.PendingQuery(std::move(statement), parameters, output);
  connection.planning_ms = connection.planning_ms + MillisecondsSince(begin);
  if (pending->HasError()) return ToStatus(pending->GetErrorObject());
  const auto planned = Clock::now();
  for (;;) {
    const PendingExecutionResult outcome = pending->ExecuteTask();
    if (outcome == PendingExecutionResult::EXECUTION_ERROR)
      return ToStatus(pending->GetErrorObject());
    if (duckdb::PendingQueryResult::IsResultReady(outcome)) break;
    if (Status polled = Poll(connection); !polled.ok()) {
      RunToItsEnd(*pending);
      return polled;
    }
    if (outcome == PendingExecutionResult::NO_TASKS_AVAILABLE ||
        outcome == PendingExecutionResult::BLOCKED)
      pending->WaitForTask();
  }
  auto result = pending->Execute();
  connection.execution_ms = connection.execution_ms + MillisecondsSince(planned);
  if (result->HasError()) return ToStatus(result->GetErrorObject());
  return result;
}

std::unique_ptr<QueryResult> MakeQueryResult(std::shared_ptr<ConnectionState> connection,
                                             duckdb::unique_ptr<duckdb::QueryResult> result) {
  return std::make_unique<StatementResult>(std::move(connection), std::move(result));
}

}  // namespace colonnade::engine
