// Zarr stores as tables and catalogs: where zarr/ and table/ meet.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "table/grid.h"
#include "table/table_source.h"
#include "zarr/hierarchy.h"

namespace colonnade::session {

/// How to read a store; from the options of read_zarr and ATTACH.
struct ZarrOptions {
  zarr::OpenOptions open;
  table::GridOptions grid;
  std::string group;                             // relative to the path that was opened
  std::optional<std::string> table;              // a grid by name
  std::optional<std::vector<std::string>> dims;  // a grid by its dimensions, in any order
};

/// \error InvalidArgument naming the option and its values.
Result<ZarrOptions> ParseZarrOptions(const engine::SourceArguments& arguments);

/// The options that a whole store takes, and those that pick one table.
std::vector<engine::SourceOption> ZarrStoreOptions();
std::vector<engine::SourceOption> ZarrTableOptions();

/// Opens the hierarchy that a path names.
Result<std::shared_ptr<const zarr::Hierarchy>> OpenHierarchy(const std::string& uri,
                                                             const zarr::OpenOptions& options);

/// One table of a store.
///
/// \error InvalidArgument if the group has several grids and none is chosen: the message lists them
/// and the option.
///     NotFound for a store, group or grid that is not there, with the nearest name.
Result<std::shared_ptr<const table::TableSource>> OpenZarrTable(
    const engine::SourceArguments& arguments);

/// All tables of a store. Groups other than the root are opened when they are asked for.
Result<std::shared_ptr<const table::Catalog>> OpenZarrCatalog(
    const engine::SourceArguments& arguments);

/// True if `FROM 'text'` means a Zarr store: a path with a segment that ends in ".zarr" or
/// ".zarr.zip", a directory, or a path that does not exist and has no other reader's ending (so
/// that the message can name its nearest neighbour).
bool NamesZarrStore(std::string_view text);

}  // namespace colonnade::session
