// zarr.json of an array: any document gives metadata that keeps its promises.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "array_metadata_target.h"
#include "base/json.h"
#include "zarr/v3_metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = colonnade::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!json.ok()) return 0;
  colonnade::zarr::CheckArrayMetadata(colonnade::zarr::ParseV3Array(*json, {}));
  return 0;
}
