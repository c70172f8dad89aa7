#include "engine/value_filter.h"

#include <algorithm>
#include <cstring>

#include "engine/duckdb_status.h"
#include "engine/vectors.h"

namespace colonnade::engine {
namespace {

// Appends begin + i for every i with hits[i] = 1, eight at a time: most rows of a selective filter
// are skipped.
void AppendHits(const uint8_t* hits, int64_t begin, int64_t count, std::vector<uint32_t>* rows) {
  const size_t old_size = rows->size();
  rows->resize(old_size + static_cast<size_t>(count) + 8);
  uint32_t* out = rows->data() + old_size;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    std::memcpy(&word, hits + i, sizeof(word));
    if (word == 0) continue;
    for (int64_t k = i; k < i + 8; ++k) {
      *out = static_cast<uint32_t>(begin + k);
      out += hits[k];
    }
  }
  for (; i < count; ++i) {
    *out = static_cast<uint32_t>(begin + i);
    out += hits[i];
  }
  rows->resize(static_cast<size_t>(out - rows->data()));
}

}  // namespace

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
      COLONNADE_RETURN_IF_ERROR(SelectSlice(block, begin, count, rows));
    }
    return {};
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

Status TableFilters::SelectSlice(const table::Block& block, int64_t begin, int64_t count,
                                 std::vector<uint32_t>* rows) {
  // Comparisons on values that lie ready run over the memory; what they leave goes through the
  // general filters.
  alignas(64) uint8_t hits[STANDARD_VECTOR_SIZE];
  bool compared = false;
  general_.clear();
  for (size_t i = 0; i < filters_.size(); ++i) {
    const auto& column = std::get<table::StridedColumn>(block.columns[filters_[i].column]);
    const std::byte* values = nullptr;
    if (filters_[i].comparison && !column.is_constant && ComparisonFilter::Applies(*column.plan)) {
      values = array::ContiguousRows(*column.plan, column.data, column.dimensions, begin, count);
    }
    if (values == nullptr) {
      general_.push_back(i);
      continue;
    }
    if (!compared) std::memset(hits, 1, sizeof(hits));
    compared = true;
    filters_[i].comparison->Restrict(values, count, hits);
  }
  if (compared && general_.empty()) {
    AppendHits(hits, begin, count, rows);
    return {};
  }

  duckdb::SelectionVector selected;  // unset: all rows
  auto selected_count = static_cast<duckdb::idx_t>(count);
  if (compared) {
    selected.Initialize(STANDARD_VECTOR_SIZE);
    selected_count = 0;
    for (int64_t i = 0; i < count; ++i) {
      selected.set_index(selected_count, static_cast<duckdb::idx_t>(i));
      selected_count += hits[i];
    }
  }
  chunk_.Reset();
  for (const size_t i : general_) {
    if (selected_count == 0) break;
    duckdb::Vector& vector = chunk_.data[i];
    const auto& column = std::get<table::StridedColumn>(block.columns[filters_[i].column]);
    COLONNADE_RETURN_IF_ERROR(EmitStrided(column, begin, count, vector));
    duckdb::UnifiedVectorFormat format;
    vector.ToUnifiedFormat(static_cast<duckdb::idx_t>(count), format);
    duckdb::ColumnSegment::FilterSelection(selected, vector, format, *filters_[i].filter,
                                           *states_[i], static_cast<duckdb::idx_t>(count),
                                           selected_count);
  }
  const auto first = static_cast<uint32_t>(begin);
  if (selected_count == static_cast<duckdb::idx_t>(count)) {
    for (int64_t i = 0; i < count; ++i) rows->push_back(first + static_cast<uint32_t>(i));
  } else {
    for (duckdb::idx_t i = 0; i < selected_count; ++i) {
      rows->push_back(first + static_cast<uint32_t>(selected.get_index(i)));
    }
  }
  return {};
}

}  // namespace colonnade::engine
