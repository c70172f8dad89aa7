// Grids: the variables of a dataset that share a set of dimensions, as one table each.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "array/dataset.h"
#include "table/table_source.h"

namespace colonnade::table {

/// Which coordinates become columns.
enum class Coordinates : uint8_t {
  kAll,    // dimension coordinates and all others over dimensions of the table
  kIndex,  // dimension coordinates only
  kNone,   // none: the column of a dimension holds positions 0 … N-1
};

struct GridOptions {
  Coordinates coordinates = Coordinates::kAll;
  /// Rows that one block holds at most.
  int64_t max_block_rows = 65'536;
  /// Cells above which a tile is not enlarged to cover differing chunk shapes, and rows of one tile
  /// of a scan that reads no chunks.
  int64_t max_tile_cells = 8'388'608;
  /// Values above which a coordinate is not loaded whole.
  int64_t max_axis_length = int64_t{1} << 27;
  /// Bytes of the decoded-chunk cache of one scan.
  uint64_t chunk_cache_bytes = uint64_t{64} << 20;
  /// Columns of all tables together; every table repeats the coordinates it can use.
  size_t max_columns = 1'000'000;
};

/// Where a variable went, for the metadata tables.
enum class Role : uint8_t {
  kDimensionCoordinate,
  kCoordinate,
  kData,
  kBounds,
  kGridMapping,
  kAncillary,
  kUnusable
};

/// "dimension coordinate", "data", …
std::string_view ToString(Role role);

struct VariableRole {
  Role role = Role::kData;
  std::string table;   // the (first) table that it is a column of; empty if none
  std::string column;  // its name there; empty if none
  std::string reason;  // why it is unusable, kept out, or unavailable; empty otherwise
};

/// The plan of a dataset's tables, from metadata only (names, dims, shapes, attributes).
///
/// **Roles.** A 1-D variable named like its dimension is that dimension's coordinate. Else, in this
/// order: targets of `bounds`, `climatology` and `edges`, and `<dim>_bnds` or `<dim>_bounds` of
/// shape (N, 2), are bounds; targets of `grid_mapping`, and scalars that have `grid_mapping_name`,
/// are grid mappings; names in a `coordinates` attribute of a variable or of the dataset are
/// coordinates; targets of `cell_measures`, `formula_terms` and `ancillary_variables` are
/// ancillary; the rest is data. Variable::is_coordinate, where set, decides instead of
/// `coordinates`, and true decides alone. Bounds, grid mappings and ancillary variables are kept
/// out of the tables. In a dataset without data, everything that is not a dimension coordinate
/// counts as data, and each dimension coordinate that no table uses makes a table of its own, so
/// that nothing is out of reach.
///
/// **Grids.** One per *set* of dimensions of data variables. Order of the dims: the one in which
/// most bytes of the grid's variables are stored, so that least is transposed; ties by the name of
/// the first variable that has it. Table name: dims joined by "_", "scalar" without dims.
///
/// **Columns.** One per dimension (its coordinate, or 0 … N-1 as BIGINT), then other coordinates
/// over subsets of the dims by name, then data variables by name, then hidden <dim>_idx.
///
/// **Names** that differ only in case, or not at all, within one table: every one gets a suffix in
/// byte order ("T" and "t" become "T_1" and "t_2"), and so do tables; see UniqueNames. Visible
/// columns have priority over hidden ones.
///
/// **Unusable** are variables whose number of dimension names is not their rank, with a dimension
/// twice, with more elements than fit int64, with a NUL in a name; and those that disagree on a
/// dimension's length with the dimension's coordinate or, if there is none, with the majority, with
/// both names and lengths as the reason. A variable that cannot be read (Variable::unavailable) but
/// has dims is an unavailable column. A scalar one makes no table of its own.
class Grids {
 public:
  /// \error InvalidArgument for limits that are not positive; LimitExceeded for more columns than
  /// max_columns.
  static Result<std::shared_ptr<const Grids>> Create(std::shared_ptr<const array::Dataset> dataset,
                                                     const GridOptions& options);
  virtual ~Grids() = default;

  /// Table names in a stable order: by number of dimensions descending, then by name.
  virtual const std::vector<std::string>& table_names() const = 0;
  /// The dims of a table, in order. \pre index < table_names().size()
  virtual const std::vector<std::string>& dims(size_t index) const = 0;
  /// Each call returns the same object.
  virtual std::shared_ptr<const TableSource> table(size_t index) const = 0;
  /// One per variable of the dataset.
  virtual const std::vector<VariableRole>& roles() const = 0;
};

}  // namespace colonnade::table
