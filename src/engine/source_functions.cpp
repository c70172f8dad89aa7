#include "engine/source_functions.h"

#include <utility>

#include "engine/duckdb_status.h"
#include "engine/named_tables.h"
#include "engine/source_arguments.h"
#include "engine/table_functions.h"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

struct FunctionInfo final : duckdb::TableFunctionInfo {
  SourceFunction function;
  std::shared_ptr<EngineResources> resources;
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  auto& info = input.info->Cast<FunctionInfo>();
  SourceArguments arguments;
  if (input.inputs[0].IsNull())
    Throw(InvalidArgument(info.function.name, ": the first argument is NULL"));
  arguments.uri = duckdb::StringValue::Get(input.inputs[0]);
  for (const auto& [name, value] : input.named_parameters) {
    ThrowIfError(
        SetOption(info.function.options, name, value, &arguments).WithContext(info.function.name));
  }
  auto source = ValueOrThrow(info.function.open(arguments));
  return BindScan(context, input, info.resources, std::move(source), types, names);
}

struct NameData final : duckdb::ReplacementScanData {
  std::shared_ptr<EngineResources> resources;
};

duckdb::unique_ptr<duckdb::TableRef> ReplaceName(
    duckdb::ClientContext& context, duckdb::ReplacementScanInput& input,
    duckdb::optional_ptr<duckdb::ReplacementScanData> data) {
  EngineResources& resources = *data->Cast<NameData>().resources;
  if (auto table = ReplaceWithNamedTable(context, input, resources)) return table;
  if (!resources.sources.resolve) return nullptr;
  const std::string name = duckdb::ReplacementScan::GetFullPath(input);
  const auto function = resources.sources.resolve(name);
  if (!function) return nullptr;
  return TableFunctionCall(*function, name);
}

}  // namespace

void RegisterNames(duckdb::DBConfig& config, const std::shared_ptr<EngineResources>& resources) {
  auto data = duckdb::make_uniq<NameData>();
  data->resources = resources;
  config.replacement_scans.insert(config.replacement_scans.begin(),
                                  duckdb::ReplacementScan(ReplaceName, std::move(data)));
}

void RegisterSourceFunctions(duckdb::DatabaseInstance& database,
                             const std::shared_ptr<EngineResources>& resources) {
  for (const SourceFunction& source : resources->sources.functions) {
    duckdb::TableFunction function = MakeScanFunction(source.name, true);
    function.bind = Bind;
    for (const SourceOption& option : source.options) {
      function.named_parameters[option.name] = OptionType(option.type);
    }
    auto info = duckdb::make_shared_ptr<FunctionInfo>();
    info->function = source;
    info->resources = resources;
    RegisterTableFunction(database, std::move(function), std::move(info));
  }
}

}  // namespace colonnade::engine
