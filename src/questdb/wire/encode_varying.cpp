// Text and bytes of varying length: VARCHAR and BINARY, and what else comes in that form.

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/utf8.h"
#include "questdb/wire/column_encoding.h"
#include "questdb/wire/fixed_pass.h"
#include "questdb/wire/varying_text.h"

namespace colonnade::questdb::wire {
namespace {

constexpr uint64_t kMostBytes = std::numeric_limits<int32_t>::max();

Status TooLong(const ColumnEncoding& encoding, uint64_t bytes) {
  return LimitExceeded(ColumnLabel(encoding.column), ": rows ", encoding.rows.begin, " to ",
                       encoding.rows.end, " have ", bytes, " bytes, more than ", kMostBytes);
}

Status BadLayout(const ColumnEncoding& encoding, int64_t row) {
  return encoding.BadRow(row, ": its offsets or view are out of order or negative");
}

Status BadUtf8(const ColumnEncoding& encoding, int64_t row) {
  return encoding.BadRow(row, ": not UTF-8");
}

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

// True if all the texts that lie one after the other in `bytes` are UTF-8: the whole is, and no
// text begins inside of a character. `start(i)` is where text i begins.
template <typename Start>
bool AreUtf8(CpuLevel level, std::string_view bytes, size_t count, const Start& start) {
  if (IsAsciiFast(level, bytes.data(), bytes.size())) return true;
  if (!IsUtf8(bytes)) return false;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = start(i);
    if (at < bytes.size() && IsContinuation(bytes[at])) return false;
  }
  return true;
}

// Collects texts that lie anywhere: offsets first, then the bytes. `get(row, &text)` is asked twice
// for each row that has a value.
template <typename Get>
Status AppendGathered(ColumnEncoding& encoding, const Get& get) {
  ValidRows& valid = encoding.valid;
  net::MessageBuffer& message = encoding.message;
  valid.AppendTo(false, message);
  std::vector<uint32_t> offsets;
  offsets.reserve(static_cast<size_t>(valid.valid()) + 1);
  uint64_t sum = 0;
  for (int64_t row = 0; row < valid.rows(); ++row) {
    if (!valid.is_valid(row)) continue;
    std::string_view text;
    COLONNADE_RETURN_IF_ERROR(get(row, &text));
    offsets.push_back(static_cast<uint32_t>(sum));
    sum += text.size();
    if (sum > kMostBytes) return TooLong(encoding, sum);
  }
  offsets.push_back(static_cast<uint32_t>(sum));
  message.Append(std::as_bytes(std::span(offsets)));
  const size_t begin = message.size();
  std::byte* const first = message.Extend(sum);
  std::byte* target = first;
  for (int64_t row = 0; row < valid.rows(); ++row) {
    if (!valid.is_valid(row)) continue;
    std::string_view text;
    COLONNADE_RETURN_IF_ERROR(get(row, &text));
    if (!text.empty()) std::memcpy(target, text.data(), text.size());
    target += text.size();
  }
  // Looked at before they are masked: they are in a cache then, wherever they came from.
  const std::string_view bytes(reinterpret_cast<const char*>(first), sum);
  if (encoding.column.type == ColumnType::kVarchar &&
      !AreUtf8(encoding.level, bytes, offsets.size() - 1, [&](size_t i) { return offsets[i]; })) {
    for (int64_t row = 0; row < valid.rows(); ++row) {
      if (!valid.is_valid(row)) continue;
      std::string_view text;
      COLONNADE_RETURN_IF_ERROR(get(row, &text));
      if (!IsUtf8(text)) return BadUtf8(encoding, row);
    }
  }
  MaskInPlace(message, first, begin, begin + sum);
  return Status();
}

// Values by views: the lengths first, which make the offsets, then the bytes.
Status AppendViews(const VaryingValues& values, ColumnEncoding& encoding) {
  constexpr int64_t kViewBytes = 16;
  constexpr uint64_t kInPlace = 12;
  ValidRows& valid = encoding.valid;
  net::MessageBuffer& message = encoding.message;
  valid.AppendTo(false, message);
  const auto* views = static_cast<const std::byte*>(values.offsets);
  if (views != nullptr) views += encoding.rows.begin * kViewBytes;
  const uint64_t* words = valid.words();
  const auto count = static_cast<size_t>(valid.valid());
  std::vector<uint32_t> offsets(count + 1);
  uint64_t sum = 0;
  size_t at = 0;
  uint64_t negative = 0;
  for (int64_t row = 0; row < valid.rows(); ++row) {
    const uint64_t is_valid = words[row / kWordRows] >> (row % kWordRows) & 1;
    const uint64_t size = is_valid * LoadLittle<uint32_t>(views + row * kViewBytes);
    negative |= size;
    offsets[at] = static_cast<uint32_t>(sum);
    sum += size;
    at += is_valid;
  }
  offsets[count] = static_cast<uint32_t>(sum);
  if (negative >> 31 != 0) {
    for (int64_t row = 0; row < valid.rows(); ++row) {
      if (valid.is_valid(row) && LoadLittle<int32_t>(views + row * kViewBytes) < 0)
        return BadLayout(encoding, row);
    }
  }
  if (sum > kMostBytes) return TooLong(encoding, sum);
  message.Append(std::as_bytes(std::span(offsets)));

  const size_t begin = message.size();
  std::byte* const first = message.Extend(sum + kInPlace);
  std::byte* target = first;
  for (int64_t row = 0; row < valid.rows(); ++row) {
    if (!valid.is_valid(row)) continue;
    const std::byte* view = views + row * kViewBytes;
    const uint64_t size = LoadLittle<uint32_t>(view);
    if (size <= kInPlace) {
      std::memcpy(target, view + 4, kInPlace);  // the next value is written over what is too much
    } else {
      std::string_view text;
      if (!TextAt(values, encoding.rows.begin + row, &text)) return BadLayout(encoding, row);
      std::memcpy(target, text.data(), size);
    }
    target += size;
  }
  message.Truncate(begin + sum);
  const std::string_view bytes(reinterpret_cast<const char*>(first), sum);
  if (encoding.column.type == ColumnType::kVarchar &&
      !AreUtf8(encoding.level, bytes, count, [&](size_t i) { return offsets[i]; })) {
    size_t i = 0;
    for (int64_t row = 0; row < valid.rows(); ++row) {
      if (!valid.is_valid(row)) continue;
      if (!IsUtf8(bytes.substr(offsets[i], offsets[i + 1] - offsets[i])))
        return BadUtf8(encoding, row);
      ++i;
    }
  }
  MaskInPlace(message, first, begin, begin + sum);
  return Status();
}

// Values by offsets. Where nothing but the bytes of rows with a value lies between the first and
// the last, those are copied in one piece.
template <typename Offset>
class OffsetColumn {
 public:
  OffsetColumn(const VaryingValues& values, ColumnEncoding& encoding)
      : values_(values),
        encoding_(encoding),
        offsets_(static_cast<const std::byte*>(values.offsets)) {
    if (offsets_ != nullptr) offsets_ += encoding.rows.begin * int64_t{sizeof(Offset)};
  }

  Status Append() {
    ValidRows& valid = encoding_.valid;
    net::MessageBuffer& message = encoding_.message;
    if (valid.rows() == 0) {  // there may be no offsets
      valid.AppendTo(false, message);
      message.AppendLittle(uint32_t{0});
      return Status();
    }
    const Offset begin = At(0);
    const Offset end = At(valid.rows());
    const auto size = static_cast<uint64_t>(end - begin);
    // Offsets in order and their distance within the limit: every one of them fits 32 bits.
    if (valid.all() && begin >= 0 && end >= begin && size <= kMostBytes && AppendAllOffsets())
      return AppendBytes(begin, size);
    bool is_in_order = begin >= 0;
    for (int64_t row = 0; row < valid.rows(); ++row) is_in_order &= At(row + 1) >= At(row);
    if (!is_in_order) {
      for (int64_t row = 0; row < valid.rows(); ++row) {
        if (At(row) < 0 || At(row + 1) < At(row)) return BadLayout(encoding_, row);
      }
    }
    if (!valid.all() && MissingRowsHaveBytes()) {
      return AppendGathered(encoding_, [&](int64_t row, std::string_view* text) {
        return TextAt(values_, encoding_.rows.begin + row, text) ? Status()
                                                                 : BadLayout(encoding_, row);
      });
    }
    if (size > kMostBytes) return TooLong(encoding_, size);
    valid.AppendTo(false, message);
    AppendOffsets(begin);
    return AppendBytes(begin, size);
  }

 private:
  // The flag and the offsets of a column whose rows all have a value. False, with the message as it
  // was, if the offsets are not in order or this processor has no fast way to find out.
  bool AppendAllOffsets() {
    net::MessageBuffer& message = encoding_.message;
    const size_t before = message.size();
    encoding_.valid.AppendTo(false, message);
    const auto count = static_cast<size_t>(encoding_.valid.rows()) + 1;
    const size_t at = message.size();
    std::byte* const target = message.Extend(count * sizeof(uint32_t));
    bool is_in_order = false;
    if (RunOffsetPass(encoding_.level,
                      sizeof(Offset) == 4 ? VaryingValues::Layout::kOffsets32
                                          : VaryingValues::Layout::kOffsets64,
                      offsets_, encoding_.valid.rows(), message.MaskWord(at), target,
                      &is_in_order) &&
        is_in_order) {
      return true;
    }
    message.Truncate(before);
    return false;
  }

  // \pre all values lie, without gaps, in `size` bytes from offset `begin` on
  Status AppendBytes(Offset begin, uint64_t size) {
    ValidRows& valid = encoding_.valid;
    const std::string_view bytes =
        size == 0 ? std::string_view()
                  : std::string_view(reinterpret_cast<const char*>(values_.data) + begin, size);
    const auto start = [&](size_t i) {
      return static_cast<size_t>(At(static_cast<int64_t>(i)) - begin);
    };
    if (encoding_.column.type == ColumnType::kVarchar &&
        !AreUtf8(encoding_.level, bytes, static_cast<size_t>(valid.rows()), start)) {
      for (int64_t row = 0; row < valid.rows(); ++row) {
        const auto i = static_cast<size_t>(row);
        if (!IsUtf8(bytes.substr(start(i), start(i + 1) - start(i))))
          return BadUtf8(encoding_, row);
      }
    }
    encoding_.message.Append(bytes);
    return Status();
  }

  Offset At(int64_t row) const {
    return LoadLittle<Offset>(offsets_ + row * int64_t{sizeof(Offset)});
  }

  bool MissingRowsHaveBytes() {
    const uint64_t* words = encoding_.valid.words();
    Offset seen = 0;
    for (int64_t row = 0; row < encoding_.valid.rows(); ++row) {
      const auto is_missing =
          static_cast<Offset>(~(words[row / kWordRows] >> (row % kWordRows)) & 1);
      seen |= static_cast<Offset>((At(row + 1) - At(row)) & -is_missing);
    }
    return seen != 0;
  }

  // \pre rows without a value have no bytes
  void AppendOffsets(Offset begin) {
    ValidRows& valid = encoding_.valid;
    net::MessageBuffer& message = encoding_.message;
    const auto count = static_cast<size_t>(valid.valid()) + 1;
    const size_t at = message.size();
    std::byte* const first = message.Extend(count * sizeof(uint32_t));
    const auto write = [begin](std::byte* target, Offset offset) {
      const auto value = static_cast<uint32_t>(offset - begin);
      std::memcpy(target, &value, sizeof(value));
    };
    if (valid.all()) {
      const std::byte* __restrict from = offsets_;
      std::byte* __restrict to = first;
      for (size_t i = 0; i < count; ++i)
        write(to + i * 4, LoadLittle<Offset>(from + i * sizeof(Offset)));
    } else {
      const uint64_t* words = valid.words();
      std::byte* target = first;
      for (int64_t row = 0; row < valid.rows(); ++row) {
        write(target, At(row));
        target += (words[row / kWordRows] >> (row % kWordRows) & 1) * sizeof(uint32_t);
      }
      write(target, At(valid.rows()));
    }
    MaskInPlace(message, first, at, at + count * sizeof(uint32_t));
  }

  const VaryingValues& values_;
  ColumnEncoding& encoding_;
  const std::byte* offsets_;
};

// UUIDs and 256-bit numbers that come as bytes of varying length.
Status AppendCells(const VaryingValues& values, size_t width, ColumnEncoding& encoding) {
  ValidRows& valid = encoding.valid;
  std::vector<std::byte> cells(static_cast<size_t>(valid.rows()) * width);
  for (int64_t row = 0; row < valid.rows(); ++row) {
    if (!valid.is_valid(row)) continue;
    std::string_view text;
    if (!TextAt(values, encoding.rows.begin + row, &text)) return BadLayout(encoding, row);
    if (text.size() != width) {
      return encoding.BadRow(row, ": ", text.size(), " bytes; type ",
                             ColumnTypeName(encoding.column.type), " has ", width);
    }
    std::memcpy(cells.data() + static_cast<size_t>(row) * width, text.data(), width);
  }
  const FixedValues fixed{cells.data(), width == 16 ? Element::kBytes16 : Element::kBytes32};
  ColumnEncoding inner = encoding;
  inner.rows = {0, valid.rows()};
  return AppendFixed(fixed, inner);
}

// Code of row `row`; \pre the element is an integer of at most 32 bits
int64_t CodeAt(const SymbolValues& values, int64_t row) {
  const auto* codes = static_cast<const std::byte*>(values.codes);
  switch (values.element) {
    case Element::kInt8: return LoadLittle<int8_t>(codes + row);
    case Element::kUInt8: return LoadLittle<uint8_t>(codes + row);
    case Element::kInt16: return LoadLittle<int16_t>(codes + row * 2);
    case Element::kUInt16: return LoadLittle<uint16_t>(codes + row * 2);
    case Element::kInt32: return LoadLittle<int32_t>(codes + row * 4);
    default: return LoadLittle<uint32_t>(codes + row * 4);
  }
}

bool IsCode(Element element) {
  switch (element) {
    case Element::kInt8:
    case Element::kUInt8:
    case Element::kInt16:
    case Element::kUInt16:
    case Element::kInt32:
    case Element::kUInt32: return true;
    default: return false;
  }
}

}  // namespace

Status AppendLookedUp(const SymbolValues& values, ColumnEncoding& encoding) {
  const ColumnType type = encoding.column.type;
  if (!IsCode(values.element)) {
    return encoding.Bad("codes of type ", ElementName(values.element),
                        " are not integers of at most 32 bits");
  }
  if (type != ColumnType::kVarchar && type != ColumnType::kBinary)
    return encoding.Bad("codes cannot be sent as ", ColumnTypeName(type));
  ValidRows& valid = encoding.valid;
  for (int64_t row = 0; values.negative_is_null && row < valid.rows(); ++row) {
    if (CodeAt(values, encoding.rows.begin + row) >= 0) continue;
    valid.words();
    valid.Remove(row / kWordRows, uint64_t{1} << (row % kWordRows));
  }
  return AppendGathered(encoding, [&](int64_t row, std::string_view* text) {
    const int64_t code = CodeAt(values, encoding.rows.begin + row);
    if (code < 0 || code >= values.dictionary_size) {
      return encoding.BadRow(row, ": code ", code, " in a dictionary of ", values.dictionary_size,
                             " values");
    }
    if (!AllValid(values.dictionary_validity, code, code + 1))
      return encoding.BadRow(row, ": the dictionary has no text for code ", code);
    if (TextAt(values.dictionary, code, text)) return Status();
    return encoding.BadRow(row, ": the offsets or view of code ", code,
                           " in the dictionary are out of order or negative");
  });
}

Status AppendVarying(const VaryingValues& values, ColumnEncoding& encoding) {
  switch (encoding.column.type) {
    case ColumnType::kVarchar:
    case ColumnType::kBinary: break;
    case ColumnType::kUuid: return AppendCells(values, 16, encoding);
    case ColumnType::kLong256: return AppendCells(values, 32, encoding);
    default:
      return encoding.Bad("values of varying length cannot be sent as ",
                          ColumnTypeName(encoding.column.type));
  }
  switch (values.layout) {
    case VaryingValues::Layout::kOffsets32: return OffsetColumn<int32_t>(values, encoding).Append();
    case VaryingValues::Layout::kOffsets64: return OffsetColumn<int64_t>(values, encoding).Append();
    case VaryingValues::Layout::kViews: return AppendViews(values, encoding);
    case VaryingValues::Layout::kFixedWidth: break;
  }
  return AppendGathered(encoding, [&](int64_t row, std::string_view* text) {
    return TextAt(values, encoding.rows.begin + row, text) ? Status() : BadLayout(encoding, row);
  });
}

}  // namespace colonnade::questdb::wire
