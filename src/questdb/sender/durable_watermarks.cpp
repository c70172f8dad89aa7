#include "questdb/sender/durable_watermarks.h"

#include <algorithm>

namespace colonnade::questdb {

Status DurableWatermarks::Committed(std::span<const wire::TableTransaction> tables) {
  for (const auto& [name, transaction] : tables) {
    if (tables_.size() == kMaxTables && !tables_.contains(name)) {
      return ProtocolError("the server commits to more than ", kMaxTables, " tables");
    }
    Table& table = tables_[name];
    const bool waited = table.committed > table.uploaded;
    table.committed = std::max(table.committed, transaction);
    if (!waited && table.committed > table.uploaded) ++waiting_;
  }
  return {};
}

void DurableWatermarks::Uploaded(std::span<const wire::TableTransaction> tables) {
  for (const auto& [name, transaction] : tables) {
    // Of a table that nobody has written to; there is no need to hold more of these than of others.
    if (tables_.size() == kMaxTables && !tables_.contains(name)) continue;
    Table& table = tables_[name];
    const bool waited = table.committed > table.uploaded;
    table.uploaded = std::max(table.uploaded, transaction);
    if (waited && table.committed <= table.uploaded) --waiting_;
  }
}

void DurableWatermarks::Clear() {
  tables_.clear();
  waiting_ = 0;
}

}  // namespace colonnade::questdb
