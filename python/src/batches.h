// Record batches in Python's hands: one by one, or kept to be read again.

#pragma once

#include <nanobind/nanobind.h>

namespace colonnade::python {

/// Defines, in colonnade._core:
///
/// * `RecordBatch`: `__arrow_c_array__`, `__arrow_c_schema__`, `num_rows`, `num_columns`;
/// * `BatchReader(stream_capsule)`: `next()` gives the next RecordBatch or None. One thread at a
/// time;
/// * `Batches(stream_capsule, columns)`: reads the stream to its end and keeps it. `num_rows`,
///   `open()` gives a BatchResult. Thread-safe;
/// * `BatchResult`: as `Result`, over kept batches;
/// * `schema_fields(schema_capsule)`: [(name, format, children, dictionary)], the last of which is
/// a
///   tuple of its own or None. Takes the schema out of the capsule.
void BindBatches(nanobind::module_& module);

}  // namespace colonnade::python
