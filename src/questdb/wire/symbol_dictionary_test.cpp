#include "questdb/wire/symbol_dictionary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

TEST(SymbolDictionary, GivesIdsInTheOrderInWhichTextsCome) {
  SymbolDictionary dictionary;
  const std::string_view texts[] = {"b", "a", "", "b", std::string_view("\0", 1), "a"};
  const uint32_t want[] = {0, 1, 2, 0, 3, 1};
  for (size_t i = 0; i < std::size(texts); ++i) {
    ASSERT_OK_AND_ASSIGN(const uint32_t id, dictionary.Intern(texts[i]));
    EXPECT_EQ(id, want[i]);
  }
  EXPECT_EQ(dictionary.size(), 4);
  EXPECT_EQ(dictionary.bytes(), 3);
  EXPECT_EQ(dictionary.entry(0), "b");
  EXPECT_EQ(dictionary.entry(2), "");
  EXPECT_EQ(dictionary.entry(3), std::string_view("\0", 1));
}

TEST(SymbolDictionary, RefusesWhatIsAboveALimitAndStaysAsItWas) {
  SymbolDictionary dictionary({.max_entries = 3, .max_bytes = 10, .max_entry_bytes = 6});
  ASSERT_OK(dictionary.Intern("123456"));
  EXPECT_THAT(dictionary.Intern("1234567"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("7")));
  EXPECT_THAT(dictionary.Intern("12345"), StatusIs(StatusCode::kLimitExceeded, HasSubstr("10")));
  ASSERT_OK(dictionary.Intern("1234"));
  ASSERT_OK(dictionary.Intern(""));
  EXPECT_EQ(dictionary.bytes(), 10);
  EXPECT_THAT(dictionary.Intern("x"), StatusIs(StatusCode::kLimitExceeded, HasSubstr("3 symbols")));
  EXPECT_THAT(dictionary.Intern("\xC3\x28"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not UTF-8")));
  ASSERT_OK_AND_ASSIGN(const uint32_t id, dictionary.Intern("123456"));  // known ones remain usable
  EXPECT_EQ(id, 0);
  EXPECT_EQ(dictionary.size(), 3);
  EXPECT_EQ(dictionary.generation(), 0);
}

TEST(SymbolDictionary, TakesManyTextsUpToTheFirstThatItRefuses) {
  SymbolDictionary dictionary({.max_entries = 2});
  const std::string_view texts[] = {"a", "b", "a", "c", "d"};
  uint32_t ids[5] = {};
  size_t failed = 0;
  EXPECT_THAT(dictionary.InternAll(texts, ids, &failed),
              StatusIs(StatusCode::kLimitExceeded, ::testing::_));
  EXPECT_EQ(failed, 3);
  EXPECT_THAT(std::span(ids).first(3), ::testing::ElementsAre(0, 1, 0));
  EXPECT_EQ(dictionary.size(), 2);
}

TEST(SymbolDictionary, ItsGenerationTellsThatIdsWereTakenBack) {
  SymbolDictionary dictionary;
  ASSERT_OK(dictionary.Intern("a"));
  const uint64_t generation = dictionary.generation();
  dictionary.Rollback(1);
  EXPECT_EQ(dictionary.generation(), generation);
  dictionary.Rollback(0);
  EXPECT_NE(dictionary.generation(), generation);
  EXPECT_EQ(dictionary.bytes(), 0);
}

// Oracle: a map of the standard library. The texts are few lengths of few letters, so that many
// share beginnings, ends and, in the table, neighbours.
TEST(SymbolDictionaryProperty, BehavesAsAMapThatIsTakenBackNowAndThen) {
  SeededRandom random;
  for (int round = 0; round < 10; ++round) {
    SymbolDictionary dictionary({}, random.engine()());
    std::vector<std::string> entries;
    std::unordered_map<std::string, uint32_t> map;
    for (int step = 0; step < 60; ++step) {
      std::vector<std::string> texts;
      for (int64_t i = random.Uniform(0, 300); i > 0; --i) {
        std::string text(static_cast<size_t>(random.Uniform(0, 40)), 'a');
        for (int k = 0; k < 3 && !text.empty(); ++k)
          text[static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(text.size()) - 1))] =
              static_cast<char>('a' + random.Uniform(0, 20));
        texts.push_back(std::move(text));
      }
      const std::vector<std::string_view> views(texts.begin(), texts.end());
      std::vector<uint32_t> ids(texts.size());
      size_t failed = 0;
      ASSERT_OK(dictionary.InternAll(views, ids.data(), &failed));
      for (size_t i = 0; i < texts.size(); ++i) {
        const auto [found, is_new] = map.emplace(texts[i], static_cast<uint32_t>(entries.size()));
        if (is_new) entries.push_back(texts[i]);
        ASSERT_EQ(ids[i], found->second) << texts[i];
      }
      if (random.Chance(0.3)) {
        const auto kept =
            static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(entries.size())));
        dictionary.Rollback(random.Chance(0.1) ? 0 : kept);
        while (entries.size() > dictionary.size()) {
          map.erase(entries.back());
          entries.pop_back();
        }
      }
      ASSERT_EQ(dictionary.size(), entries.size());
      for (size_t id = 0; id < entries.size(); ++id) ASSERT_EQ(dictionary.entry(id), entries[id]);
    }
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
