// N-d arrays: one per row, out of nested lists.

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"
#include "questdb/wire/column_encoding.h"

namespace colonnade::questdb::wire {
namespace {

constexpr int64_t kMaxExtent = 0x0FFFFFFF;
constexpr int64_t kMaxElements = (int64_t{512} << 20) / 8;
constexpr int64_t kElementBytes = 8;

// The children of entries of one level.
struct Entries {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

// The range of the children of entry `entry`; false for offsets that descend or are negative.
bool Children(const ArrayValues::Level& level, int64_t entry, Entries* children) {
  const int64_t at = level.first + entry;
  if (level.offsets == nullptr) {
    *children = {at * level.size, (at + 1) * level.size};
  } else if (level.layout == VaryingValues::Layout::kOffsets32) {
    const auto* offsets = static_cast<const std::byte*>(level.offsets) + at * 4;
    *children = {LoadLittle<int32_t>(offsets), LoadLittle<int32_t>(offsets + 4)};
  } else {
    const auto* offsets = static_cast<const std::byte*>(level.offsets) + at * 8;
    *children = {LoadLittle<int64_t>(offsets), LoadLittle<int64_t>(offsets + 8)};
  }
  return children->begin >= 0 && children->end >= children->begin;
}

// The array of one row: its shape, and which elements are its own.
struct RowArray {
  int64_t shape[kMaxArrayDimensions];
  Entries elements;
};

class ArrayRows {
 public:
  ArrayRows(const ArrayValues& values, ColumnEncoding& encoding)
      : values_(values), encoding_(encoding), dimensions_(values.levels.size()) {}

  Status Append() {
    ValidRows& valid = encoding_.valid;
    net::MessageBuffer& message = encoding_.message;
    valid.AppendTo(false, message);
    RowArray array;
    // In pieces of cache size: masked soon after they were written.
    constexpr size_t kPiece = size_t{16} << 10;
    size_t masked = message.size();
    for (int64_t row = 0; row < valid.rows(); ++row) {
      if (!valid.is_valid(row)) continue;
      COLONNADE_RETURN_IF_ERROR(Find(row, &array));
      const size_t element_bytes = static_cast<size_t>(array.elements.size() * kElementBytes);
      const size_t head = 1 + 4 * dimensions_;
      std::byte* target = message.Extend(head + element_bytes);
      target[0] = static_cast<std::byte>(dimensions_);
      for (size_t i = 0; i < dimensions_; ++i) {
        const auto extent = static_cast<uint32_t>(array.shape[i]);
        std::memcpy(target + 1 + 4 * i, &extent, sizeof(extent));
      }
      if (element_bytes > 0) {
        const auto* elements = static_cast<const std::byte*>(values_.elements);
        const int64_t first = values_.first_element + array.elements.begin;
        std::memcpy(target + head, elements + first * kElementBytes, element_bytes);
      }
      if (message.size() - masked >= kPiece) masked = Mask(masked);
    }
    Mask(masked);
    return Status();
  }

 private:
  // Masks what was appended from `begin` on; returns where that ends.
  size_t Mask(size_t begin) {
    net::MessageBuffer& message = encoding_.message;
    const size_t end = message.size();
    MaskInPlace(message, message.header_end() + begin, begin, end);
    return end;
  }

  Status Find(int64_t row, RowArray* array) const {
    Entries entries{encoding_.rows.begin + row, encoding_.rows.begin + row + 1};
    int64_t elements = 1;
    for (size_t dim = 0; dim < dimensions_; ++dim) {
      const ArrayValues::Level& level = values_.levels[dim];
      if (dim > 0 && !AllValid(level.validity, entries.begin, entries.end))
        return encoding_.BadRow(row, ": a list in dimension ", dim, " is missing");
      Entries all;
      COLONNADE_RETURN_IF_ERROR(FindChildren(row, dim, entries, &all, &array->shape[dim]));
      const int64_t extent = array->shape[dim];
      if (extent > kMaxExtent) {
        return LimitExceeded(Label(row), ": dimension ", dim, " has ", extent,
                             " elements, more than ", kMaxExtent);
      }
      // Also of shapes that end in 0: whoever decodes them pays for the lists before it.
      const int64_t product = elements * extent;
      if (product > kMaxElements) {
        return LimitExceeded(Label(row), ": an array of more than ", kMaxElements, " elements");
      }
      elements = product;
      entries = all;
    }
    if (!AllValid(values_.element_validity, entries.begin, entries.end))
      return encoding_.BadRow(row, ": an element is missing");
    array->elements = entries;
    return Status();
  }

  // The children of all `entries` of level `dim`, which must have the same number each.
  Status FindChildren(int64_t row, size_t dim, Entries entries, Entries* all,
                      int64_t* extent) const {
    const ArrayValues::Level& level = values_.levels[dim];
    *all = {};
    *extent = 0;
    if (entries.size() == 0) return Status();
    Entries first;
    if (!Children(level, entries.begin, &first)) return BadOffsets(row, dim);
    *extent = first.size();
    *all = first;
    if (level.offsets == nullptr) {
      all->end = first.begin + entries.size() * level.size;
      return Status();
    }
    for (int64_t entry = entries.begin + 1; entry < entries.end; ++entry) {
      Entries children;
      if (!Children(level, entry, &children)) return BadOffsets(row, dim);
      if (children.size() != *extent) {
        return encoding_.BadRow(row, ": lists of ", *extent, " and ", children.size(),
                                " elements in dimension ", dim, " are no array");
      }
      all->end = children.end;
    }
    return Status();
  }

  std::string Label(int64_t row) const {
    return ColumnLabel(encoding_.column) + ": row " + std::to_string(encoding_.rows.begin + row);
  }
  Status BadOffsets(int64_t row, size_t dim) const {
    return encoding_.BadRow(row, ": offsets in dimension ", dim, " are out of order or negative");
  }

  const ArrayValues& values_;
  ColumnEncoding& encoding_;
  size_t dimensions_;
};

}  // namespace

Status AppendArrays(const ArrayValues& values, ColumnEncoding& encoding) {
  const ColumnType type = encoding.column.type;
  if (type != ColumnType::kDoubleArray && type != ColumnType::kLongArray)
    return encoding.Bad("lists cannot be sent as ", ColumnTypeName(type));
  if (values.levels.empty() || values.levels.size() > kMaxArrayDimensions) {
    return encoding.Bad(values.levels.size(), " dimensions are outside 1 .. ", kMaxArrayDimensions);
  }
  for (const ArrayValues::Level& level : values.levels) {
    // So that no place of a child overflows.
    constexpr int64_t kMost = int64_t{1} << 56;
    if (level.first < 0 || level.size < 0 || level.first > kMost ||
        (level.offsets == nullptr && level.size > kMaxExtent)) {
      return encoding.Bad("a level of lists begins at ", level.first, " with ", level.size,
                          " children each");
    }
  }
  return ArrayRows(values, encoding).Append();
}

}  // namespace colonnade::questdb::wire
