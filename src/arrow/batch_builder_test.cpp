#include "arrow/batch_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "arrow/validate.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::arrow {
namespace {

using ::testing::HasSubstr;

template <typename T>
T ValueAt(const ArrowArray& column, int64_t row) {
  T value;
  std::memcpy(&value, static_cast<const char*>(column.buffers[1]) + row * sizeof(T), sizeof(T));
  return value;
}

bool BitAt(const void* bits, int64_t i) {
  return (static_cast<const uint8_t*>(bits)[i / 8] >> (i % 8) & 1) != 0;
}

TEST(MakeSchema, NamesTypesAndMetadata) {
  const std::vector<Field> fields{
      {"a", ColumnType::kBool, {}},
      {"t", ColumnType::kTimestampMicros, {{"comment", "when"}, {"units", ""}}},
      {"n", ColumnType::kTimestampNanos, {}},
      {"s", ColumnType::kUtf8, {}},
      {"f", ColumnType::kFloat32, {}}};
  ASSERT_OK_AND_ASSIGN(const Schema schema, MakeSchema(fields));
  ASSERT_OK(ValidateSchema(schema.get()));
  EXPECT_STREQ(schema->format, "+s");
  ASSERT_EQ(schema->n_children, 5);
  const char* kFormats[] = {"b", "tsu:", "tsn:", "u", "f"};
  for (int i = 0; i < 5; ++i) {
    EXPECT_STREQ(schema->children[i]->format, kFormats[i]);
    EXPECT_EQ(schema->children[i]->name, fields[static_cast<size_t>(i)].name);
    EXPECT_EQ(schema->children[i]->flags, ARROW_FLAG_NULLABLE);
  }
  const char* metadata = schema->children[1]->metadata;
  ASSERT_NE(metadata, nullptr);
  EXPECT_EQ(std::string(metadata + 8, 7), "comment");
  EXPECT_EQ(std::string(metadata + 19, 4), "when");
}

TEST(MakeSchema, RefusesANameWithANulByte) {
  const std::vector<Field> fields{{std::string("a\0b", 3), ColumnType::kInt8, {}}};
  EXPECT_THAT(MakeSchema(fields), StatusIs(StatusCode::kInvalidArgument, HasSubstr("NUL")));
}

TEST(BatchBuilder, MakesABatchWithoutColumns) {
  ASSERT_OK_AND_ASSIGN(const Array batch, BatchBuilder(7).Finish());
  EXPECT_EQ(batch->length, 7);
  EXPECT_EQ(batch->n_children, 0);
}

TEST(BatchBuilder, MakesABatchWithoutRows) {
  BatchBuilder builder(0);
  ASSERT_OK(builder.AddFixedWidth(ColumnType::kBool, nullptr, nullptr));
  ASSERT_OK(builder.AddFixedWidth(ColumnType::kInt64, nullptr, nullptr));
  ASSERT_OK(builder.AddText(nullptr, nullptr));
  ASSERT_OK_AND_ASSIGN(const Array batch, builder.Finish());
  EXPECT_EQ(batch->length, 0);
  EXPECT_EQ(batch->n_children, 3);
}

TEST(BatchBuilder, RefusesTextAsFixedWidth) {
  EXPECT_THAT(BatchBuilder(0).AddFixedWidth(ColumnType::kUtf8, nullptr, nullptr),
              StatusIs(StatusCode::kInvalidArgument, ::testing::_));
}

TEST(BatchBuilder, RefusesMoreTextThanOffsetsCanAddress) {
  const std::string text(size_t{1} << 20, 'x');
  const std::vector<std::string_view> values(2'048, text);
  EXPECT_THAT(BatchBuilder(2'048).AddText(values.data(), nullptr),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("2147483647")));
}

TEST(BatchBuilder, LeavesOutTheBitmapWhenNothingIsMissing) {
  BatchBuilder builder(3);
  const int32_t values[] = {1, 2, 3};
  const uint64_t validity = 0b1111;  // the bit behind the last row says nothing
  ASSERT_OK(builder.AddFixedWidth(ColumnType::kInt32, values, &validity));
  ASSERT_OK_AND_ASSIGN(const Array batch, builder.Finish());
  EXPECT_EQ(batch->children[0]->null_count, 0);
  EXPECT_EQ(batch->children[0]->buffers[0], nullptr);
}

// Oracle: the values that went in.
TEST(BatchBuilderProperty, HoldsWhatWasAdded) {
  SeededRandom random;
  for (int round = 0; round < 300; ++round) {
    const int64_t rows = random.Uniform(0, 200);
    const size_t count = static_cast<size_t>(rows);
    std::vector<uint64_t> validity((count + 63) / 64);
    std::vector<uint8_t> flags(count);
    std::vector<int16_t> shorts(count);
    std::vector<double> doubles(count);
    std::vector<std::string> texts(count);
    const double density = random.Chance(0.3) ? 1 : 0.7;
    int64_t missing = 0;
    for (size_t i = 0; i < count; ++i) {
      if (random.Chance(density)) {
        validity[i / 64] |= uint64_t{1} << (i % 64);
      } else {
        ++missing;
      }
      flags[i] = random.Chance(0.5) ? 1 : 0;
      shorts[i] = static_cast<int16_t>(random.Uniform(-1'000, 1'000));
      doubles[i] = static_cast<double>(random.Uniform(0, 9));
      texts[i] = std::string(static_cast<size_t>(random.Uniform(0, 5)), 'a');
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    BatchBuilder builder(rows);
    ASSERT_OK(builder.AddFixedWidth(ColumnType::kBool, flags.data(), validity.data()));
    ASSERT_OK(builder.AddFixedWidth(ColumnType::kInt16, shorts.data(), validity.data()));
    ASSERT_OK(builder.AddFixedWidth(ColumnType::kFloat64, doubles.data(), nullptr));
    ASSERT_OK(builder.AddText(views.data(), validity.data()));
    ASSERT_OK_AND_ASSIGN(const Array batch, builder.Finish());

    const std::vector<Field> fields{{"b", ColumnType::kBool, {}},
                                    {"s", ColumnType::kInt16, {}},
                                    {"d", ColumnType::kFloat64, {}},
                                    {"t", ColumnType::kUtf8, {}}};
    ASSERT_OK_AND_ASSIGN(const Schema schema, MakeSchema(fields));
    ASSERT_OK(ValidateArray(schema.get(), batch.get()));
    for (const int column : {0, 1, 3}) EXPECT_EQ(batch->children[column]->null_count, missing);
    EXPECT_EQ(batch->children[2]->null_count, 0);
    const auto* offsets = static_cast<const int32_t*>(batch->children[3]->buffers[1]);
    for (size_t i = 0; i < count; ++i) {
      const int64_t row = static_cast<int64_t>(i);
      const bool valid = (validity[i / 64] >> (i % 64) & 1) != 0;
      if (missing > 0) {
        EXPECT_EQ(BitAt(batch->children[1]->buffers[0], row), valid);
      }
      EXPECT_EQ(BitAt(batch->children[0]->buffers[1], row), flags[i] != 0);
      EXPECT_EQ(ValueAt<int16_t>(*batch->children[1], row), shorts[i]);
      EXPECT_EQ(ValueAt<double>(*batch->children[2], row), doubles[i]);
      EXPECT_EQ(offsets[i + 1] - offsets[i], valid ? static_cast<int32_t>(texts[i].size()) : 0);
    }
  }
}

}  // namespace
}  // namespace colonnade::arrow
