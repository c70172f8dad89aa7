// From an ElementKind at run time to a C++ type at compile time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "array/element_type.h"
#include "base/half.h"

namespace colonnade::array {

/// A stored element type: `Raw` is what lies in memory, `Number` what it means.
template <typename RawType, typename NumberType = RawType>
struct Stored {
  using Raw = RawType;
  using Number = NumberType;

  /// Element `i` of possibly unaligned elements.
  static Number Load(const std::byte* rows, int64_t i) {
    Raw raw;
    std::memcpy(&raw, rows + i * static_cast<int64_t>(sizeof(Raw)), sizeof(Raw));
    if constexpr (std::is_same_v<Raw, Number>) {
      return raw;
    } else {
      return HalfToFloat(raw);
    }
  }
};

using StoredHalf = Stored<uint16_t, float>;

/// Calls `visit` with the Stored<...> of a kind that is a number in memory; times are int64,
/// booleans uint8. Returns false without a call for text.
template <typename Visit>
bool VisitStoredNumber(ElementKind kind, Visit&& visit) {
  switch (kind) {
    case ElementKind::kBool:
    case ElementKind::kUInt8: visit(Stored<uint8_t>()); return true;
    case ElementKind::kInt8: visit(Stored<int8_t>()); return true;
    case ElementKind::kInt16: visit(Stored<int16_t>()); return true;
    case ElementKind::kInt32: visit(Stored<int32_t>()); return true;
    case ElementKind::kInt64:
    case ElementKind::kDatetime64:
    case ElementKind::kTimedelta64: visit(Stored<int64_t>()); return true;
    case ElementKind::kUInt16: visit(Stored<uint16_t>()); return true;
    case ElementKind::kUInt32: visit(Stored<uint32_t>()); return true;
    case ElementKind::kUInt64: visit(Stored<uint64_t>()); return true;
    case ElementKind::kFloat16: visit(StoredHalf()); return true;
    case ElementKind::kFloat32: visit(Stored<float>()); return true;
    case ElementKind::kFloat64: visit(Stored<double>()); return true;
    case ElementKind::kFixedBytes:
    case ElementKind::kFixedUtf32:
    case ElementKind::kString: return false;
  }
  return false;
}

}  // namespace colonnade::array
