// What a file is, by its first bytes: so that a message can say more than "not a store".

#pragma once

#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::store {

/// What the first bytes of a file look like, e.g. "a NetCDF classic file".
std::string_view DescribeContents(Bytes first);

struct FileKind {
  bool is_zip = false;
  std::string_view description;
};

/// Looks at the first bytes of a file; anything but a regular file is described as what it is.
///
/// \error NotFound, PermissionDenied, Io.
Result<FileKind> DetectFileKind(const std::string& path);

}  // namespace colonnade::store
