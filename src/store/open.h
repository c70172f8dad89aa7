// Finds the store that a path names.

#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace colonnade::store {

/// A store and the prefix in it that was asked for.
struct Location {
  std::shared_ptr<const Store> store;
  std::string prefix;  // "" or "group/sub"
};

/// Opens what `path` names: a directory, a zip archive, or a path inside a zip archive
/// ("air.zarr.zip/group"). "file:" URLs are accepted. For a directory inside a store the store is
/// that directory.
///
/// \error NotFound naming the path and, where one exists, the nearest sibling of a similar name.
Result<Location> OpenLocation(const std::string& path);

}  // namespace colonnade::store
