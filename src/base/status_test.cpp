#include "base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <locale>
#include <memory>
#include <set>

#include "support/status_matchers.h"

namespace colonnade {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Status Fail() { return InvalidData("chunk ", 3, " of ", uint64_t{4}); }

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("odd: ", value);
  return value / 2;
}

Result<int> Quarter(int value) {
  COLONNADE_ASSIGN_OR_RETURN(const int half, Half(value));
  COLONNADE_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

Status CheckQuarter(int value) {
  COLONNADE_RETURN_IF_ERROR(Quarter(value).status());
  return {};
}

TEST(Status, DefaultIsOkAndHasNoMessage) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.recovery(), Recovery::kNone);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "OK");
}

TEST(Status, JoinsTheMessageFromItsParts) {
  EXPECT_EQ(Fail().ToString(), "InvalidData: chunk 3 of 4");
}

TEST(Status, PrintsByteSizedIntegersAsNumbers) {
  EXPECT_EQ(InvalidData(uint8_t{0}, ' ', int8_t{-7}).message(), "0 -7");
}

TEST(Status, PrintsNumbersTheSameUnderAnyLocale) {
  struct Grouping : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Grouping));
  const Status status = Io("read ", 1234567);
  std::locale::global(before);
  EXPECT_EQ(status.message(), "read 1234567");
}

TEST(Status, ContextGoesInFrontAndKeepsCodeAndRecovery) {
  const Status status =
      Status(StatusCode::kUnavailable, "busy", Recovery::kRetry).WithContext("b").WithContext("a");
  EXPECT_THAT(status, StatusIs(StatusCode::kUnavailable, "a: b: busy"));
  EXPECT_EQ(status.recovery(), Recovery::kRetry);
  EXPECT_OK(Status().WithContext("a"));
}

TEST(Status, ContextOnAConstStatusMakesACopy) {
  const Status status = Fail();
  EXPECT_EQ(status.WithContext("air").message(), "air: chunk 3 of 4");
  EXPECT_EQ(status.message(), "chunk 3 of 4");
}

TEST(Status, CopiesAreIndependent) {
  Status first = Fail();
  const Status second = first;
  first = Status();
  EXPECT_OK(first);
  EXPECT_THAT(second, StatusIs(StatusCode::kInvalidData, HasSubstr("chunk")));
  Status third = second;
  const Status& alias = third;
  third = alias;
  EXPECT_THAT(third, StatusIs(StatusCode::kInvalidData, HasSubstr("chunk")));
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(StatusCode::kInternal); ++code) {
    names.insert(StatusCodeName(static_cast<StatusCode>(code)));
  }
  EXPECT_EQ(names.size(), 16u);
  EXPECT_THAT(names, Not(testing::Contains("Unknown")));
}

TEST(Result, HoldsAValueOrTheReasonThereIsNone) {
  ASSERT_OK_AND_ASSIGN(const int quarter, Quarter(12));
  EXPECT_EQ(quarter, 3);
  EXPECT_THAT(Quarter(5), StatusIs(StatusCode::kInvalidArgument, "odd: 5"));
  EXPECT_THAT(Quarter(6), StatusIs(StatusCode::kInvalidArgument, "odd: 3"));
  EXPECT_OK(CheckQuarter(4));
  EXPECT_THAT(CheckQuarter(7), StatusIs(StatusCode::kInvalidArgument, "odd: 7"));
}

TEST(Result, MadeFromAnOkStatusIsAnInternalFailureRatherThanAnEmptyValue) {
  const Result<int> result = Status();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
}

TEST(Result, CarriesMoveOnlyAndConvertedValues) {
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  ASSERT_OK(owner);
  const std::unique_ptr<int> value = *std::move(owner);
  EXPECT_EQ(*value, 5);
  const Result<std::string> text = "literal";
  EXPECT_EQ(*text, "literal");
  EXPECT_EQ(text->size(), 7u);
}

}  // namespace
}  // namespace colonnade
