#include "engine/named_tables.h"

#include <string>
#include <utility>

#include "engine/duckdb_status.h"
#include "engine/stream_scan.h"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

// Not for users: the argument is a name that was found while the same statement was planned.
constexpr const char* kTableFunction = "colonnade_table";
constexpr const char* kStreamFunction = "colonnade_stream";

struct FunctionInfo final : duckdb::TableFunctionInfo {
  std::shared_ptr<EngineResources> resources;
};

TableObject FoundTable(duckdb::ClientContext& context, duckdb::TableFunctionBindInput& input) {
  auto& resources = *input.info->Cast<FunctionInfo>().resources;
  const auto& found = QueryState::Get(context, resources).found_tables;
  const auto table = input.inputs[0].IsNull()
                         ? found.end()
                         : found.find(duckdb::StringValue::Get(input.inputs[0]));
  if (table == found.end())
    Throw(InvalidArgument(input.table_function.name,
                          " is not for direct use: name the table in FROM"));
  return table->second;
}

duckdb::unique_ptr<duckdb::FunctionData> BindTable(duckdb::ClientContext& context,
                                                   duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<duckdb::LogicalType>& types,
                                                   duckdb::vector<duckdb::string>& names) {
  TableObject table = FoundTable(context, input);
  if (!table.source) Throw(Internal(kTableFunction, " of a stream"));
  return BindScan(context, input, input.info->Cast<FunctionInfo>().resources,
                  std::move(table.source), types, names);
}

duckdb::unique_ptr<duckdb::FunctionData> BindStream(duckdb::ClientContext& context,
                                                    duckdb::TableFunctionBindInput& input,
                                                    duckdb::vector<duckdb::LogicalType>& types,
                                                    duckdb::vector<duckdb::string>& names) {
  TableObject table = FoundTable(context, input);
  if (!table.stream) Throw(Internal(kStreamFunction, " of a table"));
  auto bind = duckdb::make_uniq<StreamBindData>(input.info->Cast<FunctionInfo>().resources,
                                                std::move(table.stream));
  FillStreamColumns(context, *bind, types, names);
  return bind;
}

void Register(duckdb::DatabaseInstance& database, duckdb::TableFunction function,
              duckdb::table_function_bind_t bind,
              const std::shared_ptr<EngineResources>& resources) {
  function.arguments = {duckdb::LogicalType::VARCHAR};
  function.bind = bind;
  auto info = duckdb::make_shared_ptr<FunctionInfo>();
  info->resources = resources;
  function.function_info = std::move(info);
  duckdb::CreateTableFunctionInfo create(std::move(function));
  create.on_conflict = duckdb::OnCreateConflict::ALTER_ON_CONFLICT;
  duckdb::Catalog::GetSystemCatalog(database).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(database), create);
}

}  // namespace

duckdb::unique_ptr<duckdb::TableRef> ReplaceWithNamedTable(
    duckdb::ClientContext& context, const duckdb::ReplacementScanInput& input,
    EngineResources& resources) {
  QueryState& state = QueryState::Get(context, resources);
  if (!state.find_table || !input.catalog_name.empty() || !input.schema_name.empty())
    return nullptr;
  auto table = ValueOrThrow(state.find_table(input.table_name));
  if (!table) return nullptr;
  const char* function = table->stream ? kStreamFunction : kTableFunction;
  state.found_tables[input.table_name] = *std::move(table);
  auto reference = duckdb::make_uniq<duckdb::TableFunctionRef>();
  duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> arguments;
  arguments.push_back(
      duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(input.table_name)));
  reference->function =
      duckdb::make_uniq<duckdb::FunctionExpression>(function, std::move(arguments));
  reference->alias = input.table_name;
  return reference;
}

void RegisterNamedTables(duckdb::DatabaseInstance& database,
                         const std::shared_ptr<EngineResources>& resources) {
  Register(database, MakeScanFunction(kTableFunction, true), BindTable, resources);
  Register(database, MakeStreamFunction(kStreamFunction), BindStream, resources);
}

}  // namespace colonnade::engine
