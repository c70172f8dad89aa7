#include "table/tiled_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "array/decode.h"
#include "support/fake_dataset.h"
#include "support/random.h"
#include "support/status_matchers.h"
#include "table/grid.h"
#include "table/tile_plan.h"

namespace colonnade::table {
namespace {

using array::Interval;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A row: one number per requested column, or nothing for NULL.
using Row = std::vector<std::optional<double>>;

double NumberAt(array::ValueType type, const std::byte* at) {
  if (type == array::ValueType::kInt64) {
    int64_t value;
    std::memcpy(&value, at, sizeof(value));
    return static_cast<double>(value);
  }
  double value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

std::optional<double> AxisValue(const AxisValues& values, int64_t i) {
  if (values.is_sequence()) return static_cast<double>(i);
  if (!values.is_valid(i)) return std::nullopt;
  return NumberAt(values.type, values.data + i * array::ValueSize(values.type));
}

// All values of one column of a block, the slow way.
std::vector<std::optional<double>> ColumnValues(const Block& block, size_t column) {
  std::vector<std::optional<double>> out;
  if (const auto* axis = std::get_if<AxisColumn>(&block.columns[column])) {
    for (int64_t row = 0; row < block.row_count; ++row) {
      int64_t inner = 1;
      for (size_t a = axis->axis + 1; a < block.axes.size(); ++a) inner *= block.axes[a].count;
      const AxisPositions& positions = block.axes[axis->axis];
      out.push_back(AxisValue(*axis->values, positions.at(row / inner % positions.count)));
    }
  } else if (const auto* constant = std::get_if<ConstantColumn>(&block.columns[column])) {
    out.assign(static_cast<size_t>(block.row_count), AxisValue(*constant->values, 0));
  } else {
    const auto& strided = std::get<StridedColumn>(block.columns[column]);
    const size_t rows = static_cast<size_t>(block.row_count);
    std::vector<double> values(rows);
    std::vector<uint64_t> validity((rows + 63) / 64);
    EXPECT_OK(array::Gather(*strided.plan, strided.data, strided.dimensions, 0, block.row_count,
                            values.data(), validity.data()));
    for (size_t row = 0; row < rows; ++row) {
      const bool valid = (validity[row / 64] >> (row % 64) & 1) != 0;
      out.push_back(valid ? std::optional(values[row]) : std::nullopt);
      EXPECT_TRUE(!strided.is_constant || out[row] == out[0]);
    }
  }
  return out;
}

// Keeps rows whose columns satisfy a test; may know axis positions that cannot match.
class TestFilter final : public BlockFilter {
 public:
  using Test = std::function<bool(const Row&)>;
  using AxesTest = std::function<bool(const std::vector<AxisPositions>&)>;
  TestFilter(std::vector<size_t> columns, Test test, AxesTest may_match = nullptr)
      : columns_(std::move(columns)), test_(std::move(test)), may_match_(std::move(may_match)) {}

  bool MayMatch(const std::vector<AxisPositions>& axes) override {
    return may_match_ == nullptr || may_match_(axes);
  }
  const std::vector<size_t>& columns() const override { return columns_; }
  Status Select(const Block& block, std::vector<uint32_t>* rows) override {
    EXPECT_THAT(*rows, IsEmpty());
    std::vector<std::vector<std::optional<double>>> values;
    for (const size_t column : columns_) values.push_back(ColumnValues(block, column));
    for (int64_t row = 0; row < block.row_count; ++row) {
      Row tested;
      for (const auto& column : values) tested.push_back(column[static_cast<size_t>(row)]);
      if (test_(tested)) rows->push_back(static_cast<uint32_t>(row));
    }
    return Status();
  }

 private:
  const std::vector<size_t> columns_;
  const Test test_;
  const AxesTest may_match_;
};

void AppendRows(const Block& block, size_t columns, std::vector<Row>* rows) {
  std::vector<std::vector<std::optional<double>>> values;
  for (size_t column = 0; column < columns; ++column) values.push_back(ColumnValues(block, column));
  const auto append = [&](size_t row) {
    Row out;
    for (const auto& column : values) out.push_back(column[row]);
    rows->push_back(std::move(out));
  };
  if (block.rows.has_value()) {
    EXPECT_LT(block.rows->size(), static_cast<size_t>(block.row_count));
    EXPECT_FALSE(block.rows->empty());
    for (const uint32_t row : *block.rows) append(row);
  } else {
    for (int64_t row = 0; row < block.row_count; ++row) append(static_cast<size_t>(row));
  }
}

Result<std::vector<Row>> ReadTile(TileReader& reader, int64_t tile, size_t columns,
                                  int64_t max_block_rows) {
  std::vector<Row> rows;
  COLONNADE_RETURN_IF_ERROR(reader.Open(tile));
  while (true) {
    COLONNADE_ASSIGN_OR_RETURN(const Block* block, reader.Next());
    if (block == nullptr) return rows;
    EXPECT_LE(block->row_count, max_block_rows);
    AppendRows(*block, columns, &rows);
  }
}

// Reads all tiles on `threads` threads and puts them in order.
Result<std::vector<Row>> ReadAll(Scan& scan, size_t columns, int64_t max_block_rows,
                                 const std::function<std::unique_ptr<BlockFilter>()>& make_filter,
                                 int threads = 1) {
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::map<int64_t, std::vector<Row>> tiles;
  Status failure;
  const auto work = [&] {
    const std::unique_ptr<BlockFilter> filter = make_filter();
    auto reader = scan.NewReader(filter.get());
    ASSERT_OK(reader);
    for (int64_t tile = next++; tile < scan.tile_count(); tile = next++) {
      auto rows = ReadTile(**reader, tile, columns, max_block_rows);
      const std::lock_guard guard(mutex);
      if (!rows.ok()) {
        failure = rows.status();
        return;
      }
      tiles[tile] = *std::move(rows);
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  COLONNADE_RETURN_IF_ERROR(failure);
  std::vector<Row> all;
  for (auto& [tile, rows] : tiles) all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

std::unique_ptr<BlockFilter> NoFilter() { return nullptr; }

Selection Everything(const TableSource& table) {
  Selection selection;
  for (const Axis& axis : table.axes()) selection.push_back(AxisSelection::All(axis.length));
  return selection;
}

std::vector<double> Counting(int64_t count, double from = 0) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(from + static_cast<double>(i));
  return values;
}

std::shared_ptr<const TableSource> TableOf(const std::shared_ptr<FakeDataset>& dataset,
                                           const GridOptions& options = {}) {
  auto grids = Grids::Create(dataset, options);
  EXPECT_OK(grids);
  return (*grids)->table(0);
}

class ChunkReads : public ::testing::Test {
 protected:
  void SetUp() override {
    // Columns: 0 t, 1 y, 2 a, 3 b.
    dataset_->Add<double>("a", {"t", "y"}, {10, 6}, {2, 3}, Counting(60));
    dataset_->Add<double>("b", {"t", "y"}, {10, 6}, {5, 6}, Counting(60, 100));
    table_ = TableOf(dataset_);
  }

  Result<std::vector<Row>> Read(std::vector<size_t> columns, Selection selection,
                                std::function<std::unique_ptr<BlockFilter>()> filter = NoFilter) {
    const size_t count = columns.size();
    COLONNADE_ASSIGN_OR_RETURN(auto scan,
                               table_->NewScan({std::move(columns), std::move(selection), {}}));
    return ReadAll(*scan, count, 65'536, filter);
  }

  std::shared_ptr<FakeDataset> dataset_ = std::make_shared<FakeDataset>();
  std::shared_ptr<const TableSource> table_;
};

TEST_F(ChunkReads, AreOnePerChunkOfOneVariable) {
  EXPECT_EQ(Read({2}, Everything(*table_))->size(), 60u);
  EXPECT_EQ(dataset_->chunk_reads().size(), 10u);
  EXPECT_EQ(dataset_->total_chunk_reads(), 10);
}

TEST_F(ChunkReads, AreOnePerChunkWhereChunkShapesDiffer) {
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({2, 3}, Everything(*table_)));
  EXPECT_EQ(rows.size(), 60u);
  EXPECT_EQ(dataset_->chunk_reads().size(), 12u);
  // Chunks of 2 rows straddle the tiles of 5 and come from the cache the second time.
  EXPECT_EQ(dataset_->total_chunk_reads(), 12);
}

TEST_F(ChunkReads, AreNoneForCoordinates) {
  EXPECT_EQ(Read({0, 1}, Everything(*table_))->size(), 60u);
  EXPECT_EQ(dataset_->total_chunk_reads(), 0);
}

TEST_F(ChunkReads, AreOnlyThoseThatTheSelectionTouches) {
  const Selection selection{AxisSelection::Of({{0, 1}, {9, 10}}), AxisSelection::Of({{4, 5}})};
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({0, 2}, selection));
  EXPECT_EQ(rows, (std::vector<Row>{{0, 4}, {9, 58}}));
  EXPECT_EQ(dataset_->total_chunk_reads(), 2);
}

TEST_F(ChunkReads, AreNoneForAnEmptySelection) {
  EXPECT_THAT(*Read({0, 2}, {AxisSelection::Of({}), AxisSelection::All(6)}), IsEmpty());
  EXPECT_EQ(dataset_->total_chunk_reads(), 0);
}

TEST_F(ChunkReads, OfOtherColumnsHappenOnlyInTilesWithASurvivingRow) {
  // The filter looks at a; only the value 33 of row (5, 3) passes.
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({2, 3}, Everything(*table_), [] {
                         return std::make_unique<TestFilter>(
                             std::vector<size_t>{0}, [](const Row& row) { return row[0] == 33; });
                       }));
  EXPECT_EQ(rows, (std::vector<Row>{{33, 133}}));
  int of_b = 0;
  for (const auto& [chunk, times] : dataset_->chunk_reads()) of_b += chunk.first == 1 ? times : 0;
  EXPECT_EQ(of_b, 1);
}

TEST_F(ChunkReads, AreSkippedInTilesThatCannotMatch) {
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({2}, Everything(*table_), [] {
                         return std::make_unique<TestFilter>(
                             std::vector<size_t>{}, [](const Row&) { return true; },
                             [](const std::vector<AxisPositions>& axes) {
                               return axes[0].first >= 8 && axes[1].first == 0;
                             });
                       }));
  EXPECT_EQ(rows, (std::vector<Row>{{48}, {49}, {50}, {54}, {55}, {56}}));
  EXPECT_EQ(dataset_->total_chunk_reads(), 1);
}

TEST_F(ChunkReads, StopEarlyWithTheReader) {
  ASSERT_OK_AND_ASSIGN(auto scan, table_->NewScan({{2}, Everything(*table_), {}}));
  ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
  ASSERT_OK(reader->Open(0));
  ASSERT_OK_AND_ASSIGN(const Block* block, reader->Next());
  ASSERT_NE(block, nullptr);
  reader.reset();
  EXPECT_EQ(dataset_->total_chunk_reads(), 1);
  EXPECT_EQ(scan->chunk_count(), 10);
}

TEST_F(ChunkReads, AreCountedOncePerVariableHoweverOftenItIsAskedFor) {
  ASSERT_OK_AND_ASSIGN(auto scan, table_->NewScan({{2, 2}, Everything(*table_), {}}));
  EXPECT_EQ(scan->chunk_count(), 10);
  ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*scan, 2, 65'536, NoFilter));
  EXPECT_EQ(rows[7], (Row{4, 4}));
  EXPECT_EQ(dataset_->total_chunk_reads(), 10);
}

TEST_F(ChunkReads, StopWhenCancelled) {
  CancelFlag cancel;
  ScanEnvironment environment;
  environment.cancel = &cancel;
  ASSERT_OK_AND_ASSIGN(auto scan, table_->NewScan({{2}, Everything(*table_), environment}));
  ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
  ASSERT_OK(reader->Open(0));
  cancel.Cancel();
  EXPECT_THAT(reader->Next(), StatusIs(StatusCode::kCancelled, ::testing::_));
  EXPECT_THAT(reader->Open(1), StatusIs(StatusCode::kCancelled, ::testing::_));
  EXPECT_EQ(dataset_->total_chunk_reads(), 0);
}

TEST_F(ChunkReads, ReportAFailureWithTheTable) {
  dataset_->FailReads(InvalidData("variable a: chunk c/0/0: broken"));
  EXPECT_THAT(Read({2}, Everything(*table_)),
              StatusIs(StatusCode::kInvalidData,
                       ::testing::AllOf(HasSubstr("fake t_y"), HasSubstr("chunk c/0/0"))));
}

TEST_F(ChunkReads, RejectASelectionOutsideTheAxes) {
  EXPECT_THAT(Read({2}, {AxisSelection::All(11), AxisSelection::All(6)}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("length 10")));
  EXPECT_THAT(Read({2}, {AxisSelection::All(10)}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("1 selections for 2 axes")));
  EXPECT_THAT(Read({99}, Everything(*table_)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no column 99")));
}

TEST(TiledScan, OfATableWithoutAxesHasOneRow) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->Add<double>("pi", {}, {}, {}, {3.14});
  const auto table = TableOf(dataset);
  EXPECT_EQ(table->columns()[0].kind, ColumnKind::kConstant);
  ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{0}, {}, {}}));
  ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*scan, 1, 65'536, NoFilter));
  EXPECT_EQ(rows, (std::vector<Row>{{3.14}}));
}

TEST(TiledScan, WithoutColumnsHasRowsInTheOrderOfTheTablesChunks) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->AddShape("v", {"x", "y"}, {30, 7}, {10, 4});
  const auto table = TableOf(dataset);
  ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{}, Everything(*table), {}}));
  EXPECT_EQ(scan->tile_count(), 6);
  ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*scan, 0, 65'536, NoFilter));
  EXPECT_EQ(rows.size(), 210u);
}

TEST(TiledScan, RefusesAnUnknownTile) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->AddShape("v", {"x"}, {3});
  const auto table = TableOf(dataset);
  ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{}, Everything(*table), {}}));
  ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
  EXPECT_THAT(reader->Open(1), StatusIs(StatusCode::kInvalidArgument, HasSubstr("no tile 1")));
  EXPECT_THAT(reader->Open(-1), StatusIs(StatusCode::kInvalidArgument, HasSubstr("no tile -1")));
}

TEST(TiledScan, PresentsOneStoredValueAsAConstant) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->AddShape("v", {"x", "y"}, {3, 4});  // its one chunk is a fill value
  const auto table = TableOf(dataset);
  ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{2}, Everything(*table), {}}));
  ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
  ASSERT_OK(reader->Open(0));
  ASSERT_OK_AND_ASSIGN(const Block* block, reader->Next());
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(std::get<StridedColumn>(block->columns[0]).is_constant);
  EXPECT_EQ(block->row_count, 12);
}

TEST(TiledScan, OpensATileOfAHugeTableInMicroseconds) {
  auto dataset = std::make_shared<FakeDataset>();
  dataset->AddShape("v", {"time", "lat", "lon"}, {1'000'000, 721, 1'440}, {1, 1, 1});
  const auto begin = std::chrono::steady_clock::now();
  const auto table = TableOf(dataset);
  for (const size_t column : {size_t{3}, size_t{0}}) {
    ASSERT_OK_AND_ASSIGN(auto scan, table->NewScan({{column}, Everything(*table), {}}));
    ASSERT_OK_AND_ASSIGN(auto reader, scan->NewReader(nullptr));
    ASSERT_OK(reader->Open(scan->tile_count() - 1));
    ASSERT_OK_AND_ASSIGN(const Block* block, reader->Next());
    ASSERT_NE(block, nullptr);
    EXPECT_GT(block->axes[0].first, 999'990);
  }
  // Anything that grows with the 10^12 tiles would take hours.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

// A random dataset whose first table has every variable, with the values kept for the oracle.
struct RandomTable {
  std::shared_ptr<FakeDataset> dataset = std::make_shared<FakeDataset>();
  std::shared_ptr<const TableSource> table;
  std::vector<int64_t> lengths;  // along the table's axes
  struct Values {
    std::vector<std::string> dims;
    array::Shape shape;
    array::Shape chunk_shape;
    std::vector<double> values;
  };
  std::map<std::string, Values> variables;

  std::optional<double> Expected(const std::string& name,
                                 const std::map<std::string, int64_t>& position) const {
    const auto found = variables.find(name);
    if (found == variables.end()) return static_cast<double>(position.at(name));
    const Values& from = found->second;
    int64_t index = 0;
    for (size_t d = 0; d < from.dims.size(); ++d) {
      index = index * from.shape[d] + position.at(from.dims[d]);
    }
    const double value = from.values[static_cast<size_t>(index)];
    return value == -1 ? std::nullopt : std::optional(value);
  }
};

RandomTable MakeRandomTable(SeededRandom& random, const GridOptions& options) {
  RandomTable out;
  const std::vector<std::string> dims{"d0", "d1", "d2", "d3"};
  const size_t rank = static_cast<size_t>(random.Uniform(1, 4));
  const std::vector<std::string> all(dims.begin(), dims.begin() + static_cast<int64_t>(rank));
  std::map<std::string, int64_t> lengths;
  for (const std::string& dim : all) lengths[dim] = random.Uniform(random.Chance(0.03) ? 0 : 1, 6);

  const auto add = [&](const std::string& name, std::vector<std::string> of) -> array::Variable& {
    RandomTable::Values values;
    for (const std::string& dim : of) {
      values.shape.push_back(lengths[dim]);
      values.chunk_shape.push_back(random.Uniform(1, 7));
    }
    const int64_t count = *array::ElementCount(values.shape);
    for (int64_t i = 0; i < count; ++i)
      values.values.push_back(static_cast<double>(random.Uniform(-1, 50)));
    values.dims = of;
    array::Variable& variable = out.dataset->Add<double>(
        name, std::move(of), values.shape, values.chunk_shape, values.values, {{"_FillValue", -1}});
    out.variables[name] = std::move(values);
    return variable;
  };

  for (const std::string& dim : all) {
    if (random.Chance(0.5)) add(dim, {dim});
  }
  add("scalar", {}).is_coordinate = true;
  for (int64_t i = random.Uniform(0, 2); i > 0; --i) {
    std::vector<std::string> some = all;
    std::shuffle(some.begin(), some.end(), random.engine());
    some.resize(static_cast<size_t>(random.Uniform(1, static_cast<int64_t>(rank))));
    add("c" + std::to_string(i), some).is_coordinate = true;
  }
  for (int64_t i = random.Uniform(1, 3); i > 0; --i) {
    std::vector<std::string> order = all;
    std::shuffle(order.begin(), order.end(), random.engine());
    add("v" + std::to_string(i), order);
  }
  out.table = TableOf(out.dataset, options);
  for (const Axis& axis : out.table->axes()) out.lengths.push_back(axis.length);
  return out;
}

Selection RandomSelection(SeededRandom& random, const std::vector<int64_t>& lengths) {
  Selection selection;
  const double density = random.Chance(0.4) ? 1.0 : random.Chance(0.9) ? 0.6 : 0.1;
  for (const int64_t length : lengths) {
    std::vector<Interval> runs;
    for (int64_t i = 0; i < length; ++i) {
      if (random.Chance(density)) runs.push_back({i, i + 1});
    }
    selection.push_back(AxisSelection::Of(std::move(runs)));
  }
  return selection;
}

// Oracle: a loop over every tile box and every selected position in it, values by index arithmetic.
std::vector<Row> ExpectedRows(const RandomTable& table, const std::vector<size_t>& columns,
                              const Selection& selection, const array::Shape& tile_shape,
                              const std::function<bool(const Row&)>& passes) {
  const size_t rank = table.lengths.size();
  std::vector<std::pair<std::vector<int64_t>, Row>> keyed;
  std::vector<int64_t> position(rank, 0);
  for (const int64_t length : table.lengths) {
    if (length == 0) return {};
  }
  while (true) {
    bool selected = true;
    std::map<std::string, int64_t> by_name;
    std::vector<int64_t> key;
    for (size_t axis = 0; axis < rank; ++axis) {
      selected &= selection[axis].CountWithin({position[axis], position[axis] + 1}) == 1;
      by_name[table.table->axes()[axis].name] = position[axis];
      key.push_back(position[axis] / tile_shape[axis]);
    }
    if (selected) {
      Row row;
      for (const size_t column : columns) {
        const Column& info = table.table->columns()[column];
        row.push_back(info.hidden ? std::optional(static_cast<double>(position[info.axis]))
                                  : table.Expected(info.name, by_name));
      }
      key.insert(key.end(), position.begin(), position.end());
      if (passes(row)) keyed.emplace_back(std::move(key), std::move(row));
    }
    size_t axis = rank;
    while (axis > 0 && ++position[axis - 1] == table.lengths[axis - 1]) position[--axis] = 0;
    if (axis == 0) break;
  }
  std::sort(keyed.begin(), keyed.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Row> rows;
  for (auto& [key, row] : keyed) rows.push_back(std::move(row));
  return rows;
}

TEST(TiledScanProperty, RowsAndTheirOrderEqualAPlainLoops) {
  SeededRandom random;
  for (int round = 0; round < 1'500; ++round) {
    GridOptions options;
    options.max_block_rows = std::vector<int64_t>{1, 3, 7, 65'536}[random.Uniform(0, 3)];
    options.max_tile_cells = random.Chance(0.5) ? 8'388'608 : random.Uniform(1, 200);
    options.chunk_cache_bytes = static_cast<uint64_t>(random.Uniform(0, 3));
    const RandomTable table = MakeRandomTable(random, options);
    std::vector<size_t> columns;
    for (size_t column = 0; column < table.table->columns().size(); ++column) {
      if (random.Chance(0.6)) columns.push_back(column);
    }
    std::shuffle(columns.begin(), columns.end(), random.engine());
    const Selection selection = RandomSelection(random, table.lengths);

    // The filter looks at some of the requested columns and wants their sum below a bound.
    std::vector<size_t> looked_at;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (random.Chance(0.4)) looked_at.push_back(i);
    }
    const double bound = static_cast<double>(random.Uniform(0, 60));
    const bool filtered = random.Chance(0.6);
    const auto test = [bound](const Row& row) {
      double sum = 0;
      for (const auto& value : row) sum += value.value_or(20);
      return sum < bound;
    };
    const auto passes = [&](const Row& row) {
      Row tested;
      for (const size_t i : looked_at) tested.push_back(row[i]);
      return !filtered || test(tested);
    };
    const auto make_filter = [&]() -> std::unique_ptr<BlockFilter> {
      if (!filtered) return nullptr;
      return std::make_unique<TestFilter>(looked_at, test);
    };

    ASSERT_OK_AND_ASSIGN(auto scan, table.table->NewScan({columns, selection, {}}));
    ASSERT_OK_AND_ASSIGN(const auto got, ReadAll(*scan, columns.size(), options.max_block_rows,
                                                 make_filter, random.Chance(0.2) ? 3 : 1));
    const auto is_stored = [&](size_t column) {
      return table.table->columns()[column].kind == ColumnKind::kValues;
    };
    const auto chunks_of = [&](size_t column) {
      const Column& info = table.table->columns()[column];
      const auto& values = table.variables.at(info.name);
      ChunkedVariable variable;
      for (const std::string& dim : values.dims) {
        for (size_t axis = 0; axis < table.lengths.size(); ++axis) {
          if (table.table->axes()[axis].name == dim) variable.axes.push_back(axis);
        }
      }
      variable.chunk_shape = values.chunk_shape;
      return variable;
    };
    std::vector<ChunkedVariable> requested;
    for (const size_t column : columns) {
      if (is_stored(column)) requested.push_back(chunks_of(column));
    }
    std::vector<ChunkedVariable> of_table;
    for (size_t column = 0; column < table.table->columns().size(); ++column) {
      if (is_stored(column)) of_table.push_back(chunks_of(column));
    }
    const TilePlan plan(table.lengths, requested, of_table, selection, options.max_tile_cells);
    ASSERT_EQ(got, ExpectedRows(table, columns, selection, plan.tile_shape(), passes))
        << "round " << round;
  }
}

TEST(TiledScanProperty, ReadsExactlyTheChunksThatOneVariablesSelectionTouches) {
  SeededRandom random;
  for (int round = 0; round < 500; ++round) {
    const RandomTable table = MakeRandomTable(random, {});
    const Selection selection = RandomSelection(random, table.lengths);
    size_t column = 0;
    while (table.table->columns()[column].name != "v1") ++column;
    table.dataset->ForgetReads();
    ASSERT_OK_AND_ASSIGN(auto scan, table.table->NewScan({{column}, selection, {}}));
    ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*scan, 1, 65'536, NoFilter));
    const auto& values = table.variables.at("v1");
    int64_t want = 1;
    for (size_t d = 0; d < values.dims.size(); ++d) {
      for (size_t axis = 0; axis < table.lengths.size(); ++axis) {
        if (table.table->axes()[axis].name != values.dims[d]) continue;
        std::set<int64_t> chunks;
        std::vector<int64_t> positions;
        selection[axis].PositionsWithin({0, table.lengths[axis]}, &positions);
        for (const int64_t position : positions) chunks.insert(position / values.chunk_shape[d]);
        want *= static_cast<int64_t>(chunks.size());
      }
    }
    EXPECT_EQ(table.dataset->total_chunk_reads(), want) << "round " << round;
    EXPECT_EQ(static_cast<int64_t>(rows.size()), RowCount(selection));
  }
}

}  // namespace
}  // namespace colonnade::table
