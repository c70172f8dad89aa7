// Column: values in somebody's memory that are to be encoded as a column of a table block.
//
// A description, not data: it borrows every buffer. Arrow arrays, numpy arrays and the buffers of
// C callers become columns (arrow_import.h, numpy_import.h), and the encoder reads them in place.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "questdb/wire/column_type.h"

namespace colonnade::questdb::wire {

/// Which rows have a value: Arrow's polarity, 1 = valid, least significant bit first. Row r is bit
/// `offset + r`. No bits: every row has one.
struct Validity {
  const uint8_t* bits = nullptr;
  int64_t offset = 0;
};

/// How values lie in the caller's memory.
enum class Element : uint8_t {
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat16,
  kFloat32,
  kFloat64,
  kBool8,    // one byte, 0 or not
  kBytes16,  // a UUID in the order of its text (RFC 4122), or a 128-bit decimal
  kBytes32,  // four little-endian words, least significant first: long256, a 256-bit decimal
};

/// Bytes of one element.
size_t ElementWidth(Element element);
/// "int64", for messages.
std::string_view ElementName(Element element);

/// Fixed-width values; they may have any alignment. Integers that are narrower than the column's
/// type are widened.
struct FixedValues {
  const void* values = nullptr;
  Element element = Element::kInt64;
  /// What integers of columns of 64 bits are multiplied with (seconds to microseconds), exactly, or
  /// the row is an error. At least 1.
  int64_t multiplier = 1;
  /// True if the smallest signed integer means that the value is missing (numpy's NaT).
  bool minimum_is_null = false;
};

/// Booleans, one bit each; row r is bit `offset + r`.
struct BitValues {
  const uint8_t* bits = nullptr;
  int64_t offset = 0;
};

/// Text or bytes of varying length: VARCHAR, BINARY, SYMBOL, and dictionaries of symbols; UUID and
/// LONG256 where every value has their width. Row r lies from offsets[r] to offsets[r + 1], or is
/// views[r] (the Arrow layouts of the same names), or begins at r * width.
///
/// Offsets and views of rows that have a value lie inside the data: nothing here knows its size.
struct VaryingValues {
  enum class Layout : uint8_t { kOffsets32, kOffsets64, kViews, kFixedWidth };
  Layout layout = Layout::kOffsets32;
  const void* offsets = nullptr;  // int32_t or int64_t, one more than rows; or views of 16 bytes
  const uint8_t* data = nullptr;  // of the offsets or of fixed width
  const void* const* view_buffers = nullptr;
  int64_t view_buffer_count = 0;
  int64_t width = 0;  // of kFixedWidth
};

/// Codes into a dictionary of texts: SYMBOL; also VARCHAR and BINARY, which are sent as the texts.
struct SymbolValues {
  const void* codes = nullptr;
  Element element = Element::kInt32;  // an integer type of at most 32 bits
  VaryingValues dictionary;           // row r of it is the text of code r
  Validity dictionary_validity;       // a code of a missing text is an error
  int64_t dictionary_size = 0;
  bool negative_is_null = false;  // a negative code means that the value is missing, as in pandas
};

/// N-d arrays of doubles (or, for LONG_ARRAY, 64-bit integers), one per row, in C order: Arrow's
/// nested lists. Level 0 has an entry per row; the children of entry e of a level are the entries
/// offsets[e] .. offsets[e + 1] of the next level, those of the last level are elements. What
/// belongs to rows without a value is not looked at.
struct ArrayValues {
  struct Level {
    VaryingValues::Layout layout = VaryingValues::Layout::kOffsets32;  // one of the two kOffsets
    const void* offsets = nullptr;  // null if every entry has `size` children
    int64_t size = 0;
    int64_t first = 0;  // entry e is at offsets[first + e], or begins at (first + e) * size
    /// Of the entries; of level 0 the column's own counts. A missing inner list is an error.
    Validity validity;
  };
  std::vector<Level> levels;       // 1 to 32, one per dimension
  const void* elements = nullptr;  // 8 bytes each, of any alignment
  int64_t first_element = 0;       // where element 0 lies
  Validity element_validity;       // a missing element is an error
};

/// One column. Row r of the column is row r of its values: importers have added the offset of a
/// sliced array to the pointers (or to `offset`, where values are bits).
struct Column {
  std::string name;  // empty for the designated timestamp
  ColumnType type = ColumnType::kLong;
  Validity validity;
  std::variant<FixedValues, BitValues, VaryingValues, SymbolValues, ArrayValues> values;
  int scale = 0;         // of a decimal
  int geohash_bits = 0;  // of a geohash

  bool is_designated_timestamp() const { return name.empty(); }
};

/// "column 'x'" or "designated timestamp", for messages.
std::string ColumnLabel(const Column& column);

/// Rows begin .. end of the columns of a block.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

}  // namespace colonnade::questdb::wire
