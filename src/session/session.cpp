#include "session/session.h"

#include <utility>

#include "session/zarr_source.h"
#include "session/zarr_tables.h"

namespace colonnade::session {

Result<std::unique_ptr<engine::Engine>> Open(const SessionOptions& options) {
  engine::Sources sources;
  sources.functions = {{"read_zarr", ZarrTableOptions(), OpenZarrTable},
                       {"zarr_arrays", ZarrStoreOptions(), OpenArraysTable},
                       {"zarr_attributes", ZarrStoreOptions(), OpenAttributesTable}};
  sources.catalogs = {{"zarr", ZarrStoreOptions(), OpenZarrCatalog}};
  sources.resolve = [](std::string_view text) -> std::optional<std::string> {
    if (NamesZarrStore(text)) return "read_zarr";
    return std::nullopt;
  };
  engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.memory_limit = options.memory_limit;
  engine_options.temp_directory = options.temp_directory;
  return engine::Engine::Open(engine_options, std::move(sources));
}

}  // namespace colonnade::session
