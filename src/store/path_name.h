// Paths as users write them.

#pragma once

#include <string>

#include "base/status.h"

namespace colonnade::store {

/// \error InvalidArgument if the path is empty, has a zero byte or more than 4096 bytes.
Status ValidatePath(const std::string& path);

/// `path` without slashes at its end; "/" stays.
std::string WithoutTrailingSlashes(std::string path);

/// What messages call the store at `path`: from the first component that ends in ".zarr" on, or the
/// last component ("data/air.zarr/group" is "air.zarr/group").
std::string StoreName(const std::string& path);

}  // namespace colonnade::store
