#include "capi/callback_table.h"

#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "capi/guard.h"
#include "capi/kept_stream.h"

namespace colonnade::capi {

CallbackTable::CallbackTable(std::string name, ArrowSchema* schema,
                             const colonnade_stream_table& callbacks)
    : name_(std::move(name)),
      schema_(arrow::Schema::TakeFrom(schema)),
      open_(callbacks.open),
      user_data_(callbacks.user_data),
      destroy_(callbacks.destroy),
      partition_count_(callbacks.partition_count == 0 ? 1 : callbacks.partition_count) {
  if (callbacks.row_count != nullptr) row_count_ = *callbacks.row_count;
}

CallbackTable::~CallbackTable() {
  if (destroy_ != nullptr) destroy_(user_data_);
}

void CallbackTable::GiveBack(ArrowSchema* schema) noexcept {
  destroy_ = nullptr;
  schema_.MoveTo(schema);
}

Result<table::OpenedStream> CallbackTable::Open(int64_t partition,
                                                const table::StreamRequest& request) const {
  const std::vector<int64_t> columns(request.columns.begin(), request.columns.end());
  colonnade_stream_request asked{};
  asked.struct_size = sizeof(asked);
  asked.partition = partition;
  asked.columns = columns.empty() ? nullptr : columns.data();
  asked.column_count = columns.size();
  asked.filter_sql = request.filter_sql.c_str();
  asked.filter_sql_size = request.filter_sql.size();
  asked.limit = request.limit.value_or(-1);

  const std::string where = "table " + Quote(name_);
  arrow::ArrayStream stream;
  Status status;
  try {
    status = Disown(open_(user_data_, &asked, stream.out()));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {  // of a callback that breaks its word
    status = Internal("its callback threw: ", e.what());
  }
  if (!status.ok()) {
    *stream.out() = ArrowArrayStream{};  // out: not written on failure
    return std::move(status).WithContext(where);
  }
  if (stream.empty()) return InvalidData(where, ": its callback made no stream");
  if (stream->get_schema == nullptr || stream->get_next == nullptr)
    return InvalidData(where, ": its callback made a stream that lacks a callback");
  return table::OpenedStream{KeepAlive(std::move(stream), shared_from_this(), nullptr), {}};
}

}  // namespace colonnade::capi
