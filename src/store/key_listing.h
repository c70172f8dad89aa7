// Directories implied by a sorted set of keys, for stores that have no directories of their own.

#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace colonnade::store {

/// Answers Store::List. `first_from(key)` is the first key of the set that is not less than `key`.
/// Costs one call per entry, however many keys lie under it.
///
/// \error LimitExceeded above `max_entries`.
Result<std::vector<ListEntry>> ListKeys(
    std::string_view prefix, size_t max_entries,
    const std::function<std::optional<std::string_view>(std::string_view)>& first_from);

}  // namespace colonnade::store
