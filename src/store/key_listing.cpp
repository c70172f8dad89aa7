#include "store/key_listing.h"

#include <map>
#include <string>
#include <utility>

namespace colonnade::store {

Result<std::vector<ListEntry>> ListKeys(
    std::string_view prefix, size_t max_entries,
    const std::function<std::optional<std::string_view>(std::string_view)>& first_from) {
  const std::string base = prefix.empty() ? "" : std::string(prefix) + '/';
  // Keys come in the order of whole keys, in which "a-b" stands between "a" and "a/c".
  std::map<std::string, bool, std::less<>> names;
  std::string next = base;
  while (const std::optional<std::string_view> key = first_from(next)) {
    if (!key->starts_with(base)) break;
    const std::string_view rest = key->substr(base.size());
    const size_t slash = rest.find('/');
    const bool is_directory = slash != std::string_view::npos;
    const std::string_view name = rest.substr(0, slash);
    if (const auto known = names.find(name); known != names.end()) {
      known->second = known->second || is_directory;
    } else {
      if (names.size() == max_entries) {
        return LimitExceeded("more than ", max_entries, " names under ", "'", prefix, "'");
      }
      names.emplace(name, is_directory);
    }
    next = base;
    next += name;
    next += is_directory ? static_cast<char>('/' + 1) : '\0';  // past everything below the name
  }
  std::vector<ListEntry> entries;
  entries.reserve(names.size());
  for (const auto& [name, is_directory] : names) entries.push_back({name, is_directory});
  return entries;
}

}  // namespace colonnade::store
