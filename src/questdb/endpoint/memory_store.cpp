#include "questdb/endpoint/memory_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "questdb/endpoint/convert_column.h"
#include "questdb/endpoint/result_sources.h"
#include "questdb/endpoint/statement.h"
#include "questdb/endpoint/table.h"
#include "questdb/wire/names.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;
using wire::DecodedBlock;
using wire::DecodedColumn;

constexpr const char* kTimestampName = "timestamp";
constexpr uint8_t kOperationCreate = 1;
constexpr uint8_t kOperationDrop = 2;

// A table, and who is reading it: one that is read is not changed but copied.
struct StoredTable {
  explicit StoredTable(TableShape shape) : table(std::make_shared<Table>(std::move(shape))) {}

  std::shared_ptr<Table> table;
  std::shared_ptr<int64_t> readers = std::make_shared<int64_t>(0);  // of `table`
  int64_t transaction = 0;
  uint64_t identity = 0;  // another one for another table of the same name
};

// What a block that makes a new table shows of it.
TableShape ShapeOfNew(const DecodedBlock& block) {
  TableShape shape;
  shape.name = block.table;
  for (const DecodedColumn& column : block.columns) {
    if (IsArray(column.type) && column.dimensions == 0) continue;  // made when a row shows more
    if (column.name.empty()) continue;
    shape.columns.push_back(ColumnShape::Of(column));
  }
  return shape;
}

bool IsTimestamp(ColumnType type) {
  return type == ColumnType::kTimestamp || type == ColumnType::kTimestampNanos;
}

}  // namespace

class MemoryStore::State : public std::enable_shared_from_this<State> {
 public:
  State(const StoreLimits& limits, std::unique_ptr<Journal> journal)
      : limits_(limits), journal_(std::move(journal)) {}

  const StoreLimits& limits() const { return limits_; }

  // The block with its columns named and typed as those of its table, which is made, or gets new
  // columns, first. `identity` is the table's.
  Result<DecodedBlock> Prepare(DecodedBlock block, int64_t server_time_us, uint64_t* identity) {
    TableShape shape;
    {
      const std::lock_guard lock(mutex_);
      COLONNADE_ASSIGN_OR_RETURN(StoredTable* const stored, FitTable(block));
      shape = stored->table->shape();
      *identity = stored->identity;
    }
    // Columns are never taken away or changed, so that the shape holds without the lock.
    return Convert(shape, std::move(block), server_time_us);
  }

  struct Prepared {
    uint64_t identity = 0;
    std::vector<DecodedBlock> blocks;
    int64_t rows = 0;
  };

  // Commits the blocks of tables, all or none.
  Result<std::vector<wire::TableTransaction>> Commit(std::map<std::string, Prepared>& pending) {
    const std::lock_guard lock(mutex_);
    std::vector<TableCommit> commits;
    std::vector<StoredTable*> targets;
    for (auto& [name, prepared] : pending) {
      StoredTable* const stored = Find(name);
      if (stored == nullptr || stored->identity != prepared.identity) {
        return Io("table ", name, " was dropped before its rows were committed");
      }
      int64_t room = limits_.rows_per_table - stored->table->rows();
      for (const DecodedBlock& block : prepared.blocks) {
        COLONNADE_RETURN_IF_ERROR(stored->table->CheckRoom(block, limits_.rows_per_table));
        room -= block.rows;
      }
      if (room < 0) {
        return LimitExceeded("table ", name, ": more than ", limits_.rows_per_table, " rows");
      }
      targets.push_back(stored);
      commits.push_back({.shape = &stored->table->shape(),
                         .transaction = stored->transaction + 1,
                         .blocks = prepared.blocks});
    }
    if (commits.empty()) return std::vector<wire::TableTransaction>();
    if (journal_ != nullptr) COLONNADE_RETURN_IF_ERROR(journal_->Commit(commits));
    std::vector<wire::TableTransaction> reached;
    for (size_t i = 0; i < commits.size(); ++i) {
      Apply(*targets[i], commits[i]);
      reached.push_back({targets[i]->table->shape().name, targets[i]->transaction});
    }
    return reached;
  }

  Result<Answer> Execute(const Statement& statement, std::span<const wire::Bind> binds) {
    if (const auto* select = std::get_if<SelectBinds>(&statement)) {
      COLONNADE_ASSIGN_OR_RETURN(auto source, SourceOfBinds(*select, binds));
      return Answer(std::move(source));
    }
    const std::lock_guard lock(mutex_);
    if (const auto* select = std::get_if<SelectRows>(&statement)) {
      COLONNADE_ASSIGN_OR_RETURN(StoredTable* const stored, Get(select->table));
      const int64_t rows =
          std::min(stored->table->rows(), select->limit.value_or(stored->table->rows()));
      return Answer(SourceOfTable(Pin(*stored), rows));
    }
    if (const auto* count = std::get_if<CountRows>(&statement)) {
      COLONNADE_ASSIGN_OR_RETURN(StoredTable* const stored, Get(count->table));
      return Answer(SourceOfCount(stored->table->rows()));
    }
    if (const auto* create = std::get_if<CreateTable>(&statement)) return Create(*create);
    if (const auto* drop = std::get_if<DropTable>(&statement)) return Drop(*drop);
    if (const auto* show = std::get_if<ShowColumns>(&statement)) {
      COLONNADE_ASSIGN_OR_RETURN(StoredTable* const stored, Get(show->table));
      return Answer(SourceOfColumns(stored->table->shape()));
    }
    std::vector<std::string> names;
    for (const auto& [folded, stored] : tables_) names.push_back(stored.table->shape().name);
    return Answer(SourceOfNames("table_name", names));
  }

  Status Restore(const TableShape& shape) {
    const std::lock_guard lock(mutex_);
    if (Find(shape.name) != nullptr) return InvalidData("table ", shape.name, " is made twice");
    Insert(shape);
    return {};
  }

  Status RestoreDrop(std::string_view table) {
    const std::lock_guard lock(mutex_);
    if (tables_.erase(FoldName(table)) == 1) return {};
    return InvalidData("table ", table, " is dropped, and was not there");
  }

  Status RestoreCommit(const TableCommit& commit) {
    const std::lock_guard lock(mutex_);
    StoredTable* stored = Find(commit.shape->name);
    if (stored == nullptr) stored = Insert(*commit.shape);
    Table& table = *stored->table;
    const TableShape& shape = *commit.shape;
    for (size_t i = 0; i < shape.columns.size(); ++i) {
      if (i == table.shape().columns.size()) table.AddColumn(shape.columns[i]);
      if (table.shape().columns[i] == shape.columns[i]) continue;
      return InvalidData("table ", shape.name, ": column ", shape.columns[i].name,
                         " has changed its type");
    }
    for (const DecodedBlock& block : commit.blocks) {
      COLONNADE_RETURN_IF_ERROR(table.CheckRoom(block, limits_.rows_per_table));
      for (const DecodedColumn& column : block.columns) {
        const auto index = table.shape().Find(column.name);
        ColumnShape found = ColumnShape::Of(column);
        if (index && found.dimensions == 0) {
          found.dimensions = table.shape().columns[*index].dimensions;
        }
        if (!index || found != table.shape().columns[*index]) {
          return InvalidData("table ", shape.name, ": rows have a column ", column.name,
                             " that the table does not have so");
        }
      }
    }
    Apply(*stored, commit);
    stored->transaction = commit.transaction;
    return {};
  }

  int64_t rows(std::string_view table) {
    const std::lock_guard lock(mutex_);
    const StoredTable* const stored = Find(table);
    return stored != nullptr ? stored->table->rows() : -1;
  }
  int64_t transaction(std::string_view table) {
    const std::lock_guard lock(mutex_);
    const StoredTable* const stored = Find(table);
    return stored != nullptr ? stored->transaction : 0;
  }

 private:
  StoredTable* Find(std::string_view table) {
    const auto found = tables_.find(FoldName(table));
    return found != tables_.end() ? &found->second : nullptr;
  }

  Result<StoredTable*> Get(const std::string& table) {
    StoredTable* const stored = Find(table);
    if (stored != nullptr) return stored;
    return NotFound("table does not exist [table=", table, "]");
  }

  StoredTable* Insert(const TableShape& shape) {
    StoredTable& stored = tables_.emplace(FoldName(shape.name), StoredTable(shape)).first->second;
    stored.identity = ++last_identity_;
    return &stored;
  }

  // The table of a block, with all its columns.
  Result<StoredTable*> FitTable(const DecodedBlock& block) {
    StoredTable* stored = Find(block.table);
    if (stored == nullptr) {
      if (tables_.size() >= limits_.tables) {
        return LimitExceeded("table ", block.table, ": there are ", limits_.tables,
                             " tables already");
      }
      COLONNADE_ASSIGN_OR_RETURN(const TableShape shape, NewShape(block));
      if (journal_ != nullptr) COLONNADE_RETURN_IF_ERROR(journal_->Create(shape));
      return Insert(shape);
    }
    std::vector<ColumnShape> added;
    for (const DecodedColumn& column : block.columns) {
      if (column.name.empty() || stored->table->shape().Find(column.name)) continue;
      if (IsArray(column.type) && column.dimensions == 0) continue;
      added.push_back(ColumnShape::Of(column));
    }
    if (added.empty()) return stored;
    if (stored->table->shape().columns.size() + added.size() > limits_.columns_per_table) {
      return LimitExceeded("table ", block.table, ": more than ", limits_.columns_per_table,
                           " columns");
    }
    Own(*stored);
    for (const ColumnShape& column : added) stored->table->AddColumn(column);
    return stored;
  }

  // The designated timestamp of a new table is the column without a name, or called so.
  Result<TableShape> NewShape(const DecodedBlock& block) const {
    TableShape shape = ShapeOfNew(block);
    ColumnShape timestamp{.name = kTimestampName, .type = ColumnType::kTimestamp};
    for (const DecodedColumn& column : block.columns) {
      if (column.name.empty()) timestamp.type = column.type;
    }
    if (const auto named = shape.Find(kTimestampName)) {
      if (!IsTimestamp(shape.columns[*named].type)) {
        return InvalidArgument("table ", block.table, ": column ", shape.columns[*named].name,
                               " is ", TypeText(shape.columns[*named]),
                               ", but the designated timestamp of a new table has that name");
      }
      shape.timestamp = *named;
    } else {
      shape.timestamp = shape.columns.size();
      shape.columns.push_back(timestamp);
    }
    if (shape.columns.size() > limits_.columns_per_table) {
      return LimitExceeded("table ", block.table, ": more than ", limits_.columns_per_table,
                           " columns");
    }
    return shape;
  }

  static Result<DecodedBlock> Convert(const TableShape& shape, DecodedBlock block,
                                      int64_t server_time_us) {
    DecodedBlock converted;
    converted.table = shape.name;
    converted.rows = block.rows;
    bool has_timestamp = false;
    for (DecodedColumn& column : block.columns) {
      const auto index = column.name.empty() ? shape.timestamp : shape.Find(column.name);
      if (!index) continue;  // an array of which nothing is known yet
      const ColumnShape& target = shape.columns[*index];
      COLONNADE_ASSIGN_OR_RETURN(DecodedColumn fitted,
                                 ConvertColumn(shape.name, target, std::move(column), block.rows));
      if (*index == shape.timestamp) {
        if (has_timestamp) {
          return InvalidArgument("table ", shape.name, ": column ", target.name,
                                 " is the designated timestamp, which is there twice");
        }
        has_timestamp = true;
        fitted = FillTimestamps(std::move(fitted), block.rows, server_time_us);
      }
      converted.columns.push_back(std::move(fitted));
    }
    if (!has_timestamp) {
      converted.columns.push_back(
          ConstantTimestamps(shape.columns[shape.timestamp], block.rows, server_time_us));
    }
    return converted;
  }

  // Makes a table that is being read one of which nobody else knows.
  static void Own(StoredTable& stored) {
    if (*stored.readers == 0) return;
    stored.table = std::make_shared<Table>(stored.table->Clone());
    stored.readers = std::make_shared<int64_t>(0);
  }

  // The table as it is now, for as long as the pointer is held.
  std::shared_ptr<const Table> Pin(StoredTable& stored) {
    ++*stored.readers;
    return {stored.table.get(), [state = shared_from_this(), table = stored.table,
                                 readers = stored.readers](const Table*) mutable {
              {
                const std::lock_guard lock(state->mutex_);
                --*readers;
              }
              table.reset();  // perhaps the last one: not under the lock
            }};
  }

  static void Apply(StoredTable& stored, const TableCommit& commit) {
    Own(stored);
    for (const DecodedBlock& block : commit.blocks) stored.table->Apply(block);
    ++stored.transaction;
  }

  Result<Answer> Create(const CreateTable& create) {
    if (Find(create.shape.name) != nullptr) {
      if (create.if_not_exists) return Answer(StatementDone{.operation = kOperationCreate});
      return AlreadyExists("table already exists [table=", create.shape.name, "]");
    }
    if (tables_.size() >= limits_.tables) {
      return LimitExceeded("there are ", limits_.tables, " tables already");
    }
    if (journal_ != nullptr) COLONNADE_RETURN_IF_ERROR(journal_->Create(create.shape));
    Insert(create.shape);
    return Answer(StatementDone{.operation = kOperationCreate});
  }

  Result<Answer> Drop(const DropTable& drop) {
    if (Find(drop.table) == nullptr) {
      if (drop.if_exists) return Answer(StatementDone{.operation = kOperationDrop});
      return NotFound("table does not exist [table=", drop.table, "]");
    }
    if (journal_ != nullptr) COLONNADE_RETURN_IF_ERROR(journal_->Drop(drop.table));
    tables_.erase(FoldName(drop.table));
    return Answer(StatementDone{.operation = kOperationDrop});
  }

  const StoreLimits limits_;
  const std::unique_ptr<Journal> journal_;
  std::mutex mutex_;
  std::map<std::string, StoredTable> tables_;  // by folded name
  uint64_t last_identity_ = 0;
};

// One connection's rows that are not committed.
class MemoryStore::PendingRows final : public Transaction {
 public:
  explicit PendingRows(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Status Append(DecodedBlock block, int64_t server_time_us) override {
    if (block.rows == 0) return {};
    COLONNADE_RETURN_IF_ERROR(CheckNames(block));
    uint64_t identity = 0;
    COLONNADE_ASSIGN_OR_RETURN(DecodedBlock prepared,
                               state_->Prepare(std::move(block), server_time_us, &identity));
    State::Prepared& pending = pending_[FoldName(prepared.table)];
    if (!pending.blocks.empty() && pending.identity != identity) {
      return Io("table ", prepared.table, " was dropped before its rows were committed");
    }
    pending.identity = identity;
    pending.rows += prepared.rows;
    rows_ += prepared.rows;
    for (const DecodedColumn& column : prepared.columns) {
      bytes_ += static_cast<int64_t>(column.values.size + column.offsets.size);
      for (const wire::SharedBytes& level : column.list_offsets) {
        bytes_ += static_cast<int64_t>(level.size);
      }
    }
    const bool is_full = pending.rows > state_->limits().uncommitted_rows ||
                         bytes_ > state_->limits().uncommitted_bytes;
    pending.blocks.push_back(std::move(prepared));
    return is_full ? CommitPending() : Status();
  }

  Result<std::vector<wire::TableTransaction>> Commit() override {
    COLONNADE_RETURN_IF_ERROR(CommitPending());
    std::vector<wire::TableTransaction> tables;
    for (auto& [folded, table] : std::exchange(reached_, {})) tables.push_back(std::move(table));
    return tables;
  }

  void Rollback() override {
    pending_.clear();
    rows_ = 0;
    bytes_ = 0;
  }

  int64_t uncommitted_rows() const override { return rows_; }

 private:
  static Status CheckNames(const DecodedBlock& block) {
    COLONNADE_RETURN_IF_ERROR(wire::CheckTableName(block.table));
    std::vector<std::string_view> names;
    size_t timestamps = 0;
    for (const DecodedColumn& column : block.columns) {
      if (column.name.empty()) {
        ++timestamps;
        if (IsTimestamp(column.type)) continue;
        return InvalidArgument("table ", block.table, ": the designated timestamp is of type ",
                               wire::ColumnTypeName(column.type));
      }
      const Status named = wire::CheckColumnName(column.name);
      if (!named.ok()) return named.WithContext("table " + block.table);
      names.push_back(column.name);
    }
    if (timestamps > 1) {
      return InvalidArgument("table ", block.table, ": there are ", timestamps,
                             " designated timestamps");
    }
    return wire::CheckDistinct(names).WithContext("table " + block.table);
  }

  Status CommitPending() {
    auto reached = state_->Commit(pending_);
    Rollback();
    if (!reached.ok()) return std::move(reached).status();
    for (wire::TableTransaction& table : *reached) {
      std::string folded = FoldName(table.table);
      reached_[std::move(folded)] = std::move(table);
    }
    return {};
  }

  std::shared_ptr<State> state_;
  std::map<std::string, State::Prepared> pending_;  // by folded name
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  std::map<std::string, wire::TableTransaction> reached_;  // since the last Commit
};

MemoryStore::MemoryStore(const StoreLimits& limits, std::unique_ptr<Journal> journal)
    : state_(std::make_shared<State>(limits, std::move(journal))) {}
MemoryStore::~MemoryStore() = default;

std::unique_ptr<Transaction> MemoryStore::Begin() { return std::make_unique<PendingRows>(state_); }

Result<Answer> MemoryStore::Execute(std::string_view sql, std::span<const wire::Bind> binds) {
  COLONNADE_ASSIGN_OR_RETURN(const Statement statement, ParseStatement(sql));
  return state_->Execute(statement, binds);
}

Status MemoryStore::Restore(const TableShape& shape) { return state_->Restore(shape); }
Status MemoryStore::RestoreDrop(std::string_view table) { return state_->RestoreDrop(table); }
Status MemoryStore::RestoreCommit(const TableCommit& commit) {
  return state_->RestoreCommit(commit);
}
int64_t MemoryStore::rows(std::string_view table) const { return state_->rows(table); }
int64_t MemoryStore::transaction(std::string_view table) const {
  return state_->transaction(table);
}

}  // namespace colonnade::questdb::endpoint
