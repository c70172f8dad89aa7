// The rows of a statement, pulled.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/c_abi.h"
#include "base/status.h"

namespace colonnade::engine {

struct ResultColumn {
  std::string name;
  std::string type;      // as SQL spells it, "DOUBLE"
  bool numeric = false;  // right-aligned by printers
};

/// One row as text; nothing for NULL.
using TextRow = std::vector<std::optional<std::string>>;

/// Not thread-safe. Keeps its connection's engine alive. Dropping it stops the statement.
class QueryResult {
 public:
  virtual ~QueryResult() = default;

  virtual const std::vector<ResultColumn>& columns() const = 0;

  /// Appends up to one batch of rows as text. Returns false at the end.
  ///
  /// \error what the statement raises while it runs; Cancelled after Interrupt().
  virtual Result<bool> NextText(std::vector<TextRow>* rows) = 0;

  /// Pulls and drops all remaining rows; returns how many.
  virtual Result<uint64_t> Drain() = 0;

  /// Moves the remaining rows into an Arrow C stream (out; the caller releases it). The result is
  /// empty afterwards. Batches have about `batch_rows` rows.
  virtual Status ExportStream(uint64_t batch_rows, ArrowArrayStream* out) = 0;
};

}  // namespace colonnade::engine
