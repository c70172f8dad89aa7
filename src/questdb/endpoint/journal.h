// Journal: who writes down what a store does before it does it.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {

/// What one commit does to one table.
struct TableCommit {
  const TableShape* shape = nullptr;
  int64_t transaction = 0;
  std::span<const wire::DecodedBlock> blocks;  // columns named and typed as the table's
};

/// Each call returns when what it was told survives the end of the process, or fails with nothing
/// written. Called by one thread at a time.
class Journal {
 public:
  Journal() = default;
  virtual ~Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  virtual Status Create(const TableShape& shape) = 0;
  virtual Status Drop(std::string_view table) = 0;
  /// All of them or none.
  virtual Status Commit(std::span<const TableCommit> tables) = 0;
};

}  // namespace colonnade::questdb::endpoint
