// Rows as an Arrow C stream.

#pragma once

#include "colonnade/abi.h"
#include "colonnade/arrow.h"
#include "colonnade/error.h"
#include "colonnade/statement.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How to read rows.
typedef struct colonnade_stream_options {
  size_t struct_size;
  int64_t batch_rows; /* about how many rows a batch has; 0: 65536 */
} colonnade_stream_options;

#define COLONNADE_STREAM_OPTIONS_INIT {sizeof(colonnade_stream_options), 0}

/// The rows of a relation; runs it if it is a query. Each batch is an Arrow struct with one child
/// per column. The stream is read by one thread at a time, and may be released half read; it and
/// its batches outlive relation and session.
///
/// When get_next fails it returns ECANCELED for Cancelled and another errno otherwise; ask
/// colonnade_error_from_stream for the rest. A failed stream stays failed.
///
/// \param relation  shared
/// \param options   borrowed; NULL means COLONNADE_STREAM_OPTIONS_INIT
/// \param stream    out, freed by its own `release`
/// \error InvalidState if the rows can be read once and were.
COLONNADE_API colonnade_error* colonnade_relation_stream(colonnade_relation* relation,
                                                         const colonnade_stream_options* options,
                                                         struct ArrowArrayStream* stream);

/// The failure of a stream that colonnade_relation_stream made, NULL if it has not failed.
///
/// \param stream borrowed
/// \error InvalidArgument, in place of the failure, for NULL, a released stream or another maker's.
COLONNADE_API colonnade_error* colonnade_error_from_stream(struct ArrowArrayStream* stream);

#ifdef __cplusplus
}
#endif
