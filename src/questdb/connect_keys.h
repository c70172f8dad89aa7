// The keys of a connect string that are one value in one field, and those that are refused.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "questdb/connect_options.h"

namespace colonnade::questdb {

/// One key. Keys that take part in more than that (`addr`, the credentials) are in
/// questdb/connect_string.cpp.
struct ConnectKey {
  std::string_view name;
  /// Sets the field. \error InvalidArgument says what is expected; it repeats whole numbers, never
  ///     other text.
  Status (*read)(std::string_view value, ConnectOptions& options);
  /// The value as `read` takes it; nothing if it is the default.
  std::optional<std::string> (*write)(const ConnectOptions& options);
};

std::span<const ConnectKey> ConnectKeys();

/// A key that other clients of the family take and this one does not, and why.
struct RefusedKey {
  std::string_view name;
  std::string_view reason;  // "... use x instead"
};

/// Null if the name is not one of them.
const RefusedKey* FindRefusedKey(std::string_view name);
std::span<const RefusedKey> RefusedKeys();

}  // namespace colonnade::questdb
