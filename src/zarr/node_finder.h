// NodeFinder: finds nodes of a Zarr hierarchy by reading their documents, without consolidated
// metadata.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"
#include "zarr/consolidated.h"

namespace colonnade::zarr {

/// A node directly below a group.
struct ChildNode {
  std::string name;
  NodeDocuments documents;
  std::optional<std::string> link_target = {};  // as in store::ListEntry
};

/// Reads the documents of the node at `path` of a store; nothing if there is no node. A document
/// that is broken or cannot be read makes an array node with a `problem`, because what it was meant
/// to be is unknown.
std::optional<NodeDocuments> ReadNode(const store::Store& store, const std::string& path,
                                      int zarr_version);

/// Lists the nodes directly below the group at `path`, by name. Reads one to three documents per
/// sub-directory and never lists those of arrays.
///
/// \error LimitExceeded above `max_entries` names; PermissionDenied, Io from the listing.
Result<std::vector<ChildNode>> ListChildren(const store::Store& store, const std::string& path,
                                            int zarr_version, size_t max_entries);

/// Checks that `document` is one of a group.
///
/// \error InvalidData, Unsupported for fields that must be understood.
Status CheckGroup(const NodeDocuments& group);

/// The attributes of a group without housekeeping.
Json GroupAttributes(const NodeDocuments& group);

}  // namespace colonnade::zarr
