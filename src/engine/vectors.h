// Blocks to DuckDB vectors: constants and dictionaries for coordinates, borrowed memory where a
// column lies ready.

#pragma once

#include <memory>
#include <vector>

#include "engine/duckdb_headers.h"
#include "table/block.h"

namespace colonnade::engine {

/// Makes `vector` the constant values[index].
void ReferenceConstant(const table::AxisValues& values, int64_t index, duckdb::Vector& vector);

/// Makes `vector` values[begin … begin+count), borrowing the memory where its form is DuckDB's own.
/// \pre `vector` is an initialised flat vector; count <= STANDARD_VECTOR_SIZE
void ReferenceAxisRange(const table::AxisValues& values, int64_t begin, int64_t count,
                        duckdb::Vector& vector);

/// One axis column of a scan. Thread-safe; each thread brings its own codes.
class AxisEmitter {
 public:
  AxisEmitter(std::shared_ptr<const table::AxisValues> values, const duckdb::LogicalType& type);

  /// Makes `vector` the column's rows [begin, begin + count) of a block: a constant if all are at
  /// one position of `axis`, else a dictionary (short axes) or copied values. `codes` has room for
  /// STANDARD_VECTOR_SIZE entries and is borrowed by the vector.
  void Emit(const table::Block& block, size_t axis, int64_t begin, int64_t count,
            duckdb::SelectionVector& codes, duckdb::Vector& vector) const;

  /// Makes `vector` the values at `count` positions, in any order.
  void EmitAt(const int64_t* positions, int64_t count, duckdb::SelectionVector& codes,
              duckdb::Vector& vector) const;

 private:
  std::shared_ptr<const table::AxisValues> values_;
  duckdb::buffer_ptr<duckdb::VectorChildBuffer> dictionary_;  // null for long axes
};

/// Makes `vector` rows [begin, begin + count) of a stored column.
/// \error InvalidData for a value that cannot be decoded.
Status EmitStrided(const table::StridedColumn& column, int64_t begin, int64_t count,
                   duckdb::Vector& vector);

}  // namespace colonnade::engine
