// ArrayView: strided elements in memory, with what keeps them alive.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "array/box.h"
#include "array/element_type.h"

namespace colonnade::array {

/// The elements of a box of a variable: stored values in host byte order, before masks, scales and
/// times. Booleans are one byte, 0 or 1. Text (ElementType::is_text) is std::string_view pointing
/// into memory that `owner` keeps, NUL padding removed, valid UTF-8.
///
/// Element (i0, i1, …) of the box, relative to its begin, is at data + Σ i_d · strides[d]. Strides
/// are in bytes; 0 repeats one element along the dimension (an absent chunk is one fill value with
/// all strides 0).
///
/// Copying shares the elements. Read-only, so safe to share between threads.
struct ArrayView {
  ElementType type;
  const std::byte* data = nullptr;
  std::vector<int64_t> strides;       // one per dimension of the variable
  std::shared_ptr<const void> owner;  // keeps `data` (and text) valid

  /// True if every element is the same stored value.
  bool is_constant() const {
    for (const int64_t stride : strides) {
      if (stride != 0) return false;
    }
    return true;
  }
};

/// Strides in bytes of a dense C-order array.
std::vector<int64_t> DenseStrides(std::span<const int64_t> shape, int64_t element_bytes);

}  // namespace colonnade::array
