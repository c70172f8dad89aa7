// DurableWatermarks: which of a sender's commits have reached the server's object store.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/status.h"
#include "questdb/wire/ingest_response.h"

namespace colonnade::questdb {

/// Commits name the transaction that each table reached, durable acknowledgements the transaction
/// up to which each table is uploaded; both only rise, and either may be told first. Holds an entry
/// per table. Not thread-safe.
class DurableWatermarks {
 public:
  static constexpr size_t kMaxTables = 10'000;  // what a server lets a connection write to

  /// What an acknowledgement that made progress says was committed.
  /// \error ProtocolError: more tables than there can be
  Status Committed(std::span<const wire::TableTransaction> tables);
  /// What a durable acknowledgement says.
  void Uploaded(std::span<const wire::TableTransaction> tables);
  /// True if everything that was committed is uploaded.
  bool all_uploaded() const { return waiting_ == 0; }
  /// A new connection: the server says again what is committed and uploaded.
  void Clear();

 private:
  struct Table {
    int64_t committed = -1;
    int64_t uploaded = -1;
  };
  std::map<std::string, Table, std::less<>> tables_;
  size_t waiting_ = 0;  // tables that have committed more than is uploaded
};

}  // namespace colonnade::questdb
