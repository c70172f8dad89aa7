// Results for Python: rows as tuples, columns as numpy arrays. No pyarrow is needed for either.

#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/owners.h"
#include "arrow_values.h"

namespace colonnade::python {

/// Makes tuples of the rows of record batches. The values are those of MakeValueReader.
///
/// Everything under the interpreter lock.
class RowReader {
 public:
  /// `schema` (borrowed, outlives the reader) is a struct; `types` are the SQL types of its
  /// children.
  RowReader(const ArrowSchema& schema, const std::vector<std::string>& types);
  ~RowReader();
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  /// Appends rows begin … begin + count - 1 of `batch` (borrowed) to `rows`, one tuple each.
  ///
  /// \throws nb::python_error; `rows` has the rows before the failure's piece.
  void Append(const ArrowArray& batch, int64_t begin, int64_t count, nb::list* rows);

 private:
  std::vector<std::unique_ptr<ValueReader>> columns_;
};

struct NumpyOptions {
  /// Whether the arrays may be written to. False if somebody else may look at the batches' memory.
  bool writable = true;
  /// VARCHAR columns come as capsules "arrow_array_stream" of text, for libraries that keep text in
  /// Arrow's form.
  bool text_as_streams = false;
};

/// Collects record batches into one numpy array per column, by name, as DuckDB's fetchnumpy gives
/// them. A name that has come before gets a suffix: a, a_1, a_2.
///
/// | SQL | numpy |
/// | --- | --- |
/// | BOOLEAN, integers up to 64 bits, FLOAT, DOUBLE | the same |
/// | HUGEINT, UHUGEINT, DECIMAL | float64, the nearest |
/// | TIMESTAMP of unit u, also with a zone (then in UTC) | datetime64[u] |
/// | DATE | datetime64[us] |
/// | INTERVAL | timedelta64[us]; a month is 30 days |
/// | all others | object, with the values of MakeValueReader |
///
/// A column with NULL is a numpy.ma.MaskedArray; under the mask are 0, False, NaN, NaT or None.
/// Others are plain arrays. The column of a single batch without NULL whose values lie in memory as
/// numpy wants them is not copied; the array keeps the batch's memory. Other batches are copied as
/// they come and let go, so that there is never much more than one copy of the rows.
///
/// The interpreter lock is held by callers; Add gives it up while it copies numbers.
class NumpyBuilder {
 public:
  /// `schema` (borrowed, outlives the builder) is a struct; `types` are the SQL types of its
  /// children.
  NumpyBuilder(const ArrowSchema& schema, const std::vector<std::string>& types,
               const NumpyOptions& options = {});
  ~NumpyBuilder();
  NumpyBuilder(const NumpyBuilder&) = delete;
  NumpyBuilder& operator=(const NumpyBuilder&) = delete;

  /// Takes a validated struct of `schema`.
  ///
  /// \throws nb::python_error: Unsupported for a type without a Python value; InvalidData for a
  ///     date that does not fit datetime64[us], or an interval that does not fit timedelta64[us].
  void Add(arrow::Array batch);

  /// The arrays. Once, at the end.
  nb::dict Finish();

 private:
  class Column;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Column>> columns_;
};

/// NumpyBuilder for batches that are all there.
nb::dict NumpyColumns(const ArrowSchema& schema, std::vector<arrow::Array> batches,
                      const std::vector<std::string>& types, const NumpyOptions& options = {});

/// Defines ColumnMemory, which numpy reads arrays through; see also BindBatches.
void BindNumpyExport(nb::module_& module);

}  // namespace colonnade::python
