// SymbolTable: a connection's symbol dictionary on the side that is told of it.
//
// Append-only between resets. Results that refer to it outlive growth and resets: they hold a
// snapshot, which shares the memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade::questdb::wire {

/// The first `size` entries of a table, in Arrow's layout; valid as long as the snapshot is held,
/// no matter what happens to the table. Copyable; thread-safe to read.
///
/// Snapshots of a table to which nothing was added between them have the same pointers.
struct SymbolSnapshot {
  std::shared_ptr<const void> owner;
  const int32_t* offsets = nullptr;  // size + 1
  const char* data = nullptr;
  size_t size = 0;

  std::string_view text(size_t id) const {
    return {data + offsets[id], static_cast<size_t>(offsets[id + 1] - offsets[id])};
  }
};

struct SymbolTableLimits {
  size_t max_entries = 8'388'608;
  size_t max_bytes = size_t{256} << 20;  // of all entries; at most 2^31-1 are used
};

/// Move-only. Not thread-safe; snapshots are.
class SymbolTable {
 public:
  explicit SymbolTable(SymbolTableLimits limits = {}) : limits_(limits) {}
  SymbolTable(SymbolTable&& other) noexcept;
  SymbolTable& operator=(SymbolTable&& other) noexcept;

  size_t size() const { return size_; }
  size_t bytes() const { return bytes_; }
  /// \pre id < size()
  std::string_view text(size_t id) const;

  /// Appends entries, all or none.
  /// \error LimitExceeded
  Status Append(std::span<const std::string_view> texts);

  /// Makes room, so that appending as much cannot fail.
  /// \error LimitExceeded
  Status Reserve(size_t entries, size_t bytes);

  SymbolSnapshot Snapshot() const;

  /// Forgets all entries; snapshots keep theirs.
  void Clear();

 private:
  struct Heap;
  SymbolTableLimits limits_;
  // Entries are written behind the last one of every snapshot, where no snapshot looks, so one heap
  // serves the table and its snapshots until it is full.
  std::shared_ptr<Heap> heap_;
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace colonnade::questdb::wire
