// A store whose commits survive the end of the process.

#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "questdb/endpoint/memory_store.h"

namespace colonnade::questdb::endpoint {

/// Opens the store in a directory, which is made if need be: tables are in memory, and what is
/// done to them in `commits.log`, a record per commit. Whatever the moment at which the process is
/// killed, all that was acknowledged is there afterwards, and of each commit all or nothing.
///
/// \error Io, with the path; InvalidState if it is open already; InvalidData if the log is damaged
Result<std::unique_ptr<MemoryStore>> OpenDiskStore(const std::string& directory,
                                                   const StoreLimits& limits = {});

}  // namespace colonnade::questdb::endpoint
