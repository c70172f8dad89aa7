// A zip archive as a store: stored and deflated members, zip64, no encryption.

#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "store/store.h"

namespace colonnade::store {

/// Opens the archive `path` and reads its central directory (PKWARE APPNOTE 6.3). Members are read
/// with pread from one descriptor; CRC-32 is verified for whole reads. `max_members` bounds the
/// directory.
///
/// Members whose name is not a valid key are ignored; of several with one name the last counts.
///
/// \error NotFound, PermissionDenied, Io; InvalidData if it is not a zip archive or its directory
///     is corrupt; Unsupported for encrypted members or other methods (when such a member is read).
Result<std::shared_ptr<const Store>> OpenZipStore(const std::string& path,
                                                  size_t max_members = 10'000'000);

}  // namespace colonnade::store
