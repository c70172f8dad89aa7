// What all headers of the C interface share: how to read them, versions, returned text.
//
// **Ownership.** Every pointer parameter is one of
//
//   borrowed          used during the call only; the caller keeps it
//   moved on success  taken over by the call if it succeeds (of an Arrow struct, `release` is then
//                     NULL); untouched, and still the caller's, if it fails
//   shared            kept alive by what the call makes; the caller still frees its own
//   out               written only on success; the caller frees it with the named function
//
// What is made of something keeps that alive, so everything may be freed in any order, on any
// thread. Every `_free` accepts NULL. A freed handle may not be used again.
//
// **Errors.** A function that can fail returns a colonnade_error (error.h), NULL if it succeeded. A
// required pointer that is NULL is an InvalidArgument that names the parameter. Accessors cannot
// fail: of NULL, or beyond the end, they give NULL or 0. No exception leaves this interface, and
// none may be thrown by a callback.
//
// **Text** is a pointer and a number of bytes, UTF-8; COLONNADE_TERMINATED instead of the number
// means that a NUL ends it. Text that is returned is borrowed from the handle it is asked of, ends
// with a NUL that is not counted, and its `size` pointer (out) may be NULL.
//
// **Options** are structs whose first member is their size; start from their …_INIT. New members
// come last, and zero means what was before there were any.

#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define COLONNADE_API __attribute__((visibility("default")))
#else
#define COLONNADE_API
#endif

/// As the size of a text: a NUL ends it.
#define COLONNADE_TERMINATED SIZE_MAX

#ifdef __cplusplus
extern "C" {
#endif

/// Version of this library, "1.2.3". \param size out. Any thread; valid for ever.
COLONNADE_API const char* colonnade_version(size_t* size);

/// Version of the SQL engine in it. \param size out. Any thread; valid for ever.
COLONNADE_API const char* colonnade_engine_version(size_t* size);

/// A text that a function made. Immutable: any number of threads at once.
typedef struct colonnade_text colonnade_text;

/// \param text borrowed  \param size out
COLONNADE_API const char* colonnade_text_data(const colonnade_text* text, size_t* size);

/// \param text moved on success
COLONNADE_API void colonnade_text_free(colonnade_text* text);

#ifdef __cplusplus
}
#endif
