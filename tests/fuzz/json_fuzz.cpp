// Documents from outside: what is accepted is written and read back unchanged, within the limits.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

using colonnade::Json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr colonnade::JsonLimits kSmall = {
      .max_bytes = 4096, .max_depth = 8, .max_values = 64, .max_duplicates = 2};
  std::vector<std::string> duplicates;
  const auto json = colonnade::ParseJson(text, {}, &duplicates);
  const auto limited = colonnade::ParseJson(text, kSmall);
  // A limit makes a difference only by refusing.
  if (limited.ok() && json.ok() && *limited != *json) std::abort();
  if (!json.ok()) {
    const std::string_view message = json.status().message();
    if (message.empty() || message.size() > 1000) std::abort();
    for (const char c : message) {
      if (c >= 0 && c < 0x20) std::abort();
    }
    return 0;
  }
  const std::string written = json->dump();
  duplicates.clear();
  const auto again = colonnade::ParseJson(written, {}, &duplicates);
  if (!again.ok() || *again != *json || !duplicates.empty()) std::abort();
  return 0;
}
