#include "table/memory_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"

namespace colonnade::table {
namespace {

using array::ValueType;
using ::testing::HasSubstr;

TEST(MemoryTable, HoldsRowsOfEveryType) {
  MemoryTableBuilder builder("facts");
  const size_t name = builder.AddColumn("name", ValueType::kString, "what it is");
  const size_t rank = builder.AddColumn("rank", ValueType::kInt64);
  const size_t sharded = builder.AddColumn("sharded", ValueType::kBool);
  const size_t ratio = builder.AddColumn("ratio", ValueType::kFloat64);
  for (int row = 0; row < 100; ++row) {
    builder.AppendString(name, "array number " + std::to_string(row) + " of a long name");
    if (row == 70) {
      builder.AppendNull(rank);
    } else {
      builder.AppendInt(rank, row);
    }
    builder.AppendBool(sharded, row % 2 == 1);
    builder.AppendDouble(ratio, row / 2.0);
  }
  ASSERT_OK_AND_ASSIGN(const auto table, std::move(builder).Finish());
  EXPECT_EQ(table->name(), "facts");
  ASSERT_EQ(table->axes().size(), 1u);
  EXPECT_EQ(table->axes()[0].length, 100);
  EXPECT_EQ(table->columns()[0].comment, "what it is");

  ASSERT_OK_AND_ASSIGN(const auto names, table->LoadAxis(name, {}));
  EXPECT_EQ(reinterpret_cast<const std::string_view*>(names->data)[99],
            "array number 99 of a long name");
  EXPECT_EQ(names->validity, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto ranks, table->LoadAxis(rank, {}));
  EXPECT_EQ(reinterpret_cast<const int64_t*>(ranks->data)[71], 71);
  EXPECT_FALSE(ranks->is_valid(70));
  EXPECT_TRUE(ranks->is_valid(69));
  ASSERT_OK_AND_ASSIGN(const auto flags, table->LoadAxis(sharded, {}));
  EXPECT_EQ(flags->data[3], std::byte{1});
  ASSERT_OK_AND_ASSIGN(const auto ratios, table->LoadAxis(ratio, {}));
  EXPECT_EQ(reinterpret_cast<const double*>(ratios->data)[3], 1.5);
}

TEST(MemoryTable, ScansTheSelectedRows) {
  MemoryTableBuilder builder("facts");
  const size_t value = builder.AddColumn("value", ValueType::kInt64);
  for (int row = 0; row < 10; ++row) builder.AppendInt(value, row * row);
  ASSERT_OK_AND_ASSIGN(const auto table, std::move(builder).Finish());
  ASSERT_OK_AND_ASSIGN(auto scan,
                       table->NewScan({{value}, {AxisSelection::Of({{2, 3}, {8, 10}})}, {}}));
  EXPECT_EQ(scan->tile_count(), 1);
  EXPECT_EQ(scan->chunk_count(), 0);
  ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
  ASSERT_OK(reader->Open(0));
  ASSERT_OK_AND_ASSIGN(const Block* block, reader->Next());
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->row_count, 3);
  EXPECT_EQ(block->axes[0].at(1), 8);
  ASSERT_OK_AND_ASSIGN(block, reader->Next());
  EXPECT_EQ(block, nullptr);
}

TEST(MemoryTable, MayBeEmpty) {
  MemoryTableBuilder builder("nothing");
  builder.AddColumn("name", ValueType::kString);
  ASSERT_OK_AND_ASSIGN(const auto table, std::move(builder).Finish());
  ASSERT_OK_AND_ASSIGN(const auto values, table->LoadAxis(0, {}));
  EXPECT_FALSE(values->is_sequence());
  ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{0}, {AxisSelection::All(0)}, {}}));
  EXPECT_EQ(scan->tile_count(), 0);
}

TEST(MemoryTable, RefusesColumnsOfDifferentLengths) {
  MemoryTableBuilder builder("facts");
  builder.AddColumn("a", ValueType::kInt64);
  const size_t b = builder.AddColumn("b", ValueType::kInt64);
  builder.AppendInt(b, 1);
  EXPECT_THAT(std::move(builder).Finish(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"b\" has 1 rows, \"a\" 0")));
}

TEST(MemoryTable, RefusesAValueOfAnotherType) {
  MemoryTableBuilder builder("facts");
  builder.AppendInt(builder.AddColumn("a", ValueType::kString), 1);
  EXPECT_THAT(std::move(builder).Finish(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("column \"a\"")));
}

TEST(MemoryTable, RefusesNamesThatDifferOnlyInCase) {
  MemoryTableBuilder builder("facts");
  builder.AddColumn("a", ValueType::kString);
  builder.AddColumn("A", ValueType::kString);
  EXPECT_THAT(std::move(builder).Finish(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"A\"")));
}

}  // namespace
}  // namespace colonnade::table
