// Tables as Python sees them: one object, with or without a session.

#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "engine/engine.h"

namespace colonnade::python {

/// What colonnade._core.Table holds. Copied freely; the table is shared.
struct PyTable {
  std::string name;
  engine::TableObject object;
};

/// Defines colonnade._core.Table.
void BindTable(nanobind::module_& module);

}  // namespace colonnade::python
