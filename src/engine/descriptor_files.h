// Open file descriptors as files of the engine: how results reach standard output.

#pragma once

#include <memory>
#include <string>

#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// The path under which the engine writes to an open descriptor (borrowed).
std::string DescriptorPath(int descriptor);

/// A file system for those paths: write-only, from the descriptor's current position. Opening
/// /dev/stdout instead would start a redirected file again from its beginning.
duckdb::unique_ptr<duckdb::FileSystem> MakeDescriptorFiles();

}  // namespace colonnade::engine
