#include "base/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace colonnade {
namespace {

// Longer names are not compared: the work grows with the product of the lengths.
constexpr size_t kMaxLength = 256;
// Letter case only decides between equals: a name all in the wrong case still costs less than one
// edit.
constexpr size_t kCaseEdit = 1;
constexpr size_t kEdit = kMaxLength + 1;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

size_t Cost(char a, char b) {
  if (a == b) return 0;
  return Lower(a) == Lower(b) ? kCaseEdit : kEdit;
}

// The optimal string alignment distance; one edit is kEdit.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> above2(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j * kEdit;
  for (size_t i = 1; i <= a.size(); ++i) {
    above2.swap(above);
    above.swap(row);
    row[0] = i * kEdit;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({above[j] + kEdit, row[j - 1] + kEdit, above[j - 1] + Cost(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], above2[j - 2] + kEdit);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

const std::string* NearestName(std::string_view name, std::span<const std::string> candidates) {
  if (name.size() > kMaxLength) return nullptr;
  const std::string* nearest = nullptr;
  size_t best = std::max<size_t>(name.size() / 3, 1) * kEdit + kMaxLength;
  for (const std::string& candidate : candidates) {
    if (candidate == name) return nullptr;
    const size_t longer = std::max(candidate.size(), name.size());
    const size_t shorter = std::min(candidate.size(), name.size());
    if (longer > kMaxLength || (longer - shorter) * kEdit > best) continue;
    const size_t distance = Distance(name, candidate);
    // A name that shares nothing with the candidate is not a slip of the finger.
    if (distance >= longer * kEdit) continue;
    if (distance < best || (distance == best && nearest == nullptr)) {
      nearest = &candidate;
      best = distance;
    }
  }
  return nearest;
}

}  // namespace colonnade
