#include "engine/table_scan.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "duckdb/parser/keyword_helper.hpp"
#include "engine/column_references.h"
#include "engine/duckdb_status.h"
#include "engine/value_filter.h"
#include "engine/vectors.h"

namespace colonnade::engine {
namespace {

using duckdb::column_t;
using duckdb::idx_t;

// Offsets into DuckDB's virtual column ids.
constexpr column_t kMultiplicityOffset = 64;
constexpr column_t kAxisMultiplicityOffset = 65;  // one per axis
constexpr column_t kHiddenOffset = 1024;

//===--------------------------------------------------------------------===//
// Planning
//===--------------------------------------------------------------------===//

void NarrowAxis(ScanBindData& bind, size_t axis, const table::AxisSelection& positions) {
  auto narrowed = std::make_shared<table::Selection>(*bind.selection);
  (*narrowed)[axis] = (*narrowed)[axis].Intersect(positions);
  bind.selection = std::move(narrowed);
}

// Takes over every predicate on one axis; of predicates over several axes it keeps what can skip
// tiles and leaves them with the engine. Runs more than once per plan.
void PushdownComplexFilter(duckdb::ClientContext& context, duckdb::LogicalGet& get,
                           duckdb::FunctionData* bind_data,
                           duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) {
  auto& bind = bind_data->Cast<ScanBindData>();
  if (!bind.axis_uses.empty()) return;  // planned already
  QueryState& state = QueryState::Get(context, *bind.resources);
  AxisFilter evaluator(context, *bind.source, state.coordinate_environment());
  const auto column_of = [&](column_t id) { return bind.SourceColumn(id); };
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> left;
  for (auto& filter : filters) {
    const auto predicate = OverColumns(*filter, get, column_of);
    const auto axes = predicate ? evaluator.AxesOf(*predicate) : std::nullopt;
    bool taken = false;
    if (axes && axes->size() == 1) {
      const auto positions = evaluator.Evaluate(*predicate, axes->front());
      if (positions.ok()) {
        NarrowAxis(bind, axes->front(), *positions);
        taken = true;
      } else if (positions.status().code() == StatusCode::kCancelled) {
        Throw(positions.status());
      }
      // Otherwise the predicate can raise an error at some position; rows may never get there.
    } else if (predicate && !predicate->IsVolatile() && !predicate->HasParameter() &&
               !predicate->HasSubquery()) {
      const std::string text = predicate->ToString();
      const bool known = std::any_of(bind.tile_predicates.begin(), bind.tile_predicates.end(),
                                     [&](const auto& other) { return other->text == text; });
      if (!known &&
          (axes || predicate->GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONJUNCTION)) {
        std::shared_ptr<TilePredicate> tree = evaluator.MakeTree(*predicate);
        tree->text = text;
        for (size_t axis = 0; axis < bind.selection->size(); ++axis) {
          if (const auto bound = tree->Bound(axis, true)) NarrowAxis(bind, axis, *bound);
        }
        bind.tile_predicates.push_back(std::move(tree));
      }
    }
    if (!taken) left.push_back(std::move(filter));
  }
  filters = std::move(left);
}

// Single-column expressions on values (`v % 7 = 3`, `v IS NULL`) run inside the scan.
bool PushdownExpression(duckdb::ClientContext&, const duckdb::LogicalGet& get,
                        duckdb::Expression& expression) {
  const auto& bind = get.bind_data->Cast<ScanBindData>();
  bool on_values = true;
  duckdb::ExpressionIterator::VisitExpression<duckdb::BoundColumnRefExpression>(
      expression, [&](const duckdb::BoundColumnRefExpression& reference) {
        const auto& ids = get.GetColumnIds();
        if (reference.binding.column_index >= ids.size()) {
          on_values = false;
          return;
        }
        const auto column =
            bind.SourceColumn(ids[reference.binding.column_index].GetPrimaryIndex());
        on_values &= column && bind.source->columns()[*column].kind == table::ColumnKind::kValues;
      });
  return on_values && !expression.IsVolatile() && !expression.HasParameter() &&
         !expression.HasSubquery();
}

duckdb::unique_ptr<duckdb::NodeStatistics> Cardinality(duckdb::ClientContext&,
                                                       const duckdb::FunctionData* bind_data) {
  const auto& bind = bind_data->Cast<ScanBindData>();
  const int64_t rows = bind.axis_uses.empty()
                           ? table::RowCount(*bind.selection)
                           : PositionRows(*bind.selection, bind.axis_uses).row_count();
  return duckdb::make_uniq<duckdb::NodeStatistics>(static_cast<idx_t>(rows),
                                                   static_cast<idx_t>(rows));
}

duckdb::InsertionOrderPreservingMap<std::string> ToText(duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> text;
  const auto& bind = input.bind_data->Cast<ScanBindData>();
  text["Table"] = bind.source->name();
  for (size_t axis = 0; axis < bind.selection->size(); ++axis) {
    const int64_t count = (*bind.selection)[axis].count();
    const int64_t length = bind.source->axes()[axis].length;
    std::string positions = count == length
                                ? "all " + std::to_string(length)
                                : std::to_string(count) + " of " + std::to_string(length);
    if (!bind.axis_uses.empty() && bind.axis_uses[axis] == AxisUse::kCounted)
      positions += " (counted)";
    text[bind.source->axes()[axis].name] = positions;
  }
  if (!bind.axis_uses.empty()) text["Answer"] = "from coordinates";
  if (!bind.tile_predicates.empty())
    text["Tile Filters"] = std::to_string(bind.tile_predicates.size());
  return text;
}

//===--------------------------------------------------------------------===//
// Execution
//===--------------------------------------------------------------------===//

// How one output column is made.
struct OutputColumn {
  enum class Kind : uint8_t { kNothing, kMultiplicity, kConstant, kAxis, kValues };
  Kind kind = Kind::kNothing;
  size_t request = 0;          // kValues: position in ScanRequest::columns
  std::optional<size_t> axis;  // kAxis; kMultiplicity: of that diagonal axis
  std::shared_ptr<AxisEmitter> emitter;
  std::shared_ptr<const table::AxisValues> constant;
};

struct ScanGlobal : duckdb::GlobalTableFunctionState {
  idx_t MaxThreads() const override { return static_cast<idx_t>(std::max<int64_t>(1, tile_count)); }

  std::unique_ptr<table::Scan> scan;
  int64_t tile_count = 0;
  std::atomic<int64_t> next_tile = 0;
  std::atomic<int64_t> tiles_done = 0;
  std::vector<OutputColumn> outputs;
  std::vector<ValueFilter> value_filters;
  std::vector<std::shared_ptr<const TilePredicate>> tile_predicates;
  QueryCounters* counters = nullptr;
  std::optional<PositionRows> position_rows;  // an answer from coordinates; then there is no scan
};

// Rows of an answer from coordinates that one thread takes at a time.
constexpr int64_t kPositionTile = 65'536;

struct ScanLocal : duckdb::LocalTableFunctionState {
  std::unique_ptr<TableFilters> filter;
  std::unique_ptr<table::TileReader> reader;
  bool tile_open = false;
  int64_t tile = 0;
  const table::Block* block = nullptr;
  int64_t next_row = 0;      // of the block
  size_t next_selected = 0;  // of block->rows
  std::vector<duckdb::SelectionVector> codes;
};

void RequireReadable(const table::Column& column) {
  if (column.unavailable.ok()) return;
  const std::string name = duckdb::KeywordHelper::WriteQuoted(column.name, '"');
  Throw(Status(column.unavailable.code(),
               "column " + name + " cannot be read: " + std::string(column.unavailable.message()) +
                   " (SELECT * EXCLUDE (" + name + ") reads the others)"));
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitGlobal(
    duckdb::ClientContext& context, duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<ScanBindData>();
  const auto& columns = bind.source->columns();
  QueryState& state = QueryState::Get(context, *bind.resources);
  auto global = duckdb::make_uniq<ScanGlobal>();
  global->counters = &state.counters();

  table::ScanRequest request;
  request.selection = *bind.selection;
  request.environment = state.data_environment();
  std::vector<std::optional<size_t>> request_of(columns.size());
  const auto request_values = [&](size_t column) {
    if (!request_of[column]) {
      request_of[column] = request.columns.size();
      request.columns.push_back(column);
    }
    return *request_of[column];
  };

  bool nothing_matches = false;
  // Filters on coordinates that came late (joins, Top-N) narrow the axes; filters on values run per
  // block.
  if (input.filters) {
    AxisFilter evaluator(context, *bind.source, state.coordinate_environment());
    for (auto& [key, filter] : input.filters->filters) {
      const auto column = bind.SourceColumn(input.column_ids[key]);
      if (!column) continue;
      RequireReadable(columns[*column]);
      const auto type = TypeOf(columns[*column].type);
      if (columns[*column].kind == table::ColumnKind::kValues) {
        global->value_filters.push_back({request_values(*column), type, filter.get(),
                                         ComparisonFilter::Make(*filter, columns[*column].type)});
        continue;
      }
      const auto predicate = filter->ToExpression(duckdb::BoundReferenceExpression(type, *column));
      if (columns[*column].kind == table::ColumnKind::kAxis) {
        const size_t axis = columns[*column].axis;
        const auto positions = ValueOrThrow(evaluator.Evaluate(*predicate, axis));
        request.selection[axis] = request.selection[axis].Intersect(positions);
      } else if (!ValueOrThrow(evaluator.EvaluateConstant(*predicate))) {
        nothing_matches = true;
      }
    }
  }
  const auto add_output = [&](column_t id) {
    OutputColumn output;
    if (id >= duckdb::VIRTUAL_COLUMN_START + kMultiplicityOffset &&
        id < duckdb::VIRTUAL_COLUMN_START + kHiddenOffset) {
      output.kind = OutputColumn::Kind::kMultiplicity;
      if (id != MultiplicityColumnId()) {
        output.axis = id - duckdb::VIRTUAL_COLUMN_START - kAxisMultiplicityOffset;
      }
    } else if (const auto column = bind.SourceColumn(id)) {
      RequireReadable(columns[*column]);
      if (columns[*column].kind == table::ColumnKind::kValues) {
        output.kind = OutputColumn::Kind::kValues;
        output.request = request_values(*column);
      } else {
        auto values = ValueOrThrow(bind.source->LoadAxis(*column, state.coordinate_environment()));
        if (columns[*column].kind == table::ColumnKind::kConstant) {
          output.kind = OutputColumn::Kind::kConstant;
          output.constant = std::move(values);
        } else {
          output.kind = OutputColumn::Kind::kAxis;
          output.axis = columns[*column].axis;
          output.emitter =
              std::make_shared<AxisEmitter>(std::move(values), TypeOf(columns[*column].type));
        }
      }
    }
    global->outputs.push_back(std::move(output));
  };
  if (input.projection_ids.empty()) {
    for (const column_t id : input.column_ids) add_output(id);
  } else {
    for (const idx_t position : input.projection_ids) add_output(input.column_ids[position]);
  }

  if (!bind.axis_uses.empty()) {
    global->position_rows.emplace(std::move(request.selection), bind.axis_uses);
    const int64_t rows = nothing_matches ? 0 : global->position_rows->row_count();
    global->tile_count = rows / kPositionTile + (rows % kPositionTile != 0 ? 1 : 0);
    return global;
  }
  global->tile_predicates = bind.tile_predicates;
  global->scan = ValueOrThrow(bind.source->NewScan(std::move(request)));
  global->tile_count = nothing_matches ? 0 : global->scan->tile_count();
  global->counters->chunks_total += static_cast<uint64_t>(global->scan->chunk_count());
  global->counters->tiles_total += static_cast<uint64_t>(global->tile_count);
  return global;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> InitLocal(
    duckdb::ExecutionContext& context, duckdb::TableFunctionInitInput&,
    duckdb::GlobalTableFunctionState* global_state) {
  auto& global = global_state->Cast<ScanGlobal>();
  auto local = duckdb::make_uniq<ScanLocal>();
  for (size_t i = 0; i < global.outputs.size(); ++i)
    local->codes.emplace_back(STANDARD_VECTOR_SIZE);
  if (global.position_rows) return local;
  if (!global.value_filters.empty() || !global.tile_predicates.empty()) {
    local->filter = std::make_unique<TableFilters>(context.client, global.value_filters,
                                                   global.tile_predicates);
  }
  local->reader = ValueOrThrow(global.scan->NewReader(local->filter.get()));
  return local;
}

// The next block, opening tiles as needed; false at the end of the scan.
bool NextBlock(ScanGlobal& global, ScanLocal& local) {
  for (;;) {
    if (!local.tile_open) {
      local.tile = global.next_tile++;
      if (local.tile >= global.tile_count) return false;
      ThrowIfError(local.reader->Open(local.tile));
      local.tile_open = true;
    }
    local.block = ValueOrThrow(local.reader->Next());
    if (local.block != nullptr) {
      local.next_row = 0;
      local.next_selected = 0;
      return true;
    }
    local.tile_open = false;
    ++global.tiles_done;
    ++global.counters->tiles_done;
  }
}

void Emit(const ScanGlobal& global, ScanLocal& local, int64_t begin, int64_t count,
          duckdb::DataChunk& chunk) {
  const table::Block& block = *local.block;
  for (size_t i = 0; i < global.outputs.size(); ++i) {
    const OutputColumn& output = global.outputs[i];
    duckdb::Vector& vector = chunk.data[i];
    switch (output.kind) {
      case OutputColumn::Kind::kNothing: break;       // only the number of rows is read
      case OutputColumn::Kind::kMultiplicity: break;  // see EmitPositions
      case OutputColumn::Kind::kConstant: ReferenceConstant(*output.constant, 0, vector); break;
      case OutputColumn::Kind::kAxis:
        output.emitter->Emit(block, *output.axis, begin, count, local.codes[i], vector);
        break;
      case OutputColumn::Kind::kValues:
        ThrowIfError(EmitStrided(std::get<table::StridedColumn>(block.columns[output.request]),
                                 begin, count, vector));
        break;
    }
  }
  chunk.SetCardinality(static_cast<idx_t>(count));
}

// The next vector of an answer from coordinates; leaves the chunk empty at the end.
void EmitPositions(ScanGlobal& global, ScanLocal& local, duckdb::DataChunk& chunk) {
  const PositionRows& rows = *global.position_rows;
  if (!local.tile_open ||
      local.next_row >= std::min((local.tile + 1) * kPositionTile, rows.row_count())) {
    local.tile = global.next_tile++;
    local.tile_open = true;
    local.next_row = local.tile * kPositionTile;
    if (local.tile >= global.tile_count) return;
  }
  const int64_t begin = local.next_row;
  const int64_t end = std::min((local.tile + 1) * kPositionTile, rows.row_count());
  const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, end - begin);
  local.next_row += count;
  int64_t positions[STANDARD_VECTOR_SIZE];
  for (size_t i = 0; i < global.outputs.size(); ++i) {
    const OutputColumn& output = global.outputs[i];
    duckdb::Vector& vector = chunk.data[i];
    if (output.kind == OutputColumn::Kind::kMultiplicity) {
      auto* out = duckdb::FlatVector::GetData<int64_t>(vector);
      if (output.axis) {
        rows.Multiplicities(*output.axis, begin, count, out);
      } else {
        rows.Multiplicities(begin, count, out);
      }
    } else if (output.kind == OutputColumn::Kind::kConstant) {
      ReferenceConstant(*output.constant, 0, vector);
    } else if (output.kind == OutputColumn::Kind::kAxis) {
      rows.Positions(*output.axis, begin, count, positions);
      output.emitter->EmitAt(positions, count, local.codes[i], vector);
    }
  }
  chunk.SetCardinality(static_cast<idx_t>(count));
}

void Scan(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
          duckdb::DataChunk& chunk) {
  auto& global = input.global_state->Cast<ScanGlobal>();
  auto& local = input.local_state->Cast<ScanLocal>();
  if (global.position_rows) {
    if (context.IsInterrupted()) throw duckdb::InterruptException();
    EmitPositions(global, local, chunk);
    return;
  }
  for (;;) {
    if (context.IsInterrupted()) throw duckdb::InterruptException();
    if (local.block == nullptr && !NextBlock(global, local))
      return;  // an empty chunk ends the scan
    const table::Block& block = *local.block;
    if (local.next_row >= block.row_count ||
        (block.rows && local.next_selected >= block.rows->size())) {
      local.block = nullptr;
      continue;
    }
    if (!block.rows) {
      const int64_t begin = local.next_row;
      const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, block.row_count - begin);
      local.next_row += count;
      Emit(global, local, begin, count, chunk);
      return;
    }
    // Surviving rows: emit the slice they are in and select them from it.
    const auto rows = *block.rows;
    const int64_t begin = rows[local.next_selected];
    const int64_t count = std::min<int64_t>(STANDARD_VECTOR_SIZE, block.row_count - begin);
    duckdb::SelectionVector selected(STANDARD_VECTOR_SIZE);
    idx_t selected_count = 0;
    while (local.next_selected < rows.size() && rows[local.next_selected] < begin + count) {
      selected.set_index(selected_count++,
                         rows[local.next_selected++] - static_cast<uint32_t>(begin));
    }
    Emit(global, local, begin, count, chunk);
    if (selected_count < static_cast<idx_t>(count)) chunk.Slice(selected, selected_count);
    return;
  }
}

duckdb::OperatorPartitionData PartitionData(duckdb::ClientContext&,
                                            duckdb::TableFunctionGetPartitionInput& input) {
  return duckdb::OperatorPartitionData(
      static_cast<idx_t>(input.local_state->Cast<ScanLocal>().tile));
}

double Progress(duckdb::ClientContext&, const duckdb::FunctionData*,
                const duckdb::GlobalTableFunctionState* global_state) {
  const auto& global = global_state->Cast<ScanGlobal>();
  if (global.tile_count == 0) return 100;
  return 100.0 * static_cast<double>(global.tiles_done) / static_cast<double>(global.tile_count);
}

duckdb::virtual_column_map_t VirtualColumnsOf(
    duckdb::ClientContext&, duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  return VirtualColumns(*bind_data->Cast<ScanBindData>().source);
}

duckdb::BindInfo GetBindInfo(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  auto data = bind_data;  // a const optional_ptr hands out const
  auto& bind = data->Cast<ScanBindData>();
  if (bind.entry) return duckdb::BindInfo(*bind.entry);
  return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
}

}  // namespace

column_t MultiplicityColumnId() { return duckdb::VIRTUAL_COLUMN_START + kMultiplicityOffset; }
column_t MultiplicityColumnId(size_t diagonal_axis) {
  return duckdb::VIRTUAL_COLUMN_START + kAxisMultiplicityOffset + diagonal_axis;
}

ScanBindData::ScanBindData(std::shared_ptr<EngineResources> resources_in,
                           std::shared_ptr<const table::TableSource> source_in)
    : resources(std::move(resources_in)), source(std::move(source_in)) {
  for (size_t i = 0; i < source->columns().size(); ++i) {
    if (!source->columns()[i].hidden) visible.push_back(i);
  }
  auto everything = std::make_shared<table::Selection>();
  for (const table::Axis& axis : source->axes())
    everything->push_back(table::AxisSelection::All(axis.length));
  selection = std::move(everything);
}

duckdb::unique_ptr<duckdb::FunctionData> ScanBindData::Copy() const {
  auto copy = duckdb::make_uniq<ScanBindData>(resources, source);
  copy->selection = selection;
  copy->tile_predicates = tile_predicates;
  copy->axis_uses = axis_uses;
  copy->entry = entry;
  return copy;
}

bool ScanBindData::Equals(const duckdb::FunctionData& other_data) const {
  const auto& other = other_data.Cast<ScanBindData>();
  return source == other.source && axis_uses == other.axis_uses && *selection == *other.selection &&
         tile_predicates == other.tile_predicates;
}

std::optional<size_t> ScanBindData::SourceColumn(column_t id) const {
  if (id < visible.size()) return visible[id];
  const column_t first = duckdb::VIRTUAL_COLUMN_START + kHiddenOffset;
  if (id >= first && id - first < source->columns().size()) return id - first;
  return std::nullopt;
}

duckdb::LogicalType TypeOf(array::ValueType type) {
  switch (type) {
    case array::ValueType::kBool: return duckdb::LogicalType::BOOLEAN;
    case array::ValueType::kInt8: return duckdb::LogicalType::TINYINT;
    case array::ValueType::kInt16: return duckdb::LogicalType::SMALLINT;
    case array::ValueType::kInt32: return duckdb::LogicalType::INTEGER;
    case array::ValueType::kInt64: return duckdb::LogicalType::BIGINT;
    case array::ValueType::kUInt8: return duckdb::LogicalType::UTINYINT;
    case array::ValueType::kUInt16: return duckdb::LogicalType::USMALLINT;
    case array::ValueType::kUInt32: return duckdb::LogicalType::UINTEGER;
    case array::ValueType::kUInt64: return duckdb::LogicalType::UBIGINT;
    case array::ValueType::kFloat32: return duckdb::LogicalType::FLOAT;
    case array::ValueType::kFloat64: return duckdb::LogicalType::DOUBLE;
    case array::ValueType::kTimestampMicros: return duckdb::LogicalType::TIMESTAMP;
    case array::ValueType::kTimestampNanos: return duckdb::LogicalType::TIMESTAMP_NS;
    case array::ValueType::kString: return duckdb::LogicalType::VARCHAR;
  }
  return duckdb::LogicalType::VARCHAR;
}

duckdb::TableFunction MakeScanFunction(const std::string& name, bool pushdown) {
  duckdb::TableFunction function(name, {}, Scan, nullptr, InitGlobal, InitLocal);
  function.projection_pushdown = true;
  function.filter_pushdown = pushdown;
  function.filter_prune = pushdown;
  function.cardinality = Cardinality;
  if (pushdown) {
    function.pushdown_complex_filter = PushdownComplexFilter;
    function.pushdown_expression = PushdownExpression;
  }
  function.get_partition_data = PartitionData;
  function.get_virtual_columns = VirtualColumnsOf;
  function.get_bind_info = GetBindInfo;
  function.table_scan_progress = Progress;
  function.to_string = ToText;
  function.verify_serialization = false;
  return function;
}

duckdb::unique_ptr<duckdb::FunctionData> BindScan(duckdb::ClientContext& context,
                                                  duckdb::TableFunctionBindInput& input,
                                                  std::shared_ptr<EngineResources> resources,
                                                  std::shared_ptr<const table::TableSource> source,
                                                  duckdb::vector<duckdb::LogicalType>& types,
                                                  duckdb::vector<duckdb::string>& names) {
  auto bind = duckdb::make_uniq<ScanBindData>(std::move(resources), std::move(source));
  for (const size_t column : bind->visible) {
    types.push_back(TypeOf(bind->source->columns()[column].type));
    names.push_back(bind->source->columns()[column].name);
  }
  if (!PushdownEnabled(context)) {
    const auto plain = MakeScanFunction(input.table_function.name, false);
    input.table_function.filter_pushdown = plain.filter_pushdown;
    input.table_function.filter_prune = plain.filter_prune;
    input.table_function.pushdown_complex_filter = plain.pushdown_complex_filter;
    input.table_function.pushdown_expression = plain.pushdown_expression;
  }
  return bind;
}

duckdb::virtual_column_map_t VirtualColumns(const table::TableSource& source) {
  duckdb::virtual_column_map_t columns;
  // Row-count-only scans ask for this one, so that they read no real column.
  columns.emplace(duckdb::COLUMN_IDENTIFIER_EMPTY,
                  duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN));
  for (size_t i = 0; i < source.columns().size(); ++i) {
    const table::Column& column = source.columns()[i];
    if (!column.hidden) continue;
    columns.emplace(duckdb::VIRTUAL_COLUMN_START + kHiddenOffset + i,
                    duckdb::TableColumn(column.name, TypeOf(column.type)));
  }
  return columns;
}

bool PushdownEnabled(duckdb::ClientContext& context) {
  duckdb::Value value;
  if (!context.TryGetCurrentSetting("colonnade_pushdown", value)) return true;
  return value.IsNull() || value.GetValue<bool>();
}

}  // namespace colonnade::engine
