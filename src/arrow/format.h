// Format strings of the Arrow C data interface: what a column's type is and how it lies in memory.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade::arrow {

/// How the values of a type lie in memory.
enum class Layout : uint8_t {
  kNull,           // no buffers
  kFixedWidth,     // validity, values
  kBinary,         // validity, int32 offsets, bytes
  kLargeBinary,    // validity, int64 offsets, bytes
  kBinaryView,     // validity, views, any number of data buffers, their sizes
  kList,           // validity, int32 offsets; one child
  kLargeList,      // validity, int64 offsets; one child
  kListView,       // validity, int32 offsets, int32 sizes; one child
  kLargeListView,  // validity, int64 offsets, int64 sizes; one child
  kFixedList,      // validity; one child
  kStruct,         // validity; any number of children
  kMap,            // as kList; the child is a struct of two
  kDenseUnion,     // type ids, int32 offsets; one child per type id
  kSparseUnion,    // type ids; one child per type id
  kRunEndEncoded,  // no buffers; two children: run ends, values
};

struct Format {
  Layout layout = Layout::kNull;
  int64_t bit_width = 0;         // of one value: kFixedWidth
  int32_t decimal_scale = 0;     // digits after the point; may be negative
  int64_t list_size = 0;         // kFixedList
  bool is_utf8 = false;          // text rather than bytes
  bool is_integer = false;       // signed or unsigned, 8 to 64 bits: what a dictionary index may be
  std::vector<int8_t> type_ids;  // of a union, in the order of its children
};

/// Parses a format string.
///
/// \error InvalidData with the format, escaped and shortened: unknown, or parameters missing or out
/// of range.
Result<Format> ParseFormat(std::string_view format);

}  // namespace colonnade::arrow
