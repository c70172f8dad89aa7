// Every function with arguments that it must refuse; errors; the layout of the structs.

#include <stddef.h>
#include <stdlib.h>

#include "check.h"
#include "colonnade/colonnade.h"
#include "counting_table.h"
#include "read_rows.h"

// The layout of release 0.1. Members are only ever added at the end.
#if UINTPTR_MAX == 0xffffffffffffffff
#define PIN(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
_Static_assert(sizeof(colonnade_session_options) == 48, "colonnade_session_options has grown");
PIN(colonnade_session_options, struct_size, 0);
PIN(colonnade_session_options, threads, 8);
PIN(colonnade_session_options, memory_limit, 16);
PIN(colonnade_session_options, memory_limit_size, 24);
PIN(colonnade_session_options, temp_directory, 32);
PIN(colonnade_session_options, temp_directory_size, 40);
_Static_assert(sizeof(colonnade_stream_options) == 16, "colonnade_stream_options has grown");
PIN(colonnade_stream_options, struct_size, 0);
PIN(colonnade_stream_options, batch_rows, 8);
_Static_assert(sizeof(colonnade_stream_table) == 48, "colonnade_stream_table has grown");
PIN(colonnade_stream_table, struct_size, 0);
PIN(colonnade_stream_table, open, 8);
PIN(colonnade_stream_table, user_data, 16);
PIN(colonnade_stream_table, destroy, 24);
PIN(colonnade_stream_table, partition_count, 32);
PIN(colonnade_stream_table, row_count, 40);
_Static_assert(sizeof(colonnade_stream_request) == 56, "colonnade_stream_request has grown");
PIN(colonnade_stream_request, struct_size, 0);
PIN(colonnade_stream_request, partition, 8);
PIN(colonnade_stream_request, columns, 16);
PIN(colonnade_stream_request, column_count, 24);
PIN(colonnade_stream_request, filter_sql, 32);
PIN(colonnade_stream_request, filter_sql_size, 40);
PIN(colonnade_stream_request, limit, 48);
#endif

#define CHECK_NULL(call, parameter) \
  CHECK_FAILS(call, COLONNADE_INVALID_ARGUMENT, parameter " is NULL")

static void VersionsAreSaid(void) {
  size_t size = 0;
  const char* version = colonnade_version(&size);
  CHECK(strcmp(version, COLONNADE_EXPECTED_VERSION) == 0);
  CHECK(size == strlen(version));
  CHECK(colonnade_engine_version(&size)[0] == 'v');
  CHECK(size == strlen(colonnade_engine_version(NULL)));
}

static void AnErrorSaysWhatItWasMadeOf(void) {
  size_t size = 0;
  colonnade_error* error = colonnade_error_new(COLONNADE_UNAVAILABLE, COLONNADE_RECOVERY_RETRY,
                                               "the line is dead, sir", 16);
  CHECK(colonnade_error_code(error) == COLONNADE_UNAVAILABLE);
  CHECK(colonnade_error_recovery(error) == COLONNADE_RECOVERY_RETRY);
  CHECK(strcmp(colonnade_error_message(error, &size), "the line is dead") == 0);
  CHECK(size == 16);
  colonnade_error_free(error);
  CHECK(strcmp(colonnade_code_name(COLONNADE_LIMIT_EXCEEDED, &size), "LimitExceeded") == 0);
  CHECK(size == strlen("LimitExceeded"));
  CHECK(colonnade_code_name(16, &size) == NULL && size == 0);
  CHECK(colonnade_code_name(-1, NULL) == NULL);
}

static void AnErrorOfWrongArgumentsSaysSo(void) {
  CHECK_FAILS(colonnade_error_new(COLONNADE_OK, 0, "x", 1), COLONNADE_INVALID_ARGUMENT,
              "code is 0");
  CHECK_FAILS(colonnade_error_new(16, 0, "x", 1), COLONNADE_INVALID_ARGUMENT, "code is 16");
  CHECK_FAILS(colonnade_error_new(COLONNADE_IO, 4, "x", 1), COLONNADE_INVALID_ARGUMENT,
              "recovery is 4");
  CHECK_NULL(colonnade_error_new(COLONNADE_IO, 0, NULL, 0), "message");
  CHECK_FAILS(colonnade_error_new(COLONNADE_IO, 0, "\xc3(", 2), COLONNADE_INVALID_ARGUMENT,
              "message is not UTF-8");
}

static void NothingMayBeFreedAndAsked(void) {
  size_t size = 1;
  colonnade_error_free(NULL);
  colonnade_text_free(NULL);
  colonnade_session_free(NULL);
  colonnade_statement_free(NULL);
  colonnade_relation_free(NULL);
  colonnade_table_list_free(NULL);
  CHECK(colonnade_error_code(NULL) == COLONNADE_OK);
  CHECK(colonnade_error_recovery(NULL) == COLONNADE_RECOVERY_NONE);
  CHECK(strcmp(colonnade_error_message(NULL, &size), "") == 0 && size == 0);
  CHECK(colonnade_text_data(NULL, NULL) == NULL);
  CHECK(!colonnade_relation_is_query(NULL));
  CHECK(colonnade_relation_column_count(NULL) == 0);
  CHECK(colonnade_relation_column_name(NULL, 0, NULL) == NULL);
  CHECK(colonnade_relation_column_type(NULL, 0, NULL) == NULL);
  CHECK(colonnade_table_list_size(NULL) == 0);
  CHECK(colonnade_table_list_catalog(NULL, 0, NULL) == NULL);
  CHECK(colonnade_table_list_schema(NULL, 0, NULL) == NULL);
  CHECK(colonnade_table_list_name(NULL, 0, NULL) == NULL);
}

static void ANullArgumentIsRefusedByName(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  colonnade_relation* relation = NULL;
  colonnade_table_list* tables = NULL;
  colonnade_text* plan = NULL;
  struct ArrowArrayStream stream = {0};
  CountingTable table;
  CountingTableInit(&table, 1, 1);
  colonnade_stream_table callbacks = CountingCallbacks(&table);
  struct ArrowSchema schema = CountingSchema();
  size_t position = 0;

  CHECK_NULL(colonnade_session_open(NULL, NULL), "session_open: session");
  CHECK_NULL(colonnade_session_interrupt(NULL), "session");
  CHECK_NULL(colonnade_session_run(NULL, "SELECT 1", 8, NULL), "session");
  CHECK_NULL(colonnade_session_run(session, NULL, 0, NULL), "sql");
  CHECK_NULL(colonnade_session_tables(NULL, &tables), "session");
  CHECK_NULL(colonnade_session_tables(session, NULL), "tables");
  CHECK_NULL(colonnade_session_unregister(NULL, "t", 1), "session");
  CHECK_NULL(colonnade_session_unregister(session, NULL, 0), "name");
  CHECK_NULL(colonnade_session_register(NULL, "t", 1, &schema, &callbacks), "session");
  CHECK_NULL(colonnade_session_register(session, NULL, 0, &schema, &callbacks), "name");
  CHECK_NULL(colonnade_session_register(session, "t", 1, NULL, &callbacks), "schema");
  CHECK_NULL(colonnade_session_register(session, "t", 1, &schema, NULL), "table");
  callbacks.open = NULL;
  CHECK_NULL(colonnade_session_register(session, "t", 1, &schema, &callbacks), "table->open");
  CHECK_NULL(colonnade_statement_new(NULL, "SELECT 1", 8, &statement), "session");
  CHECK_NULL(colonnade_statement_new(session, NULL, 0, &statement), "sql");
  CHECK_NULL(colonnade_statement_new(session, "SELECT 1", 8, NULL), "statement");
  CHECK(statement == NULL);

  CHECK_OK(colonnade_statement_new(session, "SELECT 1", COLONNADE_TERMINATED, &statement));
  CHECK_NULL(colonnade_statement_parameter(NULL, "a", 1, &position), "statement");
  CHECK_NULL(colonnade_statement_parameter(statement, NULL, 0, &position), "name");
  CHECK_NULL(colonnade_statement_parameter(statement, "a", 1, NULL), "position");
  CHECK_NULL(colonnade_statement_bind_null(NULL, 1), "statement");
  CHECK_NULL(colonnade_statement_bind_bool(NULL, 1, true), "statement");
  CHECK_NULL(colonnade_statement_bind_int64(NULL, 1, 1), "statement");
  CHECK_NULL(colonnade_statement_bind_double(NULL, 1, 1), "statement");
  CHECK_NULL(colonnade_statement_bind_text(NULL, 1, "a", 1), "statement");
  CHECK_NULL(colonnade_statement_bind_text(statement, 1, NULL, 0), "value");
  CHECK_NULL(colonnade_statement_bind_blob(NULL, 1, "a", 1), "statement");
  CHECK_NULL(colonnade_statement_bind_blob(statement, 1, NULL, 1), "value");
  CHECK_NULL(colonnade_statement_bind_cast(NULL, 1, "1", 1, "DATE", 4), "statement");
  CHECK_NULL(colonnade_statement_bind_cast(statement, 1, NULL, 0, "DATE", 4), "value");
  CHECK_NULL(colonnade_statement_bind_cast(statement, 1, "1", 1, NULL, 0), "type");
  CHECK_NULL(colonnade_statement_clear(NULL), "statement");
  CHECK_NULL(colonnade_statement_run(NULL, &relation), "statement");

  CHECK_OK(colonnade_statement_run(statement, &relation));
  CHECK_NULL(colonnade_relation_write_file(NULL, COLONNADE_FORMAT_CSV, "x", 1, NULL), "relation");
  CHECK_NULL(colonnade_relation_write_file(relation, COLONNADE_FORMAT_CSV, NULL, 0, NULL), "path");
  CHECK_NULL(colonnade_relation_explain(NULL, &plan), "relation");
  CHECK_NULL(colonnade_relation_explain(relation, NULL), "plan");
  CHECK_NULL(colonnade_relation_stream(NULL, NULL, &stream), "relation");
  CHECK_NULL(colonnade_relation_stream(relation, NULL, NULL), "stream");
  CHECK_NULL(colonnade_error_from_stream(NULL), "stream");

  CHECK(schema.release != NULL);  // nobody has taken it
  schema.release(&schema);
  CHECK(table.destroyed == 0);
  colonnade_relation_free(relation);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void ArgumentsOutOfRangeAreRefused(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  colonnade_relation* relation = NULL;
  struct ArrowArrayStream stream = {0};
  size_t position = 0;
  CHECK_FAILS(colonnade_session_run(session, "SELECT\0 1", 9, NULL), COLONNADE_INVALID_ARGUMENT,
              "sql contains a NUL");
  CHECK_FAILS(colonnade_session_run(session, "\xff", 1, NULL), COLONNADE_INVALID_ARGUMENT,
              "sql is not UTF-8");
  CHECK_FAILS(colonnade_session_run(session, "", 0, NULL), COLONNADE_INVALID_ARGUMENT, "");
  CHECK_OK(colonnade_statement_new(session, "SELECT 1", COLONNADE_TERMINATED, &statement));
  CHECK_FAILS(colonnade_statement_bind_null(statement, 0), COLONNADE_INVALID_ARGUMENT,
              "position is 0");
  CHECK_FAILS(colonnade_statement_bind_null(statement, 65536), COLONNADE_INVALID_ARGUMENT,
              "position is 65536");
  CHECK_FAILS(colonnade_statement_bind_text(statement, 1, "\xff", 1), COLONNADE_INVALID_ARGUMENT,
              "value is not UTF-8");
  CHECK_FAILS(colonnade_statement_bind_cast(statement, 1, "1", 1, "", 0),
              COLONNADE_INVALID_ARGUMENT, "type is empty");
  CHECK_FAILS(colonnade_statement_parameter(statement, "", 0, &position),
              COLONNADE_INVALID_ARGUMENT, "name is empty");
  CHECK_OK(colonnade_statement_run(statement, &relation));
  CHECK_FAILS(colonnade_relation_write_file(relation, 0, "x.csv", 5, NULL),
              COLONNADE_INVALID_ARGUMENT, "format is 0");
  CHECK(colonnade_relation_column_name(relation, 1, NULL) == NULL);
  colonnade_stream_options options = COLONNADE_STREAM_OPTIONS_INIT;
  options.batch_rows = -1;
  CHECK_FAILS(colonnade_relation_stream(relation, &options, &stream), COLONNADE_INVALID_ARGUMENT,
              "options->batch_rows is -1");
  options.struct_size = 0;
  CHECK_FAILS(colonnade_relation_stream(relation, &options, &stream), COLONNADE_INVALID_ARGUMENT,
              "options->struct_size is 0");
  CHECK(stream.release == NULL);
  colonnade_relation_free(relation);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void SessionOptionsAreChecked(void) {
  colonnade_session* session = NULL;
  colonnade_session_options options = COLONNADE_SESSION_OPTIONS_INIT;
  options.threads = -1;
  CHECK_FAILS(colonnade_session_open(&options, &session), COLONNADE_INVALID_ARGUMENT,
              "options->threads is -1");
  options.threads = INT64_MAX;
  CHECK_FAILS(colonnade_session_open(&options, &session), COLONNADE_INVALID_ARGUMENT,
              "options->threads is 9223372036854775807");
  options.threads = 1;
  options.memory_limit = "plenty";
  options.memory_limit_size = COLONNADE_TERMINATED;
  CHECK_FAILS(colonnade_session_open(&options, &session), COLONNADE_INVALID_ARGUMENT, "plenty");
  options.struct_size = 8;
  CHECK_FAILS(colonnade_session_open(&options, &session), COLONNADE_INVALID_ARGUMENT,
              "options->struct_size is 8");
  CHECK(session == NULL);
}

int main(void) {
  RUN(VersionsAreSaid);
  RUN(AnErrorSaysWhatItWasMadeOf);
  RUN(AnErrorOfWrongArgumentsSaysSo);
  RUN(NothingMayBeFreedAndAsked);
  RUN(ANullArgumentIsRefusedByName);
  RUN(ArgumentsOutOfRangeAreRefused);
  RUN(SessionOptionsAreChecked);
  return CheckResult();
}
