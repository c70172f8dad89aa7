#include "engine/arrow_columns.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "arrow/schema.h"
#include "base/half.h"
#include "duckdb/common/types/arrow_aux_data.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "engine/duckdb_status.h"
#include "table/names.h"

namespace colonnade::engine {
namespace {

using duckdb::FlatVector;
using duckdb::idx_t;
using Kind = ArrowColumn::Kind;

//===--------------------------------------------------------------------===//
// Types
//===--------------------------------------------------------------------===//

Status NotSupported(const ArrowSchema& schema) {
  return Unsupported("Arrow type ", arrow::TypeName(schema), " is not supported");
}

// A type whose values DuckDB converts.
Result<ArrowColumn> MakeValues(duckdb::ClientContext& context, const ArrowSchema& schema,
                               ArrowColumn column) {
  // Written without extensions: "d:5,-2" would be read as a huge scale.
  const std::string_view format = schema.format;
  if (format.starts_with("d:") && format.find('-') != std::string_view::npos)
    return NotSupported(schema);
  ArrowSchema plain = schema;  // a view; not released
  try {
    auto type = duckdb::ArrowType::GetArrowLogicalType(context, plain);
    // Extension types that are computed are given text or bytes of NULL rows too.
    if (type->HasExtension() && type->extension_data->arrow_to_duckdb != nullptr &&
        type->extension_data->GetDuckDBType().id() != duckdb::LogicalTypeId::BOOLEAN) {
      plain.metadata = nullptr;
      type = duckdb::ArrowType::GetArrowLogicalType(context, plain);
    }
    type->ThrowIfInvalid();
    column.type =
        type->HasExtension() ? type->extension_data->GetDuckDBType() : type->GetDuckType();
    column.values = std::move(type);
  } catch (const std::exception&) {
    return NotSupported(schema);
  }
  return column;
}

std::optional<int64_t> DurationUnit(std::string_view format) {
  if (format == "tDs") return 1'000'000;
  if (format == "tDm") return 1'000;
  if (format == "tDu") return 1;
  if (format == "tDn") return -1'000;
  return std::nullopt;
}

// The types of struct fields and union members, with names that SQL can tell apart.
duckdb::child_list_t<duckdb::LogicalType> NamedTypes(const ArrowSchema& schema,
                                                     const std::vector<ArrowColumn>& children) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < schema.n_children; ++i)
    names.emplace_back(schema.children[i]->name != nullptr ? schema.children[i]->name : "");
  std::unordered_set<std::string> taken;
  names = table::UniqueNames(std::move(names), &taken);
  duckdb::child_list_t<duckdb::LogicalType> types;
  for (size_t i = 0; i < children.size(); ++i) types.emplace_back(names[i], children[i].type);
  return types;
}

}  // namespace

Result<ArrowColumn> MakeArrowColumn(duckdb::ClientContext& context, const ArrowSchema& schema) {
  ArrowColumn column;
  COLONNADE_ASSIGN_OR_RETURN(column.format, arrow::ParseFormat(schema.format));
  column.code = schema.format[0];
  if (schema.dictionary != nullptr) {
    COLONNADE_ASSIGN_OR_RETURN(auto values, MakeArrowColumn(context, *schema.dictionary));
    column.kind = Kind::kDictionary;
    column.type = values.type;
    column.children.push_back(std::move(values));
    return column;
  }
  if (column.format.layout == arrow::Layout::kRunEndEncoded) {
    COLONNADE_ASSIGN_OR_RETURN(auto values, MakeArrowColumn(context, *schema.children[1]));
    column.kind = Kind::kRunEnd;
    column.code = schema.children[0]->format[0];
    column.type = values.type;
    column.children.push_back(std::move(values));
    return column;
  }
  for (int64_t i = 0; i < schema.n_children; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(auto child, MakeArrowColumn(context, *schema.children[i]));
    column.children.push_back(std::move(child));
  }
  switch (column.format.layout) {
    case arrow::Layout::kNull:
      column.kind = Kind::kNull;
      column.type = duckdb::LogicalType::SQLNULL;
      return column;
    case arrow::Layout::kList:
    case arrow::Layout::kLargeList:
      column.kind = Kind::kList;
      column.type = duckdb::LogicalType::LIST(column.children[0].type);
      return column;
    case arrow::Layout::kListView:
    case arrow::Layout::kLargeListView:
      column.kind = Kind::kListView;
      column.type = duckdb::LogicalType::LIST(column.children[0].type);
      return column;
    case arrow::Layout::kFixedList:
      if (column.format.list_size < 1 ||
          column.format.list_size >= static_cast<int64_t>(duckdb::ArrayType::MAX_ARRAY_SIZE)) {
        return NotSupported(schema);
      }
      column.kind = Kind::kFixedList;
      column.type = duckdb::LogicalType::ARRAY(column.children[0].type,
                                               static_cast<idx_t>(column.format.list_size));
      return column;
    case arrow::Layout::kStruct:
      if (column.children.empty()) return NotSupported(schema);
      column.kind = Kind::kStruct;
      column.type = duckdb::LogicalType::STRUCT(NamedTypes(schema, column.children));
      return column;
    case arrow::Layout::kMap: {
      const auto& entries = column.children[0].children;
      column.kind = Kind::kList;
      column.type = duckdb::LogicalType::MAP(entries[0].type, entries[1].type);
      return column;
    }
    case arrow::Layout::kSparseUnion:
      if (column.children.empty()) return NotSupported(schema);
      column.kind = Kind::kUnion;
      column.type = duckdb::LogicalType::UNION(NamedTypes(schema, column.children));
      return column;
    case arrow::Layout::kDenseUnion:
    case arrow::Layout::kRunEndEncoded: return NotSupported(schema);
    default: break;
  }
  const std::string_view format = schema.format;
  if (format == "e") {
    column.kind = Kind::kHalf;
    column.type = duckdb::LogicalType::FLOAT;
    return column;
  }
  if (const auto unit = DurationUnit(format)) {
    column.kind = Kind::kDuration;
    column.unit = *unit;
    column.type = duckdb::LogicalType::INTERVAL;
    return column;
  }
  if (format == "tiD") {
    column.kind = Kind::kDayTime;
    column.type = duckdb::LogicalType::INTERVAL;
    return column;
  }
  return MakeValues(context, schema, std::move(column));
}

//===--------------------------------------------------------------------===//
// Values
//===--------------------------------------------------------------------===//

namespace {

template <typename T>
T At(const void* buffer, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const std::byte*>(buffer) + i * static_cast<int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

bool MayHaveNulls(const ArrowArray& array) {
  return array.null_count != 0 && array.n_buffers > 0 && array.buffers[0] != nullptr;
}

bool IsValid(const ArrowArray& array, int64_t row) {
  const int64_t bit = array.offset + row;
  return (static_cast<const uint8_t*>(array.buffers[0])[bit / 8] >> (bit % 8) & 1) != 0;
}

// The validity of rows `begin` on, 64 rows at a time. Reads no byte that has none of their bits.
void CopyValidity(const ArrowArray& array, int64_t begin, int64_t count, duckdb::Vector& vector) {
  if (!MayHaveNulls(array) || count == 0) return;
  auto& mask = FlatVector::Validity(vector);
  mask.EnsureWritable();
  uint64_t* words = mask.GetData();
  const auto* bits = static_cast<const uint8_t*>(array.buffers[0]);
  for (int64_t row = 0; row < count; row += 64) {
    const int64_t rows = std::min<int64_t>(64, count - row);
    const int64_t bit = array.offset + begin + row;
    const int64_t shift = bit % 8;
    const int64_t bytes = (shift + rows + 7) / 8;
    uint64_t word = 0;
    std::memcpy(&word, bits + bit / 8, static_cast<size_t>(std::min<int64_t>(bytes, 8)));
    word >>= shift;
    if (bytes == 9) word |= static_cast<uint64_t>(bits[bit / 8 + 8]) << (64 - shift);
    if (rows < 64) word |= ~uint64_t{0} << rows;
    words[row / 64] = word;
  }
}

// A NULL of a struct or array is one in its parts, too.
void SpreadNulls(idx_t count, duckdb::Vector& vector) {
  const auto& mask = FlatVector::Validity(vector);
  if (mask.AllValid()) return;
  for (idx_t row = 0; row < count; ++row) {
    if (!mask.RowIsValid(row)) FlatVector::SetNull(vector, row, true);
  }
}

// Bytes of buffer 1 that one row takes, and of entries beyond the last row.
std::pair<int64_t, int64_t> RowBytes(const arrow::Format& format) {
  switch (format.layout) {
    case arrow::Layout::kBinary: return {4, 1};
    case arrow::Layout::kLargeBinary: return {8, 1};
    case arrow::Layout::kBinaryView: return {16, 0};
    default: return {format.bit_width / 8, 0};
  }
}

int64_t Alignment(const arrow::Format& format) {
  if (format.layout == arrow::Layout::kBinaryView) return 4;
  const int64_t bytes = RowBytes(format).first;
  // Fixed-size bytes of odd sizes are only ever copied.
  return std::has_single_bit(static_cast<uint64_t>(bytes)) ? std::min<int64_t>(bytes, 8) : 1;
}

// Microseconds in `unit`s (ArrowColumn::unit).
bool ToMicros(int64_t value, int64_t unit, int64_t* micros) {
  if (unit < 0) {
    *micros = value / -unit;
    return true;
  }
  return !__builtin_mul_overflow(value, unit, micros);
}

}  // namespace

ArrowVectors::ArrowVectors(duckdb::ClientContext& context,
                           duckdb::shared_ptr<duckdb::ArrowArrayWrapper> batch)
    : batch_(std::move(batch)), state_(context) {
  state_.owned_data = batch_;
}

void ArrowVectors::Emit(const ArrowColumn& column, size_t child, int64_t begin, int64_t count,
                        duckdb::Vector& vector) {
  if (column.kind == Kind::kNull) {
    vector.Reference(duckdb::Value(column.type));
    return;
  }
  Convert(column, *batch_->arrow_array.children[child], begin, count, false, vector);
}

void ArrowVectors::ConvertValues(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                                 int64_t count, duckdb::Vector& vector) {
  CopyValidity(array, begin, count, vector);
  if (count == 0) return;
  ArrowArray values = array;  // a view of the rows
  values.offset += begin;
  values.length = count;
  values.null_count = 0;  // what NULLs there are is in the vector by now
  const duckdb::data_ptr_t own_data = FlatVector::GetData(vector);
  const auto [row_bytes, extra] = RowBytes(column.format);

  // Arrow only recommends that values are aligned.
  std::vector<uint64_t> aligned;
  std::vector<const void*> buffers;
  const bool is_misaligned = row_bytes > 0 && reinterpret_cast<uintptr_t>(array.buffers[1]) %
                                                  static_cast<size_t>(Alignment(column.format));
  if (is_misaligned) {
    const auto bytes = static_cast<size_t>((count + extra) * row_bytes);
    aligned.resize(bytes / 8 + 1);
    std::memcpy(aligned.data(),
                static_cast<const std::byte*>(array.buffers[1]) + values.offset * row_bytes, bytes);
    buffers.assign(array.buffers, array.buffers + array.n_buffers);
    buffers[1] = aligned.data();
    values.buffers = buffers.data();
    values.offset = 0;
  }
  duckdb::ArrowToDuckDBConversion::ColumnArrowToDuckDB(vector, values, 0, state_,
                                                       static_cast<idx_t>(count), *column.values);
  if (is_misaligned && FlatVector::GetData(vector) != own_data) {
    std::memcpy(own_data, aligned.data(), static_cast<size_t>(count * row_bytes));
    FlatVector::SetData(vector, own_data);
  }
}

//===--------------------------------------------------------------------===//
// Dictionaries and runs
//===--------------------------------------------------------------------===//

namespace {

template <typename Index>
void SelectIndices(const ArrowArray& array, int64_t begin, int64_t count, duckdb::sel_t null_index,
                   duckdb::SelectionVector* selection) {
  const bool has_nulls = MayHaveNulls(array);
  for (int64_t row = 0; row < count; ++row) {
    const bool valid = !has_nulls || IsValid(array, begin + row);
    selection->set_index(
        static_cast<idx_t>(row),
        valid ? static_cast<idx_t>(At<Index>(array.buffers[1], array.offset + begin + row))
              : null_index);
  }
}

void SelectByIndex(char code, const ArrowArray& array, int64_t begin, int64_t count,
                   duckdb::SelectionVector* selection) {
  const auto null_index = static_cast<duckdb::sel_t>(array.dictionary->length);
  switch (code) {
    case 'c': return SelectIndices<int8_t>(array, begin, count, null_index, selection);
    case 'C': return SelectIndices<uint8_t>(array, begin, count, null_index, selection);
    case 's': return SelectIndices<int16_t>(array, begin, count, null_index, selection);
    case 'S': return SelectIndices<uint16_t>(array, begin, count, null_index, selection);
    case 'i': return SelectIndices<int32_t>(array, begin, count, null_index, selection);
    case 'I': return SelectIndices<uint32_t>(array, begin, count, null_index, selection);
    case 'l': return SelectIndices<int64_t>(array, begin, count, null_index, selection);
    default: return SelectIndices<uint64_t>(array, begin, count, null_index, selection);
  }
}

// The first run whose end is behind each row.
template <typename End>
void SelectRuns(const ArrowArray& array, int64_t begin, int64_t count,
                duckdb::SelectionVector* selection) {
  const ArrowArray& ends = *array.children[0];
  const auto end_of = [&](int64_t run) {
    return static_cast<int64_t>(At<End>(ends.buffers[1], ends.offset + run));
  };
  const int64_t first = array.offset + begin;
  int64_t low = 0;
  int64_t high = ends.length;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (end_of(middle) <= first) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (int64_t row = 0; row < count; ++row) {
    while (end_of(low) <= first + row) ++low;
    selection->set_index(static_cast<idx_t>(row), static_cast<idx_t>(low));
  }
}

void SelectByRun(char code, const ArrowArray& array, int64_t begin, int64_t count,
                 duckdb::SelectionVector* selection) {
  switch (code) {
    case 's': return SelectRuns<int16_t>(array, begin, count, selection);
    case 'i': return SelectRuns<int32_t>(array, begin, count, selection);
    default: return SelectRuns<int64_t>(array, begin, count, selection);
  }
}

}  // namespace

const duckdb::buffer_ptr<duckdb::VectorChildBuffer>& ArrowVectors::EncodedValues(
    const ArrowColumn& column, const ArrowArray& array) {
  auto& values = encoded_[&array];
  if (values) return values;
  const int64_t length = array.length;
  if (length >= std::numeric_limits<duckdb::sel_t>::max()) {
    Throw(LimitExceeded("an Arrow dictionary of ", length, " values"));
  }
  const auto size = static_cast<idx_t>(length) + 1;
  auto made = duckdb::DictionaryVector::CreateReusableDictionary(column.type, size);
  // Values of fixed width are copied: the NULL behind the last one has to be memory of ours.
  duckdb::Vector shared(column.type, size);
  Convert(column, array, 0, length, true, shared);
  duckdb::VectorOperations::Copy(shared, made->data, static_cast<idx_t>(length), 0, 0);
  FlatVector::SetNull(made->data, static_cast<idx_t>(length), true);
  values = std::move(made);
  return values;
}

void ArrowVectors::ConvertEncoded(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                                  int64_t count, bool flat, duckdb::Vector& vector) {
  const bool is_dictionary = column.kind == Kind::kDictionary;
  const ArrowArray& source = is_dictionary ? *array.dictionary : *array.children[1];
  const auto& values = EncodedValues(column.children[0], source);
  duckdb::SelectionVector selection(static_cast<idx_t>(std::max<int64_t>(count, 1)));
  if (is_dictionary) {
    SelectByIndex(column.code, array, begin, count, &selection);
  } else {
    SelectByRun(column.code, array, begin, count, &selection);
  }
  if (flat) {
    duckdb::VectorOperations::Copy(values->data, vector, selection, static_cast<idx_t>(count), 0,
                                   0);
  } else {
    vector.Dictionary(values, selection);
  }
}

//===--------------------------------------------------------------------===//
// Nested types
//===--------------------------------------------------------------------===//

void ArrowVectors::ConvertList(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                               int64_t count, duckdb::Vector& vector) {
  CopyValidity(array, begin, count, vector);
  const bool is_large = column.format.layout == arrow::Layout::kLargeList ||
                        column.format.layout == arrow::Layout::kLargeListView;
  const auto number = [&](int buffer, int64_t row) {
    const int64_t i = array.offset + begin + row;
    return is_large ? At<int64_t>(array.buffers[buffer], i)
                    : int64_t{At<int32_t>(array.buffers[buffer], i)};
  };
  auto* entries = FlatVector::GetData<duckdb::list_entry_t>(vector);
  int64_t first = 0;  // of the rows of the child that are needed
  int64_t end = 0;
  if (column.kind == Kind::kList) {
    if (count > 0) {
      first = number(1, 0);
      end = number(1, count);
    }
    int64_t from = first;
    for (int64_t row = 0; row < count; ++row) {
      const int64_t to = number(1, row + 1);
      entries[row] = {static_cast<idx_t>(from - first), static_cast<idx_t>(to - from)};
      from = to;
    }
  } else {
    // Views may overlap, leave gaps and come in any order.
    const auto& mask = FlatVector::Validity(vector);
    const auto is_empty = [&](int64_t row) {
      return !mask.RowIsValid(static_cast<idx_t>(row)) || number(2, row) == 0;
    };
    first = std::numeric_limits<int64_t>::max();
    for (int64_t row = 0; row < count; ++row) {
      if (is_empty(row)) continue;
      first = std::min(first, number(1, row));
      end = std::max(end, number(1, row) + number(2, row));
    }
    if (end == 0) first = 0;
    for (int64_t row = 0; row < count; ++row) {
      if (is_empty(row)) {
        entries[row] = {0, 0};
      } else {
        entries[row] = {static_cast<idx_t>(number(1, row) - first),
                        static_cast<idx_t>(number(2, row))};
      }
    }
  }
  const auto size = static_cast<idx_t>(end - first);
  duckdb::ListVector::Reserve(vector, size);
  Convert(column.children[0], *array.children[0], first, end - first, true,
          duckdb::ListVector::GetEntry(vector));
  duckdb::ListVector::SetListSize(vector, size);
  if (column.format.layout != arrow::Layout::kMap) return;
  switch (duckdb::MapVector::CheckMapValidity(vector, static_cast<idx_t>(count))) {
    case duckdb::MapInvalidReason::VALID: return;
    case duckdb::MapInvalidReason::NULL_KEY: Throw(InvalidData("an Arrow map has a null key"));
    case duckdb::MapInvalidReason::DUPLICATE_KEY:
      Throw(InvalidData("an Arrow map has a key twice, which a MAP cannot"));
    default: Throw(InvalidData("an Arrow map is malformed"));
  }
}

void ArrowVectors::ConvertUnion(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                                int64_t count, duckdb::Vector& vector) {
  auto* tags = FlatVector::GetData<duckdb::union_tag_t>(duckdb::UnionVector::GetTags(vector));
  const auto& ids = column.format.type_ids;
  for (int64_t row = 0; row < count; ++row) {
    const auto id = At<int8_t>(array.buffers[0], array.offset + begin + row);
    tags[row] =
        static_cast<duckdb::union_tag_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
  }
  for (size_t member = 0; member < column.children.size(); ++member) {
    duckdb::Vector& values = duckdb::UnionVector::GetMember(vector, member);
    Convert(column.children[member], *array.children[member], array.offset + begin, count, true,
            values);
    const auto& mask = FlatVector::Validity(values);
    for (int64_t row = 0; row < count; ++row) {
      const auto i = static_cast<idx_t>(row);
      if (tags[row] != member) {
        FlatVector::SetNull(values, i, true);
      } else if (!mask.RowIsValid(i)) {
        FlatVector::SetNull(vector, i, true);  // Arrow's unions have no NULL of their own
      }
    }
  }
}

void ArrowVectors::Convert(const ArrowColumn& column, const ArrowArray& array, int64_t begin,
                           int64_t count, bool flat, duckdb::Vector& vector) {
  const auto rows = static_cast<idx_t>(count);
  switch (column.kind) {
    case Kind::kValues: return ConvertValues(column, array, begin, count, vector);
    case Kind::kDictionary:
    case Kind::kRunEnd: return ConvertEncoded(column, array, begin, count, flat, vector);
    case Kind::kList:
    case Kind::kListView: return ConvertList(column, array, begin, count, vector);
    case Kind::kUnion: return ConvertUnion(column, array, begin, count, vector);
    case Kind::kNull:
      if (count > 0) FlatVector::Validity(vector).SetAllInvalid(rows);
      return;
    case Kind::kStruct: {
      CopyValidity(array, begin, count, vector);
      auto& fields = duckdb::StructVector::GetEntries(vector);
      for (size_t i = 0; i < column.children.size(); ++i) {
        Convert(column.children[i], *array.children[i], array.offset + begin, count, true,
                *fields[i]);
      }
      return SpreadNulls(rows, vector);
    }
    case Kind::kFixedList: {
      CopyValidity(array, begin, count, vector);
      const int64_t size = column.format.list_size;
      Convert(column.children[0], *array.children[0], (array.offset + begin) * size, count * size,
              true, duckdb::ArrayVector::GetEntry(vector));
      return SpreadNulls(rows, vector);
    }
    case Kind::kHalf: {
      CopyValidity(array, begin, count, vector);
      auto* out = FlatVector::GetData<float>(vector);
      for (int64_t row = 0; row < count; ++row) {
        out[row] = HalfToFloat(At<uint16_t>(array.buffers[1], array.offset + begin + row));
      }
      return;
    }
    case Kind::kDuration: {
      CopyValidity(array, begin, count, vector);
      auto* out = FlatVector::GetData<duckdb::interval_t>(vector);
      const auto& mask = FlatVector::Validity(vector);
      for (int64_t row = 0; row < count; ++row) {
        out[row] = {0, 0, 0};
        const auto value = At<int64_t>(array.buffers[1], array.offset + begin + row);
        if (!ToMicros(value, column.unit, &out[row].micros) &&
            mask.RowIsValid(static_cast<idx_t>(row))) {
          Throw(InvalidData("row ", row, ": a duration of ", value, " times ", column.unit,
                            " microseconds is out of range"));
        }
      }
      return;
    }
    case Kind::kDayTime: {
      CopyValidity(array, begin, count, vector);
      auto* out = FlatVector::GetData<duckdb::interval_t>(vector);
      for (int64_t row = 0; row < count; ++row) {
        const int64_t i = (array.offset + begin + row) * 2;
        out[row] = {0, At<int32_t>(array.buffers[1], i),
                    int64_t{At<int32_t>(array.buffers[1], i + 1)} * 1000};
      }
      return;
    }
  }
}

}  // namespace colonnade::engine
