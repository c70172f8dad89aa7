// Sessions, statements with parameters, and what is done with relations.

#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "colonnade/colonnade.h"
#include "read_rows.h"

static void AQueryIsDescribedAndRunsAnewEachTime(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  size_t size = 0;
  Run(session, "CREATE TABLE t AS SELECT 1::BIGINT AS x");
  CHECK_OK(colonnade_session_run(session, "SELECT sum(x)::BIGINT AS total, 'a' AS word FROM t",
                                 COLONNADE_TERMINATED, &relation));
  CHECK(colonnade_relation_is_query(relation));
  CHECK(colonnade_relation_column_count(relation) == 2);
  CHECK(strcmp(colonnade_relation_column_name(relation, 0, &size), "total") == 0 && size == 5);
  CHECK(strcmp(colonnade_relation_column_type(relation, 0, NULL), "BIGINT") == 0);
  CHECK(strcmp(colonnade_relation_column_type(relation, 1, &size), "VARCHAR") == 0 && size == 7);
  CHECK(ReadRelation(relation).sum == 1);
  Run(session, "INSERT INTO t VALUES (10)");
  CHECK(ReadRelation(relation).sum == 11);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void AStatementThatIsNoQueryRunsOnceAndItsRowsAreReadOnce(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  colonnade_text* plan = NULL;
  struct ArrowArrayStream stream = {0};
  Run(session, "CREATE TABLE t (x BIGINT)");
  CHECK_OK(colonnade_session_run(session, "INSERT INTO t VALUES (20), (22) RETURNING x",
                                 COLONNADE_TERMINATED, &relation));
  CHECK(!colonnade_relation_is_query(relation));
  CHECK(colonnade_relation_column_count(relation) == 1);
  CHECK(ReadRelation(relation).sum == 42);
  CHECK_FAILS(colonnade_relation_stream(relation, NULL, &stream), COLONNADE_INVALID_STATE, "once");
  CHECK_FAILS(colonnade_relation_write_file(relation, COLONNADE_FORMAT_CSV, "x.csv", 5, NULL),
              COLONNADE_INVALID_STATE, "no query");
  CHECK_FAILS(colonnade_relation_explain(relation, &plan), COLONNADE_INVALID_STATE, "no query");
  CHECK(Query(session, "SELECT count(*) FROM t").sum == 2);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void AllStatementsOfATextRunAndTheFirstFailureEndsIt(void) {
  colonnade_session* session = OpenSession();
  CHECK(
      Query(session, "CREATE TABLE t (x BIGINT); INSERT INTO t VALUES (5); SELECT x FROM t").sum ==
      5);
  CHECK_FAILS(colonnade_session_run(
                  session, "INSERT INTO t VALUES (6); INSERT INTO gone VALUES (1); DROP TABLE t",
                  COLONNADE_TERMINATED, NULL),
              COLONNADE_INVALID_ARGUMENT, "gone");
  CHECK(Query(session, "SELECT x FROM t").sum == 11);
  CHECK_FAILS(colonnade_session_run(session, "SELEC 1", COLONNADE_TERMINATED, NULL),
              COLONNADE_INVALID_ARGUMENT, "SELEC");
  colonnade_session_free(session);
}

// The sum of the first column of what a statement gives.
static int64_t RunBound(colonnade_statement* statement) {
  colonnade_relation* relation = NULL;
  int64_t sum = -1;
  if (CHECK_OK(colonnade_statement_run(statement, &relation))) sum = ReadRelation(relation).sum;
  colonnade_relation_free(relation);
  return sum;
}

static void ParametersOfEveryTypeArriveAsThatType(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  CHECK_OK(colonnade_statement_new(
      session,
      "SELECT ($1 IS NULL)::BIGINT + (typeof($2) = 'BOOLEAN' AND $2)::BIGINT * 2 + "
      "(typeof($3) = 'BIGINT' AND $3 = -9223372036854775807)::BIGINT * 4 + "
      "(typeof($4) = 'DOUBLE' AND $4 = 0.1::DOUBLE)::BIGINT * 8 + "
      "($5 = 'h' || chr(233))::BIGINT * 16 + "
      "(typeof($6) = 'BLOB' AND octet_length($6) = 3)::BIGINT * 32 + "
      "(typeof($7) = 'TIMESTAMP' AND year($7) = 1969)::BIGINT * 64 + "
      "(typeof($8) = 'DECIMAL(10,2)')::BIGINT * 128 + (length($9) = 3)::BIGINT * 256",
      COLONNADE_TERMINATED, &statement));
  CHECK_OK(colonnade_statement_bind_null(statement, 1));
  CHECK_OK(colonnade_statement_bind_bool(statement, 2, true));
  CHECK_OK(colonnade_statement_bind_int64(statement, 3, -9223372036854775807));
  CHECK_OK(colonnade_statement_bind_double(statement, 4, 0.1));
  CHECK_OK(colonnade_statement_bind_text(statement, 5, "h\xc3\xa9llo", 3));
  CHECK_OK(colonnade_statement_bind_blob(statement, 6, "\xff\0\x01", 3));
  CHECK_OK(colonnade_statement_bind_cast(statement, 7, "1969-07-20 20:17", COLONNADE_TERMINATED,
                                         "TIMESTAMP", COLONNADE_TERMINATED));
  CHECK_OK(colonnade_statement_bind_cast(statement, 8, "12.34", 5, "DECIMAL(10,2)", 13));
  CHECK_OK(colonnade_statement_bind_text(statement, 9, "a\0b", 3));
  CHECK(RunBound(statement) == 511);
  colonnade_statement_free(statement);

  CHECK_OK(colonnade_statement_new(session, "SELECT octet_length(?)::BIGINT", COLONNADE_TERMINATED,
                                   &statement));
  CHECK_OK(colonnade_statement_bind_blob(statement, 1, NULL, 0));
  CHECK(RunBound(statement) == 0);
  CHECK_OK(colonnade_statement_bind_blob(statement, 1, "abc", 3));
  CHECK(RunBound(statement) == 3);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void ParametersHaveNames(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  size_t low = 0;
  size_t high = 0;
  size_t again = 0;
  CHECK_OK(colonnade_statement_new(session,
                                   "SELECT i FROM range(100) t(i) WHERE i BETWEEN $low AND $high",
                                   COLONNADE_TERMINATED, &statement));
  CHECK_OK(colonnade_statement_parameter(statement, "high", 4, &high));
  CHECK_OK(colonnade_statement_parameter(statement, "low", 3, &low));
  CHECK_OK(colonnade_statement_parameter(statement, "high", COLONNADE_TERMINATED, &again));
  CHECK(high == 1 && low == 2 && again == 1);
  CHECK_OK(colonnade_statement_bind_int64(statement, high, 12));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT,
              "parameter $low has no value");
  CHECK_OK(colonnade_statement_bind_int64(statement, low, 10));
  CHECK(RunBound(statement) == 10 + 11 + 12);
  CHECK_OK(colonnade_statement_bind_int64(statement, 3, 1));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT,
              "bound at position 3");
  CHECK_OK(colonnade_statement_clear(statement));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT, "parameter $");
  CHECK_OK(colonnade_statement_parameter(statement, "low", 3, &low));
  CHECK(low == 1);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void ParametersThatDoNotFitAreRefused(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  colonnade_relation* relation = NULL;
  CHECK_OK(colonnade_statement_new(session, "SELECT ?::BIGINT + ?::BIGINT", COLONNADE_TERMINATED,
                                   &statement));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT, "");
  CHECK_OK(colonnade_statement_bind_int64(statement, 2, 1));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT,
              "parameter 1 has no value");
  CHECK_OK(colonnade_statement_bind_cast(statement, 1, "never", COLONNADE_TERMINATED, "DATE", 4));
  CHECK_FAILS(colonnade_statement_run(statement, NULL), COLONNADE_INVALID_ARGUMENT, "never");
  CHECK_OK(colonnade_statement_bind_int64(statement, 1, 2));
  CHECK(RunBound(statement) == 3);
  colonnade_statement_free(statement);

  // The parameters of a text go to the statements that have some, its last query included.
  CHECK_OK(colonnade_statement_new(session,
                                   "CREATE TABLE p AS SELECT ?::BIGINT AS x; SELECT x FROM p",
                                   COLONNADE_TERMINATED, &statement));
  CHECK_OK(colonnade_statement_bind_int64(statement, 1, 7));
  CHECK_OK(colonnade_statement_run(statement, &relation));
  CHECK(ReadRelation(relation).sum == 7);
  colonnade_relation_free(relation);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void ARelationKeepsTheValuesOfItsRun(void) {
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  colonnade_relation* five = NULL;
  CHECK_OK(colonnade_statement_new(session, "SELECT ?::BIGINT", COLONNADE_TERMINATED, &statement));
  CHECK_OK(colonnade_statement_bind_int64(statement, 1, 5));
  CHECK_OK(colonnade_statement_run(statement, &five));
  CHECK_OK(colonnade_statement_bind_int64(statement, 1, 6));
  CHECK(RunBound(statement) == 6);
  CHECK(ReadRelation(five).sum == 5);
  colonnade_relation_free(five);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void AQueryIsWrittenToAFileOfEachFormat(void) {
  static const struct {
    int32_t format;
    const char* name;
  } kFiles[] = {{COLONNADE_FORMAT_CSV, "out.csv"},
                {COLONNADE_FORMAT_JSON, "out.json"},
                {COLONNADE_FORMAT_JSON_LINES, "out.jsonl"},
                {COLONNADE_FORMAT_PARQUET, "out.parquet"}};
  char folder[] = "capi-XXXXXX";
  if (!CHECK(mkdtemp(folder) != NULL)) return;
  colonnade_session* session = OpenSession();
  colonnade_statement* statement = NULL;
  colonnade_relation* relation = NULL;
  CHECK_OK(colonnade_statement_new(session, "SELECT i, 'a' || i AS w FROM range(?) t(i)",
                                   COLONNADE_TERMINATED, &statement));
  CHECK_OK(colonnade_statement_bind_int64(statement, 1, 1000));
  CHECK_OK(colonnade_statement_run(statement, &relation));
  for (size_t i = 0; i < sizeof(kFiles) / sizeof(kFiles[0]); ++i) {
    char path[100];
    char sql[200];
    uint64_t rows = 0;
    snprintf(path, sizeof(path), "%s/%s", folder, kFiles[i].name);
    snprintf(sql, sizeof(sql), "SELECT sum(i)::BIGINT FROM '%s' WHERE w = 'a' || i", path);
    CHECK_OK(colonnade_relation_write_file(relation, kFiles[i].format, path, strlen(path), &rows));
    CHECK(rows == 1000);
    CHECK(Query(session, sql).sum == 999 * 500);
    CHECK_OK(colonnade_relation_write_file(relation, kFiles[i].format, path, COLONNADE_TERMINATED,
                                           NULL));
    unlink(path);
  }
  colonnade_error* error = colonnade_relation_write_file(
      relation, COLONNADE_FORMAT_CSV, "no/such/folder/x.csv", COLONNADE_TERMINATED, NULL);
  CHECK(error != NULL && strstr(colonnade_error_message(error, NULL), "no/such/folder") != NULL);
  colonnade_error_free(error);
  rmdir(folder);
  colonnade_relation_free(relation);
  colonnade_statement_free(statement);
  colonnade_session_free(session);
}

static void APlanIsText(void) {
  colonnade_session* session = OpenSession();
  colonnade_relation* relation = NULL;
  colonnade_text* plan = NULL;
  size_t size = 0;
  CHECK_OK(colonnade_session_run(session, "SELECT i FROM range(10) t(i) WHERE i > 3",
                                 COLONNADE_TERMINATED, &relation));
  CHECK_OK(colonnade_relation_explain(relation, &plan));
  CHECK(strstr(colonnade_text_data(plan, &size), "FILTER") != NULL);
  CHECK(size == strlen(colonnade_text_data(plan, NULL)));
  colonnade_text_free(plan);
  colonnade_relation_free(relation);
  colonnade_session_free(session);
}

static void SessionsShareNothingAndKeepTheirSettings(void) {
  colonnade_session* one = OpenSession();
  colonnade_session* other = OpenSession();
  Run(one, "CREATE TEMP TABLE t AS SELECT 1 AS x; SET VARIABLE v = 3");
  CHECK(Query(one, "SELECT getvariable('v')::BIGINT + x FROM t").sum == 4);
  CHECK_FAILS(colonnade_session_run(other, "SELECT x FROM t", COLONNADE_TERMINATED, NULL),
              COLONNADE_INVALID_ARGUMENT, "t");
  CHECK(Query(one, "SELECT current_setting('threads')::BIGINT").sum == 2);
  colonnade_session_free(one);
  colonnade_session_free(other);
}

static void AMemoryLimitEndsAQueryWithLimitExceeded(void) {
  colonnade_session_options options = COLONNADE_SESSION_OPTIONS_INIT;
  colonnade_session* session = NULL;
  colonnade_relation* relation = NULL;
  options.threads = 1;
  options.memory_limit = "16MB, at most";
  options.memory_limit_size = 4;
  CHECK_OK(colonnade_session_open(&options, &session));
  Run(session, "SET temp_directory = ''");
  colonnade_error* error = colonnade_session_run(
      session, "CREATE TABLE t AS SELECT i FROM range(20000000) t(i) ORDER BY -i",
      COLONNADE_TERMINATED, &relation);
  CHECK(colonnade_error_code(error) == COLONNADE_LIMIT_EXCEEDED);
  CHECK(relation == NULL);
  colonnade_error_free(error);
  CHECK(Query(session, "SELECT 1::BIGINT").sum == 1);
  colonnade_session_free(session);
}

static void TablesAreListed(void) {
  colonnade_session* session = OpenSession();
  colonnade_table_list* tables = NULL;
  size_t size = 0;
  Run(session, "CREATE TABLE b (x INT); CREATE SCHEMA s; CREATE VIEW s.a AS SELECT 1");
  CHECK_OK(colonnade_session_tables(session, &tables));
  if (CHECK(colonnade_table_list_size(tables) == 2)) {
    CHECK(strcmp(colonnade_table_list_catalog(tables, 0, &size), "memory") == 0 && size == 6);
    CHECK(strcmp(colonnade_table_list_schema(tables, 0, NULL), "main") == 0);
    CHECK(strcmp(colonnade_table_list_name(tables, 0, NULL), "b") == 0);
    CHECK(strcmp(colonnade_table_list_schema(tables, 1, NULL), "s") == 0);
    CHECK(strcmp(colonnade_table_list_name(tables, 1, &size), "a") == 0 && size == 1);
  }
  CHECK(colonnade_table_list_name(tables, 2, &size) == NULL && size == 0);
  colonnade_session_free(session);
  CHECK(colonnade_table_list_size(tables) == 2);
  colonnade_table_list_free(tables);
}

int main(void) {
  RUN(AQueryIsDescribedAndRunsAnewEachTime);
  RUN(AStatementThatIsNoQueryRunsOnceAndItsRowsAreReadOnce);
  RUN(AllStatementsOfATextRunAndTheFirstFailureEndsIt);
  RUN(ParametersOfEveryTypeArriveAsThatType);
  RUN(ParametersHaveNames);
  RUN(ParametersThatDoNotFitAreRefused);
  RUN(ARelationKeepsTheValuesOfItsRun);
  RUN(AQueryIsWrittenToAFileOfEachFormat);
  RUN(APlanIsText);
  RUN(SessionsShareNothingAndKeepTheirSettings);
  RUN(AMemoryLimitEndsAQueryWithLimitExceeded);
  RUN(TablesAreListed);
  return CheckResult();
}
