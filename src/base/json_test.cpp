#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade {
namespace {

using std::string_literals::operator""s;
using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ParseJson, ReadsEveryKindOfValue) {
  ASSERT_OK_AND_ASSIGN(
      const Json json,
      ParseJson(R"( {"a": [1, -2, 2.5, true, false, null, "\u00b5\n"], "b": {}} )"));
  EXPECT_EQ(json["a"].size(), 7u);
  EXPECT_EQ(json["a"][0], 1);
  EXPECT_EQ(json["a"][1], -2);
  EXPECT_EQ(json["a"][2], 2.5);
  EXPECT_EQ(json["a"][3], true);
  EXPECT_TRUE(json["a"][5].is_null());
  EXPECT_EQ(json["a"][6], "µ\n");
  EXPECT_TRUE(json["b"].is_object());
  ASSERT_OK_AND_ASSIGN(const Json scalar, ParseJson("7"));
  EXPECT_EQ(scalar, 7);
}

TEST(ParseJson, KeepsSixtyFourBitsExactly) {
  ASSERT_OK_AND_ASSIGN(const Json json,
                       ParseJson("[18446744073709551615, -9223372036854775808, 9007199254740993]"));
  EXPECT_EQ(json[0].get<uint64_t>(), 18446744073709551615u);
  EXPECT_TRUE(json[0].is_number_unsigned());
  EXPECT_EQ(json[1].get<int64_t>(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(json[2].get<int64_t>(), 9007199254740993);
}

TEST(ParseJson, AnIntegerAbove64BitsIsNotAnInteger) {
  ASSERT_OK_AND_ASSIGN(const Json json, ParseJson("[18446744073709551616, -9223372036854775809]"));
  EXPECT_TRUE(json[0].is_number_float());
  EXPECT_TRUE(json[1].is_number_float());
}

TEST(ParseJson, ReadsPythonsNonFiniteNumbersAsStrings) {
  ASSERT_OK_AND_ASSIGN(
      const Json json,
      ParseJson("{\"a\": NaN, \"b\":[Infinity,-Infinity , NaN], \"NaN\": \"-Infinity, NaN\"}"));
  EXPECT_EQ(json["a"], "NaN");
  EXPECT_THAT(json["b"], ElementsAre("Infinity", "-Infinity", "NaN"));
  EXPECT_EQ(json["NaN"], "-Infinity, NaN");
  ASSERT_OK_AND_ASSIGN(const Json alone, ParseJson("-Infinity"));
  EXPECT_EQ(alone, "-Infinity");
}

TEST(ParseJson, RefusesNonFiniteTokensElsewhere) {
  for (const char* text : {"{NaN: 1}", "{\"a\": 1, NaN : 2}", "[NaNs]", "[-NaN]", "[1NaN]", "[nan]",
                           "[Infinit]", "[--Infinity]", "[NaN NaN]", "\"a\"NaN", "[NaN"}) {
    EXPECT_THAT(ParseJson(text), StatusIs(StatusCode::kInvalidData, HasSubstr("not JSON at byte")))
        << text;
  }
}

TEST(ParseJson, NamesTheByteInTheOriginalText) {
  EXPECT_THAT(ParseJson("[1, x]"), StatusIs(StatusCode::kInvalidData, HasSubstr("at byte 4:")));
  EXPECT_THAT(ParseJson("[NaN, NaN, x]"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("at byte 11:")));
  EXPECT_THAT(ParseJson("\xEF\xBB\xBF[1, x]"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("at byte 7:")));
}

TEST(ParseJson, SkipsOneByteOrderMark) {
  ASSERT_OK_AND_ASSIGN(const Json json, ParseJson("\xEF\xBB\xBF{\"a\": NaN}"));
  EXPECT_EQ(json["a"], "NaN");
  EXPECT_THAT(ParseJson("\xEF\xBB\xBF\xEF\xBB\xBF{}"), StatusIs(StatusCode::kInvalidData, _));
  EXPECT_THAT(ParseJson("\xEF\xBB{}"), StatusIs(StatusCode::kInvalidData, _));
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "{"s,
                                  "[1,]"s,
                                  "{\"a\":1,}"s,
                                  "{\"a\"}"s,
                                  "{} {}"s,
                                  "[] x"s,
                                  "{}\0"s,
                                  "{}\0garbage"s,
                                  "'a'"s,
                                  "[01]"s,
                                  "[+1]"s,
                                  "[1.]"s,
                                  "// note\n{}"s,
                                  "\"\x01\""s,
                                  "\"\\ud800\""s,
                                  "\"\\x41\""s,
                                  "[1e400]"s,
                                  "tru"s,
                                  "\xFF\xFE{\0}\0"s,
                                  "{\0}\0"s,
                                  "\"a"s,
                                  "\"a\\"s}) {
    EXPECT_THAT(ParseJson(text), StatusIs(StatusCode::kInvalidData, HasSubstr("not JSON at byte")))
        << text;
  }
}

TEST(ParseJson, RefusesInvalidUtf8) {
  for (const char* text : {"\"\xff\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
                           "{\"\xE6\xB8\": 1}", "\"\xE6"}) {
    EXPECT_THAT(ParseJson(text), StatusIs(StatusCode::kInvalidData, HasSubstr("UTF-8"))) << text;
  }
}

TEST(ParseJson, MessagesAreShortAndOneLine) {
  const std::string text = "[\"" + std::string(1 << 20, 'x') + "\n\x1b[31m";
  const Result<Json> result = ParseJson(text);
  ASSERT_FALSE(result.ok());
  EXPECT_LT(result.status().message().size(), 300u);
  EXPECT_THAT(std::string(result.status().message()),
              AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b"))));
  EXPECT_LT(ParseJson("[1e" + std::string(1 << 20, '9') + "]").status().message().size(), 600u);
}

TEST(ParseJson, ADepthOfAMillionIsALimitAndNotACrash) {
  for (const std::string open : {"[", "{\"a\":", "[{\"b\":["}) {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) text += open;
    EXPECT_THAT(ParseJson(text), StatusIs(StatusCode::kLimitExceeded, HasSubstr("128 levels")));
  }
}

TEST(ParseJson, DepthCountsOnlyOpenContainers) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_OK(ParseJson(nested(128)));
  EXPECT_THAT(ParseJson(nested(129)), StatusIs(StatusCode::kLimitExceeded, HasSubstr("byte 128")));
  EXPECT_OK(ParseJson("\"" + std::string(1000, '[') + "\""));
  EXPECT_OK(ParseJson("\"\\\"" + std::string(1000, '[') + "\""));
  std::string siblings = "[";
  for (int i = 0; i < 1000; ++i) siblings += "[],";
  EXPECT_OK(ParseJson(siblings + "{}]"));
  // A deep document, where allowed, is also destroyed without recursion.
  EXPECT_OK(ParseJson(nested(1'000'000), {.max_depth = 1'000'000}));
}

TEST(ParseJson, LimitsBytesAndValues) {
  EXPECT_OK(ParseJson("[1,2]", {.max_bytes = 5}));
  EXPECT_THAT(ParseJson("[1,2] ", {.max_bytes = 5}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("6 bytes, the limit is 5")));
  EXPECT_OK(ParseJson("[[],\",,,,\",{}]", {.max_values = 6}));
  EXPECT_THAT(ParseJson("[1,2,3,4,5,6]", {.max_values = 6}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("more than 6 values")));
}

TEST(ParseJson, ReportsEveryDuplicateKeyWithItsPathAndKeepsTheLast) {
  std::vector<std::string> duplicates;
  ASSERT_OK_AND_ASSIGN(const Json json,
                       ParseJson(R"({"shape": [1], "attributes": {"units": {"x": 1}, "units": "K"},
                    "list": [{}, {"a/b~": 1, "a/b~": 2}], "shape": [2], "shape": [3]})",
                                 {}, &duplicates));
  EXPECT_THAT(duplicates, ElementsAre("/attributes/units", "/list/1/a~1b~0", "/shape", "/shape"));
  EXPECT_EQ(json["shape"][0], 3);
  EXPECT_EQ(json["attributes"]["units"], "K");
  EXPECT_EQ(json["list"][1]["a/b~"], 2);
}

TEST(ParseJson, SameKeysInDifferentObjectsAreNoDuplicates) {
  std::vector<std::string> duplicates;
  ASSERT_OK(ParseJson(R"({"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]})", {}, &duplicates));
  EXPECT_THAT(duplicates, IsEmpty());
}

TEST(ParseJson, LimitsReportedDuplicates) {
  std::string text = "{\"a\":0";
  for (int i = 0; i < 1001; ++i) text += ",\"a\":" + std::to_string(i);
  text += "}";
  std::vector<std::string> duplicates;
  EXPECT_THAT(ParseJson(text, {}, &duplicates),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("1000 duplicate")));
  ASSERT_OK_AND_ASSIGN(const Json json, ParseJson(text));
  EXPECT_EQ(json["a"], 1000);
}

TEST(FindMember, FindsOnlyInObjects) {
  const Json json = {{"a", 1}, {"b", nullptr}};
  ASSERT_NE(FindMember(json, "a"), nullptr);
  EXPECT_EQ(*FindMember(json, "a"), 1);
  EXPECT_NE(FindMember(json, "b"), nullptr);
  EXPECT_EQ(FindMember(json, "c"), nullptr);
  EXPECT_EQ(FindMember(Json::array({"a"}), "a"), nullptr);
  EXPECT_EQ(FindMember(Json(), "a"), nullptr);
}

Json RandomJson(SeededRandom* random, int depth) {
  switch (random->Uniform(0, depth > 0 ? 7 : 5)) {
    case 0: return nullptr;
    case 1: return random->Chance(0.5);
    case 2: return static_cast<int64_t>(random->engine()());
    case 3: return random->engine()();
    case 4:
      return std::ldexp(static_cast<double>(random->Uniform(-1000, 1000)),
                        static_cast<int>(random->Uniform(-60, 60)));
    case 5: {
      constexpr std::string_view kPieces[] = {"NaN", "[",  "\"", "\\", "-Infinity",
                                              "µ",   "\n", ",",  ""};
      std::string text;
      while (random->Chance(0.7)) text += kPieces[random->Uniform(0, 8)];
      return text;
    }
    case 6: {
      Json array = Json::array();
      for (int64_t i = random->Uniform(0, 4); i > 0; --i)
        array.push_back(RandomJson(random, depth - 1));
      return array;
    }
    default: {
      Json object = Json::object();
      for (int64_t i = random->Uniform(0, 4); i > 0; --i) {
        object["k[" + std::to_string(i)] = RandomJson(random, depth - 1);
      }
      return object;
    }
  }
}

// Oracle: the document that was written. Cut short, it is never accepted as another one.
TEST(ParseJsonProperty, ReadsBackWhatWasWritten) {
  SeededRandom random;
  for (int round = 0; round < 500; ++round) {
    const Json want = Json::array({RandomJson(&random, 5)});
    const std::string text = want.dump(random.Chance(0.5) ? 2 : -1);
    ASSERT_OK_AND_ASSIGN(const Json got, ParseJson(text));
    EXPECT_EQ(got, want);
    const std::string cut = text.substr(
        0, static_cast<size_t>(random.Uniform(0, static_cast<int64_t>(text.size()) - 1)));
    EXPECT_FALSE(ParseJson(cut).ok()) << cut;
  }
}

}  // namespace
}  // namespace colonnade
