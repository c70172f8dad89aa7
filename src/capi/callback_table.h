// A table whose streams a C callback makes.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "arrow/owners.h"
#include "base/status.h"
#include "colonnade/table.h"
#include "table/stream_table.h"

namespace colonnade::capi {

/// Streams keep their table alive, so that user_data outlives whatever uses it.
class CallbackTable final : public table::StreamTable,
                            public std::enable_shared_from_this<CallbackTable> {
 public:
  /// Takes `*schema` and callbacks.user_data over. \pre the schema is valid and a struct
  CallbackTable(std::string name, ArrowSchema* schema, const colonnade_stream_table& callbacks);
  /// Ends user_data.
  ~CallbackTable() override;

  /// Gives back what the constructor took over. \pre nobody else knows the table
  void GiveBack(ArrowSchema* schema) noexcept;

  const std::string& name() const override { return name_; }
  const ArrowSchema& schema() const override { return *schema_.get(); }
  int64_t partition_count() const override { return partition_count_; }
  std::optional<int64_t> row_count() const override { return row_count_; }
  Result<table::OpenedStream> Open(int64_t partition,
                                   const table::StreamRequest& request) const override;

 private:
  const std::string name_;
  arrow::Schema schema_;
  const colonnade_open_stream open_;
  void* const user_data_;
  void (*destroy_)(void* user_data);
  const int64_t partition_count_;
  std::optional<int64_t> row_count_;
};

}  // namespace colonnade::capi
