#include "questdb/wire/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Names, TakeLettersOfAllLanguages) {
  for (const char* name : {"a", "Trades 2024", "größe", "価格", "😀", "_x$[0]",
                           "a\x10"
                           "b"}) {
    EXPECT_OK(CheckTableName(name)) << name;
    EXPECT_OK(CheckColumnName(name)) << name;
  }
  EXPECT_OK(CheckTableName("a-b.c"));
  EXPECT_OK(CheckTableName(std::string(127, 'x')));
}

TEST(Names, RefuseCharactersThatHaveAnotherMeaning) {
  for (const char c : std::string_view("?,'\"\\/:()+*%~\x01\x09\x0A\x0F\x7F\0", 20)) {
    const std::string name = std::string("a") + c;
    EXPECT_THAT(CheckTableName(name),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("table name"), HasSubstr("at byte 1"))))
        << static_cast<int>(c);
    EXPECT_THAT(CheckColumnName(name),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("column name")));
  }
  EXPECT_THAT(CheckTableName("a\xEF\xBB\xBF"),
              StatusIs(StatusCode::kInvalidArgument, ::testing::_));
  EXPECT_THAT(CheckColumnName("a.b"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("'.'")));
  EXPECT_THAT(CheckColumnName("a-b"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("'-'")));
}

TEST(Names, RefuseWhatIsEmptyLongOrNoText) {
  EXPECT_THAT(CheckTableName(""), StatusIs(StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_THAT(CheckColumnName(std::string(128, 'x')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("128 bytes, more than 127")));
  EXPECT_THAT(CheckColumnName("\xFF"), StatusIs(StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

TEST(Names, DotsOfTablesStandAlone) {
  for (const char* name : {".a", "a.", "a..b", "."})
    EXPECT_THAT(CheckTableName(name), StatusIs(StatusCode::kInvalidArgument, HasSubstr("dot")))
        << name;
}

Status Distinct(std::vector<std::string_view> names) { return CheckDistinct(names); }

TEST(Names, ThatDifferOnlyInCaseAreTheSame) {
  EXPECT_OK(Distinct({}));
  EXPECT_OK(Distinct({"a", "b", "ä", "aa"}));
  EXPECT_THAT(Distinct({"x", "a", "a"}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("two columns are named 'a'")));
  const std::pair<const char*, const char*> kPairs[] = {
      {"Price", "pRICE"}, {"GRÖSSE", "grösse"}, {"ΠΡΟΣ", "προσ"}, {"Цена", "цЕНА"},
      {"ĀĂ", "āă"},       {"Ÿ", "ÿ"},           {"Ꭰ", "ꭰ"},       {"𐐀", "𐐨"},
      {"Ǆ", "ǆ"},         {"Ա", "ա"},           {"İ", "i̇"}};
  for (const auto& [left, right] : kPairs) {
    EXPECT_THAT(Distinct({left, right}),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("differ only in case")))
        << left << " " << right;
  }
  // Neighbours of capitals in the table of letters.
  EXPECT_OK(Distinct({"×", "÷", "ß", "ÿ", "ª", "ĸ", "ŉ", "㍿"}));
}

}  // namespace
}  // namespace colonnade::questdb::wire
