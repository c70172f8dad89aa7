// MemoryStore: tables in memory.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"
#include "questdb/endpoint/journal.h"
#include "questdb/endpoint/store.h"
#include "questdb/endpoint/table_shape.h"

namespace colonnade::questdb::endpoint {

struct StoreLimits {
  /// Rows of one table that a transaction may gather before they are committed without being asked.
  int64_t uncommitted_rows = 1'000'000;
  /// The same for the bytes of all its tables.
  int64_t uncommitted_bytes = int64_t{256} << 20;
  int64_t rows_per_table = (int64_t{1} << 31) - 2;
  size_t columns_per_table = 2'048;
  size_t tables = 10'000;
};

/// Rows are kept and answered in the order in which they were committed. Names of tables and
/// columns are found whatever the case of their ASCII letters.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const StoreLimits& limits = {}, std::unique_ptr<Journal> journal = nullptr);
  ~MemoryStore() override;

  std::unique_ptr<Transaction> Begin() override;
  Result<Answer> Execute(std::string_view sql, std::span<const wire::Bind> binds) override;

  /// Does again what a journal has written down; not written down once more.
  /// \error InvalidData: it does not fit what was done before
  Status Restore(const TableShape& shape);
  Status RestoreDrop(std::string_view table);
  Status RestoreCommit(const TableCommit& commit);

  /// Rows of a table; -1 if there is none of the name.
  int64_t rows(std::string_view table) const;
  /// Its last transaction; 0 if it has none.
  int64_t transaction(std::string_view table) const;

 private:
  class State;
  class PendingRows;
  std::shared_ptr<State> state_;
};

}  // namespace colonnade::questdb::endpoint
