// CoordinateCache: decoded coordinates of a dataset, each read once.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "array/dataset.h"
#include "table/block.h"
#include "table/table_source.h"

namespace colonnade::table {

/// Shared by the tables of a dataset, so that a coordinate of several tables is held once.
/// Thread-safe.
///
/// The memory of a load counts against the environment's budget while it runs. What is kept
/// afterwards outlives the query and therefore its budget; it is bounded by the coordinate limit.
class CoordinateCache {
 public:
  explicit CoordinateCache(std::shared_ptr<const array::Dataset> dataset);

  /// All values of a variable. One thread reads while others that want the same wait; a load that
  /// fails is not remembered.
  ///
  /// \error what Dataset::Read says; Cancelled, also while waiting.
  Result<std::shared_ptr<const AxisValues>> Load(size_t variable,
                                                 const ScanEnvironment& environment);

 private:
  struct Slot {
    bool loading = false;
    std::shared_ptr<const AxisValues> values;
  };

  const std::shared_ptr<const array::Dataset> dataset_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::vector<Slot> slots_;  // one per variable
};

/// Decodes a whole variable into memory of its own. \pre its dims and shape agree
Result<std::shared_ptr<const AxisValues>> ReadWhole(const array::Dataset& dataset, size_t variable,
                                                    const ScanEnvironment& environment);

}  // namespace colonnade::table
