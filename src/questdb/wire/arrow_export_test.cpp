#include "questdb/wire/arrow_export.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "arrow/validate.h"
#include "questdb/wire/result_message.h"
#include "support/column_text.h"
#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;
using ByteVector = std::vector<std::byte>;

std::map<std::string, std::string> MetadataOf(const ArrowSchema& schema) {
  std::map<std::string, std::string> metadata;
  if (schema.metadata == nullptr) return metadata;
  const char* at = schema.metadata;
  const auto number = [&] {
    const auto value = LoadLittle<int32_t>(at);
    at += sizeof(int32_t);
    return value;
  };
  const auto text = [&] {
    const auto size = static_cast<size_t>(number());
    at += size;
    return std::string(at - size, size);
  };
  for (int32_t left = number(); left > 0; --left) {
    const std::string key = text();
    metadata[key] = text();
  }
  return metadata;
}

// "name format {metadata}" of a field and, in brackets, of its children.
std::string FieldText(const ArrowSchema& schema) {
  std::string text = std::string(schema.name) + " " + schema.format;
  for (const auto& [key, value] : MetadataOf(schema)) text += " " + key + "=" + value;
  for (int64_t i = 0; i < schema.n_children; ++i)
    text += " [" + FieldText(*schema.children[i]) + "]";
  if (schema.dictionary != nullptr) text += " of " + std::string(schema.dictionary->format);
  EXPECT_EQ(schema.flags, ARROW_FLAG_NULLABLE);
  return text;
}

class ArrowExportTest : public ::testing::Test {
 protected:
  DecodedBlock Read(const std::string& name) {
    return ReadBatch(BytesOfGoldenFile("questdb/" + name + ".hex"));
  }
  DecodedBlock ReadBatch(const ByteVector& bytes) {
    const auto owner = std::make_shared<ByteVector>(bytes);
    const Result<ResultMessage> message = ParseResultMessage(*owner);
    EXPECT_OK(message);
    Result<DecodedBlock> block =
        DecodeResultBatch(std::get<ResultBatch>(*message), {owner, owner->data(), owner->size()},
                          state_, symbols_, decompressor_, pool_);
    EXPECT_OK(block);
    return *std::move(block);
  }
  // A block of its own, without dictionary, from its bytes.
  DecodedBlock Block(std::string_view hex) {
    const ByteVector bytes = BytesOfHex(hex);
    ByteReader reader(bytes);
    Result<DecodedBlock> block = DecodeBlock(reader, nullptr, nullptr, symbols_, {}, pool_);
    EXPECT_OK(block);
    return *std::move(block);
  }

  ResultState state_;
  SymbolTable symbols_;
  Decompressor decompressor_;
  BufferPool pool_;
};

TEST_F(ArrowExportTest, EveryTypeHasItsFormatAndMetadata) {
  ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(Read("egress-all-types")));
  ASSERT_OK(arrow::ValidateSchema(schema.get()));
  EXPECT_STREQ(schema->format, "+s");
  std::string text;
  for (int64_t i = 0; i < schema->n_children; ++i) text += FieldText(*schema->children[i]) + "\n";
  EXPECT_EQ(text,
            "b b questdb.column_type=boolean\n"
            "by c questdb.column_type=byte\n"
            "sh s questdb.column_type=short\n"
            "i i questdb.column_type=int\n"
            "l l questdb.column_type=long\n"
            "f f questdb.column_type=float\n"
            "d g questdb.column_type=double\n"
            "s I questdb.column_type=symbol questdb.symbol=true of u\n"
            "t tsu:UTC questdb.column_type=timestamp\n"
            "dt tsm:UTC questdb.column_type=date\n"
            "u w:16 ARROW:extension:metadata= ARROW:extension:name=arrow.uuid "
            "questdb.column_type=uuid\n"
            "l2 w:32 questdb.column_type=long256\n"
            "g i questdb.column_type=geohash questdb.geohash_bits=20\n"
            "v u questdb.column_type=varchar\n"
            "tn tsn:UTC questdb.column_type=timestamp_ns\n"
            "da +l questdb.array_dim=1 questdb.column_type=double_array [item g]\n"
            "la +l questdb.array_dim=2 questdb.column_type=long_array [item +l [item l]]\n"
            "d6 d:18,2,64 questdb.column_type=decimal64\n"
            "d8 d:38,6 questdb.column_type=decimal128\n"
            "d5 d:76,12,256 questdb.column_type=decimal256\n"
            "c S questdb.column_type=char\n"
            "bi z questdb.column_type=binary\n"
            "ip I questdb.column_type=ipv4\n"
            "g8 s questdb.column_type=geohash questdb.geohash_bits=8\n");
}

TEST_F(ArrowExportTest, GeohashesAreTheIntegersOfTheirPrecision) {
  DecodedBlock block;
  for (const int bits : {1, 7, 8, 15, 16, 31, 32, 60})
    block.columns.push_back({.name = "g", .type = ColumnType::kGeohash, .geohash_bits = bits});
  ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(block));
  std::string formats;
  for (int64_t i = 0; i < schema->n_children; ++i) formats += schema->children[i]->format;
  EXPECT_EQ(formats, "ccssiill");
}

TEST_F(ArrowExportTest, BatchesHaveTheirValuesAndNothingIsCopied) {
  const DecodedBlock block = Read("egress-all-types");
  ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(block));
  ASSERT_OK_AND_ASSIGN(const arrow::Array batch, ExportBatch(block));
  ASSERT_OK(arrow::ValidateArray(schema.get(), batch.get()));
  EXPECT_EQ(batch->length, 3);
  for (size_t i = 0; i < block.columns.size(); ++i) {
    const DecodedColumn& column = block.columns[i];
    const ArrowArray& array = *batch->children[i];
    EXPECT_EQ(array.length, 3);
    EXPECT_EQ(array.null_count, column.null_count);
    EXPECT_EQ(array.buffers[0], column.null_count == 0 ? nullptr : column.validity.data);
    if (!column.list_offsets.empty()) continue;
    EXPECT_EQ(array.buffers[array.n_buffers - 1], static_cast<const void*>(column.values.data))
        << column.name;
  }
  const ArrowArray& uuid = *batch->children[10];
  EXPECT_EQ(HexOf(Bytes(static_cast<const std::byte*>(uuid.buffers[1]), 16)),
            "123e4567e89b12d3a456426614174000");
  const ArrowArray& nested = *batch->children[16];
  EXPECT_EQ(nested.children[0]->length, 2);
  EXPECT_EQ(nested.children[0]->children[0]->length, 3);
}

TEST_F(ArrowExportTest, DictionariesAreOneArrayUntilSomethingIsAdded) {
  const DecodedBlock first = Read("egress-batch-0");
  ASSERT_OK_AND_ASSIGN(const arrow::Array a, ExportBatch(first));
  ASSERT_OK_AND_ASSIGN(const arrow::Array again, ExportBatch(first));
  ASSERT_OK_AND_ASSIGN(const arrow::Array b, ExportBatch(Read("egress-batch-1")));
  const ArrowArray& dictionary = *a->children[1]->dictionary;
  EXPECT_EQ(dictionary.length, 2);
  EXPECT_EQ(again->children[1]->dictionary->buffers[1], dictionary.buffers[1]);
  EXPECT_EQ(again->children[1]->dictionary->buffers[2], dictionary.buffers[2]);
  // What was added stands behind it, in the same memory.
  EXPECT_EQ(b->children[1]->dictionary->length, 3);
  EXPECT_EQ(b->children[1]->dictionary->buffers[1], dictionary.buffers[1]);
}

TEST_F(ArrowExportTest, BatchesOutliveEverything) {
  arrow::Array batch;
  arrow::Schema schema;
  {
    BufferPool pool;
    SymbolTable symbols;
    Decompressor decompressor;
    ResultState state;
    const auto owner =
        std::make_shared<ByteVector>(BytesOfGoldenFile("questdb/egress-all-types.hex"));
    ASSERT_OK_AND_ASSIGN(const ResultMessage message, ParseResultMessage(*owner));
    ASSERT_OK_AND_ASSIGN(
        DecodedBlock block,
        DecodeResultBatch(std::get<ResultBatch>(message), {owner, owner->data(), owner->size()},
                          state, symbols, decompressor, pool));
    ASSERT_OK_AND_ASSIGN(schema, ExportSchema(block));
    ASSERT_OK_AND_ASSIGN(batch, ExportBatch(std::move(block)));
  }
  EXPECT_OK(arrow::ValidateArray(schema.get(), batch.get()));
  // A child that is moved out lives on by itself.
  arrow::Array child = arrow::Array::TakeFrom(batch->children[13]);
  arrow::Array nested = arrow::Array::TakeFrom(batch->children[16]->children[0]);
  batch.Reset();
  EXPECT_EQ(std::memcmp(child->buffers[2], "foo", 3), 0);
  EXPECT_EQ(static_cast<const int32_t*>(nested->buffers[1])[1], 2);
  EXPECT_EQ(child->dictionary, nullptr);
}

TEST_F(ArrowExportTest, PoolMemoryComesBackWhenTheLastArrayIsReleased) {
  DecodedBlock block = Block("00 02 01 01 61 06 00 0000803f 00000040");
  const std::byte* const data = block.columns[0].values.data;
  ASSERT_OK_AND_ASSIGN(arrow::Array batch, ExportBatch(std::move(block)));
  arrow::Array child = arrow::Array::TakeFrom(batch->children[0]);
  batch.Reset();
  EXPECT_EQ(pool_.kept_bytes(), 0U);
  child.Reset();
  EXPECT_GT(pool_.kept_bytes(), 0U);
  EXPECT_EQ(pool_.Take(8).data, data);
}

TEST_F(ArrowExportTest, DecimalsAreWidenedOnRequest) {
  const ArrowExportOptions options{.widen_decimals = true};
  const DecodedBlock block = Read("egress-all-types");
  ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(block, options));
  EXPECT_STREQ(schema->children[17]->format, "d:18,2");
  ASSERT_OK_AND_ASSIGN(const arrow::Array batch, ExportBatch(block, options));
  ASSERT_OK(arrow::ValidateArray(schema.get(), batch.get()));
  const auto* values = static_cast<const int64_t*>(batch->children[17]->buffers[1]);
  EXPECT_EQ(values[0], 12345);
  EXPECT_EQ(values[1], 0);
  EXPECT_EQ(values[4], -1);
  EXPECT_EQ(values[5], -1);
}

TEST_F(ArrowExportTest, CompactSymbolsHaveTheValuesOfTheirBatchOnly) {
  SeededRandom random;
  std::vector<std::string> texts;
  for (int i = 0; i < 5'000; ++i) texts.push_back("text " + std::to_string(i));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ASSERT_OK(symbols_.Append(views));
  for (int round = 0; round < 50; ++round) {
    const auto rows = static_cast<size_t>(random.Uniform(0, 300));
    auto codes = std::make_shared<std::vector<uint32_t>>();
    auto valid = std::make_shared<ByteVector>((rows + 7) / 8);
    int64_t nulls = 0;
    const int64_t largest = random.Chance(0.5) ? 4'999 : 10;
    for (size_t row = 0; row < rows; ++row) {
      codes->push_back(static_cast<uint32_t>(random.Uniform(0, largest)));
      if (random.Chance(0.2)) {
        ++nulls;
      } else {
        (*valid)[row / 8] |= static_cast<std::byte>(1 << (row % 8));
      }
    }
    DecodedBlock block;
    block.rows = static_cast<int64_t>(rows);
    DecodedColumn& column = block.columns.emplace_back();
    column.type = ColumnType::kSymbol;
    column.null_count = nulls;
    column.validity = {valid, valid->data(), valid->size()};
    column.values = {codes, reinterpret_cast<const std::byte*>(codes->data()), rows * 4};
    column.symbols = symbols_.Snapshot();
    const std::string expected = ColumnText(column, block.rows);
    const ArrowExportOptions options{.compact_symbols = true};
    ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(block, options));
    ASSERT_OK_AND_ASSIGN(const arrow::Array batch, ExportBatch(block, options));
    ASSERT_OK(arrow::ValidateArray(schema.get(), batch.get()));
    const ArrowArray& array = *batch->children[0];
    DecodedColumn compact = column;
    compact.values.data = static_cast<const std::byte*>(array.buffers[1]);
    compact.symbols = {nullptr, static_cast<const int32_t*>(array.dictionary->buffers[1]),
                       static_cast<const char*>(array.dictionary->buffers[2]),
                       static_cast<size_t>(array.dictionary->length)};
    EXPECT_EQ(ColumnText(compact, block.rows), expected);
    std::map<std::string_view, int> seen;
    for (size_t i = 0; i < compact.symbols.size; ++i) EXPECT_EQ(seen[compact.symbols.text(i)]++, 0);
    for (size_t i = 0; i < compact.symbols.size; ++i)
      EXPECT_THAT(expected, HasSubstr(std::string(compact.symbols.text(i))));
    // The connection's own is as it was.
    EXPECT_EQ(ColumnText(column, block.rows), expected);
  }
}

TEST_F(ArrowExportTest, TheBudgetOfListsIsTheBatchs) {
  const DecodedBlock block =
      Block("00 01 02 01 61 11 01 62 11 00 02 02000000 00000000 00 02 03000000 00000000");
  EXPECT_OK(ExportBatch(block, {.max_list_nodes = 5}));
  EXPECT_THAT(
      ExportBatch(block, {.max_list_nodes = 4}),
      StatusIs(StatusCode::kLimitExceeded, HasSubstr("5 lists inside of arrays, at most 4")));
}

TEST_F(ArrowExportTest, EmptyBatchesOfEveryTypeAreValid) {
  DecodedBlock block;
  for (int byte = 0; byte < 256; ++byte) {
    const auto type = ColumnTypeFromByte(static_cast<uint8_t>(byte));
    if (!type.has_value()) continue;
    std::string body = "00";
    if (*type == ColumnType::kVarchar || *type == ColumnType::kBinary) body += "00000000";
    if (MaxDecimalScale(*type) > 0) body += "00";
    if (*type == ColumnType::kGeohash) body += "05";
    char definition[16];
    std::snprintf(definition, sizeof(definition), "00 00 01 00 %02x ", static_cast<unsigned>(byte));
    block.columns.push_back(Block(definition + body).columns[0]);
  }
  EXPECT_EQ(block.columns.size(), 23U);
  for (const bool other : {false, true}) {
    const ArrowExportOptions options{.widen_decimals = other, .compact_symbols = other};
    ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(block, options));
    ASSERT_OK(arrow::ValidateSchema(schema.get()));
    ASSERT_OK_AND_ASSIGN(const arrow::Array batch, ExportBatch(block, options));
    EXPECT_OK(arrow::ValidateArray(schema.get(), batch.get()));
  }
}

TEST_F(ArrowExportTest, ArraysWithoutAnyShapeAreTentative) {
  const DecodedBlock nothing = Block("00 02 01 01 61 11 01 03");
  const DecodedBlock flat = Block("00 01 01 01 61 11 00 01 00000000");
  const DecodedBlock deep = Block("00 01 01 01 61 11 00 02 01000000 00000000");
  ASSERT_OK_AND_ASSIGN(const arrow::Schema schema, ExportSchema(nothing));
  EXPECT_EQ(FieldText(*schema->children[0]),
            "a +l questdb.array_dim=1 questdb.array_dim_tentative=true "
            "questdb.column_type=double_array [item g]");
  EXPECT_TRUE(SameExportSchema(nothing, deep));
  EXPECT_TRUE(SameExportSchema(deep, nothing));
  EXPECT_FALSE(SameExportSchema(flat, deep));

  // A batch without shapes takes those of the first batch.
  DecodedBlock adopted = nothing;
  ASSERT_TRUE(AdoptDimensions(deep, adopted));
  ASSERT_OK_AND_ASSIGN(const arrow::Schema deep_schema, ExportSchema(deep));
  ASSERT_OK_AND_ASSIGN(const arrow::Array batch, ExportBatch(adopted));
  EXPECT_OK(arrow::ValidateArray(deep_schema.get(), batch.get()));
  EXPECT_EQ(batch->children[0]->null_count, 2);

  // A schema that was guessed fits what has one dimension, and nothing else.
  DecodedBlock later = flat;
  EXPECT_TRUE(AdoptDimensions(nothing, later));
  later = deep;
  EXPECT_FALSE(AdoptDimensions(nothing, later));
}

TEST_F(ArrowExportTest, SchemasDifferByWhatTheirConsumersSee) {
  const DecodedBlock base = Block("00 00 02 01 61 0e 01 62 13 00 05 00 02");
  EXPECT_TRUE(SameExportSchema(base, Block("00 00 02 01 61 0e 01 62 13 00 05 00 02")));
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 02 01 61 0e 01 62 13 00 06 00 02")));  // bits
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 02 01 61 0e 01 62 13 00 05 00 03")));  // scale
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 02 01 61 0e 01 63 13 00 05 00 02")));  // name
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 02 01 61 0e 01 62 14 00 05 00 02")));  // type
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 01 01 61 0e 00 05")));                 // count
  EXPECT_FALSE(SameExportSchema(base, Block("00 00 02 01 62 13 01 61 0e 00 02 00 05")));  // order
  EXPECT_FALSE(SameExportSchema(Block("00 00 01 01 61 11 00"), Block("00 00 01 01 61 12 00")));
}

}  // namespace
}  // namespace colonnade::questdb::wire
