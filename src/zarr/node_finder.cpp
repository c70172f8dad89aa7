#include "zarr/node_finder.h"

#include <utility>

#include "zarr/array_metadata.h"
#include "zarr/document.h"
#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

std::string Key(const std::string& path, std::string_view name) {
  return store::JoinKey(path, std::string(name));
}

NodeDocuments BrokenNode(int zarr_version, Status problem) {
  NodeDocuments node;
  node.zarr_version = zarr_version;
  node.is_array = true;
  node.problem = std::move(problem);
  return node;
}

std::optional<NodeDocuments> ReadV3Node(const store::Store& store, const std::string& path) {
  auto document = ReadDocument(store, Key(path, kV3Document));
  if (!document.ok()) return BrokenNode(3, std::move(document).status());
  if (!document->has_value()) return std::nullopt;
  NodeDocuments node;
  const Json* type = FindMember((*document)->json, "node_type");
  node.is_array = type == nullptr || *type != "group";
  node.problem = CheckDuplicates((*document)->duplicates, "/attributes");
  node.document = std::move((*document)->json);
  return node;
}

// Attributes of a v2 node. Without them the dimension names are unknown, so a broken document is
// the node's problem.
void ReadV2Attributes(const store::Store& store, const std::string& path, NodeDocuments* node) {
  auto attributes = ReadDocument(store, Key(path, kV2Attributes));
  if (!attributes.ok()) {
    node->problem = std::move(attributes).status();
  } else if (attributes->has_value()) {
    node->attributes = std::move((*attributes)->json);
  }
}

std::optional<NodeDocuments> ReadV2Node(const store::Store& store, const std::string& path) {
  for (const bool is_array : {true, false}) {
    auto document = ReadDocument(store, Key(path, is_array ? kV2Array : kV2Group));
    if (!document.ok()) return BrokenNode(2, std::move(document).status());
    if (!document->has_value()) continue;
    NodeDocuments node;
    node.zarr_version = 2;
    node.is_array = is_array;
    node.problem = CheckDuplicates((*document)->duplicates, "/");
    node.document = std::move((*document)->json);
    ReadV2Attributes(store, path, &node);
    return node;
  }
  return std::nullopt;
}

bool NeedNotUnderstand(const Json& json) {
  const Json* flag = FindMember(json, "must_understand");
  return flag != nullptr && *flag == false;
}

}  // namespace

std::optional<NodeDocuments> ReadNode(const store::Store& store, const std::string& path,
                                      int zarr_version) {
  return zarr_version == 2 ? ReadV2Node(store, path) : ReadV3Node(store, path);
}

Result<std::vector<ChildNode>> ListChildren(const store::Store& store, const std::string& path,
                                            int zarr_version, size_t max_entries) {
  COLONNADE_ASSIGN_OR_RETURN(const std::vector<store::ListEntry> entries,
                             store.List(path, max_entries));
  std::vector<ChildNode> children;
  for (const store::ListEntry& entry : entries) {
    if (!entry.is_directory || !IsNodeName(entry.name)) continue;
    auto documents = ReadNode(store, store::JoinKey(path, entry.name), zarr_version);
    if (documents) children.push_back({entry.name, *std::move(documents), entry.link_target});
  }
  return children;
}

Status CheckGroup(const NodeDocuments& group) {
  COLONNADE_RETURN_IF_ERROR(group.problem);
  const Json* format = FindMember(group.document, "zarr_format");
  if (format == nullptr || !format->is_number_integer() || *format != group.zarr_version) {
    return InvalidData("zarr_format ", format == nullptr ? std::string("(none)") : Quoted(*format),
                       " must be ", group.zarr_version);
  }
  const Json& attributes = group.zarr_version == 2 ? group.attributes : group.document;
  if (!attributes.is_object()) return InvalidData("attributes must be an object");
  if (group.zarr_version == 2) return {};
  for (const auto& [key, value] : group.document.items()) {
    if (key == "zarr_format" || key == "node_type" || key == "consolidated_metadata") continue;
    if (key == "attributes") {
      if (!value.is_object()) return InvalidData("attributes must be an object");
      continue;
    }
    if (!NeedNotUnderstand(value))
      return Unsupported("metadata field ", Quoted(key), " is not known");
  }
  return {};
}

Json GroupAttributes(const NodeDocuments& group) {
  Json attributes = Json::object();
  if (group.zarr_version == 2) {
    attributes = group.attributes;
  } else if (const Json* found = FindMember(group.document, "attributes")) {
    attributes = *found;
  }
  if (!attributes.is_object()) attributes = Json::object();
  RemoveHousekeeping(&attributes);
  return attributes;
}

}  // namespace colonnade::zarr
