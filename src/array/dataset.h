// Dataset: named n-d arrays over shared dimensions, whatever they are stored in.
//
// A Zarr group is one; a Python xarray Dataset will be another. table/ makes SQL tables of any of
// them and knows nothing of where the elements come from.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "array/box.h"
#include "array/cf/decode_plan.h"
#include "array/read_context.h"
#include "array/view.h"
#include "base/json.h"
#include "base/status.h"

namespace colonnade::array {

/// One array of a dataset.
struct Variable {
  std::string name;               // unique in the dataset, case-sensitive
  std::vector<std::string> dims;  // outermost first, one per extent of `shape`
  Shape shape;
  Shape chunk_shape;  // natural block: the smallest box that is cheap to read alone; all > 0, same
                      // rank
  /// Where the chunks along a dimension differ in extent (Dask): the first position of each and,
  /// last, the dimension's length, ascending; `chunk_shape` then has the largest. One entry per
  /// dimension, empty where they are equal; no entries if they are along all.
  std::vector<std::vector<int64_t>> chunk_bounds = {};
  ElementType type;
  cf::DecodePlan plan;
  Json attributes = Json::object();
  /// Set by datasets that know (xarray); unset: decided from names and attributes.
  std::optional<bool> is_coordinate;
  /// Why this variable cannot be read (unknown codec, bad metadata). Its other fields hold what is
  /// known.
  Status unavailable;

  // For people: inspect and the metadata tables.
  std::string path;         // in the store, e.g. "group/t2m"
  std::string stored_type;  // as written in the metadata
  std::string codecs;       // "bytes(little), zstd"
  Shape shard_shape;        // empty if not sharded
  std::string fill_value;   // as JSON text
};

/// Immutable metadata, lazy elements. Thread-safe.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// What messages call it, e.g. "air.zarr" or "air.zarr/group".
  virtual const std::string& name() const = 0;
  /// In a stable order (by name for stores).
  virtual const std::vector<Variable>& variables() const = 0;
  virtual const Json& attributes() const = 0;
  /// Things a user should know: stale consolidated metadata, ignored extensions.
  virtual const std::vector<std::string>& notes() const = 0;

  /// Reads the elements of `box` (in elements, inside the array) of a variable.
  ///
  /// A box inside one chunk comes without a copy; one that spans chunks is assembled. `keep_chunks`
  /// says that the same chunks will be asked for again soon, so they should go through the
  /// context's cache.
  ///
  /// \error InvalidData, LimitExceeded, PermissionDenied, Io, Cancelled: the message has variable
  /// and chunk key.
  virtual Result<ArrayView> Read(size_t variable, const Box& box, bool keep_chunks,
                                 ReadContext& context) const = 0;
};

}  // namespace colonnade::array
