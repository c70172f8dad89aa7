// A Zarr group as a Dataset.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "array/dataset.h"
#include "store/store.h"
#include "zarr/consolidated.h"
#include "zarr/hierarchy.h"

namespace colonnade::zarr {

/// An array directly below a group.
struct ArrayNode {
  std::string name;  // of the variable
  std::string path;  // in the store
  NodeDocuments documents;
};

/// What a dataset is made of.
struct GroupContents {
  std::string name;                  // of the dataset
  Json attributes = Json::object();  // of the group
  std::vector<ArrayNode> arrays;     // sorted by name
  std::vector<std::string> notes;
  /// The documents come from consolidated metadata that may be stale: before the first read of a
  /// variable its own document is compared, and a conflict fails the read.
  bool verify_documents = false;
};

/// Makes the dataset. Never fails: arrays that cannot be understood are unavailable variables.
std::shared_ptr<const array::Dataset> MakeGroupDataset(std::shared_ptr<const store::Store> store,
                                                       GroupContents contents,
                                                       const OpenOptions& options);

}  // namespace colonnade::zarr
