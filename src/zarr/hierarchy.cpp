#include "zarr/hierarchy.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "base/nearest_name.h"
#include "base/quote.h"
#include "zarr/consolidated.h"
#include "zarr/document.h"
#include "zarr/extension.h"
#include "zarr/group_dataset.h"
#include "zarr/node_finder.h"

namespace colonnade::zarr {
namespace {

// A root document may hold the documents of everything below it.
JsonLimits ConsolidatedLimits() {
  JsonLimits limits;
  limits.max_bytes = size_t{512} << 20;
  return limits;
}

// Nodes whose documents are kept between listing the groups and opening them.
constexpr size_t kMaxWalkedNodes = 10'000;

std::string DisplayName(const store::Store& store, const std::string& prefix) {
  return prefix.empty() ? store.name() : store.name() + "/" + prefix;
}

// The name of an array that has no group: the last segment without the suffixes of a store.
std::string NameOfRootArray(const store::Store& store, const std::string& prefix) {
  std::string name = DisplayName(store, prefix);
  while (name.ends_with('/')) name.pop_back();
  name = name.substr(name.rfind('/') + 1);
  for (const std::string_view suffix : {".zip", ".zarr"}) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
    }
  }
  return name.empty() ? "array" : name;
}

std::string ParentPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// A group that a walk found. Links may lead back to a group above, so the walk needs to know where
// a group really is, besides the path that led to it.
struct WalkedGroup {
  std::string path;
  std::string real_key;  // without links
  size_t parent = 0;     // index in the walk; the root is its own
};

// True if the directory `real_key` is the group at `index` of the walk, or above it.
bool IsOnPath(const std::vector<WalkedGroup>& walk, size_t index, std::string_view real_key) {
  while (true) {
    if (walk[index].real_key == real_key) return true;
    if (index == 0) return false;
    index = walk[index].parent;
  }
}

bool IsReadableV3Root(const Json& document) {
  const Json* type = FindMember(document, "node_type");
  return type != nullptr && (*type == "group" || *type == "array");
}

}  // namespace

struct Hierarchy::Impl {
  Impl(std::shared_ptr<const store::Store> opened, std::string root_prefix,
       const OpenOptions& open_options)
      : store(std::move(opened)),
        prefix(std::move(root_prefix)),
        options(open_options),
        name(DisplayName(*store, prefix)) {}

  Status FindRoot();
  Result<bool> FindV3Root();
  Result<bool> FindV2Root();
  Result<bool> FindImplicitRoot();
  Status UseV3Consolidated();
  void DropUnreachable(ConsolidatedMetadata* metadata);
  Status NoConsolidated(Status reason);

  Result<std::vector<std::string>> WalkGroups();
  Result<std::vector<ChildNode>> Children(const std::string& path);
  Result<std::shared_ptr<const array::Dataset>> MakeDataset(const std::string& path);
  Result<NodeDocuments> FindGroup(const std::string& path);
  GroupContents RootArray();
  std::string StorePath(const std::string& path) const {
    return path.empty() ? prefix : store::JoinKey(prefix, path);
  }

  const std::shared_ptr<const store::Store> store;
  const std::string prefix;
  const OpenOptions options;
  const std::string name;
  int zarr_version = 3;
  NodeDocuments root;
  std::optional<ConsolidatedMetadata> consolidated;
  std::set<std::string> consolidated_groups;  // with implied ones

  std::mutex mutex;  // guards what follows
  std::vector<std::string> notes;
  std::map<std::string, std::shared_ptr<const array::Dataset>> datasets;
  std::optional<std::vector<std::string>> group_paths;
  // What the walk found in each group, until the group is opened.
  std::map<std::string, std::vector<ChildNode>> walked;
};

Result<bool> Hierarchy::Impl::FindV3Root() {
  const std::string key = store::JoinKey(prefix, std::string(kV3Document));
  COLONNADE_ASSIGN_OR_RETURN(auto document, ReadDocument(*store, key, ConsolidatedLimits()));
  if (!document) return false;
  root.zarr_version = 3;
  root.document = std::move(document->json);
  const Json* format = FindMember(root.document, "zarr_format");
  if (format == nullptr || !format->is_number_integer() || *format != 3) {
    return InvalidData(key, ": zarr_format ",
                       format == nullptr ? std::string("(none)") : Quoted(*format), " must be 3");
  }
  if (!IsReadableV3Root(root.document)) {
    return InvalidData(key, R"(: node_type must be "group" or "array")");
  }
  root.is_array = *FindMember(root.document, "node_type") == "array";
  // Duplicates below consolidated metadata make that unusable, not the group.
  std::vector<std::string> own;
  bool ambiguous = false;
  for (const std::string& path : document->duplicates) {
    const bool below = path.starts_with("/consolidated_metadata/");
    ambiguous = ambiguous || (below && path.find("/attributes/") == std::string::npos);
    if (!below) own.push_back(path);
  }
  const Status duplicates = CheckDuplicates(own, "/attributes");
  if (!duplicates.ok()) return duplicates.WithContext(key);
  if (root.is_array) return true;
  const Status group = CheckGroup(root);
  if (!group.ok()) return group.WithContext(key);
  if (ambiguous) {
    COLONNADE_RETURN_IF_ERROR(NoConsolidated(InvalidData("a key occurs twice")));
  } else {
    COLONNADE_RETURN_IF_ERROR(UseV3Consolidated());
  }
  root.document.erase("consolidated_metadata");
  return true;
}

Status Hierarchy::Impl::UseV3Consolidated() {
  if (options.consolidated == UseConsolidated::kNever) return {};
  const Json* found = FindMember(root.document, "consolidated_metadata");
  // Early writers left null where there is none.
  if (found == nullptr || found->is_null()) {
    if (options.consolidated != UseConsolidated::kAlways) return {};
    return NoConsolidated(NotFound("there is none"));
  }
  Result<ConsolidatedMetadata> parsed = ParseV3Consolidated(*found, options.max_nodes);
  if (!parsed.ok()) return NoConsolidated(std::move(parsed).status());
  consolidated = *std::move(parsed);
  return {};
}

Status Hierarchy::Impl::NoConsolidated(Status reason) {
  if (options.consolidated == UseConsolidated::kAlways) {
    return std::move(reason).WithContext(name + ": consolidated metadata");
  }
  notes.push_back("consolidated metadata not used: " + std::string(reason.message()));
  return {};
}

Result<bool> Hierarchy::Impl::FindV2Root() {
  root.zarr_version = 2;
  const auto key = [&](std::string_view document) {
    return store::JoinKey(prefix, std::string(document));
  };
  COLONNADE_ASSIGN_OR_RETURN(auto array, ReadDocument(*store, key(kV2Array)));
  if (array) {
    auto node = ReadNode(*store, prefix, 2);
    if (!node) return NotFound(key(kV2Array), " was removed while it was opened");
    root = *std::move(node);
    return true;
  }
  if (options.consolidated != UseConsolidated::kNever) {
    auto document = ReadDocument(*store, key(kV2Consolidated), ConsolidatedLimits());
    if (document.ok() && document->has_value()) {
      const bool ambiguous = std::ranges::any_of(
          (*document)->duplicates,
          [](const std::string& path) { return path.find(kV2Attributes) == std::string::npos; });
      Result<ConsolidatedMetadata> parsed =
          ambiguous ? Result<ConsolidatedMetadata>(InvalidData("a key occurs twice"))
                    : ParseV2Consolidated((*document)->json, options.max_nodes);
      if (parsed.ok()) {
        consolidated = *std::move(parsed);
        const auto own = consolidated->nodes.find("");
        if (own != consolidated->nodes.end()) {
          root = std::move(own->second);
          consolidated->nodes.erase(own);
        } else {
          root.document = {{"zarr_format", 2}};
        }
        if (root.is_array) return InvalidData(key(kV2Consolidated), ": the root is an array");
        const Status group = CheckGroup(root);
        if (!group.ok()) return group.WithContext(key(kV2Consolidated));
        return true;
      }
      COLONNADE_RETURN_IF_ERROR(NoConsolidated(std::move(parsed).status()));
    } else if (!document.ok()) {
      COLONNADE_RETURN_IF_ERROR(NoConsolidated(std::move(document).status()));
    }
  }
  auto node = ReadNode(*store, prefix, 2);
  if (!node) return false;
  root = *std::move(node);
  const Status group = CheckGroup(root);
  if (!group.ok()) return group.WithContext(key(kV2Group));
  if (options.consolidated == UseConsolidated::kAlways) {
    return NoConsolidated(NotFound(key(kV2Consolidated), " does not exist"));
  }
  return true;
}

// A directory without a document of its own that holds nodes: some writers leave groups implied.
Result<bool> Hierarchy::Impl::FindImplicitRoot() {
  constexpr size_t kMaxProbes = 100;
  const auto entries = store->List(prefix, options.max_nodes);
  if (!entries.ok()) return false;
  size_t probes = 0;
  for (const store::ListEntry& entry : *entries) {
    if (!entry.is_directory || !IsNodeName(entry.name)) continue;
    if (++probes > kMaxProbes) break;
    for (const int version : {3, 2}) {
      if (options.zarr_version.value_or(version) != version) continue;
      if (!ReadNode(*store, store::JoinKey(prefix, entry.name), version)) continue;
      root = NodeDocuments();
      root.zarr_version = version;
      root.document = {{"zarr_format", version}};
      notes.push_back("the group has no metadata document of its own");
      return true;
    }
  }
  return false;
}

Status Hierarchy::Impl::FindRoot() {
  if (options.zarr_version && *options.zarr_version != 2 && *options.zarr_version != 3) {
    return InvalidArgument("zarr_version must be 2 or 3, not ", *options.zarr_version);
  }
  bool found = false;
  if (options.zarr_version.value_or(3) == 3) {
    COLONNADE_ASSIGN_OR_RETURN(found, FindV3Root());
    if (found && !options.zarr_version) {
      const auto v2 = ReadNode(*store, prefix, 2);
      if (v2) notes.push_back("the store holds Zarr v2 metadata too: read as v3");
    }
  }
  if (!found && options.zarr_version.value_or(2) == 2) {
    COLONNADE_ASSIGN_OR_RETURN(found, FindV2Root());
  }
  if (!found) {
    COLONNADE_ASSIGN_OR_RETURN(found, FindImplicitRoot());
  }
  if (!found) {
    std::string documents = "zarr.json, .zarray, .zgroup and .zmetadata";
    if (options.zarr_version) {
      documents = *options.zarr_version == 3 ? "zarr.json" : ".zarray, .zgroup and .zmetadata";
    }
    return NotFound(Quote(name), " is not a Zarr group or array: looked for ", documents);
  }
  zarr_version = root.zarr_version;
  if (consolidated) DropUnreachable(&*consolidated);
  return {};
}

// Removes nodes inside arrays and notes the groups, with those that only a path implies.
void Hierarchy::Impl::DropUnreachable(ConsolidatedMetadata* metadata) {
  consolidated_groups.insert("");
  for (auto it = metadata->nodes.begin(); it != metadata->nodes.end();) {
    bool reachable = true;
    for (std::string at = ParentPath(it->first); !at.empty(); at = ParentPath(at)) {
      const auto above = metadata->nodes.find(at);
      reachable = reachable && (above == metadata->nodes.end() || !above->second.is_array);
    }
    const auto depth = static_cast<size_t>(std::ranges::count(it->first, '/'));
    if (!reachable || depth > options.max_group_depth) {
      metadata->notes.push_back("consolidated metadata: " + Quoted(it->first) +
                                (reachable ? " is nested too deeply" : " lies inside an array") +
                                ": ignored");
      it = metadata->nodes.erase(it);
      continue;
    }
    if (!it->second.is_array) consolidated_groups.insert(it->first);
    for (std::string at = ParentPath(it->first); !at.empty(); at = ParentPath(at)) {
      consolidated_groups.insert(at);
    }
    ++it;
  }
  for (std::string& note : metadata->notes) notes.push_back(std::move(note));
}

Result<std::vector<ChildNode>> Hierarchy::Impl::Children(const std::string& path) {
  if (auto found = walked.extract(path)) return std::move(found.mapped());
  if (!consolidated) {
    Result<std::vector<ChildNode>> children =
        ListChildren(*store, StorePath(path), zarr_version, options.max_nodes);
    if (children.ok()) return children;
    return std::move(children).status().WithContext("group " + Quote("/" + path));
  }
  std::vector<ChildNode> children;
  const std::string begin = path.empty() ? "" : path + "/";
  for (auto it = consolidated->nodes.lower_bound(begin);
       it != consolidated->nodes.end() && it->first.starts_with(begin); ++it) {
    const std::string_view rest = std::string_view(it->first).substr(begin.size());
    if (rest.find('/') == std::string_view::npos) {
      children.push_back({std::string(rest), it->second});
    }
  }
  return children;
}

Result<std::vector<std::string>> Hierarchy::Impl::WalkGroups() {
  if (root.is_array) return std::vector<std::string>{""};
  if (consolidated) {
    return std::vector<std::string>(consolidated_groups.begin(), consolidated_groups.end());
  }
  std::vector<WalkedGroup> walk = {{"", prefix, 0}};
  size_t nodes = 0;
  size_t cycles = 0;
  std::string first_cycle;
  for (size_t next = 0; next < walk.size(); ++next) {
    const std::string path = walk[next].path;
    COLONNADE_ASSIGN_OR_RETURN(std::vector<ChildNode> children, Children(path));
    nodes += children.size();
    if (nodes > options.max_nodes) {
      return LimitExceeded(Quote(name), " has more than ", options.max_nodes, " groups and arrays");
    }
    for (const ChildNode& child : children) {
      if (child.documents.is_array) continue;
      std::string below = store::JoinKey(path, child.name);
      std::string real_key =
          child.link_target.value_or(store::JoinKey(walk[next].real_key, child.name));
      if (IsOnPath(walk, next, real_key)) {
        if (++cycles == 1) first_cycle = below;
        continue;
      }
      const auto depth = static_cast<size_t>(std::ranges::count(below, '/')) + 1;
      if (depth > options.max_group_depth) {
        return LimitExceeded("group ", Quote("/" + below), " is nested deeper than ",
                             options.max_group_depth, " levels");
      }
      walk.push_back({std::move(below), std::move(real_key), next});
    }
    if (nodes <= kMaxWalkedNodes) walked.insert_or_assign(path, std::move(children));
  }
  if (cycles > 0) {
    notes.push_back("links between groups form cycles: left out " + std::to_string(cycles) +
                    " groups that lie above themselves, the first is " + Quote("/" + first_cycle));
  }
  std::vector<std::string> paths;
  for (WalkedGroup& group : walk) paths.push_back(std::move(group.path));
  std::ranges::sort(paths);
  return paths;
}

Result<NodeDocuments> Hierarchy::Impl::FindGroup(const std::string& path) {
  if (path.empty()) return root;
  std::optional<NodeDocuments> node;
  if (consolidated) {
    const auto found = consolidated->nodes.find(path);
    if (found != consolidated->nodes.end()) {
      node = found->second;
    } else if (consolidated_groups.contains(path)) {
      node = NodeDocuments();
      node->zarr_version = zarr_version;
      node->document = {{"zarr_format", zarr_version}};
    }
  } else if (store::ValidateKey(StorePath(path)).ok()) {
    node = ReadNode(*store, StorePath(path), zarr_version);
  }
  if (node && !node->is_array) return *std::move(node);
  if (node && node->problem.ok()) {
    return NotFound(Quote(path), " in ", Quote(name), " is an array, not a group");
  }
  if (node) return node->problem;
  std::string hint;
  if (!group_paths) {
    Result<std::vector<std::string>> found = WalkGroups();
    if (found.ok()) group_paths = *std::move(found);
  }
  if (group_paths) {
    if (const std::string* nearest = NearestName(path, *group_paths)) {
      hint = "; did you mean " + Quote(*nearest) + "?";
    }
  }
  return NotFound(Quote(name), " has no group ", Quote(path), hint);
}

GroupContents Hierarchy::Impl::RootArray() {
  GroupContents contents;
  contents.name = name;
  contents.notes = notes;
  contents.arrays.push_back({NameOfRootArray(*store, prefix), prefix, root});
  return contents;
}

Result<std::shared_ptr<const array::Dataset>> Hierarchy::Impl::MakeDataset(
    const std::string& path) {
  if (root.is_array && path.empty()) return MakeGroupDataset(store, RootArray(), options);
  COLONNADE_ASSIGN_OR_RETURN(const NodeDocuments group, FindGroup(path));
  const Status usable = CheckGroup(group);
  if (!usable.ok()) return usable.WithContext("group " + Quote("/" + path));
  COLONNADE_ASSIGN_OR_RETURN(std::vector<ChildNode> children, Children(path));
  GroupContents contents;
  contents.name = path.empty() ? name : name + "/" + path;
  contents.attributes = GroupAttributes(group);
  contents.notes = notes;
  contents.verify_documents =
      consolidated.has_value() && options.consolidated == UseConsolidated::kAuto;
  for (ChildNode& child : children) {
    if (!child.documents.is_array) continue;
    std::string at = store::JoinKey(StorePath(path), child.name);
    contents.arrays.push_back({std::move(child.name), std::move(at), std::move(child.documents)});
  }
  return MakeGroupDataset(store, std::move(contents), options);
}

Hierarchy::Hierarchy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Hierarchy::~Hierarchy() = default;

Result<std::shared_ptr<const Hierarchy>> Hierarchy::Open(std::shared_ptr<const store::Store> store,
                                                         std::string prefix,
                                                         const OpenOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(store), std::move(prefix), options);
  if (!impl->prefix.empty()) COLONNADE_RETURN_IF_ERROR(store::ValidateKey(impl->prefix));
  COLONNADE_RETURN_IF_ERROR(impl->FindRoot());
  return std::shared_ptr<const Hierarchy>(new Hierarchy(std::move(impl)));
}

const std::string& Hierarchy::name() const { return impl_->name; }
int Hierarchy::zarr_version() const { return impl_->zarr_version; }

Result<std::vector<std::string>> Hierarchy::GroupPaths() const {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->group_paths) {
    COLONNADE_ASSIGN_OR_RETURN(impl_->group_paths, impl_->WalkGroups());
  }
  return *impl_->group_paths;
}

Result<std::shared_ptr<const array::Dataset>> Hierarchy::OpenGroup(const std::string& path) const {
  std::string_view trimmed = path;
  while (trimmed.starts_with('/')) trimmed.remove_prefix(1);
  while (trimmed.ends_with('/')) trimmed.remove_suffix(1);
  const std::string key(trimmed);
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->datasets.find(key);
  if (found != impl_->datasets.end()) return found->second;
  COLONNADE_ASSIGN_OR_RETURN(auto dataset, impl_->MakeDataset(key));
  impl_->datasets.emplace(key, dataset);
  return dataset;
}

}  // namespace colonnade::zarr
