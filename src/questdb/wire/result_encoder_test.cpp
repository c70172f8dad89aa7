// Batches both ways: what was decoded is encoded again, byte for byte.

#include "questdb/wire/result_encoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "questdb/wire/columns_for_test.h"
#include "support/column_text.h"
#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;
using ByteVector = std::vector<std::byte>;

Element ElementFor(const DecodedColumn& column) {
  switch (column.type) {
    case ColumnType::kFloat: return Element::kFloat32;
    case ColumnType::kDouble: return Element::kFloat64;
    case ColumnType::kChar: return Element::kUInt16;
    case ColumnType::kIpv4: return Element::kUInt32;
    case ColumnType::kByte: return Element::kInt8;
    case ColumnType::kShort: return Element::kInt16;
    case ColumnType::kInt: return Element::kInt32;
    case ColumnType::kUuid:
    case ColumnType::kDecimal128: return Element::kBytes16;
    case ColumnType::kLong256:
    case ColumnType::kDecimal256: return Element::kBytes32;
    case ColumnType::kGeohash:
      return column.geohash_bits < 8    ? Element::kInt8
             : column.geohash_bits < 16 ? Element::kInt16
             : column.geohash_bits < 32 ? Element::kInt32
                                        : Element::kInt64;
    default: return Element::kInt64;
  }
}

// A decoded column as one to be sent, which borrows it.
Column ColumnOf(const DecodedColumn& from) {
  Column column{.name = from.name, .type = from.type};
  column.scale = from.scale;
  column.geohash_bits = from.geohash_bits;
  if (from.null_count != 0)
    column.validity.bits = reinterpret_cast<const uint8_t*>(from.validity.data);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(from.values.data);
  switch (from.type) {
    case ColumnType::kBoolean: column.values = BitValues{bytes}; break;
    case ColumnType::kVarchar:
    case ColumnType::kBinary:
      column.values = VaryingValues{.offsets = from.offsets.data, .data = bytes};
      break;
    case ColumnType::kSymbol: {
      SymbolValues symbols{.codes = bytes, .element = Element::kUInt32};
      symbols.dictionary = {.offsets = from.symbols.offsets,
                            .data = reinterpret_cast<const uint8_t*>(from.symbols.data)};
      symbols.dictionary_size = static_cast<int64_t>(from.symbols.size);
      column.values = symbols;
      break;
    }
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: {
      ArrayValues arrays;
      for (const SharedBytes& offsets : from.list_offsets)
        arrays.levels.push_back({.offsets = offsets.data});
      arrays.elements = reinterpret_cast<const double*>(bytes);
      column.values = arrays;
      break;
    }
    default: column.values = FixedValues{.values = bytes, .element = ElementFor(from)};
  }
  return column;
}

std::vector<Column> ColumnsOf(const DecodedBlock& block) {
  std::vector<Column> columns;
  for (const DecodedColumn& column : block.columns) columns.push_back(ColumnOf(column));
  return columns;
}

struct Client {
  ResultState state;
  SymbolTable symbols;
  Decompressor decompressor;
  BufferPool pool;

  Result<DecodedBlock> Read(const ByteVector& bytes) {
    const auto owner = std::make_shared<ByteVector>(bytes);
    COLONNADE_ASSIGN_OR_RETURN(const ResultMessage message, ParseResultMessage(*owner));
    return DecodeResultBatch(std::get<ResultBatch>(message), {owner, owner->data(), owner->size()},
                             state, symbols, decompressor, pool);
  }
};

struct Server {
  SymbolDictionary dictionary;
  ResultEncoder encoder;
  std::vector<SymbolMap> maps;

  Result<ByteVector> Write(const ResultBatch& batch, const std::vector<Column>& columns,
                           RowRange rows, net::MaskKey key = 0) {
    maps.clear();
    maps.resize(columns.size());
    net::MessageBuffer message;
    message.Begin(key);
    COLONNADE_RETURN_IF_ERROR(encoder.EncodeBatch(batch, columns, rows, dictionary, maps, message));
    return message.Unmasked();
  }
};

TEST(ResultEncoderTest, GoldenBatchesAreWrittenAsTheyWere) {
  for (const net::MaskKey key : {net::MaskKey{0}, net::MaskKey{0x3D21FA37}}) {
    Client client;
    Server server;
    uint64_t sequence = 0;
    for (const char* name : {"egress-batch-0", "egress-batch-1"}) {
      const ByteVector frame = BytesOfGoldenFile(std::string("questdb/") + name + ".hex");
      ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(frame));
      ASSERT_OK_AND_ASSIGN(
          const ByteVector bytes,
          server.Write({1, sequence++, kGorilla}, ColumnsOf(block), {0, block.rows}, key));
      EXPECT_EQ(HexOf(bytes), HexOf(frame)) << name;
    }
  }
}

TEST(ResultEncoderTest, EveryTypeIsReadAsItWasWritten) {
  Client client;
  Server server;
  const ByteVector frame = BytesOfGoldenFile("questdb/egress-all-types.hex");
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(frame));
  ASSERT_OK_AND_ASSIGN(const ByteVector bytes,
                       server.Write({1, 0, kGorilla}, ColumnsOf(block), {0, block.rows}));
  EXPECT_EQ(HexOf(bytes), HexOf(frame));
}

TEST(ResultEncoderTest, RandomRowsOfEveryTypeComeBackCompressedOrNot) {
  SeededRandom random;
  for (int round = 0; round < 60; ++round) {
    const int64_t rows = random.Uniform(1, 300);
    const auto make = [&](auto value) {
      std::vector<std::optional<decltype(value())>> values;
      for (int64_t i = 0; i < rows; ++i) {
        values.emplace_back();
        if (!random.Chance(0.2)) values.back() = value();
      }
      return values;
    };
    const auto any = [&] { return random.Uniform(INT64_MIN + 1, INT64_MAX); };
    TestColumns test;
    std::vector<Column> columns = {
        test.Fixed<int64_t>("long", ColumnType::kLong, make(any)),
        test.Fixed<int32_t>("int", ColumnType::kInt, make([&] {
                              return static_cast<int32_t>(random.Uniform(-1'000, 1'000));
                            })),
        test.Fixed<double>("double", ColumnType::kDouble,
                           make([&] { return static_cast<double>(random.Uniform(-9, 9)) / 2; })),
        test.Fixed<int64_t>("time", ColumnType::kTimestamp,
                            make([&] { return random.Uniform(0, 5'000); })),
        test.Fixed<int64_t>("date", ColumnType::kDate,
                            make([&] { return random.Uniform(0, INT64_MAX); })),
        test.Fixed<uint32_t>("ipv4", ColumnType::kIpv4, make([&] {
                               return static_cast<uint32_t>(random.Uniform(1, 1 << 30));
                             })),
    };
    const auto flags = static_cast<uint8_t>((random.Chance(0.5) ? kGorilla : 0) |
                                            (random.Chance(0.5) ? kZstd : 0));
    Server server;
    Client client;
    // In two batches, the second from the middle of the columns.
    const int64_t middle = random.Uniform(0, rows);
    std::string text[2];
    for (const uint64_t sequence : {0U, 1U}) {
      const RowRange range = sequence == 0 ? RowRange{0, middle} : RowRange{middle, rows};
      ASSERT_OK_AND_ASSIGN(const ByteVector bytes,
                           server.Write({1, sequence, flags}, columns, range));
      ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(bytes));
      ASSERT_EQ(block.rows, range.size());
      for (size_t c = 0; c < columns.size(); ++c) {
        const auto& values = std::get<FixedValues>(columns[c].values);
        const size_t width = ElementWidth(values.element);
        for (int64_t row = 0; row < block.rows; ++row) {
          const int64_t at = range.begin + row;
          const int64_t bit = columns[c].validity.offset + at;
          const bool valid = columns[c].validity.bits == nullptr ||
                             (columns[c].validity.bits[bit / 8] >> (bit % 8) & 1) != 0;
          ASSERT_EQ(IsMissing(block.columns[c], row), !valid) << columns[c].name;
          if (!valid) continue;
          ASSERT_EQ(std::memcmp(block.columns[c].values.data + static_cast<size_t>(row) * width,
                                static_cast<const std::byte*>(values.values) +
                                    static_cast<size_t>(at) * width,
                                width),
                    0)
              << columns[c].name << " row " << at;
        }
      }
    }
  }
}

TEST(ResultEncoderTest, WhatDoesNotBecomeSmallerIsSentPlain) {
  Server server;
  TestColumns test;
  const std::vector<Column> few = {test.Fixed<int8_t>("a", ColumnType::kByte, {1, 2, 3})};
  ASSERT_OK_AND_ASSIGN(const ByteVector plain, server.Write({1, 0, kZstd}, few, {0, 3}));
  EXPECT_EQ(plain[5], std::byte{kDeltaDictionary});
  const std::vector<Column> same = {test.Fixed<int8_t>(
      "a", ColumnType::kByte, std::vector<std::optional<int8_t>>(1'000, int8_t{7}))};
  ASSERT_OK_AND_ASSIGN(const ByteVector compressed, server.Write({1, 0, kZstd}, same, {0, 1'000}));
  EXPECT_EQ(compressed[5], std::byte{kDeltaDictionary | kZstd});
  EXPECT_LT(compressed.size(), 100U);
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(compressed));
  EXPECT_EQ(block.rows, 1'000);
}

TEST(ResultEncoderTest, AFailureLeavesTheDictionaryAsItWas) {
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       client.Read(BytesOfGoldenFile("questdb/egress-batch-0.hex")));
  std::vector<Column> columns = ColumnsOf(block);
  columns.push_back({.name = "bad", .type = ColumnType::kLong});
  columns.back().values = BitValues{};
  for (const int flags : {0, int{kZstd}}) {
    Server server;
    EXPECT_FALSE(server.Write({1, 0, static_cast<uint8_t>(flags)}, columns, {0, 4}).ok());
    EXPECT_EQ(server.dictionary.size(), 0U);
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
