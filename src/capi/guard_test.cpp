#include "capi/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

#include "colonnade/error.h"
#include "support/status_matchers.h"

namespace colonnade::capi {
namespace {

using ::testing::HasSubstr;

TEST(Guard, OkIsNull) {
  EXPECT_EQ(Guard("f", [](const Arguments&) { return Status(); }), nullptr);
}

TEST(Guard, NoMemoryIsLimitExceededAndMayBeFreedAnyNumberOfTimes) {
  for (int i = 0; i < 2; ++i) {
    colonnade_error* error = Guard("f", [](const Arguments&) -> Status { throw std::bad_alloc(); });
    EXPECT_EQ(colonnade_error_code(error), COLONNADE_LIMIT_EXCEEDED);
    EXPECT_STREQ(colonnade_error_message(error, nullptr), "out of memory");
    colonnade_error_free(error);
  }
}

TEST(Guard, AnExceptionIsInternalAndNamesTheFunction) {
  colonnade_error* error =
      Guard("f", [](const Arguments&) -> Status { throw std::runtime_error("broken"); });
  EXPECT_EQ(colonnade_error_code(error), COLONNADE_INTERNAL);
  EXPECT_STREQ(colonnade_error_message(error, nullptr), "f: broken");
  colonnade_error_free(error);
}

TEST(Guard, WhatIsNoExceptionIsInternalToo) {
  colonnade_error* error = Guard("f", [](const Arguments&) -> Status { throw 7; });
  EXPECT_EQ(colonnade_error_code(error), COLONNADE_INTERNAL);
  EXPECT_STRNE(colonnade_error_message(error, nullptr), "");
  colonnade_error_free(error);
}

TEST(Arguments, TextIsTerminatedOrCounted) {
  const Arguments arguments("f");
  ASSERT_OK_AND_ASSIGN(const auto terminated, arguments.Text("abc", COLONNADE_TERMINATED, "sql"));
  EXPECT_EQ(terminated, "abc");
  ASSERT_OK_AND_ASSIGN(const auto counted, arguments.Text("abc", 2, "sql"));
  EXPECT_EQ(counted, "ab");
  ASSERT_OK_AND_ASSIGN(const auto empty, arguments.Text("", 0, "sql"));
  EXPECT_EQ(empty, "");
}

TEST(Arguments, TextThatIsNotTextIsRefusedByName) {
  const Arguments arguments("f");
  EXPECT_THAT(arguments.Text(nullptr, 0, "sql"),
              StatusIs(StatusCode::kInvalidArgument, "f: sql is NULL"));
  EXPECT_THAT(arguments.Text("a\0b", 3, "sql"),
              StatusIs(StatusCode::kInvalidArgument, "f: sql contains a NUL, at byte 1"));
  EXPECT_THAT(arguments.Text("\xff", 1, "sql"),
              StatusIs(StatusCode::kInvalidArgument, "f: sql is not UTF-8"));
  ASSERT_OK_AND_ASSIGN(const auto value, arguments.Value("a\0b", 3, "sql"));
  EXPECT_EQ(value, std::string("a\0b", 3));
}

// An options struct of this release, and the same of a later one.
struct Options {
  size_t struct_size;
  int64_t first;
  int64_t second;  // not in the first release
};
struct LaterOptions {
  Options known;
  int64_t third;
};
constexpr size_t kFirstSize = offsetof(Options, second);

TEST(Arguments, OptionsOfAnOlderReleaseLeaveNewMembersAtTheirDefaults) {
  const Arguments arguments("f");
  Options options{sizeof(Options), 1, 2};
  const Options old{kFirstSize, 5, 99};  // the last member is beyond the caller's struct
  ASSERT_OK(arguments.ReadOptions(&old, kFirstSize, "options", &options));
  EXPECT_EQ(options.first, 5);
  EXPECT_EQ(options.second, 2);
}

TEST(Arguments, OptionsOfALaterReleaseAreReadIfWhatIsUnknownIsNotSet) {
  const Arguments arguments("f");
  Options options{sizeof(Options), 1, 2};
  LaterOptions later{{sizeof(LaterOptions), 5, 6}, 0};
  ASSERT_OK(arguments.ReadOptions(&later.known, kFirstSize, "options", &options));
  EXPECT_EQ(options.second, 6);
  later.third = 1;
  EXPECT_THAT(arguments.ReadOptions(&later.known, kFirstSize, "options", &options),
              StatusIs(StatusCode::kUnsupported, HasSubstr("f: options sets members")));
}

TEST(Arguments, OptionsWithoutASizeAreRefused) {
  const Arguments arguments("f");
  Options options{sizeof(Options), 1, 2};
  for (const size_t size : {size_t{0}, kFirstSize - 1, SIZE_MAX}) {
    const Options given{size, 5, 6};
    EXPECT_THAT(arguments.ReadOptions(&given, kFirstSize, "options", &options),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("options->struct_size")));
  }
  EXPECT_EQ(options.first, 1);
  EXPECT_OK(arguments.ReadOptions<Options>(nullptr, kFirstSize, "options", &options));
}

}  // namespace
}  // namespace colonnade::capi
