// A store in memory: for tests and for small stores that a program builds.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/store.h"

namespace colonnade::store {

/// Not thread-safe while Put is called; thread-safe afterwards.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::string name) : name_(std::move(name)) {}

  /// \pre ValidateKey(key) is OK.
  void Put(std::string key, std::string value) { values_[std::move(key)] = std::move(value); }

  const std::string& name() const override { return name_; }
  Result<ReadResult> Read(std::string_view key, ByteRange range, uint64_t max_bytes,
                          Buffer* out) const override;
  Result<std::vector<ListEntry>> List(std::string_view prefix, size_t max_entries) const override;

 private:
  std::string name_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace colonnade::store
