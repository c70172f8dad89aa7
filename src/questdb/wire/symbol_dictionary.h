// SymbolDictionary: the ids that one connection has given to texts, on the side that gives them.
//
// Ids are dense and begin at 0, in the order in which the texts came. The other side of the
// connection has what was sent of it; see SymbolTable for that side.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade::questdb::wire {

/// Limits of one connection.
struct SymbolLimits {
  size_t max_entries = 2'000'000;
  size_t max_bytes = size_t{256} << 20;  // of all entries
  size_t max_entry_bytes = size_t{1} << 20;
};

/// A hash table of texts in one arena. Not thread-safe. Fewer than 2^32 entries and bytes.
class SymbolDictionary {
 public:
  /// \param seed of the hash: whoever chooses the texts and does not know it cannot choose texts
  ///     that collide
  explicit SymbolDictionary(SymbolLimits limits = {}, uint64_t seed = 0);

  /// The id of `text`, a new one if it has none.
  ///
  /// \error without a change: LimitExceeded if the dictionary is full; InvalidArgument for a text
  ///     above max_entry_bytes or that is not UTF-8.
  Result<uint32_t> Intern(std::string_view text);

  /// The ids of texts, in order, as by Intern; many at once wait for memory together.
  ///
  /// \pre `ids` has an element for each
  /// \error as Intern, for text `*failed`; those before it have their ids and stay
  Status InternAll(std::span<const std::string_view> texts, uint32_t* ids, size_t* failed);

  /// The number of entries, which is the next id.
  size_t size() const { return ends_.size(); }
  /// Of all entries.
  size_t bytes() const { return arena_.size(); }
  /// Entry `id`; valid until the next Intern. \pre id < size()
  std::string_view entry(size_t id) const {
    const size_t begin = id == 0 ? 0 : ends_[id - 1];
    return {arena_.data() + begin, ends_[id] - begin};
  }

  /// Forgets the entries from `size` on: what an encoding that failed has added. \pre size <=
  /// size()
  void Rollback(size_t size);
  /// Forgets everything: a new connection.
  void Clear() { Rollback(0); }

  /// Changes whenever ids that were given are forgotten: maps of codes to ids are void then.
  uint64_t generation() const { return generation_; }

 private:
  uint32_t Hash(std::string_view text) const;
  Result<uint32_t> InternHashed(std::string_view text, uint32_t hash);
  Status CheckNew(std::string_view text) const;
  void Grow();

  SymbolLimits limits_;
  uint64_t seed_;
  std::vector<char> arena_;
  std::vector<uint32_t> ends_;  // of entries in arena_
  // Open addressing, a power of two of them: the hash above, id + 1 below; 0 is empty.
  std::vector<uint64_t> slots_;
  uint64_t generation_ = 0;
};

}  // namespace colonnade::questdb::wire
