#include "store/memory_store.h"

#include <cstring>
#include <optional>

#include "base/quote.h"
#include "store/key_listing.h"

namespace colonnade::store {

Result<ReadResult> MemoryStore::Read(std::string_view key, ByteRange range, uint64_t max_bytes,
                                     Buffer* out) const {
  if (Status valid = ValidateKey(key); !valid.ok()) return std::move(valid).WithContext(name_);
  const auto found = values_.find(key);
  if (found == values_.end()) return ReadResult{};
  const std::string& value = found->second;
  Result<ByteSpan> span = ResolveRange(range, value.size(), max_bytes);
  Status status = span.ok() ? out->Resize(span->length) : span.status();
  if (!status.ok()) return std::move(status).WithContext(name_ + ": " + EscapeControls(key));
  if (span->length != 0) std::memcpy(out->data(), value.data() + span->offset, span->length);
  return ReadResult{true, value.size()};
}

Result<std::vector<ListEntry>> MemoryStore::List(std::string_view prefix,
                                                 size_t max_entries) const {
  Status status = prefix.empty() ? Status() : ValidateKey(prefix);
  if (status.ok()) {
    auto entries =
        ListKeys(prefix, max_entries, [&](std::string_view key) -> std::optional<std::string_view> {
          const auto next = values_.lower_bound(key);
          if (next == values_.end()) return std::nullopt;
          return next->first;
        });
    if (entries.ok()) return entries;
    status = std::move(entries).status();
  }
  return std::move(status).WithContext(name_);
}

}  // namespace colonnade::store
