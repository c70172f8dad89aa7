// colonnade._core: the C++ core for the Python package. Private; the public classes are in Python.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstdlib>

#include "batches.h"
#include "buffer_arrays.h"
#include "dataset.h"
#include "engine/engine.h"
#include "interop.h"
#include "numpy_export.h"
#include "session.h"
#include "stream_table.h"
#include "tables.h"

namespace nb = nanobind;

NB_MODULE(_core, module) {
  using namespace colonnade;  // NOLINT(google-build-using-namespace)
  // Objects that are alive when Python ends are the user's business, but for our tests.
  const char* report = std::getenv("COLONNADE_REPORT_LEAKS");
  nb::set_leak_warnings(report != nullptr && *report != '\0');
  python::BindTable(module);
  python::BindSession(module);
  python::BindNumpyExport(module);
  python::BindBatches(module);
  python::BindBufferArrays(module);
  python::BindStreamTable(module);
  python::BindDataset(module);
  module.def("engine_version", &engine::LibraryVersion);
  // Before the interpreter ends, while threads can still take its lock.
  nb::module_::import_("atexit").attr("register")(nb::cpp_function([] {
    python::DropKeptExceptions();
    {
      const nb::gil_scoped_release release;
      python::EndAllSessions();
    }
    python::CloseToThreads(std::chrono::seconds(2));
  }));
}
