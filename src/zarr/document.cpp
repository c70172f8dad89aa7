#include "zarr/document.h"

#include <algorithm>
#include <utility>

#include "base/memory_budget.h"
#include "zarr/extension.h"

namespace colonnade::zarr {

Result<std::optional<Document>> ReadDocument(const store::Store& store, const std::string& key,
                                             const JsonLimits& limits) {
  Buffer text(UnlimitedMemory());
  Result<store::ReadResult> read =
      store.Read(key, store::ByteRange::Whole(), limits.max_bytes, &text);
  if (!read.ok()) return std::move(read).status().WithContext(key);
  if (!read->found) return std::optional<Document>();
  Document document;
  Result<Json> json = ParseJson({reinterpret_cast<const char*>(text.data()), text.size()}, limits,
                                &document.duplicates);
  if (!json.ok()) return std::move(json).status().WithContext(key);
  document.json = *std::move(json);
  return std::optional<Document>(std::move(document));
}

Status CheckDuplicates(const std::vector<std::string>& duplicates, std::string_view attributes) {
  for (const std::string& path : duplicates) {
    const bool harmless = path.starts_with(attributes) && path.size() > attributes.size() &&
                          path[attributes.size()] == '/';
    if (!harmless) return InvalidData("the key ", Quoted(path), " occurs twice");
  }
  return {};
}

bool IsNodeName(std::string_view name) {
  if (name.empty() || name.size() > 1024) return false;
  if (name.starts_with("__") || name.starts_with(".z") || name == kV3Document) return false;
  if (name == ".DS_Store" || name == "Thumbs.db" || name == ".git") return false;
  if (name.ends_with(".partial") || name.ends_with(".tmp")) return false;
  if (std::ranges::all_of(name, [](char c) { return c == '.'; })) return false;
  return std::ranges::none_of(name, [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

}  // namespace colonnade::zarr
