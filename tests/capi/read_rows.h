// Reads results of which the first column is a BIGINT.

#pragma once

#include <stdint.h>

#include "check.h"
#include "colonnade/colonnade.h"

/// What was read of a stream.
typedef struct {
  int64_t rows;
  int64_t batches;
  int64_t sum;  // of the first column; NULL counts as nothing
  int64_t first;
  int error;  // what get_next returned last
} Read;

static inline int IsValid(const struct ArrowArray* column, int64_t row) {
  const unsigned char* bits = (const unsigned char*)column->buffers[0];
  const int64_t at = column->offset + row;
  return column->null_count == 0 || bits == NULL || ((bits[at / 8] >> (at % 8)) & 1) != 0;
}

/// Reads one batch; false at the end and at an error.
static inline int ReadBatch(struct ArrowArrayStream* stream, Read* read) {
  struct ArrowArray batch = {0};
  read->error = stream->get_next(stream, &batch);
  if (read->error != 0 || batch.release == NULL) return 0;
  const struct ArrowArray* column = batch.children[0];
  for (int64_t i = 0; i < batch.length; ++i) {
    const int64_t row = batch.offset + i;
    if (!IsValid(column, row)) continue;
    const int64_t value = ((const int64_t*)column->buffers[1])[column->offset + row];
    if (read->rows == 0 && i == 0) read->first = value;
    read->sum += value;
  }
  read->rows += batch.length;
  ++read->batches;
  batch.release(&batch);
  return 1;
}

static inline Read ReadAll(struct ArrowArrayStream* stream) {
  Read read = {0};
  while (ReadBatch(stream, &read)) {
  }
  return read;
}

/// Reads the rows of a relation.
static inline Read ReadRelation(colonnade_relation* relation) {
  Read read = {0};
  struct ArrowArrayStream stream = {0};
  if (!CHECK_OK(colonnade_relation_stream(relation, NULL, &stream))) return read;
  read = ReadAll(&stream);
  CHECK(read.error == 0);
  stream.release(&stream);
  return read;
}

/// Runs a text and reads the rows of its last statement.
static inline Read Query(colonnade_session* session, const char* sql) {
  Read read = {0};
  colonnade_relation* relation = NULL;
  if (CHECK_OK(colonnade_session_run(session, sql, COLONNADE_TERMINATED, &relation)))
    read = ReadRelation(relation);
  colonnade_relation_free(relation);
  return read;
}

/// Runs a text of which nothing but its effect counts.
static inline void Run(colonnade_session* session, const char* sql) {
  CHECK_OK(colonnade_session_run(session, sql, COLONNADE_TERMINATED, NULL));
}

static inline colonnade_session* OpenSession(void) {
  colonnade_session_options options = COLONNADE_SESSION_OPTIONS_INIT;
  colonnade_session* session = NULL;
  options.threads = 2;
  CHECK_OK(colonnade_session_open(&options, &session));
  return session;
}
