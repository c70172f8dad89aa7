// colonnade/table.h.

#include "colonnade/table.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/validate.h"
#include "base/quote.h"
#include "base/status.h"
#include "capi/callback_table.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "engine/engine.h"
#include "session/session.h"

using colonnade::InvalidData;
using colonnade::Quote;
using colonnade::Status;
using colonnade::capi::Arguments;
using colonnade::capi::CallbackTable;
using colonnade::capi::Guard;
using colonnade::capi::Lend;
using colonnade::capi::LendNothing;
using colonnade::session::TableName;

namespace {

constexpr size_t kFirstTableSize = offsetof(colonnade_stream_table, row_count) + sizeof(int64_t*);
constexpr int64_t kMaxPartitions = 1'000'000;

// Gives schema and user_data back to the caller, unless the table is there to stay.
class Return {
 public:
  Return(CallbackTable* table, ArrowSchema* schema) : table_(table), schema_(schema) {}
  ~Return() {
    if (table_ != nullptr) table_->GiveBack(schema_);
  }
  Return(const Return&) = delete;
  Return& operator=(const Return&) = delete;
  void Dismiss() { table_ = nullptr; }

 private:
  CallbackTable* table_;
  ArrowSchema* schema_;
};

Status Register(const Arguments& arguments, colonnade_session* session, const std::string& name,
                ArrowSchema* schema, const colonnade_stream_table& callbacks) {
  if (callbacks.open == nullptr) return arguments.Wrong("table->open is NULL");
  if (callbacks.partition_count < 0 || callbacks.partition_count > kMaxPartitions) {
    return arguments.Wrong("table->partition_count is ", callbacks.partition_count,
                           ", expected at most ", kMaxPartitions);
  }
  if (callbacks.row_count != nullptr && *callbacks.row_count < 0)
    return arguments.Wrong("*table->row_count is ", *callbacks.row_count);
  COLONNADE_RETURN_IF_ERROR(
      colonnade::arrow::ValidateSchema(schema).WithContext("schema of table " + Quote(name)));
  if (std::string_view(schema->format) != "+s") {
    return InvalidData("schema of table ", Quote(name), ": format is ", Quote(schema->format),
                       ", expected a struct, '+s'");
  }
  const auto table = std::make_shared<CallbackTable>(name, schema, callbacks);
  Return back(table.get(), schema);
  COLONNADE_RETURN_IF_ERROR(
      session->session->Register(name, colonnade::engine::TableObject{nullptr, table}));
  back.Dismiss();
  return {};
}

const char* LendPart(const colonnade_table_list* tables, size_t index,
                     std::string TableName::* part, size_t* size) {
  if (tables == nullptr || index >= tables->tables.size()) return LendNothing(size);
  return Lend(tables->tables[index].*part, size);
}

}  // namespace

extern "C" {

colonnade_error* colonnade_session_register(colonnade_session* session, const char* name,
                                            size_t name_size, struct ArrowSchema* schema,
                                            const colonnade_stream_table* table) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(name, name_size, "name"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(schema, "schema"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(table, "table"));
    colonnade_stream_table callbacks = COLONNADE_STREAM_TABLE_INIT;
    COLONNADE_RETURN_IF_ERROR(arguments.ReadOptions(table, kFirstTableSize, "table", &callbacks));
    return Register(arguments, session, std::string(text), schema, callbacks);
  });
}

colonnade_error* colonnade_session_unregister(colonnade_session* session, const char* name,
                                              size_t name_size) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(name, name_size, "name"));
    return session->session->Unregister(std::string(text));
  });
}

colonnade_error* colonnade_session_tables(colonnade_session* session,
                                          colonnade_table_list** tables) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(tables, "tables"));
    COLONNADE_ASSIGN_OR_RETURN(auto names, session->session->Tables());
    *tables = new colonnade_table_list{std::move(names)};
    return {};
  });
}

size_t colonnade_table_list_size(const colonnade_table_list* tables) {
  return tables == nullptr ? 0 : tables->tables.size();
}

const char* colonnade_table_list_catalog(const colonnade_table_list* tables, size_t index,
                                         size_t* size) {
  return LendPart(tables, index, &TableName::catalog, size);
}

const char* colonnade_table_list_schema(const colonnade_table_list* tables, size_t index,
                                        size_t* size) {
  return LendPart(tables, index, &TableName::schema, size);
}

const char* colonnade_table_list_name(const colonnade_table_list* tables, size_t index,
                                      size_t* size) {
  return LendPart(tables, index, &TableName::name, size);
}

void colonnade_table_list_free(colonnade_table_list* tables) { delete tables; }

}  // extern "C"
