// Reads what makers of stream tables give: checks it against the table and picks the columns.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/owners.h"
#include "arrow/stream.h"
#include "base/status.h"
#include "table/stream_table.h"

namespace colonnade::table {

/// The batches of one partition. Used from one thread at a time; `table` must outlive it.
class PartitionReader {
 public:
  /// Opens the partition: calls the maker.
  ///
  /// \pre `request.columns` are children of the table's schema
  /// \error what the maker says; InvalidData for a stream that is malformed, lacks requested
  ///     columns, has others or other types than the table; InvalidArgument for a maker that claims
  ///     filters which were not asked for. All name the table and, if there are several, the
  ///     partition.
  static Result<PartitionReader> Open(const StreamTable& table, int64_t partition,
                                      const StreamRequest& request);

  /// Positions in StreamRequest::filters of terms that every row satisfies.
  const std::vector<size_t>& exact() const { return exact_; }

  /// The next record batch that has rows, or nothing at the end: a struct at offset 0 with exactly
  /// the requested columns, each as long as the batch. It shares the buffers of the maker's batch
  /// and keeps them alive by itself. Polls the request's cancel token before each batch.
  ///
  /// \error what the stream says; InvalidData for a malformed batch; Cancelled.
  Result<std::optional<arrow::Array>> Next();

 private:
  PartitionReader(arrow::StreamReader reader, std::string context)
      : reader_(std::move(reader)), context_(std::move(context)) {}

  arrow::StreamReader reader_;
  std::string context_;  // which table and partition, for messages
  const CancelToken* cancel_ = nullptr;
  std::vector<size_t> columns_;  // children of the stream's batches
  std::vector<size_t> exact_;
};

/// All rows of a table, or of some of its columns, as one stream: partition after partition, each
/// opened when it is reached.
///
/// \pre `columns` are children of the table's schema
Result<arrow::ArrayStream> MakeArrayStream(std::shared_ptr<const StreamTable> table,
                                           std::vector<size_t> columns);

}  // namespace colonnade::table
