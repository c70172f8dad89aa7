#include <cstdio>
#include <string>

#include "array/box.h"
#include "base/json.h"
#include "base/quote.h"
#include "commands.h"
#include "session/zarr_tables.h"

namespace colonnade::cli {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : ", ") + part;
  return joined;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const session::StoreDescription& store) {
  Json groups = Json::array();
  for (const session::GroupDescription& group : store.groups) {
    Json arrays = Json::array();
    for (const session::ArrayDescription& a : group.arrays) {
      Json array = {{"name", a.name},
                    {"role", a.role},
                    {"table", a.table},
                    {"column", a.column},
                    {"dims", a.dims},
                    {"shape", a.shape},
                    {"chunk_shape", a.chunk_shape},
                    {"stored_type", a.stored_type},
                    {"value_type", a.value_type},
                    {"codecs", a.codecs},
                    {"fill_value", a.fill_value},
                    {"attributes", a.attributes},
                    {"notes", a.notes},
                    {"reason", a.reason}};
      if (!a.shard_shape.empty()) array["shard_shape"] = a.shard_shape;
      if (a.chunks) array["chunks"] = *a.chunks;
      if (a.bytes) array["bytes"] = *a.bytes;
      arrays.push_back(std::move(array));
    }
    groups.push_back({{"path", group.path},
                      {"attributes", group.attributes},
                      {"tables", group.tables},
                      {"notes", group.notes},
                      {"arrays", std::move(arrays)}});
  }
  return {
      {"name", store.name}, {"zarr_version", store.zarr_version}, {"groups", std::move(groups)}};
}

void AppendArray(const session::ArrayDescription& a, bool attributes, std::string* out) {
  *out += "  " + EscapeControls(a.name) + "  " + a.role + "\n";
  *out += "    dims     (" + EscapeControls(Join(a.dims)) + ")  shape " +
          array::ShapeToString(a.shape) + "\n";
  *out += "    chunks   " + array::ShapeToString(a.chunk_shape);
  if (!a.shard_shape.empty()) *out += " in shards " + array::ShapeToString(a.shard_shape);
  if (a.chunks) *out += ", " + std::to_string(*a.chunks) + " of them";
  *out += "\n    type     " + EscapeControls(a.stored_type);
  if (!a.value_type.empty()) *out += " -> " + a.value_type;
  *out += "  codecs " + EscapeControls(a.codecs) + "  fill " + EscapeControls(a.fill_value) + "\n";
  if (!a.column.empty())
    *out += "    column   " + EscapeControls(a.table) + "." + EscapeControls(a.column) + "\n";
  for (const auto& [key, value] : a.attributes.items()) {
    if (!attributes && key != "units" && key != "long_name" && key != "standard_name" &&
        key != "calendar")
      continue;
    *out += "    " + EscapeControls(key) + ": " +
            EscapeControls(value.is_string() ? value.get<std::string>() : Dump(value)) + "\n";
  }
  for (const std::string& note : a.notes) *out += "    note     " + EscapeControls(note) + "\n";
  if (!a.reason.empty()) *out += "    reason   " + EscapeControls(a.reason) + "\n";
}

std::string ToText(const session::StoreDescription& store, bool attributes) {
  std::string out =
      EscapeControls(store.name) + ": Zarr v" + std::to_string(store.zarr_version) + "\n";
  for (const session::GroupDescription& group : store.groups) {
    out += "\ngroup /" + EscapeControls(group.path) + "\n";
    if (!group.tables.empty()) out += "  tables: " + EscapeControls(Join(group.tables)) + "\n";
    for (const std::string& note : group.notes) out += "  note: " + EscapeControls(note) + "\n";
    if (attributes) {
      for (const auto& [key, value] : group.attributes.items()) {
        out += "  " + EscapeControls(key) + ": " +
               EscapeControls(value.is_string() ? value.get<std::string>() : Dump(value)) + "\n";
      }
    }
    for (const session::ArrayDescription& array : group.arrays)
      AppendArray(array, attributes, &out);
  }
  return out;
}

}  // namespace

ExitCode InspectCommand::Run() {
  engine::SourceArguments arguments;
  arguments.uri = uri;
  const auto store = session::DescribeZarr(arguments);
  if (!store.ok()) return Fail(store.status());
  const std::string text =
      json ? ToJson(*store).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
           : ToText(*store, attributes);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Fail(Io("cannot write the output"));
  }
  return ExitCode::kOk;
}

}  // namespace colonnade::cli
