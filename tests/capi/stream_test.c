// Rows as Arrow streams: batches, late failures, half-read streams, release in any order,
// interrupts.

#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "colonnade/colonnade.h"
#include "counting_table.h"
#include "read_rows.h"

static void BatchesHaveAboutTheRowsThatWereAskedFor(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  CHECK_OK(colonnade_session_run(session, "SELECT i FROM range(100000) t(i)", COLONNADE_TERMINATED,
                                 &relation));
  for (int64_t rows = 2048; rows <= 65536; rows *= 32) {
    colonnade_stream_options options = COLONNADE_STREAM_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    options.batch_rows = rows;
    CHECK_OK(colonnade_relation_stream(relation, &options, &stream));
    const Read read = ReadAll(&stream);
    CHECK(read.error == 0 && read.rows == 100000 && read.sum == 99999 * INT64_C(50000));
    CHECK(read.batches >= 100000 / rows / 2 && read.batches <= 100000 / rows * 2 + 1);
    CHECK_OK(colonnade_error_from_stream(&stream));
    stream.release(&stream);
    CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_INVALID_ARGUMENT, "released");
  }
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void TheSchemaNamesTheColumns(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  struct ArrowSchema schema = {0};
  CHECK_OK(colonnade_session_run(session, "SELECT 1.5::DOUBLE AS x, NULL::BIGINT AS y",
                                 COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  CHECK(stream.get_schema(&stream, &schema) == 0);
  stream.release(&stream);
  CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 2);
  CHECK(strcmp(schema.children[0]->name, "x") == 0 && strcmp(schema.children[0]->format, "g") == 0);
  CHECK(strcmp(schema.children[1]->name, "y") == 0 && strcmp(schema.children[1]->format, "l") == 0);
  schema.release(&schema);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void AStreamMayFailLateAndStaysFailed(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  CHECK_OK(colonnade_session_run(session,
                                 "SELECT CASE WHEN i < 900000 THEN i ELSE error('too many') END "
                                 "FROM range(1000000) t(i)",
                                 COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  const Read read = ReadAll(&stream);
  CHECK(read.error != 0);
  CHECK(strstr(stream.get_last_error(&stream), "too many") != NULL);
  CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_INVALID_ARGUMENT, "too many");
  CHECK(ReadAll(&stream).error == read.error);
  CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_INVALID_ARGUMENT, "too many");
  stream.release(&stream);
  CHECK(Query(session, "SELECT 2::BIGINT").sum == 2);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void AStreamOfAnotherMakerHasNoErrorOfOurs(void) {
  CountingTable table;
  struct ArrowArrayStream stream = {0};
  const colonnade_stream_request request = {.struct_size = sizeof(request), .filter_sql = ""};
  CountingTableInit(&table, 1, 1);
  CHECK_OK(CountingOpen(&table, &request, &stream));
  CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_INVALID_ARGUMENT, "not made by");
  stream.release(&stream);
}

static void AStreamMayBeReleasedHalfReadWhileOthersAreRead(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream half = {0};
  struct ArrowArrayStream whole = {0};
  Read read = {0};
  CHECK_OK(colonnade_session_run(session, "SELECT i FROM range(1000000) t(i)", COLONNADE_TERMINATED,
                                 &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &half));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &whole));
  CHECK(ReadBatch(&half, &read) && read.rows < 1000000);
  CHECK(ReadBatch(&whole, &read));
  half.release(&half);
  read = ReadAll(&whole);
  CHECK(read.error == 0 && read.sum > 0);
  whole.release(&whole);
  CHECK(Query(session, "SELECT 3::BIGINT").sum == 3);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void EverythingMayBeFreedInAnyOrder(void) {
  enum { kThings = 4 };  // session, statement, relation, stream
  for (int order = 0; order < 24; ++order) {
    int left[kThings] = {0, 1, 2, 3};
    int number = order;
    CountingTable table;
    CountingTable unused;  // goes when the session does
    CountingTableInit(&table, 100, 2048);
    CountingTableInit(&unused, 1, 1);
    const colonnade_stream_table callbacks = CountingCallbacks(&table);
    const colonnade_stream_table unused_callbacks = CountingCallbacks(&unused);
    struct ArrowSchema schema = CountingSchema();
    struct ArrowSchema unused_schema = CountingSchema();
    colonnade_session* session = OpenSession();
    colonnade_statement* statement = NULL;
    colonnade_relation* relation = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    CHECK_OK(colonnade_session_register(session, "t", 1, &schema, &callbacks));
    CHECK_OK(colonnade_session_register(session, "u", 1, &unused_schema, &unused_callbacks));
    CHECK_OK(colonnade_statement_new(session, "SELECT n FROM t", COLONNADE_TERMINATED, &statement));
    CHECK_OK(colonnade_statement_run(statement, &relation));
    CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
    CHECK(stream.get_next(&stream, &batch) == 0 && batch.release != NULL);
    for (int count = kThings; count > 0; --count) {
      const int at = number % count;
      number /= count;
      switch (left[at]) {
        case 0: colonnade_session_free(session); break;
        case 1: colonnade_statement_free(statement); break;
        case 2: colonnade_relation_free(relation); break;
        default: stream.release(&stream); break;
      }
      left[at] = left[count - 1];
      CHECK(unused.destroyed == (count == 1 ? 1 : 0));
      if (stream.release != NULL) {
        Read read = {0};
        CHECK(ReadBatch(&stream, &read));
        CHECK(table.destroyed == 0);
      }
    }
    CHECK(table.destroyed == 1 && table.streams == 0 && table.late == 0);
    CHECK(batch.length > 0 && ((const int64_t*)batch.children[0]->buffers[1])[1] == 1);
    batch.release(&batch);
  }
}

static void AStreamSeesItsTransactionAndKeepsTheSession(void) {
  CountingTable unused;  // goes when the session does
  CountingTableInit(&unused, 1, 1);
  const colonnade_stream_table callbacks = CountingCallbacks(&unused);
  struct ArrowSchema schema = CountingSchema();
  struct ArrowArrayStream stream = {0};
  colonnade_relation* relation = NULL;
  colonnade_session* session = OpenSession();
  CHECK_OK(colonnade_session_register(session, "u", 1, &schema, &callbacks));
  CHECK_OK(colonnade_session_run(
      session, "BEGIN; CREATE TABLE t AS SELECT i FROM range(10) t(i); SELECT i FROM t",
      COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  colonnade_relation_free(relation);
  colonnade_session_free(session);
  CHECK(unused.destroyed == 0);
  CHECK(ReadAll(&stream).sum == 45);
  stream.release(&stream);
  CHECK(unused.destroyed == 1);
}

// A thread that reads a query to its end.
typedef struct {
  colonnade_session* session;
  int32_t code;  // of its failure
} Reader;

static void* ReadEndlessTable(void* argument) {
  Reader* reader = argument;
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  CHECK_OK(colonnade_session_run(reader->session, "SELECT sum(n)::BIGINT FROM t",
                                 COLONNADE_TERMINATED, &relation));
  colonnade_error* error = colonnade_relation_stream(relation, NULL, &stream);
  if (error == NULL) {
    CHECK(ReadAll(&stream).error == ECANCELED);
    error = colonnade_error_from_stream(&stream);
    stream.release(&stream);
  }
  reader->code = colonnade_error_code(error);
  colonnade_error_free(error);
  colonnade_relation_free(relation);
  return NULL;
}

static void AnotherThreadInterruptsAQueryAndTheSessionGoesOn(void) {
  CountingTable table;
  pthread_t thread;
  CountingTableInit(&table, INT64_MAX, 2048);
  table.gated = true;
  const colonnade_stream_table callbacks = CountingCallbacks(&table);
  struct ArrowSchema schema = CountingSchema();
  Reader reader = {.session = OpenSession()};
  CHECK_OK(colonnade_session_interrupt(reader.session));  // nothing runs: no effect
  CHECK_OK(colonnade_session_register(reader.session, "t", 1, &schema, &callbacks));
  CHECK(pthread_create(&thread, NULL, ReadEndlessTable, &reader) == 0);
  AwaitReading(&table);
  CHECK_OK(colonnade_session_interrupt(reader.session));
  OpenGate(&table);
  pthread_join(thread, NULL);
  CHECK(reader.code == COLONNADE_CANCELLED);
  CHECK(table.streams == 0);
  CHECK(Query(reader.session, "SELECT 4::BIGINT").sum == 4);
  colonnade_session_free(reader.session);
  CHECK(table.destroyed == 1 && table.late == 0);
}

static void AStreamInterruptedHalfReadIsCancelled(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  Read read = {0};
  CHECK_OK(colonnade_session_run(session, "SELECT i FROM range(100000000000) t(i)",
                                 COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  CHECK(ReadBatch(&stream, &read));
  CHECK_OK(colonnade_session_interrupt(session));
  CHECK(ReadAll(&stream).error == ECANCELED);
  CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_CANCELLED, "");
  stream.release(&stream);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

// Queries of one relation from several threads at once.
enum { kThreads = 4 };

static void* ReadOften(void* relation) {
  for (int i = 0; i < 20; ++i) CHECK(ReadRelation(relation).sum == 9999 * INT64_C(5000));
  return NULL;
}

static void ARelationIsReadByManyThreads(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  pthread_t threads[kThreads];
  CHECK_OK(colonnade_session_run(session, "SELECT i FROM range(10000) t(i)", COLONNADE_TERMINATED,
                                 &relation));
  colonnade_session_free(session);
  for (int i = 0; i < kThreads; ++i)
    CHECK(pthread_create(&threads[i], NULL, ReadOften, relation) == 0);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  colonnade_relation_free(relation);
}

int main(void) {
  RUN(BatchesHaveAboutTheRowsThatWereAskedFor);
  RUN(TheSchemaNamesTheColumns);
  RUN(AStreamMayFailLateAndStaysFailed);
  RUN(AStreamOfAnotherMakerHasNoErrorOfOurs);
  RUN(AStreamMayBeReleasedHalfReadWhileOthersAreRead);
  RUN(EverythingMayBeFreedInAnyOrder);
  RUN(AStreamSeesItsTransactionAndKeepsTheSession);
  RUN(AnotherThreadInterruptsAQueryAndTheSessionGoesOn);
  RUN(AStreamInterruptedHalfReadIsCancelled);
  RUN(ARelationIsReadByManyThreads);
  return CheckResult();
}
