// Tables that callbacks make.

#include "check.h"
#include "colonnade/colonnade.h"
#include "counting_table.h"
#include "read_rows.h"

// Registers `table` as "t" in a new session.
static colonnade_session* OpenWith(CountingTable* table) {
  const colonnade_stream_table callbacks = CountingCallbacks(table);
  struct ArrowSchema schema = CountingSchema();
  colonnade_session* session = OpenSession();
  CHECK_OK(colonnade_session_register(session, "t", 1, &schema, &callbacks));
  CHECK(schema.release == NULL);
  return session;
}

static void NothingIsCalledUntilAQueryRuns(void) {
  CountingTable table;
  colonnade_relation* relation = NULL;
  CountingTableInit(&table, 10, 1000);
  colonnade_session* session = OpenWith(&table);
  CHECK_OK(colonnade_session_run(session, "SELECT sum(n)::BIGINT FROM T", COLONNADE_TERMINATED,
                                 &relation));
  CHECK(table.opened == 0);
  CHECK(ReadRelation(relation).sum == 9999 * INT64_C(5000));
  CHECK(table.opened == 1);
  CHECK(ReadRelation(relation).sum == 9999 * INT64_C(5000));
  CHECK(table.opened == 2 && table.streams == 0 && table.destroyed == 0);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
  CHECK(table.destroyed == 1 && table.late == 0);
}

static void TheRequestSaysWhatTheQueryNeeds(void) {
  CountingTable table;
  CountingTableInit(&table, 10, 1000);
  colonnade_session* session = OpenWith(&table);
  CHECK(Query(session, "SELECT sum(tenfold)::BIGINT FROM t").sum == 9999 * INT64_C(50000));
  CHECK(table.request.struct_size == sizeof(colonnade_stream_request));
  CHECK(table.request.column_count == 1 && table.request.limit == -1);
  CHECK(strcmp(table.filter, "") == 0);
  CHECK(Query(session, "SELECT n FROM t WHERE tenfold > 50 AND n % 2 = 0 AND n < 10").sum == 14);
  CHECK(table.request.column_count == 2);
  CHECK(strstr(table.filter, "tenfold") != NULL && strstr(table.filter, "50") != NULL);
  CHECK(Query(session, "SELECT n FROM t LIMIT 3").rows == 3);
  CHECK(table.request.limit == 3);
  colonnade_session_free(session);
}

static void ALimitStopsTheReading(void) {
  CountingTable table;
  CountingTableInit(&table, INT64_MAX, 2048);
  colonnade_session* session = OpenWith(&table);
  CHECK(Query(session, "SELECT n FROM t LIMIT 5").rows == 5);
  CHECK(table.streams == 0);
  colonnade_session_free(session);
}

static void PartitionsComeInOrder(void) {
  CountingTable table;
  CountingTableInit(&table, 3, 1000);
  colonnade_stream_table callbacks = CountingCallbacks(&table);
  const int64_t row_count = 12000;
  struct ArrowSchema schema = CountingSchema();
  colonnade_session* session = OpenSession();
  callbacks.partition_count = 4;
  callbacks.row_count = &row_count;
  CHECK_OK(colonnade_session_register(session, "t", 1, &schema, &callbacks));
  CHECK(Query(session, "SELECT count(*) FROM t").sum == 12000);
  table.opened = 0;
  CHECK(Query(session, "SELECT n FROM t").sum == 11999 * INT64_C(6000));
  CHECK(table.opened == 4);
  CHECK(Query(session, "SELECT n FROM t LIMIT 1 OFFSET 7000").sum == 7000);
  colonnade_session_free(session);
  CHECK(table.destroyed == 1 && table.late == 0);
}

static void AFailureOfACallbackIsTheQuerys(void) {
  CountingTable table;
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  CountingTableInit(&table, 100, 2048);
  colonnade_session* session = OpenWith(&table);
  CHECK_OK(colonnade_session_run(session, "SELECT n FROM t", COLONNADE_TERMINATED, &relation));

  table.fail_open = true;
  colonnade_error* error = colonnade_relation_stream(relation, NULL, &stream);
  if (error == NULL) {
    CHECK(ReadAll(&stream).error != 0);
    error = colonnade_error_from_stream(&stream);
    stream.release(&stream);
  }
  CHECK_FAILS(error, COLONNADE_PERMISSION_DENIED, "no key for the cellar");
  table.fail_open = false;

  table.no_stream = true;
  error = colonnade_relation_stream(relation, NULL, &stream);
  if (error == NULL) {
    CHECK(ReadAll(&stream).error != 0);
    error = colonnade_error_from_stream(&stream);
    stream.release(&stream);
  }
  CHECK_FAILS(error, COLONNADE_INVALID_DATA, "table 't'");
  table.no_stream = false;

  table.fail_at = 90;
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  CHECK(ReadAll(&stream).error != 0);
  CHECK_FAILS(colonnade_error_from_stream(&stream), COLONNADE_IO, "the sensor was unplugged");
  stream.release(&stream);
  table.fail_at = 0;

  CHECK(ReadRelation(relation).rows == 100 * 2048);
  CHECK(table.streams == 0);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
  CHECK(table.destroyed == 1 && table.late == 0);
}

static void AFailedRegistrationTakesNothing(void) {
  CountingTable table;
  CountingTableInit(&table, 1, 1);
  colonnade_stream_table callbacks = CountingCallbacks(&table);
  struct ArrowSchema schema = CountingSchema();
  const int64_t negative = -1;
  colonnade_session* session = OpenSession();
  CHECK_FAILS(colonnade_session_register(session, "", 0, &schema, &callbacks),
              COLONNADE_INVALID_ARGUMENT, "");
  callbacks.partition_count = -1;
  CHECK_FAILS(colonnade_session_register(session, "t", 1, &schema, &callbacks),
              COLONNADE_INVALID_ARGUMENT, "partition_count is -1");
  callbacks.partition_count = 1;
  callbacks.row_count = &negative;
  CHECK_FAILS(colonnade_session_register(session, "t", 1, &schema, &callbacks),
              COLONNADE_INVALID_ARGUMENT, "row_count is -1");
  callbacks.row_count = NULL;
  callbacks.struct_size = 0;
  CHECK_FAILS(colonnade_session_register(session, "t", 1, &schema, &callbacks),
              COLONNADE_INVALID_ARGUMENT, "table->struct_size is 0");
  callbacks.struct_size = sizeof(callbacks);
  CHECK(schema.release != NULL);
  CHECK_FAILS(colonnade_session_register(session, "t", 1, schema.children[0], &callbacks),
              COLONNADE_INVALID_DATA, "expected a struct");
  CHECK(schema.children[0]->release != NULL);
  const char* format = schema.children[1]->format;
  schema.children[1]->format = "?";
  CHECK_FAILS(colonnade_session_register(session, "t", 1, &schema, &callbacks),
              COLONNADE_INVALID_DATA, "table 't'");
  schema.children[1]->format = format;
  CHECK(table.destroyed == 0);
  CHECK(schema.release != NULL);
  schema.release(&schema);
  CHECK_FAILS(colonnade_session_register(session, "t", 1, &schema, &callbacks),
              COLONNADE_INVALID_DATA, "released");
  colonnade_session_free(session);
  CHECK(table.destroyed == 0 && table.opened == 0);
}

static void ATableIsUnregisteredByAnyCaseAndMissedByName(void) {
  CountingTable table;
  CountingTableInit(&table, 1, 10);
  const colonnade_stream_table callbacks = CountingCallbacks(&table);
  struct ArrowSchema schema = CountingSchema();
  colonnade_table_list* tables = NULL;
  colonnade_session* session = OpenSession();
  CHECK_OK(colonnade_session_register(session, "Sensors", 7, &schema, &callbacks));
  CHECK_OK(colonnade_session_tables(session, &tables));
  if (CHECK(colonnade_table_list_size(tables) == 1)) {
    CHECK(strcmp(colonnade_table_list_catalog(tables, 0, NULL), "") == 0);
    CHECK(strcmp(colonnade_table_list_schema(tables, 0, NULL), "") == 0);
    CHECK(strcmp(colonnade_table_list_name(tables, 0, NULL), "Sensors") == 0);
  }
  colonnade_table_list_free(tables);
  CHECK(Query(session, "SELECT sum(n)::BIGINT FROM sensors").sum == 45);
  CHECK_FAILS(colonnade_session_unregister(session, "Sensor", COLONNADE_TERMINATED),
              COLONNADE_NOT_FOUND, "Sensors");
  CHECK(table.destroyed == 0);
  CHECK_OK(colonnade_session_unregister(session, "SENSORS", COLONNADE_TERMINATED));
  CHECK(table.destroyed == 1);
  CHECK_FAILS(colonnade_session_run(session, "SELECT n FROM sensors", COLONNADE_TERMINATED, NULL),
              COLONNADE_INVALID_ARGUMENT, "sensors");
  CHECK_FAILS(colonnade_session_unregister(session, "sensors", COLONNADE_TERMINATED),
              COLONNADE_NOT_FOUND, "sensors");
  colonnade_session_free(session);
  CHECK(table.destroyed == 1 && table.late == 0);
}

static void ATableLivesUntilTheLastStreamThatReadsItIsReleased(void) {
  CountingTable old;
  CountingTable new;
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  Read read = {0};
  CountingTableInit(&old, 100, 2048);
  CountingTableInit(&new, 1, 1);
  colonnade_session* session = OpenWith(&old);
  CHECK_OK(colonnade_session_run(session, "SELECT n FROM t", COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  CHECK(ReadBatch(&stream, &read));

  const colonnade_stream_table callbacks = CountingCallbacks(&new);
  struct ArrowSchema schema = CountingSchema();
  CHECK_OK(colonnade_session_register(session, "T", 1, &schema, &callbacks));
  CHECK(old.destroyed == 0);
  CHECK(Query(session, "SELECT n FROM t").rows == 1);
  while (ReadBatch(&stream, &read)) {
  }
  CHECK(read.error == 0 && read.rows == 100 * 2048);
  stream.release(&stream);
  CHECK(old.destroyed == 1 && old.late == 0);
  CHECK(ReadRelation(relation).rows == 1);

  CHECK_OK(colonnade_relation_stream(relation, NULL, &stream));
  CHECK_OK(colonnade_session_unregister(session, "t", 1));
  colonnade_relation_free(relation);
  colonnade_session_free(session);
  CHECK(new.destroyed == 0);
  stream.release(&stream);
  CHECK(new.destroyed == 1 && new.late == 0 && old.destroyed == 1);
}

static void WithoutDestroyNothingIsCalled(void) {
  CountingTable table;
  CountingTableInit(&table, 1, 10);
  colonnade_stream_table callbacks = CountingCallbacks(&table);
  struct ArrowSchema schema = CountingSchema();
  colonnade_session* session = OpenSession();
  callbacks.destroy = NULL;
  CHECK_OK(colonnade_session_register(session, "t", 1, &schema, &callbacks));
  CHECK(Query(session, "SELECT sum(n)::BIGINT FROM t").sum == 45);
  colonnade_session_free(session);
  CHECK(table.destroyed == 0 && table.streams == 0);
}

int main(void) {
  RUN(NothingIsCalledUntilAQueryRuns);
  RUN(TheRequestSaysWhatTheQueryNeeds);
  RUN(ALimitStopsTheReading);
  RUN(PartitionsComeInOrder);
  RUN(AFailureOfACallbackIsTheQuerys);
  RUN(AFailedRegistrationTakesNothing);
  RUN(ATableIsUnregisteredByAnyCaseAndMissedByName);
  RUN(ATableLivesUntilTheLastStreamThatReadsItIsReleased);
  RUN(WithoutDestroyNothingIsCalled);
  return CheckResult();
}
