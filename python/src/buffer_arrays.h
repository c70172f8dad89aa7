// Arrow arrays over the memory of Python objects.

#pragma once

#include <nanobind/nanobind.h>

namespace colonnade::python {

/// Defines in colonnade._core:
///
/// - schema_of_formats(fields) -> arrow_schema capsule of a struct of columns, each (name, format,
///   dictionary format or "", ordered), or (name, arrow_schema capsule of its type).
/// - batch_of_buffers(length, columns) -> arrow_array capsule of a struct of that length. A column
///   is an arrow_array capsule, or (null_count, [buffer or None, ...], column of the dictionary or
///   None, its length). Buffers are objects with the buffer protocol, contiguous; they are kept,
///   not copied. That they are large enough is up to the caller.
void BindBufferArrays(nanobind::module_& module);

}  // namespace colonnade::python
