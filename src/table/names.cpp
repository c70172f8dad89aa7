#include "table/names.h"

#include <algorithm>
#include <map>
#include <utility>

namespace colonnade::table {

std::string FoldCase(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::vector<std::string> UniqueNames(std::vector<std::string> names,
                                     std::unordered_set<std::string>* taken) {
  std::map<std::string, std::vector<size_t>> groups;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) names[i] = "unnamed";
    groups[FoldCase(names[i])].push_back(i);
  }
  std::vector<std::vector<size_t>> clashes;
  for (auto& [folded, members] : groups) {
    if (members.size() > 1 || taken->contains(folded)) clashes.push_back(std::move(members));
  }
  // The bare form of every name counts as taken, so that no suffixed name can be mistaken for it.
  for (const auto& [folded, members] : groups) taken->insert(folded);

  for (std::vector<size_t>& members : clashes) {
    std::sort(members.begin(), members.end(),
              [&](size_t a, size_t b) { return std::tie(names[a], a) < std::tie(names[b], b); });
    size_t suffix = 1;
    for (const size_t member : members) {
      std::string candidate;
      do {
        candidate = names[member] + "_" + std::to_string(suffix++);
      } while (!taken->insert(FoldCase(candidate)).second);
      names[member] = std::move(candidate);
    }
  }
  return names;
}

}  // namespace colonnade::table
