// A Zarr store opened for reading: its groups, and each group as a Dataset.
//
// Zarr v2 (with xarray's and NCZarr's dimension names) and v3, consolidated or not. Follows the
// Zarr core specification v3.1, the v2 specification and zarr-python's consolidated metadata.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "array/codec.h"
#include "array/dataset.h"
#include "base/status.h"
#include "store/store.h"

namespace colonnade::zarr {

/// Whether Zarr's fill value is also a "missing" sentinel: kAuto is v2 yes, v3 no (xarray's rule).
enum class MaskFill : uint8_t { kAuto, kAlways, kNever };
/// What to do with consolidated metadata, which is a cache and may be stale. kAuto uses it if it
/// can be understood, and compares a variable with its own document before its first read: a
/// conflict fails that read, because the shape was already given away. kAlways requires and trusts
/// it. kNever reads every node's own document.
enum class UseConsolidated : uint8_t { kAuto, kAlways, kNever };

struct OpenOptions {
  MaskFill mask_fill = MaskFill::kAuto;
  array::cf::NanPolicy nan = array::cf::NanPolicy::kNull;
  UseConsolidated consolidated = UseConsolidated::kAuto;
  std::optional<int> zarr_version = {};  // 2 or 3, where a node has both
  array::CodecLimits codec_limits = {};
  size_t max_nodes = 1'000'000;  // groups and arrays found while walking
  size_t max_group_depth = 64;
};

/// Immutable; safe to share between threads. Opening reads metadata documents only and never lists
/// chunks.
class Hierarchy {
 public:
  /// Opens the node at `prefix` of a store: a group, or one array (then the only group has that one
  /// variable).
  ///
  /// \error NotFound if there is no Zarr node, naming the documents looked for; InvalidData if the
  /// root
  ///     document is broken. A broken array below only makes that variable unavailable.
  static Result<std::shared_ptr<const Hierarchy>> Open(std::shared_ptr<const store::Store> store,
                                                       std::string prefix,
                                                       const OpenOptions& options);
  ~Hierarchy();

  /// "air.zarr", or "air.zarr/group".
  const std::string& name() const;
  /// 2 or 3.
  int zarr_version() const;

  /// Paths of all groups relative to the root, "" first, then by name. Sub-groups are walked on
  /// first use; a symbolic link that leads back to a group above it is left out.
  Result<std::vector<std::string>> GroupPaths() const;

  /// A group as a dataset. Each call for a path returns the same object.
  ///
  /// \error NotFound naming the path and the nearest existing one.
  Result<std::shared_ptr<const array::Dataset>> OpenGroup(const std::string& path) const;

 private:
  struct Impl;
  explicit Hierarchy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace colonnade::zarr
