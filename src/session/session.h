// Session: the only place that knows what is in the program. It wires stores and Zarr into the
// engine.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "engine/engine.h"

namespace colonnade::session {

struct SessionOptions {
  std::optional<int> threads;               // default: one per core
  std::optional<std::string> memory_limit;  // "4GB", of everything that grows with the data
  std::optional<std::string> temp_directory;
};

/// Opens an engine in which
///
/// * `FROM 'air.zarr'`, `'air.zarr/group'`, `'air.zarr.zip'` and `read_zarr('…', option := value,
/// …)` are tables,
/// * `ATTACH 'air.zarr' AS air (TYPE zarr)` gives one table per grid, one schema per group,
/// * `zarr_arrays('…')` and `zarr_attributes('…')` list what a store holds.
///
/// Options of read_zarr and ATTACH: `mask_fill` ('auto', 'always', 'never': whether Zarr's fill
/// value means missing), `nan` ('null', 'keep'), `coords` ('all', 'index', 'none'), `consolidated`
/// ('auto', 'always', 'never'), `zarr_version` (2, 3). Of read_zarr also `"table"` (a grid's name)
/// or `dims` (its dimensions, in any order), and `"group"`.
///
/// \error what engine::Engine::Open says.
Result<std::unique_ptr<engine::Engine>> Open(const SessionOptions& options);

}  // namespace colonnade::session
