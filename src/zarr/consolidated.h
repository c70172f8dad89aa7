// Consolidated metadata: all documents below a group in one (zarr-python's convention).

#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace colonnade::zarr {

/// The documents of one node. Absent ones are null.
struct NodeDocuments {
  int zarr_version = 3;
  bool is_array = false;
  Json document;                     // zarr.json, .zarray or .zgroup
  Json attributes = Json::object();  // v2: .zattrs
  Status problem;                    // why the node cannot be used
};

/// Nodes below a group by path relative to it, in byte order. "" is the group itself (v2 only).
struct ConsolidatedMetadata {
  std::map<std::string, NodeDocuments> nodes;
  std::vector<std::string> notes;  // entries that were ignored
};

/// Parses `.zmetadata`.
///
/// \error InvalidData if it has not the form of consolidated metadata; LimitExceeded above
///     `max_nodes`. A malformed entry only becomes that node's problem.
Result<ConsolidatedMetadata> ParseV2Consolidated(const Json& document, size_t max_nodes);

/// Parses `consolidated_metadata` of a v3 group document, groups inside groups included.
///
/// \error Unsupported for a kind other than "inline", otherwise as above.
Result<ConsolidatedMetadata> ParseV3Consolidated(const Json& consolidated, size_t max_nodes);

}  // namespace colonnade::zarr
