#include "questdb/endpoint/disk_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "questdb/endpoint/block_image.h"
#include "questdb/endpoint/commit_log.h"
#include "questdb/endpoint/journal.h"
#include "questdb/wire/byte_reader.h"

namespace colonnade::questdb::endpoint {
namespace {

// The first byte of a record.
enum class RecordKind : uint8_t { kCreate = 1, kDrop = 2, kCommit = 3 };

constexpr const char* kLogName = "/commits.log";
constexpr size_t kMaxNameBytes = 127;

void AppendNumber(uint64_t value, std::vector<std::byte>& record) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  record.insert(record.end(), bytes.begin(), bytes.end());
}

// Replays go through it before it is told of anything new.
class LogJournal final : public Journal {
 public:
  Status Open(const std::string& path, MemoryStore& store) {
    COLONNADE_ASSIGN_OR_RETURN(CommitLog log, CommitLog::Open(path, [&store](Bytes payload) {
                                 return Replay(payload, store);
                               }));
    log_ = std::make_unique<CommitLog>(std::move(log));
    return {};
  }

  Status Create(const TableShape& shape) override {
    std::vector<std::byte> record{static_cast<std::byte>(RecordKind::kCreate)};
    AppendShape(shape, record);
    return log_->Append(record);
  }

  Status Drop(std::string_view table) override {
    std::vector<std::byte> record{static_cast<std::byte>(RecordKind::kDrop)};
    const auto name = std::as_bytes(std::span(table));
    record.insert(record.end(), name.begin(), name.end());
    return log_->Append(record);
  }

  Status Commit(std::span<const TableCommit> tables) override {
    std::vector<std::byte> record{static_cast<std::byte>(RecordKind::kCommit)};
    AppendNumber(tables.size(), record);
    for (const TableCommit& table : tables) {
      AppendShape(*table.shape, record);
      AppendNumber(static_cast<uint64_t>(table.transaction), record);
      AppendNumber(table.blocks.size(), record);
      for (const wire::DecodedBlock& block : table.blocks) AppendBlock(block, record);
    }
    return log_->Append(record);
  }

 private:
  static Status Replay(Bytes payload, MemoryStore& store) {
    wire::ByteReader reader(payload);
    COLONNADE_ASSIGN_OR_RETURN(const uint8_t kind, reader.TakeLittle<uint8_t>("kind"));
    switch (static_cast<RecordKind>(kind)) {
      case RecordKind::kCreate: {
        COLONNADE_ASSIGN_OR_RETURN(const TableShape shape, ReadShape(reader));
        COLONNADE_RETURN_IF_ERROR(reader.CheckEnd("end of the record"));
        return store.Restore(shape);
      }
      case RecordKind::kDrop: {
        if (reader.remaining() > kMaxNameBytes) return InvalidData("a name is too long");
        return store.RestoreDrop(wire::AsText(reader.rest()));
      }
      case RecordKind::kCommit: return ReplayCommit(reader, store);
    }
    return InvalidData("a record of kind ", kind);
  }

  static Status ReplayCommit(wire::ByteReader& reader, MemoryStore& store) {
    COLONNADE_ASSIGN_OR_RETURN(const auto tables, reader.TakeLittle<uint64_t>("tables"));
    for (uint64_t i = 0; i < tables; ++i) {
      COLONNADE_ASSIGN_OR_RETURN(const TableShape shape, ReadShape(reader));
      COLONNADE_ASSIGN_OR_RETURN(const auto transaction, reader.TakeLittle<int64_t>("transaction"));
      COLONNADE_ASSIGN_OR_RETURN(const auto count, reader.TakeLittle<uint64_t>("blocks"));
      std::vector<wire::DecodedBlock> blocks;
      for (uint64_t b = 0; b < count; ++b) {
        COLONNADE_ASSIGN_OR_RETURN(blocks.emplace_back(), ReadBlock(reader));
      }
      COLONNADE_RETURN_IF_ERROR(
          store.RestoreCommit({.shape = &shape, .transaction = transaction, .blocks = blocks}));
    }
    return reader.CheckEnd("end of the record");
  }

  std::unique_ptr<CommitLog> log_;
};

}  // namespace

Result<std::unique_ptr<MemoryStore>> OpenDiskStore(const std::string& directory,
                                                   const StoreLimits& limits) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return Io(directory, ": cannot make the directory: ", std::generic_category().message(errno));
  }
  auto journal = std::make_unique<LogJournal>();
  LogJournal& log = *journal;
  auto store = std::make_unique<MemoryStore>(limits, std::move(journal));
  COLONNADE_RETURN_IF_ERROR(log.Open(directory + kLogName, *store));
  return store;
}

}  // namespace colonnade::questdb::endpoint
