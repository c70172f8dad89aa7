#include "engine/source_arguments.h"

#include <algorithm>

namespace colonnade::engine {

duckdb::LogicalType OptionType(SourceOption::Type type) {
  switch (type) {
    case SourceOption::Type::kText: return duckdb::LogicalType::VARCHAR;
    case SourceOption::Type::kBool: return duckdb::LogicalType::BOOLEAN;
    case SourceOption::Type::kInteger: return duckdb::LogicalType::BIGINT;
    case SourceOption::Type::kTextList:
      return duckdb::LogicalType::LIST(duckdb::LogicalType::VARCHAR);
  }
  return duckdb::LogicalType::VARCHAR;
}

Status SetOption(const std::vector<SourceOption>& declared, const std::string& name,
                 const duckdb::Value& value, SourceArguments* arguments) {
  const auto option =
      std::find_if(declared.begin(), declared.end(), [&](const SourceOption& candidate) {
        return duckdb::StringUtil::CIEquals(candidate.name, name);
      });
  if (option == declared.end()) {
    std::string names;
    for (const SourceOption& candidate : declared)
      names += (names.empty() ? "" : ", ") + candidate.name;
    return InvalidArgument("there is no option \"", name, "\"; the options are ", names);
  }
  if (value.IsNull()) return InvalidArgument("option \"", option->name, "\" is NULL");
  duckdb::Value cast;
  duckdb::string error;
  if (!value.DefaultTryCastAs(OptionType(option->type), cast, &error)) {
    return InvalidArgument("option \"", option->name, "\" takes ",
                           OptionType(option->type).ToString(), ", not ", value.ToSQLString());
  }
  OptionValue& out = arguments->options[option->name];
  switch (option->type) {
    case SourceOption::Type::kText: out = duckdb::StringValue::Get(cast); break;
    case SourceOption::Type::kBool: out = cast.GetValue<bool>(); break;
    case SourceOption::Type::kInteger: out = cast.GetValue<int64_t>(); break;
    case SourceOption::Type::kTextList: {
      std::vector<std::string> texts;
      for (const duckdb::Value& child : duckdb::ListValue::GetChildren(cast)) {
        if (child.IsNull()) return InvalidArgument("option \"", option->name, "\" has a NULL");
        texts.push_back(duckdb::StringValue::Get(child));
      }
      out = std::move(texts);
      break;
    }
  }
  return {};
}

}  // namespace colonnade::engine
