// Stream tables whose factory is a Python object.

#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "table/stream_table.h"

namespace colonnade::python {

/// Defines in colonnade._core:
///
/// - stream_table(name, schema, factory, partitions, passes_arguments, one_shot, row_count=None)
///   -> Table. `schema` is an arrow_schema capsule. `factory` is called as factory(partition,
///   request) when a query runs, on any thread; request is a dict with "columns", "filters",
///   "filter_sql" and "limit", or None without passes_arguments. It returns an object with
///   __arrow_c_stream__ or __arrow_c_array__, a stream capsule, an iterator of such objects, or a
///   pair of one of these and the positions of the filters that it applied exactly. An exception
///   of the factory or of an iterator arrives as itself.
/// - peek_stream(capsule) -> (arrow_schema capsule, arrow_array_stream capsule): the stream, whose
///   schema has been read.
void BindStreamTable(nanobind::module_& module);

/// The factory of a table that was made so, if `table` alone holds it; else nothing. For the
/// garbage collector, which must not look at what others hold too. Borrowed.
nanobind::handle SoleFactory(const std::shared_ptr<const table::StreamTable>& table);

}  // namespace colonnade::python
