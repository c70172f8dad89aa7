// Intervals, boxes and shapes.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace colonnade::array {

/// Half-open interval [begin, end) of positions on one dimension. Empty when begin == end.
struct Interval {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
  bool operator==(const Interval&) const = default;
};

/// One interval per dimension, outermost first.
using Box = std::vector<Interval>;

/// Extents, outermost dimension first. All >= 0.
using Shape = std::vector<int64_t>;

/// Number of elements, or nothing if it does not fit int64. Rank 0 has one element.
std::optional<int64_t> ElementCount(std::span<const int64_t> shape);

/// Number of elements of a box that lies inside an array whose count fits.
int64_t ElementCount(const Box& box);

/// The box of the whole array.
Box WholeBox(std::span<const int64_t> shape);

/// "[1460, 181, 360]"
std::string ShapeToString(std::span<const int64_t> shape);

}  // namespace colonnade::array
