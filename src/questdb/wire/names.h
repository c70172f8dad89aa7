// Names of tables and columns that QuestDB takes.

#pragma once

#include <span>
#include <string_view>

#include "base/status.h"

namespace colonnade::questdb::wire {

inline constexpr size_t kMaxNameBytes = 127;

/// \error InvalidArgument with the name, escaped and shortened, and what is wrong with it
Status CheckTableName(std::string_view name);
Status CheckColumnName(std::string_view name);
/// \error InvalidArgument for two names that are the same without regard to case
Status CheckDistinct(std::span<const std::string_view> names);

}  // namespace colonnade::questdb::wire
