// Data types of Zarr v2 (NumPy type strings) and v3 → ElementType.

#pragma once

#include <bit>
#include <string_view>

#include "array/element_type.h"
#include "base/json.h"
#include "base/status.h"

namespace colonnade::zarr {

/// A v2 `dtype`.
struct V2DataType {
  array::ElementType type;
  std::endian endian = std::endian::little;
  bool object = false;  // |O: the filters say what it holds
};

/// Parses a NumPy type string such as "<f4", "|S12" or "<M8[25s]".
///
/// \error Unsupported naming a type that is valid but not read (complex, void, structured);
///     InvalidData for anything else.
Result<V2DataType> ParseV2DataType(const Json& json);

/// Parses a v3 `data_type`.
///
/// \error Unsupported naming the type; InvalidData for a bad configuration.
Result<array::ElementType> ParseV3DataType(const Json& json);

}  // namespace colonnade::zarr
