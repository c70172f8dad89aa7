#include "zarr/consolidated.h"

#include <optional>
#include <string_view>
#include <utility>

#include "zarr/document.h"
#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

// Every segment must be a node name: the path becomes part of keys.
bool IsNodePath(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    if (!IsNodeName(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Status CheckCount(size_t count, size_t max_nodes) {
  if (count <= max_nodes) return {};
  return LimitExceeded("consolidated metadata of more than ", max_nodes, " nodes");
}

void NoteIgnored(const std::string& path, ConsolidatedMetadata* result) {
  constexpr size_t kMaxNotes = 100;
  if (result->notes.size() < kMaxNotes) {
    result->notes.push_back("consolidated metadata: " + Quoted(path) +
                            " is not a node name: ignored");
  }
}

Result<const Json*> RequireObject(const Json& json, std::string_view key) {
  const Json* found = FindMember(json, key);
  if (found == nullptr || !found->is_object()) {
    return InvalidData("consolidated metadata without an object \"", key, "\"");
  }
  return found;
}

Status AddV3(const Json& consolidated, const std::string& prefix, size_t max_nodes,
             ConsolidatedMetadata* result) {
  const Json* kind = FindMember(consolidated, "kind");
  if (kind == nullptr || *kind != "inline") {
    return Unsupported("consolidated metadata of kind ",
                       kind == nullptr ? std::string("(none)") : Quoted(*kind),
                       " is not supported");
  }
  COLONNADE_ASSIGN_OR_RETURN(const Json* entries, RequireObject(consolidated, "metadata"));
  for (const auto& [path, document] : entries->items()) {
    if (!IsNodePath(path)) {
      NoteIgnored(path, result);
      continue;
    }
    const std::string full = prefix.empty() ? path : prefix + "/" + path;
    NodeDocuments node;
    const Json* type = FindMember(document, "node_type");
    if (type == nullptr || (*type != "array" && *type != "group")) {
      node.is_array = true;
      node.problem = InvalidData("its consolidated metadata has no node_type");
    } else {
      node.is_array = *type == "array";
    }
    // Depth is bounded by the depth of the document.
    const Json* nested = FindMember(document, "consolidated_metadata");
    if (!node.is_array && nested != nullptr && FindMember(*nested, "metadata") != nullptr) {
      COLONNADE_RETURN_IF_ERROR(AddV3(*nested, full, max_nodes, result));
    }
    node.document = document;
    result->nodes.insert_or_assign(full, std::move(node));
    COLONNADE_RETURN_IF_ERROR(CheckCount(result->nodes.size(), max_nodes));
  }
  return {};
}

}  // namespace

Result<ConsolidatedMetadata> ParseV2Consolidated(const Json& document, size_t max_nodes) {
  const Json* format = FindMember(document, "zarr_consolidated_format");
  if (format == nullptr || *format != 1) {
    return InvalidData("zarr_consolidated_format ",
                       format == nullptr ? std::string("(none)") : Quoted(*format), " must be 1");
  }
  COLONNADE_ASSIGN_OR_RETURN(const Json* entries, RequireObject(document, "metadata"));
  ConsolidatedMetadata result;
  std::map<std::string, Json> attributes;
  for (const auto& [key, entry] : entries->items()) {
    const size_t slash = key.rfind('/');
    const std::string path = slash == std::string::npos ? "" : key.substr(0, slash);
    const std::string_view name = std::string_view(key).substr(slash + 1);
    const bool is_document = name == kV2Array || name == kV2Group || name == kV2Attributes;
    if (!is_document || (slash != std::string::npos && !IsNodePath(path))) {
      NoteIgnored(key, &result);
      continue;
    }
    if (name == kV2Attributes) {
      attributes.emplace(path, entry);
      continue;
    }
    NodeDocuments& node = result.nodes[path];
    node.zarr_version = 2;
    // Both documents in one place: the array is what can be read.
    if (name == kV2Array || node.document.is_null()) node.document = entry;
    node.is_array = node.is_array || name == kV2Array;
    COLONNADE_RETURN_IF_ERROR(CheckCount(result.nodes.size(), max_nodes));
  }
  for (auto& [path, entry] : attributes) {
    const auto node = result.nodes.find(path);
    if (node != result.nodes.end()) node->second.attributes = std::move(entry);
  }
  return result;
}

Result<ConsolidatedMetadata> ParseV3Consolidated(const Json& consolidated, size_t max_nodes) {
  ConsolidatedMetadata result;
  COLONNADE_RETURN_IF_ERROR(AddV3(consolidated, "", max_nodes, &result));
  return result;
}

}  // namespace colonnade::zarr
