// Unique SQL names: identifiers of SQL ignore case, names in stores do not.

#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace colonnade::table {

/// ASCII letters in lower case: when two names have the same, SQL cannot tell them apart.
std::string FoldCase(std::string_view name);

/// The names under which `names` are presented, each unique ignoring case, also against `taken`
/// (folded), to which they are added.
///
/// A name that stands alone is kept. Of names that fold to the same, every one gets a suffix "_1",
/// "_2", … in byte order (equal ones in the order given), so that the bare name is an error and
/// never silently one of them. A name that folds to one of `taken` gets a suffix too. Suffixed
/// names give way to kept ones by counting further. The empty name becomes "unnamed".
std::vector<std::string> UniqueNames(std::vector<std::string> names,
                                     std::unordered_set<std::string>* taken);

}  // namespace colonnade::table
