// The name somebody probably meant.

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace colonnade {

/// The candidate that is closest to `name` by insertions, deletions, substitutions and swaps of
/// neighbours; letter case decides between equals, then the order. Null if none is close (one edit
/// in three bytes) or `name` itself is among them.
const std::string* NearestName(std::string_view name, std::span<const std::string> candidates);

}  // namespace colonnade
