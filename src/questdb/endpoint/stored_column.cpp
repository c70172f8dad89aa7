#include "questdb/endpoint/stored_column.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "base/byte_order.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;
using wire::DecodedColumn;

constexpr size_t kMostSymbols = std::numeric_limits<int32_t>::max();
constexpr size_t kMostSymbolBytes = std::numeric_limits<int32_t>::max();
constexpr size_t kMostSymbolTextBytes = size_t{1} << 20;
// What rows of one batch refer to, copied: bytes, and lists inside of arrays.
constexpr uint64_t kMostBatchBytes = uint64_t{8} << 20;
constexpr int64_t kMostBatchLists = int64_t{8} << 20;
constexpr uint64_t kLeastGarbage = uint64_t{1} << 20;

wire::SymbolLimits SymbolLimitsOfTables() {
  return {.max_entries = kMostSymbols,
          .max_bytes = kMostSymbolBytes,
          .max_entry_bytes = kMostSymbolTextBytes};
}

wire::SymbolTableLimits TextLimitsOfTables() {
  return {.max_entries = kMostSymbols, .max_bytes = kMostSymbolBytes};
}

wire::Element ElementOf(ColumnType type, size_t width) {
  switch (type) {
    case ColumnType::kBoolean: return wire::Element::kBool8;
    case ColumnType::kFloat: return wire::Element::kFloat32;
    case ColumnType::kDouble: return wire::Element::kFloat64;
    case ColumnType::kChar: return wire::Element::kUInt16;
    case ColumnType::kIpv4: return wire::Element::kUInt32;
    default: break;
  }
  switch (width) {
    case 1: return wire::Element::kInt8;
    case 2: return wire::Element::kInt16;
    case 4: return wire::Element::kInt32;
    case 8: return wire::Element::kInt64;
    case 16: return wire::Element::kBytes16;
    default: return wire::Element::kBytes32;
  }
}

int32_t OffsetAt(const wire::SharedBytes& offsets, int64_t i) {
  return LoadLittle<int32_t>(offsets.data + i * int64_t{sizeof(int32_t)});
}

bool IsValidRow(const DecodedColumn& column, int64_t row) {
  return column.null_count == 0 ||
         (static_cast<uint8_t>(column.validity.data[row / 8]) >> (row % 8) & 1) != 0;
}

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15;
  return hash ^ hash >> 29;
}

uint64_t HashBytes(const std::byte* bytes, size_t count) {
  uint64_t hash = count;
  for (; count >= 8; bytes += 8, count -= 8) hash = Mix(hash, LoadLittle<uint64_t>(bytes));
  uint64_t rest = 0;
  if (count > 0) std::memcpy(&rest, bytes, count);
  return Mix(hash, rest);
}

// The number of lists inside an array, all levels together.
int64_t InnerLists(const std::byte* extents, int dimensions) {
  int64_t lists = 0;
  int64_t product = 1;
  for (int i = 0; i + 1 < dimensions; ++i) {
    product *= LoadLittle<int64_t>(extents + i * 8);
    lists += product;
  }
  return lists;
}

}  // namespace

StoredColumn::StoredColumn(ColumnShape shape)
    : shape_(std::move(shape)), width_(CellWidth(shape_)), texts_(TextLimitsOfTables()) {
  if (shape_.type == ColumnType::kSymbol) {
    codes_ = std::make_unique<wire::SymbolDictionary>(SymbolLimitsOfTables());
  }
}

StoredColumn StoredColumn::Clone() const {
  StoredColumn copy(shape_);
  copy.rows_ = rows_;
  copy.cells_ = cells_;
  copy.validity_ = validity_;
  copy.null_count_ = null_count_;
  copy.heap_ = heap_;
  copy.garbage_ = garbage_;
  if (codes_ != nullptr) {
    *copy.codes_ = *codes_;
    std::vector<std::string_view> texts;
    texts.reserve(texts_.size());
    for (size_t i = 0; i < texts_.size(); ++i) texts.push_back(texts_.text(i));
    // It held as much before.
    static_cast<void>(copy.texts_.Append(texts));
  }
  return copy;
}

Status StoredColumn::CheckRoom(const DecodedColumn& column) const {
  if (shape_.type != ColumnType::kSymbol) return {};
  const wire::SymbolSnapshot& symbols = column.symbols;
  const auto bytes = static_cast<size_t>(symbols.size == 0 ? 0 : symbols.offsets[symbols.size]);
  if (symbols.size > kMostSymbols - texts_.size() || bytes > kMostSymbolBytes - texts_.bytes()) {
    return LimitExceeded("column ", shape_.name, ": too many symbols, beside the ", texts_.size(),
                         " that it has");
  }
  return {};
}

void StoredColumn::SetValid(int64_t row, bool valid) {
  uint8_t& byte = validity_[static_cast<size_t>(row / 8)];
  const auto bit = static_cast<uint8_t>(1u << (row % 8));
  byte = static_cast<uint8_t>(valid ? byte | bit : byte & ~bit);
}

StoredColumn::Reference StoredColumn::ReferenceAt(int64_t row) const {
  Reference reference;
  std::memcpy(&reference, Cell(row), sizeof(reference));
  return reference;
}

// The bits of rows that come; no column: none has a value.
void StoredColumn::AppendValidity(const DecodedColumn* column, int64_t rows) {
  validity_.resize(static_cast<size_t>((rows_ + rows + 7) / 8));
  const bool nullable = IsNullable(shape_.type);
  for (int64_t row = 0; row < rows; ++row) {
    const bool valid = !nullable || (column != nullptr && IsValidRow(*column, row));
    SetValid(rows_ + row, valid);
    null_count_ += valid ? 0 : 1;
  }
}

void StoredColumn::AppendNulls(int64_t rows) {
  cells_.resize(static_cast<size_t>(rows_ + rows) * width_);
  AppendValidity(nullptr, rows);
  rows_ += rows;
}

void StoredColumn::Append(const DecodedColumn& column, int64_t rows) {
  const auto count = static_cast<size_t>(rows);
  const size_t begin = cells_.size();
  cells_.resize(begin + count * width_);
  std::byte* const target = cells_.data() + begin;
  switch (shape_.type) {
    case ColumnType::kBoolean:
      for (size_t i = 0; i < count; ++i) {
        target[i] =
            static_cast<std::byte>(static_cast<uint8_t>(column.values.data[i / 8]) >> (i % 8) & 1);
      }
      break;
    case ColumnType::kSymbol: AppendSymbols(column, rows); break;
    case ColumnType::kVarchar:
    case ColumnType::kBinary: AppendText(column, rows); break;
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: AppendArrays(column, rows); break;
    default:
      if (count > 0) std::memcpy(target, column.values.data, count * width_);
      break;
  }
  AppendValidity(&column, rows);
  rows_ += rows;
}

void StoredColumn::AppendSymbols(const DecodedColumn& column, int64_t rows) {
  // A code of the connection's is looked up once per block, however often it comes.
  constexpr uint32_t kUnknown = std::numeric_limits<uint32_t>::max();
  const auto* const from = reinterpret_cast<const uint32_t*>(column.values.data);
  std::byte* const target = cells_.data() + static_cast<size_t>(rows_) * width_;
  std::vector<uint32_t> own;
  const bool is_small = column.symbols.size <= static_cast<size_t>(rows) * 8;
  if (is_small) own.assign(column.symbols.size, kUnknown);
  for (int64_t row = 0; row < rows; ++row) {
    uint32_t code = 0;
    if (IsValidRow(column, row)) {
      const uint32_t given = from[row];
      code = is_small ? own[given] : kUnknown;
      if (code == kUnknown) {
        const std::string_view text = column.symbols.text(given);
        const size_t before = codes_->size();
        auto interned = codes_->Intern(text);
        code = interned.ok() ? *interned : 0;
        if (codes_->size() != before) static_cast<void>(texts_.Append({&text, 1}));
        if (is_small) own[given] = code;
      }
    }
    std::memcpy(target + static_cast<size_t>(row) * width_, &code, sizeof(code));
  }
}

void StoredColumn::AppendText(const DecodedColumn& column, int64_t rows) {
  if (rows == 0) return;
  const uint64_t base = heap_.size();
  const int32_t first = OffsetAt(column.offsets, 0);
  const int32_t last = OffsetAt(column.offsets, rows);
  heap_.insert(heap_.end(), column.values.data + first, column.values.data + last);
  std::byte* target = cells_.data() + static_cast<size_t>(rows_) * width_;
  for (int64_t row = 0; row < rows; ++row, target += width_) {
    const int32_t begin = OffsetAt(column.offsets, row);
    const Reference reference{base + static_cast<uint64_t>(begin - first),
                              static_cast<uint64_t>(OffsetAt(column.offsets, row + 1) - begin)};
    std::memcpy(target, &reference, sizeof(reference));
  }
}

void StoredColumn::AppendArrays(const DecodedColumn& column, int64_t rows) {
  const auto dimensions = static_cast<size_t>(column.dimensions);
  std::vector<int64_t> extents(dimensions);
  std::byte* target = cells_.data() + static_cast<size_t>(rows_) * width_;
  for (int64_t row = 0; row < rows; ++row, target += width_) {
    if (dimensions == 0 || !IsValidRow(column, row)) continue;
    // All lists of a level have one length, so that the first one tells it.
    int64_t begin = row;
    int64_t end = row + 1;
    for (size_t level = 0; level < dimensions; ++level) {
      const wire::SharedBytes& offsets = column.list_offsets[level];
      extents[level] = begin == end ? 0 : OffsetAt(offsets, begin + 1) - OffsetAt(offsets, begin);
      const int64_t next_begin = OffsetAt(offsets, begin);
      end = OffsetAt(offsets, end);
      begin = next_begin;
    }
    const Reference reference{heap_.size(), (dimensions + static_cast<size_t>(end - begin)) * 8};
    const auto* const head = reinterpret_cast<const std::byte*>(extents.data());
    heap_.insert(heap_.end(), head, head + dimensions * 8);
    heap_.insert(heap_.end(), column.values.data + begin * 8, column.values.data + end * 8);
    std::memcpy(target, &reference, sizeof(reference));
  }
}

void StoredColumn::CopyRow(int64_t from, int64_t to) {
  if (from == to) return;
  if (IsVarying(shape_.type)) garbage_ += ReferenceAt(to).size;
  std::memcpy(cells_.data() + static_cast<size_t>(to) * width_, Cell(from), width_);
  null_count_ += (IsValid(from) ? 0 : 1) - (IsValid(to) ? 0 : 1);
  SetValid(to, IsValid(from));
}

void StoredColumn::Truncate(int64_t rows) {
  for (int64_t row = rows; row < rows_; ++row) null_count_ -= IsValid(row) ? 0 : 1;
  cells_.resize(static_cast<size_t>(rows) * width_);
  validity_.resize(static_cast<size_t>((rows + 7) / 8));
  rows_ = rows;
  if (garbage_ > kLeastGarbage && garbage_ > heap_.size() / 2) CompactHeap();
}

void StoredColumn::CompactHeap() {
  std::vector<std::byte> heap;
  for (int64_t row = 0; row < rows_; ++row) {
    const Reference old = ReferenceAt(row);
    const Reference moved{heap.size(), old.size};
    heap.insert(heap.end(), heap_.begin() + static_cast<ptrdiff_t>(old.begin),
                heap_.begin() + static_cast<ptrdiff_t>(old.begin + old.size));
    std::memcpy(cells_.data() + static_cast<size_t>(row) * width_, &moved, sizeof(moved));
  }
  heap_ = std::move(heap);
  garbage_ = 0;
}

bool StoredColumn::SameValue(int64_t left, int64_t right) const {
  if (IsValid(left) != IsValid(right)) return false;
  if (!IsValid(left)) return true;
  if (!IsVarying(shape_.type)) return std::memcmp(Cell(left), Cell(right), width_) == 0;
  const Reference a = ReferenceAt(left);
  const Reference b = ReferenceAt(right);
  return a.size == b.size &&
         (a.size == 0 || std::memcmp(heap_.data() + a.begin, heap_.data() + b.begin, a.size) == 0);
}

uint64_t StoredColumn::HashValue(int64_t row) const {
  if (!IsValid(row)) return 0x5851F42D4C957F2D;
  if (!IsVarying(shape_.type)) return HashBytes(Cell(row), width_);
  const Reference reference = ReferenceAt(row);
  return HashBytes(heap_.data() + reference.begin, reference.size);
}

int64_t StoredColumn::FitRows(int64_t begin, int64_t rows) const {
  if (!IsVarying(shape_.type)) return rows;
  uint64_t bytes = 0;
  int64_t lists = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (!IsValid(begin + row)) continue;
    const Reference reference = ReferenceAt(begin + row);
    bytes += reference.size;
    if (IsArray(shape_.type))
      lists += InnerLists(heap_.data() + reference.begin, shape_.dimensions);
    if (bytes > kMostBatchBytes || lists > kMostBatchLists) return std::max<int64_t>(1, row);
  }
  return rows;
}

wire::Column StoredColumn::View(int64_t begin, int64_t rows, ViewMemory& memory) const {
  wire::Column column;
  column.name = shape_.name;
  column.type = shape_.type;
  column.scale = shape_.scale;
  column.geohash_bits = shape_.geohash_bits;
  if (null_count_ > 0) column.validity = {validity_.data(), begin};
  if (shape_.type == ColumnType::kSymbol) {
    const wire::SymbolSnapshot symbols = texts_.Snapshot();
    wire::SymbolValues values;
    values.codes = Cell(begin);
    values.element = wire::Element::kUInt32;
    values.dictionary.layout = wire::VaryingValues::Layout::kOffsets32;
    values.dictionary.offsets = symbols.offsets;
    values.dictionary.data = reinterpret_cast<const uint8_t*>(symbols.data);
    values.dictionary_size = static_cast<int64_t>(symbols.size);
    column.values = values;
  } else if (IsArray(shape_.type)) {
    ViewArrays(begin, rows, memory, column);
  } else if (IsVarying(shape_.type)) {
    ViewText(begin, rows, memory, column);
  } else {
    column.values =
        wire::FixedValues{.values = Cell(begin), .element = ElementOf(shape_.type, width_)};
  }
  return column;
}

void StoredColumn::ViewText(int64_t begin, int64_t rows, ViewMemory& memory,
                            wire::Column& column) const {
  memory.bytes.clear();
  memory.offsets.assign(1, 0);
  for (int64_t row = begin; row < begin + rows; ++row) {
    if (IsValid(row)) {
      const Reference reference = ReferenceAt(row);
      const auto first = heap_.begin() + static_cast<ptrdiff_t>(reference.begin);
      memory.bytes.insert(memory.bytes.end(), first,
                          first + static_cast<ptrdiff_t>(reference.size));
    }
    memory.offsets.push_back(static_cast<int64_t>(memory.bytes.size()));
  }
  wire::VaryingValues values;
  values.layout = wire::VaryingValues::Layout::kOffsets64;
  values.offsets = memory.offsets.data();
  values.data = reinterpret_cast<const uint8_t*>(memory.bytes.data());
  column.values = values;
}

void StoredColumn::ViewArrays(int64_t begin, int64_t rows, ViewMemory& memory,
                              wire::Column& column) const {
  const int dimensions = shape_.dimensions;
  memory.bytes.clear();
  memory.levels.resize(static_cast<size_t>(dimensions));
  for (std::vector<int64_t>& level : memory.levels) level.assign(1, 0);
  for (int64_t row = begin; row < begin + rows; ++row) {
    if (!IsValid(row)) {
      memory.levels[0].push_back(memory.levels[0].back());
      continue;
    }
    const Reference reference = ReferenceAt(row);
    const std::byte* const array = heap_.data() + reference.begin;
    int64_t lists = 1;
    for (int d = 0; d < dimensions; ++d) {
      const auto extent = LoadLittle<int64_t>(array + d * 8);
      std::vector<int64_t>& level = memory.levels[static_cast<size_t>(d)];
      for (int64_t i = 0; i < lists; ++i) level.push_back(level.back() + extent);
      lists *= extent;
    }
    memory.bytes.insert(memory.bytes.end(), array + dimensions * 8, array + reference.size);
  }
  wire::ArrayValues values;
  for (const std::vector<int64_t>& offsets : memory.levels) {
    wire::ArrayValues::Level level;
    level.layout = wire::VaryingValues::Layout::kOffsets64;
    level.offsets = offsets.data();
    values.levels.push_back(level);
  }
  values.elements = memory.bytes.data();
  column.values = std::move(values);
}

}  // namespace colonnade::questdb::endpoint
