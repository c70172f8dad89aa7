#include "engine/statements.h"

#include <algorithm>
#include <utility>

#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/parser/expression/star_expression.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "engine/duckdb_status.h"

namespace colonnade::engine {

Result<Statements> ParseStatements(duckdb::Connection& connection, const std::string& sql) {
  try {
    Statements statements = connection.ExtractStatements(sql);
    if (statements.empty()) return InvalidArgument("the SQL text has no statement");
    return statements;
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

duckdb::unique_ptr<duckdb::SQLStatement> CopyTo(duckdb::unique_ptr<duckdb::SQLStatement> select,
                                                FileFormat format, const std::string& path) {
  auto copy = duckdb::make_uniq<duckdb::CopyStatement>();
  duckdb::CopyInfo& info = *copy->info;
  info.is_from = false;
  info.is_format_auto_detected = false;
  info.file_path = path;
  info.select_statement = std::move(select->Cast<duckdb::SelectStatement>().node);
  info.options["use_tmp_file"] = {duckdb::Value::BOOLEAN(false)};
  switch (format) {
    case FileFormat::kCsv:
      info.format = "csv";
      info.options["header"] = {duckdb::Value::BOOLEAN(true)};
      break;
    case FileFormat::kJson:
      info.format = "json";
      info.options["array"] = {duckdb::Value::BOOLEAN(true)};
      break;
    case FileFormat::kJsonLines: info.format = "json"; break;
    case FileFormat::kParquet:
      info.format = "parquet";
      info.options["compression"] = {duckdb::Value("zstd")};
      break;
  }
  return copy;
}

duckdb::unique_ptr<duckdb::SQLStatement> WithJsonNumbers(
    duckdb::unique_ptr<duckdb::SQLStatement> select, const duckdb::vector<std::string>& names,
    const duckdb::vector<duckdb::LogicalType>& types) {
  const auto is_float = [](const duckdb::LogicalType& type) {
    return type.id() == duckdb::LogicalTypeId::FLOAT || type.id() == duckdb::LogicalTypeId::DOUBLE;
  };
  if (std::none_of(types.begin(), types.end(), is_float)) return select;
  auto rows = duckdb::make_uniq<duckdb::SubqueryRef>(
      duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(std::move(select)),
      "rows");
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string column = std::string("c").append(std::to_string(i));
    rows->column_name_alias.push_back(column);
    const std::string text = is_float(types[i])
                                 ? "CASE WHEN isfinite(" + column + ") THEN to_json(" + column +
                                       ") ELSE to_json(CAST(" + column + " AS VARCHAR)) END"
                                 : column;
    auto expression = std::move(duckdb::Parser::ParseExpressionList(text)[0]);
    expression->SetAlias(names[i]);
    node->select_list.push_back(std::move(expression));
  }
  node->from_table = std::move(rows);
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  return statement;
}

duckdb::unique_ptr<duckdb::SQLStatement> SelectFrom(duckdb::ColumnDataCollection& rows,
                                                    const duckdb::vector<std::string>& names) {
  auto node = duckdb::make_uniq<duckdb::SelectNode>();
  node->select_list.push_back(duckdb::make_uniq<duckdb::StarExpression>());
  node->from_table = duckdb::make_uniq<duckdb::ColumnDataRef>(
      duckdb::optionally_owned_ptr<duckdb::ColumnDataCollection>(rows), names);
  node->from_table->alias = "rows";  // the binder wants one
  auto select = duckdb::make_uniq<duckdb::SelectStatement>();
  select->node = std::move(node);
  return select;
}

}  // namespace colonnade::engine
