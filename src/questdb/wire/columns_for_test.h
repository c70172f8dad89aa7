// Columns for tests: values with and without gaps, laid out as callers have them, slices and
// misaligned pointers included.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/message_buffer.h"
#include "questdb/wire/block_encoder.h"
#include "questdb/wire/column.h"
#include "questdb/wire/frame.h"

namespace colonnade::questdb::wire {

/// Memory of the columns of one test, each piece of exactly its size: a sanitizer sees every byte
/// read beside it.
class TestMemory {
 public:
  /// A copy of `bytes` that begins `shift` bytes behind an aligned address.
  const std::byte* Keep(std::span<const std::byte> bytes, size_t shift = 0) {
    auto& piece = pieces_.emplace_back(new std::byte[bytes.size() + shift]);
    if (!bytes.empty()) std::memcpy(piece.get() + shift, bytes.data(), bytes.size());
    return piece.get() + shift;
  }
  template <typename T>
  const std::byte* KeepAll(const std::vector<T>& values, size_t shift = 0) {
    return Keep(std::as_bytes(std::span(values)), shift);
  }
  /// A bitmap with `bits` from bit `offset` on; bits around them are set.
  const uint8_t* KeepBits(const std::vector<bool>& bits, int64_t offset) {
    std::vector<uint8_t> bytes((static_cast<size_t>(offset) + bits.size() + 7) / 8, 0xFF);
    for (size_t i = 0; i < bits.size(); ++i) {
      const size_t bit = static_cast<size_t>(offset) + i;
      if (!bits[i]) bytes[bit / 8] &= static_cast<uint8_t>(~(1u << (bit % 8)));
    }
    return reinterpret_cast<const uint8_t*>(KeepAll(bytes));
  }

 private:
  std::deque<std::unique_ptr<std::byte[]>> pieces_;
};

template <typename T>
Element ElementOf() {
  if constexpr (std::is_same_v<T, int8_t>) return Element::kInt8;
  if constexpr (std::is_same_v<T, int16_t>) return Element::kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return Element::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return Element::kInt64;
  if constexpr (std::is_same_v<T, uint8_t>) return Element::kUInt8;
  if constexpr (std::is_same_v<T, uint16_t>) return Element::kUInt16;
  if constexpr (std::is_same_v<T, uint32_t>) return Element::kUInt32;
  if constexpr (std::is_same_v<T, uint64_t>) return Element::kUInt64;
  if constexpr (std::is_same_v<T, float>) return Element::kFloat32;
  return Element::kFloat64;
}

/// Makes columns of values, std::nullopt for a missing one.
class TestColumns {
 public:
  template <typename T>
  Column Fixed(std::string name, ColumnType type, const std::vector<std::optional<T>>& values) {
    std::vector<T> dense;
    for (const auto& value : values) dense.push_back(value.value_or(T{}));
    Column column = Named(std::move(name), type, values);
    column.values = FixedValues{memory.KeepAll(dense), ElementOf<T>()};
    return column;
  }

  /// Values of 16 or 32 bytes.
  Column Wide(std::string name, ColumnType type,
              const std::vector<std::optional<std::vector<std::byte>>>& values, Element element) {
    std::vector<std::byte> dense;
    for (const auto& value : values) {
      auto bytes = value.value_or(std::vector<std::byte>(ElementWidth(element)));
      bytes.resize(ElementWidth(element));
      dense.insert(dense.end(), bytes.begin(), bytes.end());
    }
    Column column = Named(std::move(name), type, values);
    column.values = FixedValues{memory.KeepAll(dense), element};
    return column;
  }

  Column Booleans(std::string name, const std::vector<std::optional<bool>>& values) {
    std::vector<bool> bits;
    for (const auto& value : values) bits.push_back(value.value_or(true));
    Column column = Named(std::move(name), ColumnType::kBoolean, values);
    column.values = BitValues{memory.KeepBits(bits, 3), 3};
    return column;
  }

  Column Texts(std::string name, ColumnType type,
               const std::vector<std::optional<std::string>>& values) {
    Column column = Named(std::move(name), type, values);
    column.values = Varying(values);
    return column;
  }

  VaryingValues Varying(const std::vector<std::optional<std::string>>& values) {
    std::vector<int32_t> offsets{0};
    std::string bytes;
    for (const auto& value : values) {
      bytes += value.value_or("");
      offsets.push_back(static_cast<int32_t>(bytes.size()));
    }
    VaryingValues varying;
    varying.offsets = memory.KeepAll(offsets);
    varying.data = reinterpret_cast<const uint8_t*>(
        memory.Keep(std::as_bytes(std::span(bytes.data(), bytes.size()))));
    return varying;
  }

  template <typename Code = int32_t>
  Column Codes(std::string name, const std::vector<std::optional<Code>>& codes,
               const std::vector<std::optional<std::string>>& dictionary) {
    Column column = Fixed<Code>(std::move(name), ColumnType::kSymbol, codes);
    SymbolValues values;
    values.codes = std::get<FixedValues>(column.values).values;
    values.element = ElementOf<Code>();
    values.dictionary = Varying(dictionary);
    values.dictionary_validity = ValidityOf(dictionary);
    values.dictionary_size = static_cast<int64_t>(dictionary.size());
    column.values = values;
    return column;
  }

  template <typename T>
  Validity ValidityOf(const std::vector<std::optional<T>>& values) {
    std::vector<bool> bits;
    bool any = false;
    for (const auto& value : values) {
      bits.push_back(value.has_value());
      any |= !value.has_value();
    }
    if (!any) return {};
    return {memory.KeepBits(bits, 5), 5};
  }

  TestMemory memory;

 private:
  template <typename T>
  Column Named(std::string name, ColumnType type, const std::vector<std::optional<T>>& values) {
    Column column;
    column.name = std::move(name);
    column.type = type;
    column.validity = ValidityOf(values);
    return column;
  }
};

/// A connection's dictionary and the maps of a table's columns.
struct TestConnection {
  explicit TestConnection(size_t columns = 0, SymbolLimits limits = {})
      : dictionary(limits), maps(columns) {}

  /// A frame of one block of all rows.
  Result<std::vector<std::byte>> Frame(std::string_view table, std::span<const Column> columns,
                                       RowRange rows, uint8_t flags = kDeltaDictionary,
                                       net::MaskKey key = 0, EncodeOptions options = {}) {
    maps.resize(columns.size());
    BlockEncoder encoder(options);
    net::MessageBuffer message;
    message.Begin(key);
    BeginFrame(flags, 1, message);
    if ((flags & kDeltaDictionary) != 0) {
      COLONNADE_RETURN_IF_ERROR(
          encoder.AppendDictionarySection(columns, rows, dictionary, maps, message));
    }
    COLONNADE_RETURN_IF_ERROR(encoder.AppendBlock(table, columns, rows, dictionary, maps, message));
    FinishFrame(message);
    return message.Unmasked();
  }

  SymbolDictionary dictionary;
  std::vector<SymbolMap> maps;
};

}  // namespace colonnade::questdb::wire
