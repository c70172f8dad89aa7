// Blocks as Arrow record batches: a scan that needs no SQL engine.

#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"
#include "table/block.h"
#include "table/selection.h"
#include "table/table_source.h"

namespace colonnade::table {

/// The Arrow schema of some columns of a table: a struct with one nullable field per column.
/// Comments become the field metadata "comment".
Result<arrow::Schema> MakeSchema(const TableSource& source, const std::vector<size_t>& columns);

/// The rows of `block` (those of `block.rows` if it is set) as a record batch whose columns are
/// `columns` of `source`. Copies; the batch does not depend on the block afterwards.
///
/// \pre block was made by a scan of `columns` of `source`.
/// \error InvalidData for a value that cannot be decoded; LimitExceeded for more than 2 GiB of text
/// in one column.
Result<arrow::Array> MakeRecordBatch(const TableSource& source, const std::vector<size_t>& columns,
                                     const Block& block);

/// Reads `columns` of the selected rows as an Arrow stream, one record batch per block, in the
/// table's row order. Nothing is read before the first batch is asked for; releasing the stream
/// drops everything.
///
/// `filter` may be null; it and what `environment` points to must outlive the stream.
/// \error what TableSource::NewScan says.
Result<arrow::ArrayStream> MakeArrayStream(std::shared_ptr<const TableSource> source,
                                           std::vector<size_t> columns, Selection selection,
                                           const ScanEnvironment& environment,
                                           BlockFilter* filter = nullptr);

}  // namespace colonnade::table
