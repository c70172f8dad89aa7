#include "engine/connection.h"

#include <map>
#include <utility>

#include "duckdb/catalog/catalog_search_path.hpp"
#include "duckdb/main/client_data.hpp"
#include "duckdb/main/materialized_query_result.hpp"
#include "duckdb/planner/planner.hpp"
#include "engine/descriptor_files.h"
#include "engine/duckdb_status.h"
#include "engine/output_file.h"
#include "engine/statement_run.h"
#include "engine/statements.h"

namespace colonnade::engine {
namespace {

Result<duckdb::Value> ToValue(duckdb::ClientContext& context, const Parameter& parameter) {
  struct Convert {
    duckdb::Value operator()(std::monostate) const { return duckdb::Value(); }
    duckdb::Value operator()(bool value) const { return duckdb::Value::BOOLEAN(value); }
    duckdb::Value operator()(int64_t value) const { return duckdb::Value::BIGINT(value); }
    duckdb::Value operator()(double value) const { return duckdb::Value::DOUBLE(value); }
    duckdb::Value operator()(const std::string& value) const {
      if (blob) return duckdb::Value::BLOB(duckdb::const_data_ptr_cast(value.data()), value.size());
      return duckdb::Value(value);
    }
    bool blob;
  };
  const bool blob = parameter.type == "BLOB";
  duckdb::Value value = std::visit(Convert{blob}, parameter.value);
  if (parameter.type.empty() || blob) return value;
  std::string error;
  duckdb::Value cast;
  bool fits = false;
  context.RunFunctionInTransaction([&] {
    const auto type = duckdb::TransformStringToLogicalType(parameter.type, context);
    fits = value.TryCastAs(context, type, cast, &error);
  });
  if (!fits) return InvalidArgument("parameter of type ", parameter.type, ": ", error);
  return cast;
}

// The values for the parameters that a statement has. Other values are for other statements.
//
// \error InvalidArgument for a parameter without a value, or a value that is not of its type.
Result<BoundParameters> Bind(duckdb::ClientContext& context, const duckdb::SQLStatement& statement,
                             const Parameters& parameters) {
  BoundParameters bound;
  const auto& names = statement.named_param_map;
  for (const auto& [name, index] : names) {
    const Parameter* parameter = nullptr;
    if (const auto found = parameters.named.find(name); found != parameters.named.end())
      parameter = &found->second;
    else if (index >= 1 && index <= parameters.positional.size())
      parameter = &parameters.positional[index - 1];
    if (parameter == nullptr)
      return InvalidArgument("no value for parameter $", name, " (", names.size(),
                             " in the statement, ",
                             parameters.positional.size() + parameters.named.size(), " given)");
    auto value = ToValue(context, *parameter);
    if (!value.ok()) return std::move(value).status().WithContext("$" + name);
    bound.emplace(name, duckdb::BoundParameterData(*std::move(value)));
  }
  return bound;
}

std::vector<std::string> ParameterNames(const duckdb::SQLStatement& statement) {
  std::map<size_t, std::string> by_position;
  for (const auto& [name, position] : statement.named_param_map) by_position[position] = name;
  std::vector<std::string> names;
  for (auto& [position, name] : by_position) names.push_back(std::move(name));
  return names;
}

bool IsQuery(const duckdb::SQLStatement& statement) {
  return statement.type == duckdb::StatementType::SELECT_STATEMENT;
}

class ConnectionImpl final : public Connection {
 public:
  explicit ConnectionImpl(std::shared_ptr<Database> database)
      : state_(std::make_shared<ConnectionState>(std::move(database))) {}

  Result<std::unique_ptr<Connection>> Fork() override {
    try {
      auto fork = std::make_unique<ConnectionImpl>(state_->database);
      auto& from = *state_->connection.context;
      auto& to = *fork->state_->connection.context;
      to.config = from.config;
      auto& data = duckdb::ClientData::Get(to);
      data.temporary_objects = duckdb::ClientData::Get(from).temporary_objects;
      data.catalog_search_path = duckdb::make_uniq<duckdb::CatalogSearchPath>(
          to, duckdb::ClientData::Get(from).catalog_search_path->GetSetPaths());
      fork->state_->state.find_table = state_->state.find_table;
      fork->state_->poll = state_->poll;
      return std::unique_ptr<Connection>(std::move(fork));
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  void SetTableFinder(TableFinder finder) override {
    state_->state.find_table = std::move(finder);
    state_->state.found_tables.clear();  // of statements that were planned and never ran
  }

  void SetPoll(std::function<Status()> poll) override { state_->poll = std::move(poll); }

  Result<std::vector<StatementText>> Split(const std::string& sql) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(const auto statements, ParseStatements(state_->connection, sql));
      std::vector<StatementText> texts;
      for (const auto& statement : statements) {
        texts.push_back({statement->query, IsQuery(*statement), ParameterNames(*statement)});
      }
      return texts;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<std::vector<ResultColumn>> Describe(const std::string& sql,
                                             const Parameters& parameters) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(auto statements, ParseStatements(state_->connection, sql));
      if (statements.size() != 1)
        return InvalidArgument("one statement expected, not ", statements.size());
      COLONNADE_ASSIGN_OR_RETURN(
          auto bound, Bind(*state_->connection.context, *statements.front(), parameters));
      // Types of columns may depend on the values, of which Prepare knows none, and PendingQuery
      // starts to run.
      duckdb::ClientContext& context = *state_->connection.context;
      context.ClearInterrupt();  // of the statement before
      std::vector<ResultColumn> columns;
      context.RunFunctionInTransaction([&] {
        duckdb::Planner planner(context);
        planner.parameter_data = std::move(bound);
        planner.CreatePlan(std::move(statements.front()));
        columns = Columns(planner.names, planner.types);
      });
      return columns;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  bool in_transaction() const override { return !state_->connection.IsAutoCommit(); }

  Result<std::unique_ptr<QueryResult>> Query(const std::string& sql,
                                             const Parameters& parameters) override {
    return QueryIn(RunMode::kStream, sql, parameters);
  }

  Result<std::unique_ptr<QueryResult>> QueryAll(const std::string& sql,
                                                const Parameters& parameters) override {
    return QueryIn(RunMode::kMaterialize, sql, parameters);
  }

  Result<uint64_t> QueryToFile(const std::string& sql, FileFormat format, const std::string& path,
                               const Parameters& parameters) override {
    COLONNADE_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path));
    auto rows = Write(sql, format, file.descriptor(), parameters);
    if (!rows.ok()) return std::move(rows).status().WithContext("writing \"" + path + "\"");
    COLONNADE_RETURN_IF_ERROR(file.Commit());
    return rows;
  }

  Result<uint64_t> QueryToDescriptor(const std::string& sql, FileFormat format,
                                     int descriptor) override {
    return Write(sql, format, descriptor, {});
  }

  Result<std::string> Explain(const std::string& sql, const Parameters& parameters) override {
    try {
      COLONNADE_ASSIGN_OR_RETURN(Last last, RunAllButLast(sql, parameters));
      if (last.statement->type != duckdb::StatementType::EXPLAIN_STATEMENT) {
        auto names = last.statement->named_param_map;
        last.statement = duckdb::make_uniq<duckdb::ExplainStatement>(std::move(last.statement));
        last.statement->named_param_map = std::move(names);
      }
      COLONNADE_ASSIGN_OR_RETURN(auto result, Run(std::move(last), RunMode::kMaterialize));
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

  void Interrupt() noexcept override { state_->connection.Interrupt(); }

  QueryStats stats() const override {
    QueryCounters& counters = state_->state.counters();
    QueryStats stats;
    stats.planning_ms = state_->planning_ms;
    stats.execution_ms = state_->execution_ms;
    stats.rows = state_->rows;
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
  // The last statement of a text, with values for its parameters.
  struct Last {
    duckdb::unique_ptr<duckdb::SQLStatement> statement;
    BoundParameters parameters;
  };

  static std::vector<ResultColumn> Columns(const duckdb::vector<std::string>& names,
                                           const duckdb::vector<duckdb::LogicalType>& types) {
    std::vector<ResultColumn> columns;
    for (size_t i = 0; i < types.size(); ++i)
      columns.push_back({names[i], types[i].ToString(), types[i].IsNumeric()});
    return columns;
  }

  // Resets the statistics, runs all statements but the last, and returns the last.
  Result<Last> RunAllButLast(const std::string& sql, const Parameters& parameters) {
    state_->state.counters().Reset();
    state_->planning_ms = 0;
    state_->execution_ms = 0;
    state_->rows = 0;
    COLONNADE_ASSIGN_OR_RETURN(auto statements, ParseStatements(state_->connection, sql));
    for (size_t i = 0; i < statements.size(); ++i) {
      COLONNADE_ASSIGN_OR_RETURN(auto bound,
                                 Bind(*state_->connection.context, *statements[i], parameters));
      Last statement{std::move(statements[i]), std::move(bound)};
      if (i + 1 == statements.size()) {
        state_->state.counters().Reset();
        state_->rows = 0;
        return statement;
      }
      COLONNADE_RETURN_IF_ERROR(Run(std::move(statement), RunMode::kMaterialize).status());
    }
    return Internal("no statement");
  }

  Result<duckdb::unique_ptr<duckdb::QueryResult>> Run(Last statement, RunMode mode) {
    return RunStatement(*state_, std::move(statement.statement), std::move(statement.parameters),
                        mode);
  }

  Result<std::unique_ptr<QueryResult>> QueryIn(RunMode mode, const std::string& sql,
                                               const Parameters& parameters) {
    try {
      COLONNADE_ASSIGN_OR_RETURN(Last last, RunAllButLast(sql, parameters));
      COLONNADE_ASSIGN_OR_RETURN(auto result, Run(std::move(last), mode));
      return MakeQueryResult(state_, std::move(result));
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  Result<uint64_t> Write(const std::string& sql, FileFormat format, int descriptor,
                         const Parameters& parameters) {
    try {
      COLONNADE_ASSIGN_OR_RETURN(Last last, RunAllButLast(sql, parameters));
      duckdb::unique_ptr<duckdb::QueryResult> rows;  // outlives the copy
      if (!IsQuery(*last.statement) || !last.parameters.empty()) {
        COLONNADE_ASSIGN_OR_RETURN(rows, Run(std::move(last), RunMode::kMaterialize));
        auto& materialized = rows->Cast<duckdb::MaterializedQueryResult>();
        last = {SelectFrom(materialized.Collection(), rows->names), {}};
      }
      if (format == FileFormat::kJson || format == FileFormat::kJsonLines) {
        const auto prepared = state_->connection.Prepare(last.statement->Copy());
        if (prepared->HasError()) return ToStatus(prepared->error);
        last.statement =
            WithJsonNumbers(std::move(last.statement), prepared->GetNames(), prepared->GetTypes());
      }
      last.statement = CopyTo(std::move(last.statement), format, DescriptorPath(descriptor));
      COLONNADE_ASSIGN_OR_RETURN(auto result, Run(std::move(last), RunMode::kMaterialize));
      auto& counted = result->Cast<duckdb::MaterializedQueryResult>();
      const auto count = counted.GetValue(0, 0).GetValue<uint64_t>();
      state_->rows = count;
      return count;
    } catch (const std::exception&) {
      return CurrentExceptionStatus();
    }
  }

  std::shared_ptr<ConnectionState> state_;
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
