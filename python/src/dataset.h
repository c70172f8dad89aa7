// PythonDataset: an array::Dataset whose elements are numpy arrays that Python hands out.

#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "array/dataset.h"
#include "base/status.h"

namespace colonnade::python {

/// Makes a dataset of a colonnade.xarray_source.DatasetDescription, which documents the fields.
/// Nothing is read.
///
/// Variables in memory are read in place, without the interpreter lock. For all others the
/// variable's `read` is called with a box, under the lock, by any thread, several at once; an
/// exception that it raises is the failure of Dataset::Read, as `cause`. The arrays that it returns
/// count against the budget of the read, at the size of the box, or of the chunk where the variable
/// is read in whole blocks.
///
/// \pre the interpreter lock is held
/// \error InvalidArgument for a description that contradicts itself
Result<std::shared_ptr<const array::Dataset>> MakePythonDataset(nanobind::handle description);

/// Defines colonnade._core.dataset_tables.
void BindDataset(nanobind::module_& module);

}  // namespace colonnade::python
