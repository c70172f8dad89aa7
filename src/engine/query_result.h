// The rows of a statement, pulled.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/owners.h"
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

  /// False for statements that give nothing, not even a count: CREATE, SET, ATTACH.
  virtual bool gives_rows() const = 0;

  /// Appends up to one batch of rows as text. Returns false at the end.
  ///
  /// \error what the statement raises while it runs; Cancelled after Interrupt().
  virtual Result<bool> NextText(std::vector<TextRow>* rows) = 0;

  /// Pulls and drops all remaining rows; returns how many.
  virtual Result<uint64_t> Drain() = 0;

  /// The Arrow schema of the rows: a struct with one child per column.
  virtual Result<arrow::Schema> Schema() = 0;

  /// The next record batch of `batch_rows` rows (the last one may have fewer), or a released array
  /// at the end. \pre batch_rows > 0
  ///
  /// \error as NextText.
  virtual Result<arrow::Array> NextBatch(uint64_t batch_rows) = 0;
};

/// The remaining rows as an Arrow C stream of batches of `batch_rows` rows; failures as
/// arrow::MakeStream says. `on_error`, if set, is told them too, on the thread that pulls.
Result<arrow::ArrayStream> MakeArrayStream(std::unique_ptr<QueryResult> result, uint64_t batch_rows,
                                           std::function<void(const Status&)> on_error = nullptr);

}  // namespace colonnade::engine
