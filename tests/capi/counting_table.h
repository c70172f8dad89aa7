// A stream table of two BIGINT columns, `n` = 0, 1, 2 … and `tenfold`, that counts what is done to
// it and can be told to fail or to wait.

#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "colonnade/colonnade.h"

typedef struct {
  int64_t batches;     // of one partition
  int64_t batch_rows;  // of one batch
  bool fail_open;
  bool no_stream;
  int64_t fail_at;  // batch of which get_next fails; 0: none, as batch 0 never does
  bool gated;       // the first batch is given out only after OpenGate

  atomic_int opened;
  atomic_int streams;  // open now
  atomic_int batches_given;
  atomic_int destroyed;
  atomic_int late;  // callbacks after `destroyed`

  pthread_mutex_t mutex;  // of the rest
  pthread_cond_t changed;
  bool reading;
  bool gate_open;
  colonnade_stream_request request;  // the last; its pointers are not kept
  char filter[200];
} CountingTable;

typedef struct {
  CountingTable* table;
  int64_t partition;
  int64_t batch;
} CountingStream;

static inline void CountingTableInit(CountingTable* table, int64_t batches, int64_t batch_rows) {
  memset(table, 0, sizeof(*table));
  table->batches = batches;
  table->batch_rows = batch_rows;
  pthread_mutex_init(&table->mutex, NULL);
  pthread_cond_init(&table->changed, NULL);
}

/// Waits until somebody asks for rows.
static inline void AwaitReading(CountingTable* table) {
  pthread_mutex_lock(&table->mutex);
  while (!table->reading) pthread_cond_wait(&table->changed, &table->mutex);
  pthread_mutex_unlock(&table->mutex);
}

static inline void OpenGate(CountingTable* table) {
  pthread_mutex_lock(&table->mutex);
  table->gate_open = true;
  pthread_cond_broadcast(&table->changed);
  pthread_mutex_unlock(&table->mutex);
}

static inline void CountLate(CountingTable* table) {
  if (atomic_load(&table->destroyed) != 0) atomic_fetch_add(&table->late, 1);
}

static inline void ReleaseSchemaLeaf(struct ArrowSchema* schema) { schema->release = NULL; }

static inline void ReleaseSchema(struct ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(schema->children[i]);
  }
  free(schema->children);
  schema->release = NULL;
}

static inline struct ArrowSchema CountingSchema(void) {
  static const char* const kNames[] = {"n", "tenfold"};
  struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 2};
  schema.children = calloc(2, sizeof(*schema.children));
  for (int i = 0; i < 2; ++i) {
    schema.children[i] = calloc(1, sizeof(struct ArrowSchema));
    *schema.children[i] = (struct ArrowSchema){.format = "l",
                                               .name = kNames[i],
                                               .flags = ARROW_FLAG_NULLABLE,
                                               .release = ReleaseSchemaLeaf};
  }
  schema.release = ReleaseSchema;
  return schema;
}

static inline void ReleaseColumn(struct ArrowArray* array) {
  free((void*)array->buffers[1]);
  free(array->buffers);
  array->release = NULL;
}

static inline void ReleaseBatch(struct ArrowArray* array) {
  for (int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
    free(array->children[i]);
  }
  free(array->children);
  free(array->buffers);
  array->release = NULL;
}

static inline struct ArrowArray CountingBatch(int64_t first, int64_t rows) {
  struct ArrowArray batch = {.length = rows, .n_buffers = 1, .n_children = 2};
  batch.buffers = calloc(1, sizeof(*batch.buffers));
  batch.children = calloc(2, sizeof(*batch.children));
  for (int c = 0; c < 2; ++c) {
    int64_t* values = malloc((size_t)rows * sizeof(int64_t));
    for (int64_t i = 0; i < rows; ++i) values[i] = (first + i) * (c == 0 ? 1 : 10);
    struct ArrowArray* column = calloc(1, sizeof(*column));
    *column = (struct ArrowArray){.length = rows, .n_buffers = 2, .release = ReleaseColumn};
    column->buffers = calloc(2, sizeof(*column->buffers));
    column->buffers[1] = values;
    batch.children[c] = column;
  }
  batch.release = ReleaseBatch;
  return batch;
}

static inline int CountingGetSchema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  CountLate(((CountingStream*)stream->private_data)->table);
  *out = CountingSchema();
  return 0;
}

static inline int CountingGetNext(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  CountingStream* state = stream->private_data;
  CountingTable* table = state->table;
  CountLate(table);
  pthread_mutex_lock(&table->mutex);
  table->reading = true;
  pthread_cond_broadcast(&table->changed);
  while (table->gated && !table->gate_open) pthread_cond_wait(&table->changed, &table->mutex);
  pthread_mutex_unlock(&table->mutex);
  memset(out, 0, sizeof(*out));
  if (table->fail_at != 0 && state->batch == table->fail_at) return EIO;
  if (state->batch == table->batches) return 0;
  atomic_fetch_add(&table->batches_given, 1);
  const int64_t batch = state->partition * table->batches + state->batch;
  *out = CountingBatch(batch * table->batch_rows, table->batch_rows);
  ++state->batch;
  return 0;
}

static inline const char* CountingGetLastError(struct ArrowArrayStream* stream) {
  CountLate(((CountingStream*)stream->private_data)->table);
  return "the sensor was unplugged";
}

static inline void CountingRelease(struct ArrowArrayStream* stream) {
  CountingStream* state = stream->private_data;
  CountLate(state->table);
  atomic_fetch_sub(&state->table->streams, 1);
  free(state);
  stream->release = NULL;
}

static inline colonnade_error* CountingOpen(void* user_data,
                                            const colonnade_stream_request* request,
                                            struct ArrowArrayStream* stream) {
  CountingTable* table = user_data;
  CountLate(table);
  atomic_fetch_add(&table->opened, 1);
  pthread_mutex_lock(&table->mutex);
  table->request = *request;
  table->request.columns = NULL;
  table->request.filter_sql = NULL;
  table->filter[0] = '\0';
  if (request->filter_sql_size < sizeof(table->filter)) {
    memcpy(table->filter, request->filter_sql, request->filter_sql_size);
    table->filter[request->filter_sql_size] = '\0';
  }
  pthread_mutex_unlock(&table->mutex);
  if (table->fail_open) {
    return colonnade_error_new(COLONNADE_PERMISSION_DENIED, COLONNADE_RECOVERY_NONE,
                               "no key for the cellar", COLONNADE_TERMINATED);
  }
  if (table->no_stream) return NULL;
  CountingStream* state = calloc(1, sizeof(*state));
  *state = (CountingStream){.table = table, .partition = request->partition};
  atomic_fetch_add(&table->streams, 1);
  *stream = (struct ArrowArrayStream){CountingGetSchema, CountingGetNext, CountingGetLastError,
                                      CountingRelease, state};
  return NULL;
}

static inline void CountingDestroy(void* user_data) {
  CountingTable* table = user_data;
  atomic_fetch_add(&table->destroyed, 1);
}

/// The struct to register it with.
static inline colonnade_stream_table CountingCallbacks(CountingTable* table) {
  colonnade_stream_table callbacks = COLONNADE_STREAM_TABLE_INIT;
  callbacks.open = CountingOpen;
  callbacks.user_data = table;
  callbacks.destroy = CountingDestroy;
  return callbacks;
}
