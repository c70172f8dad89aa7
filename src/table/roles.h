// Which part each variable of a dataset plays, from names, dims, shapes and attributes.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "array/dataset.h"
#include "table/grid.h"

namespace colonnade::table {

struct Dimension {
  int64_t length = 0;
  /// The variable that is its coordinate, or kNoVariable.
  size_t coordinate = SIZE_MAX;
};
inline constexpr size_t kNoVariable = SIZE_MAX;

struct DatasetRoles {
  /// One per variable; `table` and `column` are still empty.
  std::vector<VariableRole> variables;
  /// Every dimension of the usable variables.
  std::map<std::string, Dimension> dimensions;
  /// Unusable only because a dimension has another length elsewhere.
  std::vector<size_t> disagreeing;
  /// The dataset had no data variable, so that its coordinates stand in.
  bool coordinates_only = false;
};

/// Applies the rules that grid.h states.
DatasetRoles AssignRoles(const array::Dataset& dataset);

}  // namespace colonnade::table
