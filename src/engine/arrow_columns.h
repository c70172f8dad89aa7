// Arrow arrays as vectors.
//
// DuckDB's own conversion is used for values; structure (dictionaries, runs, lists, structs, maps,
// unions and where slices of them begin) is resolved here, because there DuckDB's ignores offsets
// of slices, unknown null counts, and dictionaries inside other types.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "arrow/c_abi.h"
#include "arrow/format.h"
#include "base/status.h"
#include "duckdb/function/table/arrow.hpp"
#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// How arrays of one Arrow type become vectors. Immutable; shared by all threads.
struct ArrowColumn {
  enum class Kind : uint8_t {
    kValues,      // converted by DuckDB: `values`
    kHalf,        // to FLOAT
    kDuration,    // to INTERVAL: `unit` is microseconds, or -1000 for nanoseconds
    kDayTime,     // days and milliseconds, to INTERVAL
    kNull,        // every value is NULL
    kDictionary,  // child 0: the values
    kRunEnd,      // child 0: the values
    kList,        // child 0; also kMap, whose child is a struct of two
    kListView,    // child 0
    kFixedList,   // child 0
    kStruct,      // one child per field
    kUnion,       // one child per member
  };
  Kind kind = Kind::kValues;
  duckdb::LogicalType type;
  arrow::Format format;
  char code = 0;  // first character of the format: the type of dictionary indices or run ends
  int64_t unit = 0;
  std::shared_ptr<duckdb::ArrowType> values;
  std::vector<ArrowColumn> children;
};

/// \pre arrow::ValidateSchema has accepted the schema
/// \error Unsupported for types that have no place in SQL.
Result<ArrowColumn> MakeArrowColumn(duckdb::ClientContext& context, const ArrowSchema& schema);

/// Makes vectors of the columns of one record batch. Used by one thread.
class ArrowVectors {
 public:
  /// `batch` is a struct at offset 0; arrow::ValidateArray has accepted it.
  ArrowVectors(duckdb::ClientContext& context, duckdb::shared_ptr<duckdb::ArrowArrayWrapper> batch);

  const duckdb::shared_ptr<duckdb::ArrowArrayWrapper>& batch() const { return batch_; }

  /// Makes `vector`, which is freshly reset, rows `begin` to `begin + count` of child `child`.
  /// Values of fixed width stay where they are; the vector keeps the batch alive by itself. Throws
  /// DuckDB's exceptions.
  ///
  /// \pre count is at most STANDARD_VECTOR_SIZE
  void Emit(const ArrowColumn& column, size_t child, int64_t begin, int64_t count,
            duckdb::Vector& vector);

 private:
  // As Emit, for any number of rows. `flat`: the vector must have its values in its own rows, as
  // parts of other vectors must.
  void Convert(const ArrowColumn& column, const ArrowArray& array, int64_t begin, int64_t count,
               bool flat, duckdb::Vector& vector);
  void ConvertValues(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                     int64_t count, duckdb::Vector& vector);
  void ConvertEncoded(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                      int64_t count, bool flat, duckdb::Vector& vector);
  void ConvertList(const ArrowColumn& column, const ArrowArray& array, int64_t begin, int64_t count,
                   duckdb::Vector& vector);
  void ConvertUnion(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                    int64_t count, duckdb::Vector& vector);
  // The distinct values of a dictionary or the values of runs, with a NULL behind the last one.
  const duckdb::buffer_ptr<duckdb::VectorChildBuffer>& EncodedValues(const ArrowColumn& column,
                                                                     const ArrowArray& array);

  duckdb::shared_ptr<duckdb::ArrowArrayWrapper> batch_;
  duckdb::ArrowArrayScanState state_;
  std::map<const ArrowArray*, duckdb::buffer_ptr<duckdb::VectorChildBuffer>> encoded_;
};

}  // namespace colonnade::engine
