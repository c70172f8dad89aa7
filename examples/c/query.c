// Asks a question in SQL about columns that the program has in memory, without copying them.
//
//   cc query.c $(pkg-config --cflags --libs colonnade) -o query && ./query 20.5
//
// prints, for each station, how many readings are above 20.5 degrees or missing.

#include <colonnade/colonnade.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The table: two Arrow columns of five rows. ----

enum { kRows = 5 };
static const char kStations[] = "harbourhilltowerharbourhill";
static const int32_t kStationEnds[] = {0, 7, 11, 16, 23, 27};
static const double kTemperatures[] = {21.5, 22.75, 0, 21, 19};
static const uint8_t kTemperatureIsValid[] = {0x1b};  // bits 0, 1, 3 and 4: the third is missing

static const void* station_buffers[] = {NULL, kStationEnds, kStations};
static const void* temperature_buffers[] = {kTemperatureIsValid, kTemperatures};
static const void* row_buffers[] = {NULL};

// The columns are never freed, so all there is to release is the memory of the structs.
static void ReleaseColumn(struct ArrowArray* column) { column->release = NULL; }

static void ReleaseRows(struct ArrowArray* rows) {
  for (int64_t i = 0; i < rows->n_children; ++i) {
    if (rows->children[i]->release != NULL) rows->children[i]->release(rows->children[i]);
    free(rows->children[i]);
  }
  free(rows->children);
  rows->release = NULL;
}

static void ReleaseField(struct ArrowSchema* field) { field->release = NULL; }

static void ReleaseSchema(struct ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(schema->children[i]);
  }
  free(schema->children);
  schema->release = NULL;
}

// Memory that is small, and without which there is nothing to be done.
static void* Allocate(size_t count, size_t size) {
  void* memory = calloc(count, size);
  if (memory == NULL) abort();
  return memory;
}

static int GetSchema(struct ArrowArrayStream* stream, struct ArrowSchema* out) {
  static const struct ArrowSchema kFields[] = {
      {.format = "u", .name = "station", .flags = ARROW_FLAG_NULLABLE, .release = ReleaseField},
      {.format = "g", .name = "temperature", .flags = ARROW_FLAG_NULLABLE, .release = ReleaseField},
  };
  (void)stream;
  *out = (struct ArrowSchema){.format = "+s", .n_children = 2, .release = ReleaseSchema};
  out->children = Allocate(2, sizeof(*out->children));
  for (int i = 0; i < 2; ++i) {
    out->children[i] = Allocate(1, sizeof(*out->children[i]));
    *out->children[i] = kFields[i];
  }
  return 0;
}

static int GetNext(struct ArrowArrayStream* stream, struct ArrowArray* out) {
  static const struct ArrowArray kColumns[] = {
      {.length = kRows, .n_buffers = 3, .buffers = station_buffers, .release = ReleaseColumn},
      {.length = kRows,
       .null_count = 1,
       .n_buffers = 2,
       .buffers = temperature_buffers,
       .release = ReleaseColumn},
  };
  int* batches_left = stream->private_data;
  *out = (struct ArrowArray){0};
  if (*batches_left == 0) return 0;  // the end: a released array
  --*batches_left;
  *out = (struct ArrowArray){.length = kRows,
                             .n_buffers = 1,
                             .buffers = row_buffers,
                             .n_children = 2,
                             .release = ReleaseRows};
  out->children = Allocate(2, sizeof(*out->children));
  for (int i = 0; i < 2; ++i) {
    out->children[i] = Allocate(1, sizeof(*out->children[i]));
    *out->children[i] = kColumns[i];
  }
  return 0;
}

static const char* GetLastError(struct ArrowArrayStream* stream) {
  (void)stream;
  return NULL;  // it cannot fail
}

static void ReleaseStream(struct ArrowArrayStream* stream) {
  free(stream->private_data);
  stream->release = NULL;
}

// Called once for every scan of the table.
static colonnade_error* OpenReadings(void* user_data, const colonnade_stream_request* request,
                                     struct ArrowArrayStream* stream) {
  (void)user_data;
  (void)request;  // it says which columns and rows are needed; giving all is right too
  int* batches_left = Allocate(1, sizeof(*batches_left));
  *batches_left = 1;
  *stream =
      (struct ArrowArrayStream){GetSchema, GetNext, GetLastError, ReleaseStream, batches_left};
  return NULL;
}

// ---- The question. ----

static void PrintValue(const struct ArrowSchema* field, const struct ArrowArray* column,
                       int64_t row) {
  const int64_t at = column->offset + row;
  const uint8_t* valid = column->n_buffers == 0 ? NULL : column->buffers[0];
  if (column->null_count != 0 && valid != NULL && ((valid[at / 8] >> (at % 8)) & 1) == 0) {
    printf("NULL");
  } else if (strcmp(field->format, "l") == 0) {
    printf("%" PRId64, ((const int64_t*)column->buffers[1])[at]);
  } else if (strcmp(field->format, "g") == 0) {
    printf("%.17g", ((const double*)column->buffers[1])[at]);
  } else if (strcmp(field->format, "u") == 0) {
    const int32_t* ends = column->buffers[1];
    printf("%.*s", (int)(ends[at + 1] - ends[at]), (const char*)column->buffers[2] + ends[at]);
  } else {
    printf("(%s)", field->format);
  }
}

static colonnade_error* PrintRows(colonnade_relation* relation) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray batch;
  colonnade_error* error = colonnade_relation_stream(relation, NULL, &stream);
  if (error != NULL) return error;
  for (size_t i = 0; i < colonnade_relation_column_count(relation); ++i)
    printf("%s%s", i == 0 ? "" : "\t", colonnade_relation_column_name(relation, i, NULL));
  printf("\n");
  if (stream.get_schema(&stream, &schema) == 0) {
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
      for (int64_t row = 0; row < batch.length; ++row) {
        for (int64_t i = 0; i < batch.n_children; ++i) {
          if (i != 0) printf("\t");
          PrintValue(schema.children[i], batch.children[i], batch.offset + row);
        }
        printf("\n");
      }
      batch.release(&batch);
    }
    schema.release(&schema);
  }
  error = colonnade_error_from_stream(&stream);  // NULL if it came to its end
  stream.release(&stream);
  return error;
}

static colonnade_error* Answer(colonnade_session* session, double limit) {
  static const char kQuestion[] =
      "SELECT station, count(*) AS readings, max(temperature) AS warmest FROM readings "
      "WHERE temperature > ? OR temperature IS NULL GROUP BY station ORDER BY station";
  colonnade_statement* statement = NULL;
  colonnade_relation* relation = NULL;
  colonnade_error* error =
      colonnade_statement_new(session, kQuestion, COLONNADE_TERMINATED, &statement);
  if (error == NULL) error = colonnade_statement_bind_double(statement, 1, limit);
  if (error == NULL) error = colonnade_statement_run(statement, &relation);
  if (error == NULL) error = PrintRows(relation);
  colonnade_relation_free(relation);
  colonnade_statement_free(statement);
  return error;
}

static colonnade_error* RegisterReadings(colonnade_session* session) {
  colonnade_stream_table table = COLONNADE_STREAM_TABLE_INIT;
  struct ArrowSchema schema;
  table.open = OpenReadings;
  GetSchema(NULL, &schema);
  colonnade_error* error =
      colonnade_session_register(session, "readings", COLONNADE_TERMINATED, &schema, &table);
  if (error != NULL) schema.release(&schema);  // moved on success only
  return error;
}

int main(int argc, char** argv) {
  colonnade_session* session = NULL;
  colonnade_error* error = colonnade_session_open(NULL, &session);
  if (error == NULL) error = RegisterReadings(session);
  if (error == NULL) error = Answer(session, argc > 1 ? strtod(argv[1], NULL) : 20);
  const int code = colonnade_error_code(error);
  if (error != NULL) {
    fprintf(stderr, "query: %s: %s\n", colonnade_code_name(code, NULL),
            colonnade_error_message(error, NULL));
  }
  colonnade_error_free(error);
  colonnade_session_free(session);
  return code == COLONNADE_OK ? 0 : 1;
}
