#include "engine/value_filter.h"

#include <algorithm>

#include "engine/duckdb_status.h"
#include "engine/vectors.h"

namespace colonnade::engine {

TableFilters::TableFilters(duckdb::ClientContext& context, const std::vector<ValueFilter>& filters,
                           const std::vector<std::shared_ptr<const TilePredicate>>& predicates)
    : filters_(filters), predicates_(predicates) {
  duckdb::vector<duckdb::LogicalType> types;
  for (const ValueFilter& filter : filters_) {
    columns_.push_back(filter.column);
    types.push_back(filter.type);
    states_.push_back(duckdb::TableFilterState::Initialize(context, *filter.filter));
  }
  if (!types.empty()) chunk_.Initialize(duckdb::Allocator::Get(context), types);
}

bool TableFilters::MayMatch(const std::vector<table::AxisPositions>& axes) {
  return std::all_of(predicates_.begin(), predicates_.end(),
                     [&](const auto& predicate) { return predicate->MayBeTrue(axes); });
}

Status TableFilters::Select(const table::Block& block, std::vector<uint32_t>* rows) {
  try {
    for (int64_t begin = 0; begin < block.row_count; begin += STANDARD_VECTOR_SIZE) {
      const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, block.row_count - begin);
      chunk_.Reset();
      duckdb::SelectionVector selected;  // unset: all rows
      auto selected_count = static_cast<duckdb::idx_t>(count);
      for (size_t i = 0; i < filters_.size() && selected_count > 0; ++i) {
        duckdb::Vector& vector = chunk_.data[i];
        const auto& column = std::get<table::StridedColumn>(block.columns[filters_[i].column]);
        COLONNADE_RETURN_IF_ERROR(EmitStrided(column, begin, count, vector));
        duckdb::UnifiedVectorFormat format;
        vector.ToUnifiedFormat(static_cast<duckdb::idx_t>(count), format);
        duckdb::ColumnSegment::FilterSelection(selected, vector, format, *filters_[i].filter,
                                               *states_[i], static_cast<duckdb::idx_t>(count),
                                               selected_count);
      }
      if (selected_count == static_cast<duckdb::idx_t>(count)) {
        for (int64_t i = 0; i < count; ++i) rows->push_back(static_cast<uint32_t>(begin + i));
      } else {
        for (duckdb::idx_t i = 0; i < selected_count; ++i) {
          rows->push_back(static_cast<uint32_t>(begin) +
                          static_cast<uint32_t>(selected.get_index(i)));
        }
      }
    }
    return {};
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

}  // namespace colonnade::engine
