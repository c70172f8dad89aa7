#include "table/tile_reader.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace colonnade::table {
namespace {

using array::ArrayView;
using array::Interval;

// The selected positions of the open tile on one axis.
struct TileAxis {
  Interval bounds;                // from the first to past the last selected position
  int64_t count = 0;              // selected positions
  std::vector<int64_t> absolute;  // empty if all of `bounds` is selected
  std::vector<int64_t> relative;  // ditto, counted from bounds.begin

  int64_t RelativeAt(int64_t i) const { return relative.empty() ? i : relative[i]; }
};

class Reader final : public TileReader {
 public:
  Reader(std::shared_ptr<const ScanState> state, BlockFilter* filter)
      : state_(std::move(state)), filter_(filter) {
    const ScanEnvironment& environment = state_->request.environment;
    cancel_ = environment.cancel != nullptr ? environment.cancel : &NeverCancelled();
    if (std::any_of(state_->stored.begin(), state_->stored.end(),
                    [](const auto& column) { return column.has_value(); })) {
      context_.emplace(*cancel_,
                       environment.budget != nullptr ? *environment.budget : UnlimitedMemory(),
                       environment.counters != nullptr ? *environment.counters : own_counters_,
                       state_->cache.get());
    }
    const size_t columns = state_->request.columns.size();
    views_.resize(columns);
    block_.columns.resize(columns);
    is_filter_column_.assign(columns, false);
    if (filter_ != nullptr) {
      for (const size_t column : filter_->columns()) is_filter_column_.at(column) = true;
    }
    const size_t rank = state_->request.selection.size();
    axes_.resize(rank);
    cursor_.resize(rank);
    extents_.resize(rank);
    block_.axes.resize(rank);
  }

  Status Open(int64_t tile) override {
    Close();
    COLONNADE_RETURN_IF_ERROR(cancel_->Check());
    if (tile < 0 || tile >= state_->plan->tile_count()) {
      return InvalidArgument(state_->source->name(), ": no tile ", tile, " of ",
                             state_->plan->tile_count());
    }
    COLONNADE_RETURN_IF_ERROR(LoadAxes());
    SelectPositions(state_->plan->TileBox(tile));
    ChooseSplit();
    std::fill(cursor_.begin(), cursor_.end(), 0);
    open_ = true;
    if (filter_ != nullptr) {
      for (size_t axis = 0; axis < axes_.size(); ++axis) extents_[axis] = axes_[axis].count;
      SetBlockAxes();
      if (!filter_->MayMatch(block_.axes)) Close();
    }
    return Status();
  }

  Result<const Block*> Next() override {
    while (open_) {
      COLONNADE_RETURN_IF_ERROR(cancel_->Check());
      MeasureBlock();
      SetBlockAxes();
      if (filter_ != nullptr && !IsWholeTile() && !filter_->MayMatch(block_.axes)) {
        Advance();
        continue;
      }
      if (filter_ != nullptr) {
        COLONNADE_RETURN_IF_ERROR(PresentColumns(true));
        rows_.clear();
        COLONNADE_RETURN_IF_ERROR(filter_->Select(block_, &rows_));
        if (rows_.empty()) {
          Advance();
          continue;
        }
      }
      COLONNADE_RETURN_IF_ERROR(PresentColumns(false));
      block_.rows.reset();
      if (filter_ != nullptr && static_cast<int64_t>(rows_.size()) < block_.row_count)
        block_.rows = std::span<const uint32_t>(rows_);
      Advance();
      return &block_;
    }
    Close();
    return nullptr;
  }

 private:
  // Lets go of the open tile's memory.
  void Close() {
    open_ = false;
    block_.rows.reset();
    for (size_t column = 0; column < views_.size(); ++column) {
      if (!state_->stored[column].has_value()) continue;
      views_[column].reset();
      block_.columns[column] = AxisColumn{};
    }
  }

  Status LoadAxes() {
    if (axes_loaded_) return Status();
    for (size_t i = 0; i < state_->stored.size(); ++i) {
      if (state_->stored[i].has_value()) continue;
      const size_t column = state_->request.columns[i];
      const Column& info = state_->source->columns()[column];
      COLONNADE_ASSIGN_OR_RETURN(auto values,
                                 state_->source->LoadAxis(column, state_->request.environment));
      if (info.kind == ColumnKind::kConstant) {
        block_.columns[i] = ConstantColumn{std::move(values)};
      } else {
        block_.columns[i] = AxisColumn{info.axis, std::move(values)};
      }
    }
    axes_loaded_ = true;
    return Status();
  }

  void SelectPositions(const array::Box& tile) {
    for (size_t axis = 0; axis < axes_.size(); ++axis) {
      const AxisSelection& selection = state_->request.selection[axis];
      TileAxis& target = axes_[axis];
      target.absolute.clear();
      target.relative.clear();
      const int64_t before = selection.CountWithin({0, tile[axis].begin});
      target.count = selection.CountWithin(tile[axis]);
      assert(target.count > 0);
      target.bounds = {selection.PositionAt(before),
                       selection.PositionAt(before + target.count - 1) + 1};
      if (target.bounds.size() == target.count) continue;
      target.absolute.reserve(static_cast<size_t>(target.count));
      selection.PositionsWithin(target.bounds, &target.absolute);
      target.relative.reserve(target.absolute.size());
      for (const int64_t position : target.absolute)
        target.relative.push_back(position - target.bounds.begin);
    }
  }

  // A block is one position on the axes before split_axis_, at most split_extent_ positions on it,
  // and all positions on the axes behind it.
  void ChooseSplit() {
    split_axis_ = axes_.size();
    split_extent_ = 1;
    int64_t rows = 1;
    while (split_axis_ > 0) {
      const int64_t count = axes_[split_axis_ - 1].count;
      --split_axis_;
      if (count > state_->max_block_rows / rows) {
        split_extent_ = std::max<int64_t>(1, state_->max_block_rows / rows);
        return;
      }
      split_extent_ = count;
      rows *= count;
    }
  }

  // Sets extents_ to the block that begins at the cursor.
  void MeasureBlock() {
    for (size_t axis = 0; axis < axes_.size(); ++axis) {
      const int64_t rest = axes_[axis].count - cursor_[axis];
      if (axis < split_axis_) {
        extents_[axis] = 1;
      } else if (axis > split_axis_) {
        extents_[axis] = rest;
      } else {
        extents_[axis] = std::min(rest, split_extent_);
      }
    }
  }

  bool IsWholeTile() const {
    for (size_t axis = 0; axis < axes_.size(); ++axis) {
      if (extents_[axis] != axes_[axis].count) return false;
    }
    return true;
  }

  void SetBlockAxes() {
    block_.row_count = 1;
    for (size_t axis = 0; axis < axes_.size(); ++axis) {
      const TileAxis& from = axes_[axis];
      AxisPositions& to = block_.axes[axis];
      to.count = extents_[axis];
      to.list = nullptr;
      if (from.absolute.empty()) {
        to.first = from.bounds.begin + cursor_[axis];
      } else {
        const int64_t* list = from.absolute.data() + cursor_[axis];
        to.first = list[0];
        if (list[to.count - 1] - list[0] + 1 != to.count) to.list = list;
      }
      block_.row_count *= to.count;
    }
  }

  // Moves the cursor behind the block; closes the tile at its end (its memory is kept for the block
  // that has just been made until the next call).
  void Advance() {
    for (size_t axis = axes_.size(); axis-- > 0;) {
      cursor_[axis] += extents_[axis];
      if (cursor_[axis] < axes_[axis].count) return;
      cursor_[axis] = 0;
    }
    open_ = false;
  }

  // Reads the filter's columns, or the others, unless the tile has them already, and points the
  // block at its part of them.
  Status PresentColumns(bool of_filter) {
    for (size_t column = 0; column < views_.size(); ++column) {
      if (!state_->stored[column].has_value() || is_filter_column_[column] != of_filter) continue;
      if (!views_[column].has_value()) COLONNADE_RETURN_IF_ERROR(Read(column));
      Present(column);
    }
    return Status();
  }

  Status Read(size_t column) {
    const StoredColumn& stored = *state_->stored[column];
    // The same variable under two columns is one read.
    for (size_t other = 0; other < views_.size(); ++other) {
      if (views_[other].has_value() && state_->stored[other]->variable == stored.variable) {
        views_[column] = views_[other];
        return Status();
      }
    }
    read_box_.resize(stored.axes.size());
    for (size_t d = 0; d < stored.axes.size(); ++d) read_box_[d] = axes_[stored.axes[d]].bounds;
    auto view =
        state_->dataset->Read(stored.variable, read_box_, state_->keep_chunks[column], *context_);
    if (!view.ok()) return std::move(view).status().WithContext(state_->source->name());
    views_[column] = *std::move(view);
    return Status();
  }

  void Present(size_t column) {
    const ArrayView& view = *views_[column];
    const StoredColumn& stored = *state_->stored[column];
    if (!std::holds_alternative<StridedColumn>(block_.columns[column]))
      block_.columns[column] = StridedColumn{};
    auto& out = std::get<StridedColumn>(block_.columns[column]);
    out.plan = &state_->dataset->variables()[stored.variable].plan;
    out.data = view.data;
    out.owner = view.owner;
    out.dimensions.assign(axes_.size(), {});
    for (size_t axis = 0; axis < axes_.size(); ++axis) out.dimensions[axis].count = extents_[axis];
    out.is_constant = true;
    for (size_t d = 0; d < stored.axes.size(); ++d) {
      const size_t axis = stored.axes[d];
      array::GatherDimension& dimension = out.dimensions[axis];
      const int64_t stride = view.strides[d];
      if (stride == 0) continue;
      if (dimension.count > 1 && block_.axes[axis].list != nullptr) {
        dimension.positions = axes_[axis].relative.data() + cursor_[axis];
      } else {
        out.data += stride * axes_[axis].RelativeAt(cursor_[axis]);
      }
      if (dimension.count == 1) continue;  // its stride is never taken
      dimension.stride = stride;
      out.is_constant = false;
    }
  }

  const std::shared_ptr<const ScanState> state_;
  BlockFilter* const filter_;
  const CancelToken* cancel_ = nullptr;
  array::ReadCounters own_counters_;
  std::optional<array::ReadContext> context_;  // if a column is stored
  std::vector<bool> is_filter_column_;
  bool axes_loaded_ = false;

  bool open_ = false;
  std::vector<TileAxis> axes_;
  size_t split_axis_ = 0;
  int64_t split_extent_ = 1;
  std::vector<int64_t> cursor_;   // first row of the next block, as indices of selected positions
  std::vector<int64_t> extents_;  // of the block being made
  std::vector<std::optional<ArrayView>> views_;  // of the open tile, per requested column
  array::Box read_box_;
  Block block_;
  std::vector<uint32_t> rows_;
};

}  // namespace

std::unique_ptr<TileReader> MakeTileReader(std::shared_ptr<const ScanState> state,
                                           BlockFilter* filter) {
  return std::make_unique<Reader>(std::move(state), filter);
}

}  // namespace colonnade::table
