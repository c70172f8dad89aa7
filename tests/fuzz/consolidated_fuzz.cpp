// Consolidated metadata: a store with any root document opens or fails, and its groups have paths
// that stay inside the store.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "store/memory_store.h"
#include "zarr/hierarchy.h"

namespace {

void OpenEverything(const char* key, std::string document) {
  auto store = std::make_shared<colonnade::store::MemoryStore>("fuzz");
  store->Put(key, std::move(document));
  const auto hierarchy = colonnade::zarr::Hierarchy::Open(store, "", {});
  if (!hierarchy.ok()) return;
  const auto paths = (*hierarchy)->GroupPaths();
  if (!paths.ok() || paths->empty() || !paths->front().empty()) std::abort();
  for (const std::string& path : *paths) {
    if (!path.empty() && !colonnade::store::ValidateKey(path).ok()) std::abort();
    const auto dataset = (*hierarchy)->OpenGroup(path);
    if (!dataset.ok()) continue;
    for (const colonnade::array::Variable& variable : (*dataset)->variables()) {
      if (variable.dims.size() != variable.shape.size()) std::abort();
      if (variable.chunk_shape.size() != variable.shape.size()) std::abort();
      if (!variable.path.empty() && !colonnade::store::ValidateKey(variable.path).ok())
        std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string document(reinterpret_cast<const char*>(data), size);
  OpenEverything("zarr.json", document);
  OpenEverything(".zmetadata", document);
  return 0;
}
