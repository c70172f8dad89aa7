// Metadata documents: reading them from a store, and where they are.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "store/store.h"

namespace colonnade::zarr {

inline constexpr std::string_view kV3Document = "zarr.json";
inline constexpr std::string_view kV2Array = ".zarray";
inline constexpr std::string_view kV2Group = ".zgroup";
inline constexpr std::string_view kV2Attributes = ".zattrs";
inline constexpr std::string_view kV2Consolidated = ".zmetadata";

/// A parsed document and the paths of keys that occur twice in it.
struct Document {
  Json json;
  std::vector<std::string> duplicates;  // "/attributes/units"
};

/// Reads and parses a document; nothing if there is none.
///
/// \error InvalidData if it is not JSON, LimitExceeded if larger or deeper than the limits,
///     PermissionDenied, Io. The message begins with the key.
Result<std::optional<Document>> ReadDocument(const store::Store& store, const std::string& key,
                                             const JsonLimits& limits = {});

/// Duplicate keys make a document ambiguous, unless they are attributes.
///
/// \param attributes the path of the attributes ("/attributes"), or "" if all of it is attributes.
/// \error InvalidData naming the key.
Status CheckDuplicates(const std::vector<std::string>& duplicates, std::string_view attributes);

/// True for names that can be nodes: not "", "." or the like, no '/', '\\' or control characters,
/// and none that Zarr or writers reserve ("__…", ".z…", "zarr.json", temporary files).
bool IsNodeName(std::string_view name);

}  // namespace colonnade::zarr
