#include "table/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/random.h"

namespace colonnade::table {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Unique(std::vector<std::string> names,
                                std::unordered_set<std::string> taken = {}) {
  return UniqueNames(std::move(names), &taken);
}

TEST(UniqueNames, KeepsNamesThatStandAlone) {
  EXPECT_THAT(Unique({"lat", "T", "Größe"}), ElementsAre("lat", "T", "Größe"));
}

TEST(UniqueNames, SuffixesEveryNameOfAClashInByteOrder) {
  EXPECT_THAT(Unique({"t", "x", "T"}), ElementsAre("t_2", "x", "T_1"));
}

TEST(UniqueNames, SuffixesEqualNamesInTheOrderGiven) {
  EXPECT_THAT(Unique({"a", "a", "A"}), ElementsAre("a_2", "a_3", "A_1"));
}

TEST(UniqueNames, CountsPastNamesThatStandAlone) {
  EXPECT_THAT(Unique({"T", "t", "T_1"}), ElementsAre("T_2", "t_3", "T_1"));
}

TEST(UniqueNames, GivesWayToNamesThatAreTaken) {
  EXPECT_THAT(Unique({"lat_idx", "lon_idx"}, {"lat_idx"}), ElementsAre("lat_idx_1", "lon_idx"));
}

TEST(UniqueNames, NamesTheEmptyName) {
  EXPECT_THAT(Unique({"", "x"}), ElementsAre("unnamed", "x"));
}

TEST(UniqueNamesProperty, AreUniqueIgnoringCaseAndNeverTheBareNameOfAClash) {
  SeededRandom random;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> names;
    const int64_t count = random.Uniform(0, 8);
    for (int64_t i = 0; i < count; ++i) {
      std::string name(1, "aAbB"[random.Uniform(0, 3)]);
      for (int64_t s = random.Uniform(0, 2); s > 0; --s)
        name += "_" + std::to_string(random.Uniform(1, 2));
      names.push_back(name);
    }
    const std::vector<std::string> got = Unique(names);
    ASSERT_EQ(got.size(), names.size());
    for (size_t i = 0; i < got.size(); ++i) {
      int same = 0;
      for (size_t j = 0; j < got.size(); ++j) {
        same += FoldCase(names[i]) == FoldCase(names[j]) ? 1 : 0;
        if (i == j) continue;
        EXPECT_NE(FoldCase(got[i]), FoldCase(got[j]));
        if (got[i] != names[i]) {
          EXPECT_NE(FoldCase(got[i]), FoldCase(names[j]));
        }
      }
      EXPECT_EQ(same == 1, got[i] == names[i]);
    }
  }
}

}  // namespace
}  // namespace colonnade::table
