// A directory as a store.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/store.h"

namespace colonnade::store {

/// What to do with symbolic links whose real path leaves the root.
enum class LinkPolicy : uint8_t { kRefuseLeavingRoot, kFollow };

/// Opens the directory `path`. Only regular files are read (checked after opening, without blocking
/// on FIFOs); links inside the root are followed, cycles and links to nothing are errors. Values
/// are read with pread, never mapped. The directory is opened once: if it is removed later, reads
/// fail rather than find nothing.
///
/// \error NotFound, PermissionDenied, Io; InvalidArgument if it is not a directory (message says
///     what the file looks like by its first bytes: zip, NetCDF, HDF5, Parquet).
Result<std::shared_ptr<const Store>> OpenFileStore(
    const std::string& path, LinkPolicy links = LinkPolicy::kRefuseLeavingRoot);

}  // namespace colonnade::store
