#include "questdb/wire/symbol_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

Status AppendTexts(SymbolTable& table, const std::vector<std::string>& texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return table.Append(views);
}

TEST(SymbolTableTest, EntriesHaveTheirTexts) {
  SymbolTable table;
  ASSERT_OK(AppendTexts(table, {"alpha", "", "gamma"}));
  ASSERT_OK(AppendTexts(table, {"delta"}));
  EXPECT_EQ(table.size(), 4U);
  EXPECT_EQ(table.bytes(), 15U);
  EXPECT_EQ(table.text(0), "alpha");
  EXPECT_EQ(table.text(1), "");
  EXPECT_EQ(table.text(3), "delta");
}

TEST(SymbolTableTest, SnapshotsAreOneArrayAsLongAsNothingIsAdded) {
  SymbolTable table;
  ASSERT_OK(AppendTexts(table, {"a", "b"}));
  const SymbolSnapshot first = table.Snapshot();
  ASSERT_OK(table.Append({}));
  const SymbolSnapshot second = table.Snapshot();
  EXPECT_EQ(first.offsets, second.offsets);
  EXPECT_EQ(first.data, second.data);
  EXPECT_EQ(first.size, second.size);
}

TEST(SymbolTableTest, SmallAdditionsShareTheMemoryOfOlderSnapshots) {
  SymbolTable table;
  ASSERT_OK(AppendTexts(table, {"a"}));
  const SymbolSnapshot before = table.Snapshot();
  ASSERT_OK(AppendTexts(table, {"b"}));
  const SymbolSnapshot after = table.Snapshot();
  EXPECT_EQ(before.offsets, after.offsets);
  EXPECT_EQ(before.size, 1U);
  EXPECT_EQ(after.size, 2U);
  EXPECT_EQ(after.text(1), "b");
}

TEST(SymbolTableTest, SnapshotsSurviveGrowthResetAndTheTable) {
  std::vector<SymbolSnapshot> snapshots;
  std::vector<std::vector<std::string>> expected;
  {
    SymbolTable table;
    std::vector<std::string> all;
    for (int i = 0; i < 3'000; ++i) {
      all.push_back("symbol " + std::to_string(i));
      ASSERT_OK(AppendTexts(table, {all.back()}));
      if (i % 100 != 0) continue;
      snapshots.push_back(table.Snapshot());
      expected.push_back(all);
    }
    table.Clear();
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.bytes(), 0U);
    ASSERT_OK(AppendTexts(table, {"other"}));
    EXPECT_EQ(table.text(0), "other");
  }
  for (size_t s = 0; s < snapshots.size(); ++s) {
    ASSERT_EQ(snapshots[s].size, expected[s].size());
    for (size_t i = 0; i < expected[s].size(); ++i) EXPECT_EQ(snapshots[s].text(i), expected[s][i]);
  }
}

TEST(SymbolTableTest, SnapshotsAreReadWhileTheTableGrows) {
  SymbolTable table;
  ASSERT_OK(AppendTexts(table, {"first", "second"}));
  std::thread reader([snapshot = table.Snapshot()] {
    for (int i = 0; i < 1'000; ++i) {
      EXPECT_EQ(snapshot.text(0), "first");
      EXPECT_EQ(snapshot.text(1), "second");
    }
  });
  for (int i = 0; i < 1'000; ++i) EXPECT_OK(AppendTexts(table, {"x" + std::to_string(i)}));
  reader.join();
}

TEST(SymbolTableTest, AFullTableIsLeftAsItWas) {
  SymbolTable table({.max_entries = 3, .max_bytes = 6});
  ASSERT_OK(AppendTexts(table, {"ab", "cd"}));
  EXPECT_THAT(
      AppendTexts(table, {"e", "f"}),
      StatusIs(StatusCode::kLimitExceeded, HasSubstr("2 entries more than 2, at most 3 are kept")));
  EXPECT_THAT(
      AppendTexts(table, {"efg"}),
      StatusIs(StatusCode::kLimitExceeded, HasSubstr("3 bytes more than 4, at most 6 are kept")));
  EXPECT_EQ(table.size(), 2U);
  ASSERT_OK(AppendTexts(table, {"ef"}));
  EXPECT_EQ(table.text(2), "ef");
}

TEST(SymbolTableTest, AnEmptyTablesSnapshotIsAnArrayOfNone) {
  const SymbolSnapshot snapshot = SymbolTable().Snapshot();
  EXPECT_EQ(snapshot.size, 0U);
  ASSERT_NE(snapshot.offsets, nullptr);
  EXPECT_EQ(snapshot.offsets[0], 0);
  EXPECT_NE(snapshot.data, nullptr);
}

TEST(SymbolTableTest, AMovedTableLeavesAnEmptyOne) {
  SymbolTable table;
  ASSERT_OK(AppendTexts(table, {"a"}));
  SymbolTable moved = std::move(table);
  EXPECT_EQ(moved.text(0), "a");
  EXPECT_EQ(table.size(), 0U);  // NOLINT(bugprone-use-after-move): what it promises
  ASSERT_OK(AppendTexts(table, {"b"}));
  EXPECT_EQ(table.text(0), "b");
  EXPECT_EQ(moved.text(0), "a");
}

}  // namespace
}  // namespace colonnade::questdb::wire
