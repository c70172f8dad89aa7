// TableSource and Catalog: what engine/ needs to know of a table.
//
// table/ evaluates no SQL. A scan takes the selected positions of each axis and a BlockFilter;
// engine/ computes the positions by evaluating predicates over AxisValues and implements the
// filter. Sources without axes (streams) come later through the same interface.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "array/dataset.h"
#include "array/element_type.h"
#include "base/cancel.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "table/block.h"
#include "table/selection.h"

namespace colonnade::table {

/// One dimension of the product that a table is.
struct Axis {
  std::string name;
  int64_t length = 0;
};

enum class ColumnKind : uint8_t {
  kAxis,      // a function of one axis; its values can be loaded whole
  kConstant,  // one value for every row
  kValues,    // stored over two or more axes, or large: read in blocks
};

struct Column {
  std::string name;
  array::ValueType type = array::ValueType::kFloat64;
  ColumnKind kind = ColumnKind::kValues;
  size_t axis = 0;      // kAxis
  bool hidden = false;  // addressable by name, not in SELECT *
  std::string comment;  // "air temperature [K]": long_name and units
  Status unavailable;   // why it cannot be read, or OK
};

/// Decides which rows of a block count. Implemented by engine/. One per thread.
class BlockFilter {
 public:
  virtual ~BlockFilter() = default;

  /// False if no row with these positions can pass (one entry per axis). Called before anything is
  /// read.
  virtual bool MayMatch(const std::vector<AxisPositions>& axes) = 0;

  /// Positions, in ScanRequest::columns, of the columns that Select looks at.
  virtual const std::vector<size_t>& columns() const = 0;

  /// Appends the rows of `block` that pass, ascending, to `rows` (empty on entry). Only the columns
  /// named by columns() are present in the block.
  virtual Status Select(const Block& block, std::vector<uint32_t>* rows) = 0;
};

/// What a query that is running lends to its scans.
struct ScanEnvironment {
  const CancelToken* cancel = nullptr;
  MemoryBudget* budget = nullptr;
  array::ReadCounters* counters = nullptr;
};

struct ScanRequest {
  std::vector<size_t> columns;  // of TableSource::columns()
  Selection selection;          // one per axis
  ScanEnvironment environment;  // must outlive the scan
};

/// Reads tiles on one thread. A tile is a box of whole chunks; its blocks come in C order of its
/// rows.
class TileReader {
 public:
  virtual ~TileReader() = default;

  /// Starts a tile. \pre 0 <= tile < Scan::tile_count()
  virtual Status Open(int64_t tile) = 0;

  /// The next block of the tile that has rows, or null at its end. The block is valid until the
  /// next call.
  virtual Result<const Block*> Next() = 0;
};

/// One read of a table. Thread-safe. Tiles are numbered in the order of rows, so that whoever puts
/// the blocks of tiles 0, 1, 2 … one after the other has the table's deterministic order, whoever
/// read them.
class Scan {
 public:
  virtual ~Scan() = default;
  virtual int64_t tile_count() const = 0;
  /// Chunks of the requested columns over the whole table, for "chunks skipped".
  virtual int64_t chunk_count() const = 0;
  /// `filter` may be null; it must outlive the reader.
  virtual Result<std::unique_ptr<TileReader>> NewReader(BlockFilter* filter) = 0;
};

/// A table that can be scanned. Immutable; thread-safe.
class TableSource {
 public:
  virtual ~TableSource() = default;

  /// What messages and EXPLAIN call it, e.g. "air.zarr time_lat_lon".
  virtual const std::string& name() const = 0;
  virtual const std::vector<Axis>& axes() const = 0;
  /// Names are unique ignoring case.
  virtual const std::vector<Column>& columns() const = 0;

  /// Values of a kAxis column over its whole axis, or of a kConstant one. Read on first use, then
  /// shared.
  ///
  /// \error what Dataset::Read says; LimitExceeded for an axis above the coordinate limit.
  virtual Result<std::shared_ptr<const AxisValues>> LoadAxis(
      size_t column, const ScanEnvironment& environment) const = 0;

  /// \pre selection has one entry per axis, inside it.
  /// \error the `unavailable` of a requested column.
  virtual Result<std::unique_ptr<Scan>> NewScan(ScanRequest request) const = 0;
};

/// Named tables in named schemas. Thread-safe.
class Catalog {
 public:
  virtual ~Catalog() = default;

  /// Always has "main", first; the rest in a stable order. May read metadata.
  virtual Result<std::vector<std::string>> ListSchemas() const = 0;

  /// Tables of a schema in a stable order.
  /// \error NotFound if there is no such schema.
  virtual Result<std::vector<std::string>> ListTables(const std::string& schema) const = 0;

  /// \error NotFound. Each call for a name returns the same object.
  virtual Result<std::shared_ptr<const TableSource>> Open(const std::string& schema,
                                                          const std::string& table) const = 0;
};

}  // namespace colonnade::table
