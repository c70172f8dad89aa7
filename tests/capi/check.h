// Checks for tests in plain C. A check that fails prints where and why, and the program goes on:
//
//   static void AThingIsSo(void) { CHECK(1 + 1 == 2); }
//   int main(void) { RUN(AThingIsSo); return CheckResult(); }

#pragma once

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "colonnade/error.h"

static atomic_int check_failures;

#define CHECK(condition) Check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/// The call succeeds. The error of one that does not is printed and freed.
#define CHECK_OK(call) CheckError((call), COLONNADE_OK, "", #call, __FILE__, __LINE__)

/// The call fails with this code and a message that contains this text.
#define CHECK_FAILS(call, code, text) CheckError((call), (code), (text), #call, __FILE__, __LINE__)

#define RUN(test)                \
  do {                           \
    fprintf(stderr, #test "\n"); \
    test();                      \
  } while (0)

static inline int Check(int holds, const char* what, const char* file, int line) {
  if (!holds) {
    ++check_failures;
    fprintf(stderr, "%s:%d: FAILED: %s\n", file, line, what);
  }
  return holds;
}

static inline int CheckError(colonnade_error* error, int32_t code, const char* text,
                             const char* what, const char* file, int line) {
  const char* message = colonnade_error_message(error, NULL);
  const int holds = colonnade_error_code(error) == code && strstr(message, text) != NULL;
  if (!holds) {
    ++check_failures;
    fprintf(stderr, "%s:%d: FAILED: %s\n  is %s: %s\n  expected %s: ...%s...\n", file, line, what,
            colonnade_code_name(colonnade_error_code(error), NULL), message,
            colonnade_code_name(code, NULL), text);
  }
  colonnade_error_free(error);
  return holds;
}

static inline int CheckResult(void) {
  if (check_failures != 0) fprintf(stderr, "%d checks failed\n", check_failures);
  return check_failures == 0 ? 0 : 1;
}
