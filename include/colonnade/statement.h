// Statements, their parameters, and what becomes of them: relations.

#pragma once

#include <stdbool.h>

#include "colonnade/abi.h"
#include "colonnade/error.h"
#include "colonnade/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A text of SQL, one statement or several, and values for its parameters. One thread at a time.
typedef struct colonnade_statement colonnade_statement;

/// What the last statement of a text gives: rows. Any number of threads at once.
///
/// If it is a **query** (SELECT and what SQL makes of it) it has been checked, not run, and runs
/// anew each time its rows are asked for. If it is anything else it has been run, once, and its
/// rows can be read once.
typedef struct colonnade_relation colonnade_relation;

/// Makes a statement. Nothing is parsed yet.
///
/// \param session    shared
/// \param sql        borrowed
/// \param statement  out, freed with colonnade_statement_free
/// \error InvalidArgument for text that is not UTF-8 or contains a NUL.
COLONNADE_API colonnade_error* colonnade_statement_new(colonnade_session* session, const char* sql,
                                                       size_t sql_size,
                                                       colonnade_statement** statement);

/// Position by which the parameter `$name` is bound: names are numbered from 1 in the order in
/// which they are first asked for. A statement's parameters are all named, or all by position
/// (`?` or `$1`, from 1).
///
/// \param statement borrowed  \param name borrowed, without the dollar  \param position out
COLONNADE_API colonnade_error* colonnade_statement_parameter(colonnade_statement* statement,
                                                             const char* name, size_t name_size,
                                                             size_t* position);

/// Each of the following gives a parameter a value, in place of the one it has: NULL, a BOOLEAN,
/// BIGINT, DOUBLE, VARCHAR or BLOB. Values are copied.
///
/// \param statement borrowed  \param position from 1
/// \error InvalidArgument for a position of 0 or above 65535, and for text that is not UTF-8.
COLONNADE_API colonnade_error* colonnade_statement_bind_null(colonnade_statement* statement,
                                                             size_t position);
COLONNADE_API colonnade_error* colonnade_statement_bind_bool(colonnade_statement* statement,
                                                             size_t position, bool value);
COLONNADE_API colonnade_error* colonnade_statement_bind_int64(colonnade_statement* statement,
                                                              size_t position, int64_t value);
COLONNADE_API colonnade_error* colonnade_statement_bind_double(colonnade_statement* statement,
                                                               size_t position, double value);
/// \param value borrowed; may contain NUL if its size is given
COLONNADE_API colonnade_error* colonnade_statement_bind_text(colonnade_statement* statement,
                                                             size_t position, const char* value,
                                                             size_t value_size);
/// \param value borrowed; may be NULL if its size, in bytes, is 0
COLONNADE_API colonnade_error* colonnade_statement_bind_blob(colonnade_statement* statement,
                                                             size_t position, const void* value,
                                                             size_t value_size);
/// As CAST(value AS type), for what has no C type: "TIMESTAMP", "DECIMAL(10,2)", "DATE", "UUID".
/// Whether the value can be cast is known when the statement runs.
///
/// \param value borrowed  \param type borrowed
COLONNADE_API colonnade_error* colonnade_statement_bind_cast(colonnade_statement* statement,
                                                             size_t position, const char* value,
                                                             size_t value_size, const char* type,
                                                             size_t type_size);

/// Takes all values and names away. \param statement borrowed
COLONNADE_API colonnade_error* colonnade_statement_clear(colonnade_statement* statement);

/// Runs every statement of the text, except a last one that is a query. May be called any number of
/// times; the relation keeps the values that are bound now.
///
/// \param statement  borrowed
/// \param relation   out, freed with colonnade_relation_free; may be NULL if no rows are wanted
/// \error the first statement's that fails; those after it are not run. InvalidArgument for a
///     parameter without a value, or a value without a parameter in any statement.
COLONNADE_API colonnade_error* colonnade_statement_run(colonnade_statement* statement,
                                                       colonnade_relation** relation);

/// \param statement moved on success
COLONNADE_API void colonnade_statement_free(colonnade_statement* statement);

/// Makes, runs and frees a statement without parameters.
///
/// \param session shared  \param sql borrowed  \param relation as colonnade_statement_run's
COLONNADE_API colonnade_error* colonnade_session_run(colonnade_session* session, const char* sql,
                                                     size_t sql_size,
                                                     colonnade_relation** relation);

/// True if it is a query, to be run when its rows are asked for. \param relation borrowed
COLONNADE_API bool colonnade_relation_is_query(const colonnade_relation* relation);

/// \param relation borrowed
COLONNADE_API size_t colonnade_relation_column_count(const colonnade_relation* relation);

/// \param relation borrowed  \param column from 0  \param size out
COLONNADE_API const char* colonnade_relation_column_name(const colonnade_relation* relation,
                                                         size_t column, size_t* size);

/// As SQL spells it, "DOUBLE". \param relation borrowed  \param column from 0  \param size out
COLONNADE_API const char* colonnade_relation_column_type(const colonnade_relation* relation,
                                                         size_t column, size_t* size);

/// Formats of files.
enum {
  COLONNADE_FORMAT_CSV = 1,
  COLONNADE_FORMAT_JSON = 2,       /* one array of objects */
  COLONNADE_FORMAT_JSON_LINES = 3, /* one object per line */
  COLONNADE_FORMAT_PARQUET = 4
};

/// Runs a query into a file, which appears under its name only when it is complete.
///
/// \param relation  borrowed
/// \param format    one of COLONNADE_FORMAT_…
/// \param path      borrowed
/// \param rows      out: how many were written; may be NULL
/// \error InvalidState if the relation is not a query; Io; the query's own.
COLONNADE_API colonnade_error* colonnade_relation_write_file(colonnade_relation* relation,
                                                             int32_t format, const char* path,
                                                             size_t path_size, uint64_t* rows);

/// The plan of a query, for people.
///
/// \param relation borrowed  \param plan out, freed with colonnade_text_free
/// \error InvalidState if the relation is not a query.
COLONNADE_API colonnade_error* colonnade_relation_explain(colonnade_relation* relation,
                                                          colonnade_text** plan);

/// \param relation moved on success
COLONNADE_API void colonnade_relation_free(colonnade_relation* relation);

#ifdef __cplusplus
}
#endif
