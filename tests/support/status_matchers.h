// GoogleTest support for Status and Result.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace colonnade {

inline const Status& StatusOf(const Status& status) { return status; }
template <typename T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

MATCHER_P2(StatusIs, code, message, "") {
  const Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

MATCHER(IsOk, "") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

}  // namespace colonnade

#define ASSERT_OK(expression) ASSERT_THAT(expression, ::colonnade::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT(expression, ::colonnade::IsOk())
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(COLONNADE_CONCAT(_result_, __LINE__), target, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(result, target, expression) \
  auto result = (expression);                                  \
  ASSERT_OK(result);                                           \
  target = *std::move(result)
