#include "array/box.h"

#include "base/checked.h"

namespace colonnade::array {

std::optional<int64_t> ElementCount(std::span<const int64_t> shape) {
  std::optional<int64_t> count = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) empty = true;
    if (count) count = CheckedMultiply(*count, extent);
  }
  // Nothing overflows in an array without elements, however long its other dimensions are.
  return empty ? 0 : count;
}

int64_t ElementCount(const Box& box) {
  int64_t count = 1;
  for (const Interval& interval : box) {
    if (interval.size() == 0) return 0;
  }
  for (const Interval& interval : box) count *= interval.size();
  return count;
}

Box WholeBox(std::span<const int64_t> shape) {
  Box box;
  box.reserve(shape.size());
  for (const int64_t extent : shape) box.push_back({0, extent});
  return box;
}

std::string ShapeToString(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (dim != 0) text += ", ";
    text += std::to_string(shape[dim]);
  }
  text += ']';
  return text;
}

}  // namespace colonnade::array
