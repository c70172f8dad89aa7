#include "questdb/wire/symbol_map.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "base/byte_order.h"
#include "questdb/wire/varying_text.h"

namespace colonnade::questdb::wire {
namespace {

constexpr uint32_t kPending = 1;
constexpr uint32_t kFirstId = 2;
// A varint of 32 bits takes five bytes and is written as eight.
constexpr size_t kMostVarintBytes = 5;
constexpr size_t kStoreBytes = 8;
// Texts that are interned together when rows carry the texts themselves.
constexpr size_t kTextRows = 1024;

// The varint of `value` in the low bytes of a word; its length is `*size`.
uint64_t Varint(uint32_t value, size_t* size) {
  const uint64_t wide = value;
  const uint64_t groups = (wide & 0x7F) | (wide & 0x3F80) << 1 | (wide & 0x1FC000) << 2 |
                          (wide & 0xFE00000) << 3 | (wide & 0xF0000000) << 4;
  const auto bits = static_cast<size_t>(std::bit_width(value | 1));
  *size = (bits + 6) / 7;
  // All bytes but the last go on.
  constexpr uint64_t kContinue = 0x8080808080808080;
  return groups | (kContinue & ((uint64_t{1} << (8 * (*size - 1))) - 1));
}

template <typename... Args>
Status BadRow(const Column& column, int64_t row, const Args&... args) {
  return InvalidArgument(ColumnLabel(column), ": row ", row, args...);
}

}  // namespace

void SymbolMap::Reset() {
  ids_.reset();
  ids_size_ = 0;
  dictionary_ = nullptr;
}

Status SymbolMap::Map(const Column& column, RowRange rows, SymbolDictionary& dictionary) {
  rows_ = rows;
  encoded_bytes_ = 0;
  valid_.Load(column.validity, rows);
  Status status;
  if (std::holds_alternative<SymbolValues>(column.values)) {
    status = MapCodes(column, dictionary);
  } else if (std::holds_alternative<VaryingValues>(column.values)) {
    status = MapTexts(column, dictionary);
  } else {
    status = InvalidArgument(ColumnLabel(column), ": only text can be sent as symbol");
  }
  if (!status.ok()) {
    Reset();
    return status;
  }
  dictionary_ = &dictionary;
  generation_ = dictionary.generation();
  return Status();
}

void SymbolMap::Encode(const uint32_t* ids, size_t count, uint32_t most) {
  const size_t room = encoded_bytes_ + count * kMostVarintBytes + kStoreBytes;
  if (encoded_.size() < room) encoded_.resize(std::max(room, encoded_.size() * 2));
  std::byte* target = encoded_.data() + encoded_bytes_;
  if (most < 0x80) {
    for (size_t i = 0; i < count; ++i) target[i] = static_cast<std::byte>(ids[i]);
    encoded_bytes_ += count;
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    size_t size = 0;
    const uint64_t varint = Varint(ids[i], &size);
    std::memcpy(target, &varint, sizeof(varint));
    target += size;
  }
  encoded_bytes_ = static_cast<size_t>(target - encoded_.data());
}

Status SymbolMap::MapCodes(const Column& column, SymbolDictionary& dictionary) {
  const auto& values = std::get<SymbolValues>(column.values);
  if (values.dictionary_size < 0) {
    return InvalidArgument(ColumnLabel(column), ": a dictionary of ", values.dictionary_size,
                           " values");
  }
  if (ids_ == nullptr || dictionary_ != &dictionary || generation_ != dictionary.generation() ||
      ids_size_ != values.dictionary_size) {
    Reset();
    const auto size = static_cast<size_t>(values.dictionary_size);
    ids_.reset(static_cast<uint32_t*>(std::calloc(std::max<size_t>(size, 1), sizeof(uint32_t))));
    if (ids_ == nullptr) throw std::bad_alloc();
    ids_size_ = values.dictionary_size;
  }
  switch (values.element) {
    case Element::kInt8: return MapCodesOf<int8_t>(column, dictionary);
    case Element::kInt16: return MapCodesOf<int16_t>(column, dictionary);
    case Element::kInt32: return MapCodesOf<int32_t>(column, dictionary);
    case Element::kUInt8: return MapCodesOf<uint8_t>(column, dictionary);
    case Element::kUInt16: return MapCodesOf<uint16_t>(column, dictionary);
    case Element::kUInt32: return MapCodesOf<uint32_t>(column, dictionary);
    default:
      return InvalidArgument(ColumnLabel(column), ": codes of type ", ElementName(values.element),
                             " are not integers of at most 32 bits");
  }
}

template <typename Code>
Status SymbolMap::MapCodesOf(const Column& column, SymbolDictionary& dictionary) {
  const auto& values = std::get<SymbolValues>(column.values);
  const auto* source = static_cast<const std::byte*>(values.codes);
  if (source != nullptr) source += rows_.begin * int64_t{sizeof(Code)};
  const auto code_at = [&](int64_t row) {
    return LoadLittle<Code>(source + row * int64_t{sizeof(Code)});
  };
  if (std::is_signed_v<Code> && values.negative_is_null) {
    for (int64_t row = 0; row < valid_.rows(); row += kWordRows) {
      const int64_t count = std::min(kWordRows, valid_.rows() - row);
      uint64_t missing = 0;
      for (int64_t i = 0; i < count; ++i) missing |= uint64_t{code_at(row + i) < 0} << i;
      if (missing == 0) continue;
      valid_.words();
      valid_.Remove(row / kWordRows, missing);
    }
  }

  // The codes of rows that have a value, as unsigned numbers: a negative one is out of range then.
  codes_.resize(static_cast<size_t>(valid_.valid()) + 1);
  const auto code_count = static_cast<size_t>(valid_.valid());
  if (valid_.all()) {
    for (size_t i = 0; i < code_count; ++i)
      codes_[i] = static_cast<uint32_t>(code_at(static_cast<int64_t>(i)));
  } else {
    const uint64_t* words = valid_.words();
    size_t at = 0;
    for (int64_t row = 0; row < valid_.rows(); ++row) {
      codes_[at] = static_cast<uint32_t>(code_at(row));
      at += words[row / kWordRows] >> (row % kWordRows) & 1;
    }
  }
  uint32_t most = 0;
  for (size_t i = 0; i < code_count; ++i) most = std::max(most, codes_[i]);
  if (code_count > 0 && most >= values.dictionary_size) {
    for (int64_t row = 0; row < valid_.rows(); ++row) {
      const int64_t code = code_at(row);
      if (!valid_.is_valid(row) || (code >= 0 && code < values.dictionary_size)) continue;
      return BadRow(column, rows_.begin + row, ": code ", code, " in a dictionary of ",
                    values.dictionary_size, " values");
    }
  }
  return InternCodes(column, dictionary);
}

Status SymbolMap::InternCodes(const Column& column, SymbolDictionary& dictionary) {
  const auto& values = std::get<SymbolValues>(column.values);
  const auto code_count = static_cast<size_t>(valid_.valid());
  uint32_t* const ids = ids_.get();
  pending_.clear();
  for (size_t i = 0; i < code_count; ++i) {
    if (ids[codes_[i]] != 0) continue;
    ids[codes_[i]] = kPending;
    pending_.push_back(codes_[i]);
  }
  if (!pending_.empty()) {
    texts_.resize(pending_.size());
    new_ids_.resize(pending_.size());
    size_t failed = 0;
    Status status;
    for (size_t i = 0; i < pending_.size() && status.ok(); ++i) {
      failed = i;
      const int64_t code = pending_[i];
      if (!AllValid(values.dictionary_validity, code, code + 1)) {
        status = InvalidArgument("the dictionary has no text for code ", code);
      } else if (!TextAt(values.dictionary, code, &texts_[i])) {
        status = InvalidArgument("the offsets or view of code ", code,
                                 " in the dictionary are out of order or negative");
      }
    }
    if (status.ok()) status = dictionary.InternAll(texts_, new_ids_.data(), &failed);
    if (!status.ok()) {
      const auto first = std::find(codes_.begin(), codes_.end(), pending_[failed]);
      // The row of the n-th code is the n-th row that has a value.
      int64_t row = -1;
      for (int64_t skip = first - codes_.begin(); skip >= 0; --skip) {
        for (++row; !valid_.is_valid(row);) ++row;
      }
      return std::move(status).WithContext(ColumnLabel(column) + ": row " +
                                           std::to_string(rows_.begin + row));
    }
    for (size_t i = 0; i < pending_.size(); ++i) ids[pending_[i]] = new_ids_[i] + kFirstId;
  }
  uint32_t most = 0;
  for (size_t i = 0; i < code_count; ++i) {
    codes_[i] = ids[codes_[i]] - kFirstId;
    most = std::max(most, codes_[i]);
  }
  Encode(codes_.data(), code_count, most);
  return Status();
}

Status SymbolMap::MapTexts(const Column& column, SymbolDictionary& dictionary) {
  const auto& values = std::get<VaryingValues>(column.values);
  texts_.resize(kTextRows);
  new_ids_.resize(std::max(new_ids_.size(), kTextRows));
  for (int64_t begin = 0; begin < valid_.rows(); begin += kTextRows) {
    const int64_t end = std::min<int64_t>(begin + kTextRows, valid_.rows());
    size_t count = 0;
    const auto row_of = [&](size_t index) {
      int64_t row = begin;
      for (size_t seen = 0;; ++row) {
        if (valid_.is_valid(row) && seen++ == index) return rows_.begin + row;
      }
    };
    for (int64_t row = begin; row < end; ++row) {
      if (!valid_.is_valid(row)) continue;
      if (!TextAt(values, rows_.begin + row, &texts_[count])) {
        return BadRow(column, rows_.begin + row,
                      ": its offsets or view are out of order or negative");
      }
      ++count;
    }
    size_t failed = 0;
    Status status = dictionary.InternAll(std::span(texts_).first(count), new_ids_.data(), &failed);
    if (!status.ok()) {
      return std::move(status).WithContext(ColumnLabel(column) + ": row " +
                                           std::to_string(row_of(failed)));
    }
    uint32_t most = 0;
    for (size_t i = 0; i < count; ++i) most = std::max(most, new_ids_[i]);
    Encode(new_ids_.data(), count, most);
  }
  return Status();
}

}  // namespace colonnade::questdb::wire
