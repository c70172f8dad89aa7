#include "arrow/validate.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/format.h"
#include "base/checked.h"
#include "base/quote.h"

namespace colonnade::arrow {
namespace {

// The names from the root to the field being checked, for messages.
class Path {
 public:
  explicit Path(const Path* parent, std::string_view name) : parent_(parent), name_(name) {}

  std::string ToString() const {
    std::string text = parent_ != nullptr ? parent_->ToString() : "";
    if (!name_.empty()) text += (text.empty() ? "" : ".") + std::string(name_);
    return text;
  }

 private:
  const Path* parent_;
  std::string_view name_;
};

template <typename... Args>
Status Bad(const Path& path, const Args&... args) {
  const std::string name = path.ToString();
  return InvalidData("Arrow data", name.empty() ? "" : " " + Quote(name), ": ", args...);
}

std::optional<size_t> BoundedLength(const char* text, int64_t most) {
  const void* end = std::memchr(text, 0, static_cast<size_t>(most) + 1);
  if (end == nullptr) return std::nullopt;
  return static_cast<size_t>(static_cast<const char*>(end) - text);
}

// Buffers of an array; -1: three or more (binary views carry any number of data buffers).
int64_t BufferCount(const Format& format) {
  switch (format.layout) {
    case Layout::kNull:
    case Layout::kRunEndEncoded: return 0;
    case Layout::kStruct:
    case Layout::kFixedList:
    case Layout::kSparseUnion: return 1;
    case Layout::kFixedWidth:
    case Layout::kList:
    case Layout::kLargeList:
    case Layout::kMap:
    case Layout::kDenseUnion: return 2;
    case Layout::kBinary:
    case Layout::kLargeBinary:
    case Layout::kListView:
    case Layout::kLargeListView: return 3;
    case Layout::kBinaryView: return -1;
  }
  return 0;
}

// Children that the format asks for; -1: any number.
int64_t ChildCount(const Format& format) {
  switch (format.layout) {
    case Layout::kStruct: return -1;
    case Layout::kList:
    case Layout::kLargeList:
    case Layout::kListView:
    case Layout::kLargeListView:
    case Layout::kFixedList:
    case Layout::kMap: return 1;
    case Layout::kRunEndEncoded: return 2;
    case Layout::kDenseUnion:
    case Layout::kSparseUnion: return static_cast<int64_t>(format.type_ids.size());
    default: return 0;
  }
}

bool HasValidity(Layout layout) {
  return layout != Layout::kNull && layout != Layout::kRunEndEncoded &&
         layout != Layout::kDenseUnion && layout != Layout::kSparseUnion;
}

class SchemaCheck {
 public:
  explicit SchemaCheck(const ValidationLimits& limits) : limits_(limits) {}

  Status Check(const ArrowSchema* schema, const Path* parent, int64_t depth) {
    const Path above(parent, "");
    if (schema == nullptr) return Bad(above, "a schema is null");
    if (schema->release == nullptr) return Bad(above, "a schema has been released");
    if (depth > limits_.max_depth)
      return LimitExceeded("Arrow schema is nested deeper than ", limits_.max_depth);
    if (++nodes_ > limits_.max_nodes)
      return LimitExceeded("Arrow schema has more than ", limits_.max_nodes, " fields");

    std::string_view name;
    if (schema->name != nullptr) {
      const std::optional<size_t> length = BoundedLength(schema->name, limits_.max_name_bytes);
      if (!length.has_value())
        return LimitExceeded("Arrow field name is longer than ", limits_.max_name_bytes, " bytes");
      name = std::string_view(schema->name, *length);
    }
    const Path path(parent, name);
    if (schema->format == nullptr) return Bad(path, "the format is null");
    const std::optional<size_t> format_length =
        BoundedLength(schema->format, limits_.max_format_bytes);
    if (!format_length.has_value())
      return LimitExceeded("Arrow format is longer than ", limits_.max_format_bytes, " bytes");
    const std::string_view format_text(schema->format, *format_length);
    auto format = ParseFormat(format_text);
    if (!format.ok()) return Bad(path, format.status().message());

    if (schema->n_children < 0) return Bad(path, schema->n_children, " children");
    if (schema->n_children > limits_.max_children) {
      return LimitExceeded("Arrow field ", Quote(path.ToString()), " has ", schema->n_children,
                           " children, more than ", limits_.max_children);
    }
    const int64_t wanted = ChildCount(*format);
    if (wanted >= 0 && schema->n_children != wanted) {
      return Bad(path, "format ", Quote(format_text), " needs ", wanted, " children, not ",
                 schema->n_children);
    }
    if (schema->n_children > 0 && schema->children == nullptr)
      return Bad(path, schema->n_children, " children at null");
    for (int64_t i = 0; i < schema->n_children; ++i)
      COLONNADE_RETURN_IF_ERROR(Check(schema->children[i], &path, depth + 1));
    COLONNADE_RETURN_IF_ERROR(CheckChildFormats(*format, *schema, path));
    if (schema->dictionary != nullptr) {
      if (!format->is_integer)
        return Bad(path, "a dictionary index of format ", Quote(format_text));
      COLONNADE_RETURN_IF_ERROR(Check(schema->dictionary, &path, depth + 1));
    }
    return Status();
  }

 private:
  // \pre the children have been checked.
  static Status CheckChildFormats(const Format& format, const ArrowSchema& schema,
                                  const Path& path) {
    if (format.layout == Layout::kMap) {
      const ArrowSchema& entries = *schema.children[0];
      if (std::string_view(entries.format) != "+s" || entries.n_children != 2)
        return Bad(path, "the entries of a map are not a struct of two");
    }
    if (format.layout == Layout::kRunEndEncoded) {
      const std::string_view ends = schema.children[0]->format;
      if (ends != "s" && ends != "i" && ends != "l")
        return Bad(path, "run ends of format ", Quote(ends));
    }
    return Status();
  }

  const ValidationLimits& limits_;
  int64_t nodes_ = 0;
};

class ArrayCheck {
 public:
  explicit ArrayCheck(const ValidationLimits& limits) : limits_(limits) {}

  Status Check(const ArrowSchema& schema, const ArrowArray* array, const Path* parent,
               int64_t depth) {
    const Path path(parent, schema.name != nullptr ? schema.name : "");
    if (array == nullptr) return Bad(path, "an array is null");
    if (array->release == nullptr) return Bad(path, "an array has been released");
    if (depth > limits_.max_depth)
      return LimitExceeded("Arrow data is nested deeper than ", limits_.max_depth);
    auto format = ParseFormat(schema.format);
    if (!format.ok()) return Bad(path, format.status().message());

    if (array->length < 0) return Bad(path, "length ", array->length);
    if (array->offset < 0) return Bad(path, "offset ", array->offset);
    const std::optional<int64_t> end = CheckedAdd(array->offset, array->length);
    // An offsets buffer has one entry more than rows, of up to 8 bytes.
    if (!end.has_value() || *end > std::numeric_limits<int64_t>::max() / 16 - 1)
      return Bad(path, "length ", array->length, " at offset ", array->offset, " overflows");
    if (array->null_count < -1 || array->null_count > array->length)
      return Bad(path, "null count ", array->null_count, " for length ", array->length);

    COLONNADE_RETURN_IF_ERROR(CheckBuffers(*format, *array, *end, path));
    if (array->n_children != schema.n_children) {
      return Bad(path, array->n_children, " children, the schema says ", schema.n_children);
    }
    if (array->n_children > 0 && array->children == nullptr)
      return Bad(path, array->n_children, " children at null");
    for (int64_t i = 0; i < array->n_children; ++i) {
      COLONNADE_RETURN_IF_ERROR(Check(*schema.children[i], array->children[i], &path, depth + 1));
    }
    const char run_end_format =
        format->layout == Layout::kRunEndEncoded ? schema.children[0]->format[0] : 'i';
    COLONNADE_RETURN_IF_ERROR(CheckContents(*format, run_end_format, *array, *end, path));
    if ((schema.dictionary == nullptr) != (array->dictionary == nullptr)) {
      return Bad(path, array->dictionary == nullptr ? "the dictionary is missing"
                                                    : "a dictionary that the schema lacks");
    }
    if (schema.dictionary != nullptr) {
      COLONNADE_RETURN_IF_ERROR(Check(*schema.dictionary, array->dictionary, &path, depth + 1));
      COLONNADE_RETURN_IF_ERROR(CheckIndices(schema.format[0], *array, path));
    }
    return Status();
  }

 private:
  Status CheckBuffers(const Format& format, const ArrowArray& array, int64_t end,
                      const Path& path) const {
    const int64_t wanted = BufferCount(format);
    if (wanted >= 0 ? array.n_buffers != wanted : array.n_buffers < 3) {
      return Bad(path, array.n_buffers, " buffers instead of ", wanted >= 0 ? "" : "at least ",
                 wanted >= 0 ? wanted : 3);
    }
    if (array.n_buffers > limits_.max_buffers)
      return LimitExceeded("Arrow array has ", array.n_buffers, " buffers");
    if (array.n_buffers > 0 && array.buffers == nullptr)
      return Bad(path, array.n_buffers, " buffers at null");
    if (HasValidity(format.layout) && array.null_count > 0 && array.buffers[0] == nullptr)
      return Bad(path, array.null_count, " nulls without a validity bitmap");
    if (format.layout == Layout::kNull && array.null_count >= 0 &&
        array.null_count != array.length) {
      return Bad(path, "null count ", array.null_count, " of a null array of length ",
                 array.length);
    }
    if (format.layout == Layout::kFixedWidth) {
      const int64_t bits = std::max<int64_t>(format.bit_width, 1);
      if (!CheckedMultiply(end, bits).has_value())
        return Bad(path, end, " values of ", bits, " bits overflow");
      if (array.length > 0 && format.bit_width > 0 && array.buffers[1] == nullptr)
        return Bad(path, "the values are at null");
      return Status();
    }
    // Every other layout's first buffer behind the validity, or its only one, is read per row.
    const int64_t first = HasValidity(format.layout) ? 1 : 0;
    const int64_t row_buffers = format.layout == Layout::kListView ||
                                        format.layout == Layout::kLargeListView ||
                                        format.layout == Layout::kDenseUnion
                                    ? 2
                                    : 1;
    const bool has_rows = format.layout != Layout::kNull && format.layout != Layout::kStruct &&
                          format.layout != Layout::kFixedList &&
                          format.layout != Layout::kRunEndEncoded;
    for (int64_t i = 0; has_rows && array.length > 0 && i < row_buffers; ++i) {
      if (array.buffers[first + i] == nullptr)
        return Bad(path, "buffer ", first + i, " is at null");
    }
    return Status();
  }

  // \pre buffers and children have been checked.
  static Status CheckContents(const Format& format, char run_end_format, const ArrowArray& array,
                              int64_t end, const Path& path) {
    const auto child_length = [&](int64_t i) { return array.children[i]->length; };
    switch (format.layout) {
      case Layout::kBinary: return CheckOffsets<int32_t>(array, path, nullptr);
      case Layout::kLargeBinary: return CheckOffsets<int64_t>(array, path, nullptr);
      case Layout::kList:
      case Layout::kMap: return CheckOffsets<int32_t>(array, path, array.children[0]);
      case Layout::kLargeList: return CheckOffsets<int64_t>(array, path, array.children[0]);
      case Layout::kListView: return CheckListViews<int32_t>(array, path);
      case Layout::kLargeListView: return CheckListViews<int64_t>(array, path);
      case Layout::kBinaryView: return CheckBinaryViews(array, path);
      case Layout::kStruct:
      case Layout::kSparseUnion:
        for (int64_t i = 0; i < array.n_children; ++i) {
          if (child_length(i) < end)
            return Bad(path, "child ", i, " has ", child_length(i), " rows, ", end, " are needed");
        }
        if (format.layout == Layout::kSparseUnion) return CheckTypeIds(format, array, path);
        return Status();
      case Layout::kFixedList: {
        const std::optional<int64_t> needed = CheckedMultiply(end, format.list_size);
        if (!needed.has_value() || child_length(0) < *needed) {
          return Bad(path, "the child has ", child_length(0), " rows, ", end, " times ",
                     format.list_size, " are needed");
        }
        return Status();
      }
      case Layout::kDenseUnion: return CheckTypeIds(format, array, path);
      case Layout::kRunEndEncoded: {
        if (child_length(0) != child_length(1) || array.children[0]->null_count > 0) {
          return Bad(path, child_length(0), " run ends for ", child_length(1), " runs");
        }
        return CheckRunEnds(run_end_format, *array.children[0], end, path);
      }
      case Layout::kNull:
      case Layout::kFixedWidth: return Status();
    }
    return Status();
  }

  template <typename Offset>
  static Offset At(const ArrowArray& array, int64_t buffer, int64_t i) {
    Offset value;
    std::memcpy(&value, static_cast<const char*>(array.buffers[buffer]) + i * sizeof(Offset),
                sizeof(Offset));
    return value;
  }

  // Offsets ascend from 0 or more; a list's end inside its child.
  template <typename Offset>
  static Status CheckOffsets(const ArrowArray& array, const Path& path, const ArrowArray* child) {
    if (array.length == 0) return Status();  // the buffer may be empty then
    Offset previous = At<Offset>(array, 1, array.offset);
    if (previous < 0) return Bad(path, "offset ", previous, " of row 0");
    for (int64_t row = 1; row <= array.length; ++row) {
      const Offset next = At<Offset>(array, 1, array.offset + row);
      if (next < previous)
        return Bad(path, "offset ", next, " after ", previous, " at row ", row - 1);
      previous = next;
    }
    if (child != nullptr && previous > child->length)
      return Bad(path, "offset ", previous, " in a child of ", child->length, " rows");
    if (child == nullptr && previous > At<Offset>(array, 1, array.offset) &&
        array.buffers[2] == nullptr) {
      return Bad(path, previous, " bytes of text at null");
    }
    return Status();
  }

  template <typename Offset>
  static Status CheckListViews(const ArrowArray& array, const Path& path) {
    const int64_t child = array.children[0]->length;
    for (int64_t row = 0; row < array.length; ++row) {
      const int64_t offset = At<Offset>(array, 1, array.offset + row);
      const int64_t size = At<Offset>(array, 2, array.offset + row);
      if (offset < 0 || size < 0 || offset > child || size > child - offset) {
        return Bad(path, "row ", row, ": ", size, " elements at ", offset, " in a child of ", child,
                   " rows");
      }
    }
    return Status();
  }

  // Run ends ascend from 1 or more and the last one covers the rows.
  static Status CheckRunEnds(char format, const ArrowArray& ends, int64_t rows, const Path& path) {
    int64_t previous = 0;
    for (int64_t run = 0; run < ends.length; ++run) {
      const int64_t i = ends.offset + run;
      const int64_t end = format == 's'   ? At<int16_t>(ends, 1, i)
                          : format == 'i' ? At<int32_t>(ends, 1, i)
                                          : At<int64_t>(ends, 1, i);
      if (end <= previous) return Bad(path, "run end ", end, " after ", previous);
      previous = end;
    }
    if (previous < rows) return Bad(path, "runs end at ", previous, " of ", rows, " rows");
    return Status();
  }

  static bool IsNull(const ArrowArray& array, int64_t row) {
    if (array.buffers[0] == nullptr) return false;
    const int64_t bit = array.offset + row;
    return (static_cast<const uint8_t*>(array.buffers[0])[bit / 8] >> (bit % 8) & 1) == 0;
  }

  // 16 bytes a view: length; up to 12 bytes in place, or prefix, buffer, offset.
  static Status CheckBinaryViews(const ArrowArray& array, const Path& path) {
    const int64_t data_buffers = array.n_buffers - 3;
    const int64_t sizes = array.n_buffers - 1;
    if (data_buffers > 0 && array.buffers[sizes] == nullptr)
      return Bad(path, "the sizes of ", data_buffers, " buffers are at null");
    for (int64_t i = 0; i < data_buffers; ++i) {
      const int64_t size = At<int64_t>(array, sizes, i);
      if (size < 0 || (size > 0 && array.buffers[2 + i] == nullptr))
        return Bad(path, "data buffer ", i, " of ", size, " bytes");
    }
    for (int64_t row = 0; row < array.length; ++row) {
      if (IsNull(array, row)) continue;
      const int64_t view = (array.offset + row) * 4;
      const int32_t length = At<int32_t>(array, 1, view);
      if (length < 0) return Bad(path, "row ", row, ": length ", length);
      if (length <= 12) continue;
      const int32_t buffer = At<int32_t>(array, 1, view + 2);
      const int32_t offset = At<int32_t>(array, 1, view + 3);
      if (buffer < 0 || buffer >= data_buffers || offset < 0 ||
          int64_t{offset} + length > At<int64_t>(array, sizes, buffer)) {
        return Bad(path, "row ", row, ": ", length, " bytes at ", offset, " of data buffer ",
                   buffer);
      }
    }
    return Status();
  }

  static Status CheckTypeIds(const Format& format, const ArrowArray& array, const Path& path) {
    const bool is_dense = format.layout == Layout::kDenseUnion;
    for (int64_t row = 0; row < array.length; ++row) {
      const int8_t id = At<int8_t>(array, 0, array.offset + row);
      const auto found = std::find(format.type_ids.begin(), format.type_ids.end(), id);
      if (found == format.type_ids.end()) return Bad(path, "row ", row, ": type id ", int{id});
      if (!is_dense) continue;
      const int64_t child = array.children[found - format.type_ids.begin()]->length;
      const int32_t offset = At<int32_t>(array, 1, array.offset + row);
      if (offset < 0 || offset >= child)
        return Bad(path, "row ", row, ": offset ", offset, " in a child of ", child, " rows");
    }
    return Status();
  }

  template <typename Index>
  static Status CheckIndicesAs(const ArrowArray& array, const Path& path) {
    const int64_t size = array.dictionary->length;
    for (int64_t row = 0; row < array.length; ++row) {
      const Index index = At<Index>(array, 1, array.offset + row);
      if (std::cmp_greater_equal(index, 0) && std::cmp_less(index, size)) continue;
      if (IsNull(array, row)) continue;
      return Bad(path, "row ", row, ": index ", +index, " in a dictionary of ", size);
    }
    return Status();
  }

  static Status CheckIndices(char format, const ArrowArray& array, const Path& path) {
    switch (format) {
      case 'c': return CheckIndicesAs<int8_t>(array, path);
      case 'C': return CheckIndicesAs<uint8_t>(array, path);
      case 's': return CheckIndicesAs<int16_t>(array, path);
      case 'S': return CheckIndicesAs<uint16_t>(array, path);
      case 'i': return CheckIndicesAs<int32_t>(array, path);
      case 'I': return CheckIndicesAs<uint32_t>(array, path);
      case 'l': return CheckIndicesAs<int64_t>(array, path);
      default: return CheckIndicesAs<uint64_t>(array, path);
    }
  }

  const ValidationLimits& limits_;
};

}  // namespace

Status ValidateSchema(const ArrowSchema* schema, const ValidationLimits& limits) {
  return SchemaCheck(limits).Check(schema, nullptr, 1);
}

Status ValidateArray(const ArrowSchema* schema, const ArrowArray* array,
                     const ValidationLimits& limits) {
  return ArrayCheck(limits).Check(*schema, array, nullptr, 1);
}

}  // namespace colonnade::arrow
