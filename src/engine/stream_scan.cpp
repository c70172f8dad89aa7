#include "engine/stream_scan.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "arrow/validate.h"
#include "base/quote.h"
#include "duckdb/parser/keyword_helper.hpp"
#include "engine/duckdb_status.h"
#include "engine/table_scan.h"
#include "table/names.h"
#include "table/partition_reader.h"

namespace colonnade::engine {
namespace {

using duckdb::column_t;
using duckdb::idx_t;

// Rows of a batch that one thread takes at a time.
constexpr int64_t kMorselRows = 60 * STANDARD_VECTOR_SIZE;
// Batch indexes of one scan. DuckDB allows ten times as many per pipeline.
constexpr int64_t kMostBatchIndexes = 1'000'000'000'000;
// How long a thread waits for another one's read before it looks whether the query is cancelled.
constexpr auto kPollInterval = std::chrono::milliseconds(20);

//===--------------------------------------------------------------------===//
// Planning
//===--------------------------------------------------------------------===//

void PushdownComplexFilter(duckdb::ClientContext& context, duckdb::LogicalGet& get,
                           duckdb::FunctionData* bind_data,
                           duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) {
  if (!PushdownEnabled(context)) return;
  auto& bind = bind_data->Cast<StreamBindData>();
  std::vector<std::string> names;
  for (const StreamColumn& column : *bind.columns) names.push_back(column.name);
  TakeFilters(get, names, filters, &bind.filters);
}

duckdb::unique_ptr<duckdb::NodeStatistics> Cardinality(duckdb::ClientContext&,
                                                       const duckdb::FunctionData* bind_data) {
  const auto& bind = bind_data->Cast<StreamBindData>();
  const auto rows = bind.table->row_count();
  if (!rows || *rows < 0) return nullptr;
  const auto most = static_cast<idx_t>(*rows);
  // What DuckDB, too, assumes of a filter that it knows nothing of.
  const idx_t expected = bind.filters.empty() ? most : std::max<idx_t>(1, most / 5);
  return duckdb::make_uniq<duckdb::NodeStatistics>(expected, most);
}

duckdb::InsertionOrderPreservingMap<std::string> ToText(duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> text;
  const auto& bind = input.bind_data->Cast<StreamBindData>();
  text["Table"] = bind.table->name();
  text["Partitions"] = std::to_string(bind.table->partition_count());
  std::string checked;
  std::string offered;
  for (const auto& filter : bind.filters) {
    std::string& list = filter->check ? checked : offered;
    list += (list.empty() ? "" : "\n") + filter->sql;
  }
  if (!checked.empty()) text["Filters"] = checked;
  if (!offered.empty()) text["Offered Filters"] = offered;
  if (bind.limit) text["Rows Needed"] = std::to_string(*bind.limit);
  return text;
}

duckdb::virtual_column_map_t VirtualColumnsOf(duckdb::ClientContext&,
                                              duckdb::optional_ptr<duckdb::FunctionData>) {
  duckdb::virtual_column_map_t columns;
  // Row-count-only scans ask for this one, so that they read no real column.
  columns.emplace(duckdb::COLUMN_IDENTIFIER_EMPTY,
                  duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN));
  return columns;
}

//===--------------------------------------------------------------------===//
// Execution
//===--------------------------------------------------------------------===//

using Batch = duckdb::shared_ptr<duckdb::ArrowArrayWrapper>;

// One partition, from when a thread takes it until its stream ends. Threads that have none of
// their own share those of others.
struct Partition {
  explicit Partition(int64_t index_in) : index(index_in) {}

  const int64_t index;
  std::timed_mutex mutex;  // guards the rest
  std::optional<table::PartitionReader> reader;
  bool opened = false;
  bool finished = false;
  std::shared_ptr<const duckdb::Expression> check;  // set by opening; null: nothing is left to do
  Batch batch;                                      // what of it is not yet handed out
  int64_t next_row = 0;
  int64_t rows = 0;  // handed out
  int64_t morsels = 0;
};

struct StreamGlobal : duckdb::GlobalTableFunctionState {
  idx_t MaxThreads() const override { return max_threads; }

  const StreamBindData* bind = nullptr;  // the plan's; outlives this
  table::StreamRequest request;
  std::vector<std::optional<size_t>> outputs;  // positions in request.columns
  idx_t max_threads = MAX_THREADS;
  int64_t partition_count = 0;
  QueryCounters* counters = nullptr;
  std::atomic<int64_t> rows = 0;  // handed out
  std::atomic<int64_t> partitions_done = 0;

  std::mutex mutex;  // guards the rest; taken after Partition::mutex
  int64_t next_partition = 0;
  std::map<int64_t, std::shared_ptr<Partition>> open;
};

struct StreamLocal : duckdb::LocalTableFunctionState {
  std::shared_ptr<Partition> partition;
  int64_t last_partition = -1;
  int64_t batch_index = 0;
  int64_t next_row = 0;  // of the morsel
  int64_t end_row = 0;
  std::optional<ArrowVectors> vectors;  // of the batch that the morsel is of
  duckdb::DataChunk columns;            // of the request
  std::vector<bool> emitted;            // which of them are filled
  // What is checked on the rows of `checked_partition`.
  int64_t checked_partition = -1;
  std::shared_ptr<const duckdb::Expression> check;
  std::vector<size_t> check_columns;
  std::unique_ptr<duckdb::ExpressionExecutor> executor;
  duckdb::SelectionVector selection{STANDARD_VECTOR_SIZE};

  void DropBatch() {
    vectors.reset();
    columns.Destroy();
  }
};

void RequireReadable(const StreamBindData& bind, size_t column) {
  const Status& unsupported = (*bind.columns)[column].unsupported;
  if (unsupported.ok()) return;
  const std::string name = duckdb::KeywordHelper::WriteQuoted((*bind.columns)[column].name, '"');
  Throw(Status(unsupported.code(), "table " + Quote(bind.table->name()) + ": column " + name +
                                       ": " + std::string(unsupported.message()) +
                                       " (SELECT * EXCLUDE (" + name + ") reads the others)"));
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitGlobal(
    duckdb::ClientContext& context, duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<StreamBindData>();
  QueryState& state = QueryState::Get(context, *bind.resources);
  auto global = duckdb::make_uniq<StreamGlobal>();
  global->bind = &bind;
  global->partition_count = bind.table->partition_count();
  global->counters = &state.counters();

  std::vector<column_t> output_ids;
  if (input.projection_ids.empty()) {
    output_ids.assign(input.column_ids.begin(), input.column_ids.end());
  } else {
    for (const idx_t id : input.projection_ids) output_ids.push_back(input.column_ids[id]);
  }
  std::vector<size_t> columns = CheckedColumns(bind.filters);
  for (const column_t id : output_ids) {
    if (id < bind.columns->size()) columns.push_back(id);
  }
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  for (const size_t column : columns) RequireReadable(bind, column);
  for (const column_t id : output_ids) {
    const auto found = std::lower_bound(columns.begin(), columns.end(), id);
    const bool is_column = found != columns.end() && *found == id;  // or only rows are counted
    global->outputs.push_back(
        is_column ? std::optional<size_t>(static_cast<size_t>(found - columns.begin()))
                  : std::nullopt);
  }
  global->request.columns = std::move(columns);
  global->request.filters = FilterTerms(bind.filters);
  global->request.filter_sql = FilterSql(bind.filters);
  global->request.limit = bind.limit;
  global->request.environment = state.data_environment();
  // A few rows come from the first partitions; no other is to be opened for them.
  if (bind.limit && *bind.limit <= kMorselRows) global->max_threads = 1;
  global->counters->tiles_total += static_cast<uint64_t>(global->partition_count);
  return global;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> InitLocal(duckdb::ExecutionContext&,
                                                              duckdb::TableFunctionInitInput&,
                                                              duckdb::GlobalTableFunctionState*) {
  return duckdb::make_uniq<StreamLocal>();
}

// A partition of its own for a thread, or else one to help with. Only ones behind `last`: what a
// thread emits has ascending batch indexes.
std::shared_ptr<Partition> TakePartition(StreamGlobal& global, int64_t last) {
  const std::lock_guard lock(global.mutex);
  // Every partition before next_partition is read to its end, or until it has given that many.
  if (global.bind->limit && global.rows >= *global.bind->limit) return nullptr;
  if (global.next_partition < global.partition_count) {
    auto partition = std::make_shared<Partition>(global.next_partition++);
    global.open.emplace(partition->index, partition);
    return partition;
  }
  const auto other = global.open.upper_bound(last);
  return other == global.open.end() ? nullptr : other->second;
}

// Releases the stream. \pre the partition is locked
void Finish(StreamGlobal& global, Partition& partition) {
  partition.finished = true;
  partition.reader.reset();
  partition.batch.reset();
  ++global.partitions_done;
  ++global.counters->tiles_done;
  const std::lock_guard lock(global.mutex);
  global.open.erase(partition.index);
}

[[noreturn]] void Fail(StreamGlobal& global, Partition& partition, const Status& status) {
  Finish(global, partition);
  Throw(status);
}

// Fills partition.batch; false at the end of the stream. \pre the partition is locked
bool FillBatch(StreamGlobal& global, Partition& partition) {
  if (!partition.opened) {
    partition.opened = true;
    auto reader =
        table::PartitionReader::Open(*global.bind->table, partition.index, global.request);
    if (!reader.ok()) Fail(global, partition, reader.status());
    partition.check = RemainingCheck(global.bind->filters, reader->exact(), global.request.columns);
    partition.reader.emplace(*std::move(reader));
  }
  if (partition.batch) return true;
  auto batch = partition.reader->Next();
  if (!batch.ok()) Fail(global, partition, batch.status());
  if (!batch->has_value()) return false;
  partition.batch = duckdb::make_shared_ptr<duckdb::ArrowArrayWrapper>();
  (*batch)->MoveTo(&partition.batch->arrow_array);
  partition.next_row = 0;
  return true;
}

// Takes the next morsel of the partition. \pre the partition is locked and has a batch
void TakeRows(duckdb::ClientContext& context, StreamGlobal& global, Partition& partition,
              StreamLocal& local) {
  const int64_t length = partition.batch->arrow_array.length;
  int64_t end = std::min(partition.next_row + kMorselRows, length);
  if (global.bind->limit) {
    end = std::min(end, partition.next_row + *global.bind->limit - partition.rows);
  }
  const int64_t stride = kMostBatchIndexes / std::max<int64_t>(1, global.partition_count);
  if (partition.morsels >= stride) {
    Fail(global, partition,
         LimitExceeded("table ", Quote(global.bind->table->name()), ": partition ", partition.index,
                       " has more than ", stride, " batches"));
  }
  local.batch_index = partition.index * stride + partition.morsels++;
  local.next_row = partition.next_row;
  local.end_row = end;
  if (!local.vectors) local.vectors.emplace(context, partition.batch);
  partition.rows += end - partition.next_row;
  global.rows += end - partition.next_row;
  partition.next_row = end;
  if (end == length) partition.batch.reset();
  if (global.bind->limit && partition.rows >= *global.bind->limit) Finish(global, partition);
}

// The next rows for this thread; false if there are no more.
bool NextMorsel(duckdb::ClientContext& context, StreamGlobal& global, StreamLocal& local) {
  for (;;) {
    if (!local.partition) {
      local.partition = TakePartition(global, local.last_partition);
      if (!local.partition) {
        local.DropBatch();
        return false;
      }
      local.last_partition = local.partition->index;
    }
    Partition& partition = *local.partition;
    std::unique_lock lock(partition.mutex, std::defer_lock);
    while (!lock.try_lock_for(kPollInterval)) {
      if (context.IsInterrupted()) throw duckdb::InterruptException();
    }
    if (!partition.finished) {
      // Not two batches at once: the one before goes before the next is asked for.
      if (!local.vectors || local.vectors->batch() != partition.batch) local.DropBatch();
      if (FillBatch(global, partition)) {
        TakeRows(context, global, partition, local);
        return true;
      }
      Finish(global, partition);
    }
    lock.unlock();
    local.partition.reset();
  }
}

// Makes the column part of the current slice, if it is not yet.
void EmitColumn(const StreamGlobal& global, StreamLocal& local, size_t position, int64_t count) {
  if (local.emitted[position]) return;
  const StreamColumn& column = (*global.bind->columns)[global.request.columns[position]];
  try {
    local.vectors->Emit(column.arrow, position, local.next_row, count,
                        local.columns.data[position]);
  } catch (const std::exception&) {
    Throw(CurrentExceptionStatus().WithContext("table " + Quote(global.bind->table->name()) +
                                               ": column " + Quote(column.name)));
  }
  local.emitted[position] = true;
}

// Makes ready what has to be checked on the rows of the thread's partition.
void PrepareCheck(duckdb::ClientContext& context, StreamLocal& local) {
  if (local.checked_partition == local.last_partition) return;
  local.checked_partition = local.last_partition;
  local.executor.reset();  // before the expression that it refers to goes
  local.check = local.partition->check;
  local.check_columns.clear();
  if (!local.check) return;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundReferenceExpression>(
      *local.check, [&](const duckdb::BoundReferenceExpression& reference) {
        local.check_columns.push_back(reference.index);
      });
  local.executor = std::make_unique<duckdb::ExpressionExecutor>(context, *local.check);
}

void Scan(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
          duckdb::DataChunk& chunk) {
  auto& global = input.global_state->Cast<StreamGlobal>();
  auto& local = input.local_state->Cast<StreamLocal>();
  for (;;) {
    if (context.IsInterrupted()) throw duckdb::InterruptException();
    if (local.next_row == local.end_row) {
      if (!NextMorsel(context, global, local)) return;  // an empty chunk ends the scan
      PrepareCheck(context, local);
    }
    if (local.columns.GetCapacity() == 0) {
      duckdb::vector<duckdb::LogicalType> types;
      for (const size_t column : global.request.columns)
        types.push_back((*global.bind->columns)[column].arrow.type);
      if (!types.empty()) local.columns.Initialize(duckdb::Allocator::Get(context), types);
      local.columns.SetCapacity(STANDARD_VECTOR_SIZE);
    }
    const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, local.end_row - local.next_row);
    const auto rows = static_cast<idx_t>(count);
    if (!global.request.columns.empty()) local.columns.Reset();
    local.columns.SetCardinality(rows);
    local.emitted.assign(global.request.columns.size(), false);
    idx_t selected = rows;
    if (local.executor) {
      for (const size_t position : local.check_columns) EmitColumn(global, local, position, count);
      selected = local.executor->SelectExpression(local.columns, local.selection);
    }
    if (selected > 0) {
      for (size_t i = 0; i < global.outputs.size(); ++i) {
        if (!global.outputs[i]) continue;
        EmitColumn(global, local, *global.outputs[i], count);
        chunk.data[i].Reference(local.columns.data[*global.outputs[i]]);
      }
      chunk.SetCardinality(rows);
      if (selected < rows) chunk.Slice(local.selection, selected);
    }
    local.next_row += count;
    if (selected > 0) return;
  }
}

duckdb::OperatorPartitionData PartitionData(duckdb::ClientContext&,
                                            duckdb::TableFunctionGetPartitionInput& input) {
  return duckdb::OperatorPartitionData(
      static_cast<idx_t>(input.local_state->Cast<StreamLocal>().batch_index));
}

double Progress(duckdb::ClientContext&, const duckdb::FunctionData* bind_data,
                const duckdb::GlobalTableFunctionState* global_state) {
  const auto& bind = bind_data->Cast<StreamBindData>();
  const auto& global = global_state->Cast<StreamGlobal>();
  const auto rows = bind.table->row_count();
  const bool filtered = !bind.filters.empty();  // by the maker, perhaps
  const double done =
      static_cast<double>(rows && !filtered ? global.rows.load() : global.partitions_done.load());
  const double all = static_cast<double>(rows && !filtered ? *rows : global.partition_count);
  return all <= 0 ? 100 : std::min(100.0, 100.0 * done / all);
}

}  // namespace

StreamBindData::StreamBindData(std::shared_ptr<EngineResources> resources_in,
                               std::shared_ptr<const table::StreamTable> table_in)
    : resources(std::move(resources_in)), table(std::move(table_in)) {}

duckdb::unique_ptr<duckdb::FunctionData> StreamBindData::Copy() const {
  auto copy = duckdb::make_uniq<StreamBindData>(resources, table);
  copy->columns = columns;
  copy->filters = filters;
  copy->limit = limit;
  return copy;
}

bool StreamBindData::Equals(const duckdb::FunctionData& other_data) const {
  const auto& other = other_data.Cast<StreamBindData>();
  if (table != other.table || limit != other.limit || filters.size() != other.filters.size())
    return false;
  // Filters of copies are the same objects; of another scan they are, at worst, found different.
  return filters == other.filters;
}

duckdb::TableFunction MakeStreamFunction(const std::string& name) {
  duckdb::TableFunction function(name, {}, Scan, nullptr, InitGlobal, InitLocal);
  function.projection_pushdown = true;
  function.filter_pushdown = false;  // filters come through pushdown_complex_filter
  function.pushdown_complex_filter = PushdownComplexFilter;
  function.cardinality = Cardinality;
  function.get_partition_data = PartitionData;
  function.get_virtual_columns = VirtualColumnsOf;
  function.table_scan_progress = Progress;
  function.to_string = ToText;
  function.verify_serialization = false;
  return function;
}

void FillStreamColumns(duckdb::ClientContext& context, StreamBindData& bind,
                       duckdb::vector<duckdb::LogicalType>& types,
                       duckdb::vector<duckdb::string>& names) {
  const std::string table = "table " + Quote(bind.table->name());
  const ArrowSchema& schema = bind.table->schema();
  ThrowIfError(arrow::ValidateSchema(&schema).WithContext(table));
  if (std::string_view(schema.format) != "+s" || schema.n_children == 0)
    Throw(InvalidData(table, " has no columns"));
  std::vector<std::string> unique;
  for (int64_t i = 0; i < schema.n_children; ++i)
    unique.emplace_back(schema.children[i]->name != nullptr ? schema.children[i]->name : "");
  std::unordered_set<std::string> taken;
  unique = table::UniqueNames(std::move(unique), &taken);

  auto columns = std::make_shared<std::vector<StreamColumn>>();
  for (size_t i = 0; i < unique.size(); ++i) {
    StreamColumn column;
    column.name = unique[i];
    auto arrow = MakeArrowColumn(context, *schema.children[i]);
    if (arrow.ok()) {
      column.arrow = *std::move(arrow);
    } else {
      column.unsupported = arrow.status();
      column.arrow.type = duckdb::LogicalType::VARCHAR;
    }
    types.push_back(column.arrow.type);
    names.push_back(column.name);
    columns->push_back(std::move(column));
  }
  bind.columns = std::move(columns);
}

}  // namespace colonnade::engine
