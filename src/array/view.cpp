#include "array/view.h"

#include <optional>

#include "base/checked.h"

namespace colonnade::array {

std::vector<int64_t> DenseStrides(std::span<const int64_t> shape, int64_t element_bytes) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = element_bytes;
  for (size_t dim = shape.size(); dim-- > 0;) {
    strides[dim] = stride;
    // Only an array without elements, where no stride is ever used, can overflow here.
    stride = CheckedMultiply(stride, shape[dim]).value_or(0);
  }
  return strides;
}

}  // namespace colonnade::array
