// Tables that the program gives to a session, and the names of all that are there.

#pragma once

#include "colonnade/abi.h"
#include "colonnade/arrow.h"
#include "colonnade/error.h"
#include "colonnade/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What a query needs of a stream table. It is advice: a stream may have all columns and all rows,
/// and every filter is applied again to what it gives.
typedef struct colonnade_stream_request {
  size_t struct_size;
  int64_t partition; /* from 0, below partition_count */
  const int64_t*
      columns; /* children of the schema that are needed, ascending; may be NULL if none */
  size_t column_count;
  const char* filter_sql; /* condition on the rows that are needed, as SQL over the column names */
  size_t filter_sql_size; /* 0: all rows are */
  int64_t limit;          /* no more rows than these are needed of the table; -1: no limit */
} colonnade_stream_request;

/// Makes a stream of one partition: of all columns of the schema, or of the requested ones in the
/// order of the request.
///
/// Called on any thread, several at once, when a query runs, once per scan and partition, and never
/// at registration. The stream is read and released by one thread at a time, not always the same.
/// It must not use the session that the table is registered in.
///
/// \param user_data  colonnade_stream_table::user_data
/// \param request    borrowed
/// \param stream     out, released by the library
/// \return NULL, or an error (moved on success) that becomes the query's
typedef colonnade_error* (*colonnade_open_stream)(void* user_data,
                                                  const colonnade_stream_request* request,
                                                  struct ArrowArrayStream* stream);

/// A table whose rows a callback makes each time they are needed.
typedef struct colonnade_stream_table {
  size_t struct_size;
  colonnade_open_stream open;
  void* user_data; /* moved on success; may be NULL */
  /* Ends user_data; may be NULL. Runs exactly once, on any thread: when the table has been
     unregistered or replaced, or its session has ended, and the last stream that `open` made is
     released. `open` and the streams' callbacks never run after it has begun. If nothing of the
     session runs or is open, that is before the call that took the table away returns. Batches
     follow Arrow's own rule: they may be released later. */
  void (*destroy)(void* user_data);
  int64_t partition_count; /* rows come in the order of partitions; 0 means 1 */
  const int64_t*
      row_count; /* borrowed: rows of the whole table; NULL: not known. It must be true */
} colonnade_stream_table;

#define COLONNADE_STREAM_TABLE_INIT {sizeof(colonnade_stream_table), NULL, NULL, NULL, 0, NULL}

/// Makes a callback a table of that name, replacing one that was registered under it; queries that
/// run keep the one they have. Tables and views made by SQL come before it. Nothing is called.
///
/// \param session  borrowed
/// \param name     borrowed; what SQL calls it, ignoring case
/// \param schema   moved on success; a struct (format "+s") with one child per column
/// \param table    borrowed; its user_data moved on success
/// \error InvalidArgument for an empty name or options out of range; InvalidData for a malformed
///     schema; AlreadyExists if the name is a catalog's.
COLONNADE_API colonnade_error* colonnade_session_register(colonnade_session* session,
                                                          const char* name, size_t name_size,
                                                          struct ArrowSchema* schema,
                                                          const colonnade_stream_table* table);

/// Takes a registered table away. Does not wait for queries that use it.
///
/// \param session borrowed  \param name borrowed
/// \error NotFound, with the nearest name.
COLONNADE_API colonnade_error* colonnade_session_unregister(colonnade_session* session,
                                                            const char* name, size_t name_size);

/// The tables and views of a session at one moment. Immutable: any number of threads at once.
typedef struct colonnade_table_list colonnade_table_list;

/// All tables and views, sorted by catalog, schema and name.
///
/// \param session borrowed  \param tables out, freed with colonnade_table_list_free
COLONNADE_API colonnade_error* colonnade_session_tables(colonnade_session* session,
                                                        colonnade_table_list** tables);

/// \param tables borrowed
COLONNADE_API size_t colonnade_table_list_size(const colonnade_table_list* tables);

/// "memory", "temp", or what it is attached as; "" if it is registered.
///
/// \param tables borrowed  \param index from 0  \param size out
COLONNADE_API const char* colonnade_table_list_catalog(const colonnade_table_list* tables,
                                                       size_t index, size_t* size);

/// "" if it is registered. \param tables borrowed  \param index from 0  \param size out
COLONNADE_API const char* colonnade_table_list_schema(const colonnade_table_list* tables,
                                                      size_t index, size_t* size);

/// \param tables borrowed  \param index from 0  \param size out
COLONNADE_API const char* colonnade_table_list_name(const colonnade_table_list* tables,
                                                    size_t index, size_t* size);

/// \param tables moved on success
COLONNADE_API void colonnade_table_list_free(colonnade_table_list* tables);

#ifdef __cplusplus
}
#endif
