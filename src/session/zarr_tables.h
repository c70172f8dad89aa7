// What a store holds, as tables: zarr_arrays('…') and zarr_attributes('…').

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "engine/engine.h"
#include "table/table_source.h"

namespace colonnade::session {

/// One array, for people.
struct ArrayDescription {
  std::string group;  // "" is the root
  std::string name;
  std::string role;    // "data", "dimension coordinate", …
  std::string table;   // the SQL table it is a column of; empty if none
  std::string column;  // its name there
  std::vector<std::string> dims;
  std::vector<int64_t> shape;
  std::vector<int64_t> chunk_shape;
  std::vector<int64_t> shard_shape;  // empty if not sharded
  std::string stored_type;
  std::string value_type;
  std::string codecs;
  std::string fill_value;
  std::optional<int64_t> chunks;   // nothing if it does not fit
  std::optional<int64_t> bytes;    // decoded
  std::string reason;              // why it is kept out or cannot be read
  std::vector<std::string> notes;  // attributes that were ignored
  Json attributes;
};

struct GroupDescription {
  std::string path;
  Json attributes;
  std::vector<std::string> tables;
  std::vector<std::string> notes;
  std::vector<ArrayDescription> arrays;
};

struct StoreDescription {
  std::string name;
  int zarr_version = 0;
  std::vector<GroupDescription> groups;
};

/// Reads metadata only.
Result<StoreDescription> DescribeZarr(const engine::SourceArguments& arguments);

Result<std::shared_ptr<const table::TableSource>> OpenArraysTable(
    const engine::SourceArguments& arguments);
Result<std::shared_ptr<const table::TableSource>> OpenAttributesTable(
    const engine::SourceArguments& arguments);

}  // namespace colonnade::session
