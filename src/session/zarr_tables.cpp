#include "session/zarr_tables.h"

#include <utility>

#include "array/box.h"
#include "base/checked.h"
#include "session/zarr_source.h"
#include "table/grid.h"
#include "table/memory_table.h"

namespace colonnade::session {
namespace {

using array::ValueType;
using table::MemoryTableBuilder;

std::string Join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : ", ") + part;
  return joined;
}

std::optional<int64_t> ChunkCount(const array::Variable& variable) {
  int64_t chunks = 1;
  for (size_t d = 0; d < variable.shape.size() && d < variable.chunk_shape.size(); ++d) {
    const int64_t extent = variable.shape[d];
    const int64_t chunk = variable.chunk_shape[d];
    if (chunk <= 0) return std::nullopt;
    const auto product = CheckedMultiply(chunks, extent / chunk + (extent % chunk != 0 ? 1 : 0));
    if (!product) return std::nullopt;
    chunks = *product;
  }
  return chunks;
}

ArrayDescription Describe(const std::string& group, const array::Variable& variable,
                          const table::VariableRole& role) {
  ArrayDescription out;
  out.group = group;
  out.name = variable.name;
  out.role = table::ToString(role.role);
  out.table = role.table;
  out.column = role.column;
  out.dims = variable.dims;
  out.shape = variable.shape;
  out.chunk_shape = variable.chunk_shape;
  out.shard_shape = variable.shard_shape;
  out.stored_type = variable.stored_type;
  out.codecs = variable.codecs;
  out.fill_value = variable.fill_value;
  out.reason = role.reason;
  out.notes = variable.plan.notes;
  out.attributes = variable.attributes;
  if (variable.unavailable.ok()) {
    out.value_type = array::ToString(variable.plan.value);
    out.chunks = ChunkCount(variable);
    if (const auto count = array::ElementCount(variable.shape)) {
      out.bytes = CheckedMultiply(*count, static_cast<int64_t>(variable.type.size));
    }
  } else if (out.reason.empty()) {
    out.reason = variable.unavailable.message();
  }
  return out;
}

void AppendText(MemoryTableBuilder& builder, size_t column, const std::string& text) {
  if (text.empty()) {
    builder.AppendNull(column);
  } else {
    builder.AppendString(column, text);
  }
}

void AppendCount(MemoryTableBuilder& builder, size_t column, const std::optional<int64_t>& value) {
  if (value) {
    builder.AppendInt(column, *value);
  } else {
    builder.AppendNull(column);
  }
}

}  // namespace

Result<StoreDescription> DescribeZarr(const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const ZarrOptions options, ParseZarrOptions(arguments));
  COLONNADE_ASSIGN_OR_RETURN(const auto hierarchy, OpenHierarchy(arguments.uri, options.open));
  StoreDescription description;
  description.name = hierarchy->name();
  description.zarr_version = hierarchy->zarr_version();
  COLONNADE_ASSIGN_OR_RETURN(const auto paths, hierarchy->GroupPaths());
  for (const std::string& path : paths) {
    COLONNADE_ASSIGN_OR_RETURN(const auto dataset, hierarchy->OpenGroup(path));
    COLONNADE_ASSIGN_OR_RETURN(const auto grids, table::Grids::Create(dataset, options.grid));
    GroupDescription group;
    group.path = path;
    group.attributes = dataset->attributes();
    group.tables = grids->table_names();
    group.notes = dataset->notes();
    for (size_t i = 0; i < dataset->variables().size(); ++i) {
      group.arrays.push_back(Describe(path, dataset->variables()[i], grids->roles()[i]));
    }
    description.groups.push_back(std::move(group));
  }
  return description;
}

Result<std::shared_ptr<const table::TableSource>> OpenArraysTable(
    const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const StoreDescription store, DescribeZarr(arguments));
  MemoryTableBuilder builder("zarr_arrays");
  const auto text = [&](const char* name) { return builder.AddColumn(name, ValueType::kString); };
  const auto number = [&](const char* name) { return builder.AddColumn(name, ValueType::kInt64); };
  const size_t group = text("group"), name = text("name"), role = text("role"),
               table = text("table"), column = text("column"), dims = text("dims"),
               shape = text("shape"), chunk = text("chunk_shape"), shard = text("shard_shape"),
               stored = text("stored_type"), value = text("value_type"), codecs = text("codecs"),
               fill = text("fill_value"), chunks = number("chunks"), bytes = number("bytes"),
               reason = text("reason"), notes = text("notes");
  for (const GroupDescription& g : store.groups) {
    for (const ArrayDescription& a : g.arrays) {
      builder.AppendString(group, a.group);
      builder.AppendString(name, a.name);
      builder.AppendString(role, a.role);
      AppendText(builder, table, a.table);
      AppendText(builder, column, a.column);
      builder.AppendString(dims, Join(a.dims));
      builder.AppendString(shape, array::ShapeToString(a.shape));
      builder.AppendString(chunk, array::ShapeToString(a.chunk_shape));
      AppendText(builder, shard, a.shard_shape.empty() ? "" : array::ShapeToString(a.shard_shape));
      AppendText(builder, stored, a.stored_type);
      AppendText(builder, value, a.value_type);
      AppendText(builder, codecs, a.codecs);
      AppendText(builder, fill, a.fill_value);
      AppendCount(builder, chunks, a.chunks);
      AppendCount(builder, bytes, a.bytes);
      AppendText(builder, reason, a.reason);
      AppendText(builder, notes, Join(a.notes));
    }
  }
  return std::move(builder).Finish();
}

Result<std::shared_ptr<const table::TableSource>> OpenAttributesTable(
    const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const StoreDescription store, DescribeZarr(arguments));
  MemoryTableBuilder builder("zarr_attributes");
  const auto text = [&](const char* name) { return builder.AddColumn(name, ValueType::kString); };
  const size_t group = text("group"), name = text("array"), key = text("key"), json = text("json"),
               plain = text("text");
  const auto append = [&](const std::string& group_path, const std::string* array_name,
                          const Json& attributes) {
    for (const auto& [attribute, value] : attributes.items()) {
      builder.AppendString(group, group_path);
      if (array_name != nullptr) {
        builder.AppendString(name, *array_name);
      } else {
        builder.AppendNull(name);
      }
      builder.AppendString(key, attribute);
      const std::string dumped = value.dump(-1, ' ', false, Json::error_handler_t::replace);
      builder.AppendString(json, dumped);
      builder.AppendString(plain, value.is_string() ? value.get_ref<const std::string&>() : dumped);
    }
  };
  for (const GroupDescription& g : store.groups) {
    append(g.path, nullptr, g.attributes);
    for (const ArrayDescription& a : g.arrays) append(g.path, &a.name, a.attributes);
  }
  return std::move(builder).Finish();
}

}  // namespace colonnade::session
