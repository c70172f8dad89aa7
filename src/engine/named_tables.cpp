#include "engine/named_tables.h"

#include <string>
#include <utility>

#include "engine/duckdb_status.h"
#include "engine/stream_scan.h"
#include "engine/table_functions.h"
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
  auto call = TableFunctionCall(function, input.table_name);
  call->alias = input.table_name;
  return call;
}

void RegisterNamedTables(duckdb::DatabaseInstance& database,
                         const std::shared_ptr<EngineResources>& resources) {
  auto info = duckdb::make_shared_ptr<FunctionInfo>();
  info->resources = resources;
  duckdb::TableFunction table = MakeScanFunction(kTableFunction, true);
  table.bind = BindTable;
  RegisterTableFunction(database, std::move(table), info);
  duckdb::TableFunction stream = MakeStreamFunction(kStreamFunction);
  stream.bind = BindStream;
  RegisterTableFunction(database, std::move(stream), info);
}

}  // namespace colonnade::engine
