// Sessions: an engine with the settings, tables and temporary tables of one user.

#pragma once

#include "colonnade/abi.h"
#include "colonnade/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How to open a session.
typedef struct colonnade_session_options {
  size_t struct_size;
  int64_t threads;          /* 0: one per core */
  const char* memory_limit; /* "4GB", of everything that grows with the data; NULL: 80 % */
  size_t memory_limit_size; /* of the text */
  const char*
      temp_directory; /* where data that exceeds the memory goes; NULL: the engine's choice */
  size_t temp_directory_size;
} colonnade_session_options;

#define COLONNADE_SESSION_OPTIONS_INIT {sizeof(colonnade_session_options), 0, NULL, 0, NULL, 0}

/// An engine and what one user has in it. Any number of threads at once.
///
/// Statements run one at a time, queries any number at once, each with what the session has at the
/// moment it starts. Between BEGIN and COMMIT or ROLLBACK queries see what the transaction wrote.
typedef struct colonnade_session colonnade_session;

/// Opens a session with a database of its own, in memory. SQL in it reads Zarr stores
/// (`FROM 'air.zarr'`, `ATTACH 'air.zarr' AS air (TYPE zarr)`) and files.
///
/// \param options  borrowed; NULL means COLONNADE_SESSION_OPTIONS_INIT
/// \param session  out, freed with colonnade_session_free
/// \error InvalidArgument for options that are out of range or that the engine refuses.
COLONNADE_API colonnade_error* colonnade_session_open(const colonnade_session_options* options,
                                                      colonnade_session** session);

/// Ends everything that runs in the session with Cancelled; no effect when nothing runs. From any
/// thread, but not from a signal handler. \param session borrowed
COLONNADE_API colonnade_error* colonnade_session_interrupt(colonnade_session* session);

/// Gives up the caller's hold on a session. It ends when statements, relations and streams made of
/// it are freed too. \param session moved on success
COLONNADE_API void colonnade_session_free(colonnade_session* session);

#ifdef __cplusplus
}
#endif
