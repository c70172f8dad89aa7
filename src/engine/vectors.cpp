#include "engine/vectors.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "engine/duckdb_status.h"

namespace colonnade::engine {
namespace {

using array::ValueType;
using duckdb::FlatVector;
using duckdb::idx_t;

// Longer axes are copied: DuckDB's dictionary fast paths end at 20,000 entries, and a dictionary is
// built whole.
constexpr int64_t kMaxDictionary = 20'000;

duckdb::string_t ToDuckString(std::string_view text) {
  return duckdb::string_t(text.data(), static_cast<uint32_t>(text.size()));
}

// Values [begin, begin + count) of an axis into a flat vector, or of scattered positions.
template <typename PositionOf>
void CopyValues(const table::AxisValues& values, PositionOf position_of, int64_t count,
                duckdb::Vector& vector) {
  const auto copy = [&]<typename T>(T) {
    T* out = reinterpret_cast<T*>(FlatVector::GetData(vector));  // by width, not by type
    const T* in = reinterpret_cast<const T*>(values.data);
    for (int64_t i = 0; i < count; ++i) out[i] = in[position_of(i)];
  };
  if (values.is_sequence()) {
    int64_t* out = FlatVector::GetData<int64_t>(vector);
    for (int64_t i = 0; i < count; ++i) out[i] = position_of(i);
  } else if (values.type == ValueType::kString) {
    auto* out = FlatVector::GetData<duckdb::string_t>(vector);
    const auto* in = reinterpret_cast<const std::string_view*>(values.data);
    for (int64_t i = 0; i < count; ++i) out[i] = ToDuckString(in[position_of(i)]);
  } else {
    switch (array::ValueSize(values.type)) {
      case 1: copy(uint8_t{}); break;
      case 2: copy(uint16_t{}); break;
      case 4: copy(uint32_t{}); break;
      default: copy(uint64_t{}); break;
    }
  }
  if (values.validity != nullptr) {
    auto& validity = FlatVector::Validity(vector);
    for (int64_t i = 0; i < count; ++i) {
      if (!values.is_valid(position_of(i))) validity.SetInvalid(static_cast<idx_t>(i));
    }
  }
}

// DuckDB never writes into borrowed vectors; its interface lacks the const.
duckdb::data_ptr_t Borrow(const std::byte* data) {
  return reinterpret_cast<duckdb::data_ptr_t>(const_cast<std::byte*>(data));
}

void SetConstantNull(duckdb::Vector& vector) {
  vector.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  duckdb::ConstantVector::SetNull(vector, true);
}

void SetValidity(const uint64_t* words, int64_t count, duckdb::Vector& vector) {
  auto& validity = FlatVector::Validity(vector);
  validity.Initialize(STANDARD_VECTOR_SIZE);
  std::memcpy(validity.GetData(), words, static_cast<size_t>((count + 63) / 64) * sizeof(uint64_t));
}

// Asks for the memory of the rows that the next call will want, which nearly always follow these:
// they arrive while the engine works on these. A hint; no address is a wrong one.
void PrefetchFollowing(const table::StridedColumn& column, const std::byte* rows, int64_t begin,
                       int64_t count) {
  constexpr int64_t kCacheLine = 64;
  int64_t row_count = 1;
  for (const array::GatherDimension& dimension : column.dimensions) row_count *= dimension.count;
  const int64_t size = array::ValueSize(column.plan->value);
  const int64_t bytes = std::min(count, row_count - begin - count) * size;
  const uintptr_t end = reinterpret_cast<uintptr_t>(rows) + static_cast<uintptr_t>(count * size);
  for (int64_t at = 0; at < bytes; at += kCacheLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(end + static_cast<uintptr_t>(at)));
  }
}

// Position on `axis` of the rows [begin, begin + count), by walking runs instead of dividing per
// row.
template <typename T>
void FillPositions(const table::Block& block, size_t axis, int64_t begin, int64_t count, T* out) {
  int64_t inner = 1;  // rows that share one position
  for (size_t d = axis + 1; d < block.axes.size(); ++d) inner *= block.axes[d].count;
  const table::AxisPositions& positions = block.axes[axis];
  int64_t index = begin / inner % positions.count;
  int64_t run = inner - begin % inner;
  for (int64_t i = 0; i < count;) {
    if (inner == 1) {
      // The fastest axis: positions advance with every row.
      const int64_t length = std::min(count - i, positions.count - index);
      if (positions.list != nullptr) {
        for (int64_t k = 0; k < length; ++k) out[i + k] = static_cast<T>(positions.list[index + k]);
      } else {
        const int64_t first = positions.first + index;
        for (int64_t k = 0; k < length; ++k) out[i + k] = static_cast<T>(first + k);
      }
      i += length;
      index = 0;
      continue;
    }
    const int64_t length = std::min(run, count - i);
    std::fill_n(out + i, length, static_cast<T>(positions.at(index)));
    i += length;
    run = inner;
    if (++index == positions.count) index = 0;
  }
}

// True if all rows of the slice are at one position of the axis.
bool IsConstant(const table::Block& block, size_t axis, int64_t begin, int64_t count,
                int64_t* position) {
  int64_t inner = 1;
  for (size_t d = axis + 1; d < block.axes.size(); ++d) inner *= block.axes[d].count;
  const table::AxisPositions& positions = block.axes[axis];
  if (positions.count != 1 && begin / inner != (begin + count - 1) / inner) return false;
  *position = positions.at(begin / inner % positions.count);
  return true;
}

}  // namespace

void ReferenceConstant(const table::AxisValues& values, int64_t index, duckdb::Vector& vector) {
  if (!values.is_valid(index)) {
    SetConstantNull(vector);
    return;
  }
  CopyValues(values, [index](int64_t) { return index; }, 1, vector);
  vector.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

void ReferenceAxisRange(const table::AxisValues& values, int64_t begin, int64_t count,
                        duckdb::Vector& vector) {
  if (values.is_sequence() || values.type == ValueType::kString || values.validity != nullptr) {
    CopyValues(values, [begin](int64_t i) { return begin + i; }, count, vector);
    return;
  }
  FlatVector::SetData(vector, Borrow(values.data + begin * array::ValueSize(values.type)));
}

AxisEmitter::AxisEmitter(std::shared_ptr<const table::AxisValues> values,
                         const duckdb::LogicalType& type)
    : values_(std::move(values)) {
  if (values_->length == 0 || values_->length > kMaxDictionary) return;
  dictionary_ =
      duckdb::DictionaryVector::CreateReusableDictionary(type, static_cast<idx_t>(values_->length));
  CopyValues(*values_, [](int64_t i) { return i; }, values_->length, dictionary_->data);
}

void AxisEmitter::Emit(const table::Block& block, size_t axis, int64_t begin, int64_t count,
                       duckdb::SelectionVector& codes, duckdb::Vector& vector) const {
  int64_t position = 0;
  if (IsConstant(block, axis, begin, count, &position)) {
    ReferenceConstant(*values_, position, vector);
  } else if (dictionary_) {
    FillPositions(block, axis, begin, count, codes.data());
    vector.Dictionary(dictionary_, codes);
  } else {
    int64_t positions[STANDARD_VECTOR_SIZE];
    FillPositions(block, axis, begin, count, positions);
    CopyValues(*values_, [&positions](int64_t i) { return positions[i]; }, count, vector);
  }
}

void AxisEmitter::EmitAt(const int64_t* positions, int64_t count, duckdb::SelectionVector& codes,
                         duckdb::Vector& vector) const {
  if (positions[0] == positions[count - 1] &&
      std::all_of(positions, positions + count,
                  [&](int64_t position) { return position == positions[0]; })) {
    ReferenceConstant(*values_, positions[0], vector);
  } else if (dictionary_) {
    std::transform(positions, positions + count, codes.data(),
                   [](int64_t position) { return static_cast<duckdb::sel_t>(position); });
    vector.Dictionary(dictionary_, codes);
  } else {
    CopyValues(*values_, [positions](int64_t i) { return positions[i]; }, count, vector);
  }
}

Status EmitStrided(const table::StridedColumn& column, int64_t begin, int64_t count,
                   duckdb::Vector& vector) {
  const array::cf::DecodePlan& plan = *column.plan;
  uint64_t validity[STANDARD_VECTOR_SIZE / 64];
  if (const std::byte* rows =
          array::ContiguousRows(plan, column.data, column.dimensions, begin, count);
      rows != nullptr && plan.value != ValueType::kString && !column.is_constant) {
    FlatVector::SetData(vector, Borrow(rows));
    if (array::MayBeMissing(plan) && array::FindMissing(plan, rows, count, validity)) {
      SetValidity(validity, count, vector);
    }
    // Last: what these rows need must not wait for it.
    PrefetchFollowing(column, rows, begin, count);
    return {};
  }
  const int64_t gathered = column.is_constant ? 1 : count;
  bool has_missing = false;
  if (plan.value == ValueType::kString) {
    std::string_view texts[STANDARD_VECTOR_SIZE];
    COLONNADE_ASSIGN_OR_RETURN(has_missing, array::Gather(plan, column.data, column.dimensions,
                                                          begin, gathered, texts, validity));
    auto* out = FlatVector::GetData<duckdb::string_t>(vector);
    for (int64_t i = 0; i < gathered; ++i) {
      out[i] =
          (validity[i / 64] >> (i % 64) & 1) != 0 ? ToDuckString(texts[i]) : duckdb::string_t();
    }
  } else {
    COLONNADE_ASSIGN_OR_RETURN(has_missing,
                               array::Gather(plan, column.data, column.dimensions, begin, gathered,
                                             FlatVector::GetData(vector), validity));
  }
  if (column.is_constant) {
    if (has_missing) {
      SetConstantNull(vector);
    } else {
      vector.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
    }
  } else if (has_missing) {
    SetValidity(validity, count, vector);
  }
  return {};
}

}  // namespace colonnade::engine
