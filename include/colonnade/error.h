// Errors: what happened, and what the caller may do next.

#pragma once

#include "colonnade/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What happened. Numbers are only ever added.
enum {
  COLONNADE_OK = 0,
  COLONNADE_INVALID_ARGUMENT = 1,
  COLONNADE_NOT_FOUND = 2,
  COLONNADE_ALREADY_EXISTS = 3,
  COLONNADE_INVALID_STATE = 4,
  COLONNADE_UNSUPPORTED = 5,
  COLONNADE_INVALID_DATA = 6,
  COLONNADE_UNAUTHENTICATED = 7,
  COLONNADE_PERMISSION_DENIED = 8,
  COLONNADE_CANCELLED = 9,
  COLONNADE_TIMEOUT = 10,
  COLONNADE_LIMIT_EXCEEDED = 11, /* out of memory included */
  COLONNADE_UNAVAILABLE = 12,
  COLONNADE_PROTOCOL_ERROR = 13,
  COLONNADE_IO = 14,
  COLONNADE_INTERNAL = 15
};

/// What the caller may do next. Numbers are only ever added.
enum {
  COLONNADE_RECOVERY_NONE = 0,      /* the same call will fail the same way */
  COLONNADE_RECOVERY_RETRY = 1,     /* repeat after a back-off; nothing was applied */
  COLONNADE_RECOVERY_RECONNECT = 2, /* repeat on a new connection; nothing was applied */
  COLONNADE_RECOVERY_RESEND = 3     /* outcome unknown: start again from the source of the data */
};

/// A failure. Immutable: any number of threads at once.
typedef struct colonnade_error colonnade_error;

/// A failure for a callback to return. Never NULL: arguments that are wrong, or no memory, make an
/// error that says so.
///
/// \param code      one of COLONNADE_INVALID_ARGUMENT … COLONNADE_INTERNAL
/// \param recovery  one of COLONNADE_RECOVERY_…
/// \param message   borrowed
COLONNADE_API colonnade_error* colonnade_error_new(int32_t code, int32_t recovery,
                                                   const char* message, size_t message_size);

/// One of the codes above; COLONNADE_OK for NULL. \param error borrowed
COLONNADE_API int32_t colonnade_error_code(const colonnade_error* error);

/// One of COLONNADE_RECOVERY_…; COLONNADE_RECOVERY_NONE for NULL. \param error borrowed
COLONNADE_API int32_t colonnade_error_recovery(const colonnade_error* error);

/// What happened, where, and the values, in one line without the code; "" for NULL.
///
/// \param error borrowed  \param size out
COLONNADE_API const char* colonnade_error_message(const colonnade_error* error, size_t* size);

/// "InvalidArgument"; NULL for a number that is no code. \param size out. Valid for ever.
COLONNADE_API const char* colonnade_code_name(int32_t code, size_t* size);

/// \param error moved on success
COLONNADE_API void colonnade_error_free(colonnade_error* error);

#ifdef __cplusplus
}
#endif
