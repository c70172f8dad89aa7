#include "engine/table_functions.h"

#include <utility>

namespace colonnade::engine {

void RegisterTableFunction(duckdb::DatabaseInstance& database, duckdb::TableFunction function,
                           duckdb::shared_ptr<duckdb::TableFunctionInfo> info) {
  function.arguments = {duckdb::LogicalType::VARCHAR};
  function.function_info = std::move(info);
  duckdb::CreateTableFunctionInfo create(std::move(function));
  create.on_conflict = duckdb::OnCreateConflict::ALTER_ON_CONFLICT;
  duckdb::Catalog::GetSystemCatalog(database).CreateFunction(
      duckdb::CatalogTransaction::GetSystemTransaction(database), create);
}

duckdb::unique_ptr<duckdb::TableFunctionRef> TableFunctionCall(const std::string& function,
                                                               const std::string& argument) {
  auto call = duckdb::make_uniq<duckdb::TableFunctionRef>();
  duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> arguments;
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(argument)));
  call->function = duckdb::make_uniq<duckdb::FunctionExpression>(function, std::move(arguments));
  return call;
}

}  // namespace colonnade::engine
