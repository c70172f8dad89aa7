#include "table/grid_table.h"

#include <optional>
#include <utility>

namespace colonnade::table {
namespace {

class GridTable final : public TableSource, public std::enable_shared_from_this<GridTable> {
 public:
  GridTable(std::shared_ptr<const array::Dataset> dataset,
            std::shared_ptr<CoordinateCache> coordinates, GridPlan plan,
            const TiledScanOptions& options)
      : dataset_(std::move(dataset)),
        coordinates_(std::move(coordinates)),
        options_(options),
        name_(std::move(plan.name)),
        axes_(std::move(plan.axes)) {
    for (GridColumn& column : plan.columns) {
      columns_.push_back(std::move(column.column));
      sources_.push_back({column.variable, std::move(column.axes)});
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].kind != ColumnKind::kValues || !columns_[i].unavailable.ok()) continue;
      const array::Variable& variable = dataset_->variables()[sources_[i].variable];
      chunked_.push_back({sources_[i].axes, variable.chunk_shape, &variable.chunk_bounds});
    }
    for (const Axis& axis : axes_) {
      auto positions = std::make_shared<AxisValues>();
      positions->type = array::ValueType::kInt64;
      positions->length = axis.length;
      positions_.push_back(std::move(positions));
    }
  }

  const std::string& name() const override { return name_; }
  const std::vector<Axis>& axes() const override { return axes_; }
  const std::vector<Column>& columns() const override { return columns_; }

  Result<std::shared_ptr<const AxisValues>> LoadAxis(
      size_t column, const ScanEnvironment& environment) const override {
    if (column >= columns_.size()) return InvalidArgument(name_, ": no column ", column);
    const Column& info = columns_[column];
    if (!info.unavailable.ok()) return info.unavailable.WithContext(Context(info));
    if (info.kind == ColumnKind::kValues) {
      return InvalidArgument(Context(info), ": its values are not those of one axis");
    }
    if (sources_[column].variable == kNoVariable) return positions_[info.axis];
    auto values = coordinates_->Load(sources_[column].variable, environment);
    if (!values.ok()) return std::move(values).status().WithContext(Context(info));
    return values;
  }

  Result<std::unique_ptr<Scan>> NewScan(ScanRequest request) const override {
    std::vector<std::optional<StoredColumn>> stored;
    for (const size_t column : request.columns) {
      // An unknown or unavailable column is refused by MakeTiledScan, before it looks at `stored`.
      const bool is_stored = column < columns_.size() && columns_[column].unavailable.ok() &&
                             columns_[column].kind == ColumnKind::kValues;
      stored.push_back(is_stored ? std::optional(sources_[column]) : std::nullopt);
    }
    return MakeTiledScan(shared_from_this(), dataset_, std::move(stored), chunked_, options_,
                         std::move(request));
  }

 private:
  std::string Context(const Column& column) const {
    return name_ + ": column \"" + column.name + "\"";
  }

  const std::shared_ptr<const array::Dataset> dataset_;
  const std::shared_ptr<CoordinateCache> coordinates_;
  const TiledScanOptions options_;
  const std::string name_;
  const std::vector<Axis> axes_;
  std::vector<Column> columns_;
  std::vector<StoredColumn> sources_;                         // one per column
  std::vector<ChunkedVariable> chunked_;                      // of all readable kValues columns
  std::vector<std::shared_ptr<const AxisValues>> positions_;  // one per axis
};

}  // namespace

std::shared_ptr<const TableSource> MakeGridTable(std::shared_ptr<const array::Dataset> dataset,
                                                 std::shared_ptr<CoordinateCache> coordinates,
                                                 GridPlan plan, const TiledScanOptions& options) {
  return std::make_shared<GridTable>(std::move(dataset), std::move(coordinates), std::move(plan),
                                     options);
}

}  // namespace colonnade::table
