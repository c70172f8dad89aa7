// Block: the currency between table/ and engine/.
//
// A box of positions and, per column, one of: a reference to an axis (shared coordinate values plus
// positions), a constant, or strided stored values with their decode plan. Rows are the C-order
// product of the positions (last axis fastest) and exist nowhere until somebody asks for them.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "array/cf/decode_plan.h"
#include "array/decode.h"
#include "array/element_type.h"
#include "array/view.h"

namespace colonnade::table {

/// Decoded values of a column over a whole axis (or one value for a constant). Immutable, shared.
struct AxisValues {
  array::ValueType type = array::ValueType::kInt64;
  int64_t length = 0;
  /// Contiguous values (text: std::string_view). Null: value i is the number i (kInt64 only), so
  /// that an axis without a coordinate costs nothing.
  const std::byte* data = nullptr;
  /// Bitmap, least significant bit first; null if no value is missing.
  const uint64_t* validity = nullptr;
  std::shared_ptr<const void> owner;

  bool is_sequence() const { return data == nullptr; }
  bool is_valid(int64_t i) const {
    return validity == nullptr || (validity[i / 64] >> (i % 64) & 1) != 0;
  }
};

/// Positions of a block on one axis, ascending: first … first+count-1, or a list.
struct AxisPositions {
  int64_t count = 0;
  int64_t first = 0;
  const int64_t* list = nullptr;  // `count` absolute positions; null: contiguous from `first`
  int64_t at(int64_t i) const { return list != nullptr ? list[i] : first + i; }
};

/// The column is a function of one axis: row → values[position of the row on `axis`].
struct AxisColumn {
  size_t axis = 0;
  std::shared_ptr<const AxisValues> values;
};

/// Every row has the value values[0].
struct ConstantColumn {
  std::shared_ptr<const AxisValues> values;
};

/// Stored values with their meaning. `dimensions` has one entry per axis of the block, in the
/// block's order, with the block's counts: pass it to array::Gather. `data` is row 0's address
/// base.
struct StridedColumn {
  const array::cf::DecodePlan* plan = nullptr;
  const std::byte* data = nullptr;
  std::vector<array::GatherDimension> dimensions;
  std::shared_ptr<const void> owner;
  bool is_constant = false;  // all strides are 0: one stored value
};

using BlockColumn = std::variant<AxisColumn, ConstantColumn, StridedColumn>;

/// Valid until the next call of the reader that made it, except what `owner`s keep.
struct Block {
  std::vector<AxisPositions> axes;
  int64_t row_count = 0;  // product of axis counts
  /// One per requested column.
  std::vector<BlockColumn> columns;
  /// Rows that passed the filter, ascending, if one was applied and some did not; otherwise all
  /// rows count.
  std::optional<std::span<const uint32_t>> rows;
};

}  // namespace colonnade::table
