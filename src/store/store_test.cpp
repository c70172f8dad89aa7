#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/status_matchers.h"

namespace colonnade::store {
namespace {

using std::string_literals::operator""s;
using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ValidateKey, AcceptsWhatZarrWrites) {
  for (const std::string& key : {"zarr.json"s, ".zarray"s, "t2m/c/0/1"s, "a/0.0"s, "...x/..."s,
                                 "température/ c"s, "C:"s, std::string(4096, 'x')}) {
    EXPECT_OK(ValidateKey(key)) << key;
    EXPECT_TRUE(IsValidKey(key));
  }
}

TEST(ValidateKey, RefusesWhatCouldLeaveTheRootOrMeanTwoThings) {
  for (const std::string& key :
       {""s, "/"s, "/etc/passwd"s, "a/"s, "a//b"s, "."s, ".."s, "../a"s, "a/.."s, "a/../b"s,
        "a/./b"s, "./a"s, "a\\b"s, "..\\a"s, "a\0b"s, "\0"s, std::string(4097, 'x')}) {
    EXPECT_THAT(ValidateKey(key), StatusIs(StatusCode::kInvalidArgument, _)) << key;
    EXPECT_FALSE(IsValidKey(key));
  }
}

TEST(ValidateKey, ShowsControlCharactersEscapedAndLongKeysCut) {
  EXPECT_THAT(ValidateKey("../\x1b[31m\n"),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\\x1b[31m\\n"), Not(HasSubstr("\x1b")))));
  EXPECT_LT(ValidateKey(std::string(1 << 20, 'x')).message().size(), 400u);
}

TEST(JoinKey, LeavesOutAnEmptyPrefix) {
  EXPECT_EQ(JoinKey("", "zarr.json"), "zarr.json");
  EXPECT_EQ(JoinKey("a/b", "zarr.json"), "a/b/zarr.json");
}

TEST(ResolveRange, LaysTheRangeOverTheValue) {
  constexpr uint64_t kMax = ~uint64_t{0};
  const auto span = [&](ByteRange range) {
    const Result<ByteSpan> result = ResolveRange(range, 10, kMax);
    EXPECT_OK(result);
    return std::pair(result->offset, result->length);
  };
  EXPECT_EQ(span(ByteRange::Whole()), std::pair(uint64_t{0}, uint64_t{10}));
  EXPECT_EQ(span(ByteRange::Span(3, 7)), std::pair(uint64_t{3}, uint64_t{7}));
  EXPECT_EQ(span(ByteRange::Span(10, 0)), std::pair(uint64_t{10}, uint64_t{0}));
  EXPECT_EQ(span(ByteRange::Suffix(4)), std::pair(uint64_t{6}, uint64_t{4}));
  EXPECT_EQ(span(ByteRange::Suffix(10)), std::pair(uint64_t{0}, uint64_t{10}));
  for (const ByteRange range :
       {ByteRange::Span(3, 8), ByteRange::Span(11, 0), ByteRange::Span(kMax, 2),
        ByteRange::Span(2, kMax), ByteRange::Suffix(11), ByteRange::Suffix(kMax)}) {
    EXPECT_THAT(ResolveRange(range, 10, kMax), StatusIs(StatusCode::kInvalidData, HasSubstr("10")));
  }
}

TEST(ResolveRange, RefusesMoreThanTheLimit) {
  EXPECT_OK(ResolveRange(ByteRange::Whole(), 10, 10));
  EXPECT_THAT(ResolveRange(ByteRange::Whole(), 10, 9),
              StatusIs(StatusCode::kLimitExceeded, "a read of 10 bytes, the limit is 9"));
  EXPECT_OK(ResolveRange(ByteRange::Suffix(9), 10, 9));
}

}  // namespace
}  // namespace colonnade::store
