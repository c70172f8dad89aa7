// Sessions and results as Python sees them.

#pragma once

#include <nanobind/nanobind.h>

namespace colonnade::python {

/// Defines colonnade._core.Session and colonnade._core.Result.
void BindSession(nanobind::module_& module);

/// Interrupts every session that is alive and makes it forget its tables. When Python ends, no
/// thread may be left inside a query, and objects that a session holds, which may hold it in turn
/// where no garbage collector sees it, must go. Without the interpreter lock.
void EndAllSessions();

}  // namespace colonnade::python
