// .zarray, a newline, and .zattrs: any documents give metadata that keeps its promises.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "array_metadata_target.h"
#include "base/json.h"
#include "zarr/v2_metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t newline = text.find('\n');
  const auto document = colonnade::ParseJson(text.substr(0, newline));
  if (!document.ok()) return 0;
  colonnade::Json attributes = colonnade::Json::object();
  if (newline != std::string_view::npos) {
    auto parsed = colonnade::ParseJson(text.substr(newline + 1));
    if (parsed.ok()) attributes = *std::move(parsed);
  }
  colonnade::zarr::CheckArrayMetadata(colonnade::zarr::ParseV2Array(*document, attributes, {}));
  return 0;
}
