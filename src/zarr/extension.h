// Extension: the form in which Zarr v3 metadata names a data type, grid, key encoding or codec.

#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace colonnade::zarr {

/// A bare string, or {name, configuration?, must_understand?}.
struct Extension {
  std::string name;
  Json configuration = Json::object();
  bool must_understand = true;

  /// A member of the configuration, or null.
  const Json* Find(std::string_view key) const;
};

/// \error InvalidData naming `what`.
Result<Extension> ParseExtension(const Json& json, std::string_view what);

/// A JSON value for a message: compact, shortened, control characters escaped.
std::string Quoted(const Json& json);

}  // namespace colonnade::zarr
