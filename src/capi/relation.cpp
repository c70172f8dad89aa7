// colonnade/statement.h and colonnade/stream.h: what becomes of statements.

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/kept_stream.h"
#include "colonnade/statement.h"
#include "colonnade/stream.h"
#include "engine/engine.h"
#include "engine/query_result.h"
#include "session/session.h"

using colonnade::InvalidState;
using colonnade::Result;
using colonnade::Status;
using colonnade::capi::Arguments;
using colonnade::capi::Guard;
using colonnade::capi::Lend;
using colonnade::capi::LendNothing;
using colonnade::engine::FileFormat;
using colonnade::engine::QueryResult;

namespace {

constexpr size_t kFirstOptionsSize =
    offsetof(colonnade_stream_options, batch_rows) + sizeof(int64_t);
constexpr int64_t kDefaultBatchRows = 65'536;

Status MustBeQuery(const colonnade_relation& relation) {
  if (relation.query.has_value()) return {};
  return InvalidState("the statement is no query, and was run already");
}

// The rows, which of a query may be had any number of times, of anything else once.
Result<std::unique_ptr<QueryResult>> StartRows(colonnade_relation& relation) {
  if (relation.query.has_value()) return relation.session->Start(*relation.query);
  const std::lock_guard lock(relation.mutex);
  if (relation.rows == nullptr)
    return InvalidState("the rows of a statement that is no query can be read once, and were");
  return std::move(relation.rows);
}

}  // namespace

extern "C" {

bool colonnade_relation_is_query(const colonnade_relation* relation) {
  return relation != nullptr && relation->query.has_value();
}

size_t colonnade_relation_column_count(const colonnade_relation* relation) {
  return relation == nullptr ? 0 : relation->columns.size();
}

const char* colonnade_relation_column_name(const colonnade_relation* relation, size_t column,
                                           size_t* size) {
  if (relation == nullptr || column >= relation->columns.size()) return LendNothing(size);
  return Lend(relation->columns[column].name, size);
}

const char* colonnade_relation_column_type(const colonnade_relation* relation, size_t column,
                                           size_t* size) {
  if (relation == nullptr || column >= relation->columns.size()) return LendNothing(size);
  return Lend(relation->columns[column].type, size);
}

colonnade_error* colonnade_relation_write_file(colonnade_relation* relation, int32_t format,
                                               const char* path, size_t path_size, uint64_t* rows) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(relation, "relation"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(path, path_size, "path"));
    FileFormat as;
    switch (format) {
      case COLONNADE_FORMAT_CSV: as = FileFormat::kCsv; break;
      case COLONNADE_FORMAT_JSON: as = FileFormat::kJson; break;
      case COLONNADE_FORMAT_JSON_LINES: as = FileFormat::kJsonLines; break;
      case COLONNADE_FORMAT_PARQUET: as = FileFormat::kParquet; break;
      default: return arguments.Wrong("format is ", format, ", which is none");
    }
    COLONNADE_RETURN_IF_ERROR(MustBeQuery(*relation));
    COLONNADE_ASSIGN_OR_RETURN(
        const uint64_t written,
        relation->session->WriteFile(*relation->query, as, std::string(text)));
    if (rows != nullptr) *rows = written;
    return {};
  });
}

colonnade_error* colonnade_relation_explain(colonnade_relation* relation, colonnade_text** plan) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(relation, "relation"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(plan, "plan"));
    COLONNADE_RETURN_IF_ERROR(MustBeQuery(*relation));
    COLONNADE_ASSIGN_OR_RETURN(std::string text, relation->session->Explain(*relation->query));
    *plan = new colonnade_text{std::move(text)};
    return {};
  });
}

void colonnade_relation_free(colonnade_relation* relation) { delete relation; }

colonnade_error* colonnade_relation_stream(colonnade_relation* relation,
                                           const colonnade_stream_options* options,
                                           struct ArrowArrayStream* stream) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(relation, "relation"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(stream, "stream"));
    colonnade_stream_options given = COLONNADE_STREAM_OPTIONS_INIT;
    COLONNADE_RETURN_IF_ERROR(arguments.ReadOptions(options, kFirstOptionsSize, "options", &given));
    if (given.batch_rows < 0) return arguments.Wrong("options->batch_rows is ", given.batch_rows);
    const int64_t batch_rows = given.batch_rows == 0 ? kDefaultBatchRows : given.batch_rows;
    auto failure = std::make_shared<Status>();
    COLONNADE_ASSIGN_OR_RETURN(auto rows, StartRows(*relation));
    COLONNADE_ASSIGN_OR_RETURN(
        auto made,
        colonnade::engine::MakeArrayStream(std::move(rows), static_cast<uint64_t>(batch_rows),
                                           [failure](const Status& status) { *failure = status; }));
    colonnade::capi::KeepAlive(std::move(made), relation->session, failure).MoveTo(stream);
    return {};
  });
}

colonnade_error* colonnade_error_from_stream(struct ArrowArrayStream* stream) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(stream, "stream"));
    if (stream->release == nullptr) return arguments.Wrong("stream is released");
    if (!colonnade::capi::IsKept(stream))
      return arguments.Wrong("stream was not made by colonnade_relation_stream");
    return colonnade::capi::FailureOf(stream);
  });
}

}  // extern "C"
