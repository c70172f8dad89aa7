// Stores built in memory, for tests: documents as text, chunks from plain arrays.

#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "array/box.h"
#include "array/codec.h"
#include "array/read_context.h"
#include "base/crc32c.h"
#include "base/memory_budget.h"
#include "store/memory_store.h"
#include "zarr/hierarchy.h"

namespace colonnade::zarr {

/// A metadata document with one member replaced by JSON text.
inline Json WithMember(Json document, const char* key, const char* value) {
  document[key] = Json::parse(value);
  return document;
}

/// A member that makes a metadata document unreadable, and what is said of it.
struct BrokenMember {
  const char* name;  // of the test
  const char* key;
  const char* value;  // JSON text
  StatusCode code;
  const char* message;  // a part of it
};

/// What a reading thread needs, with counters to look at.
struct TestReader {
  explicit TestReader(array::ChunkCache* cache = nullptr, MemoryBudget& budget = UnlimitedMemory())
      : context(cancel, budget, counters, cache) {}
  CancelFlag cancel;
  array::ReadCounters counters;
  array::ReadContext context;
};

/// Counts and records what is read.
class RecordingStore final : public store::Store {
 public:
  explicit RecordingStore(const store::Store& inner) : inner_(inner) {}
  const std::string& name() const override { return inner_.name(); }
  Result<store::ReadResult> Read(std::string_view key, store::ByteRange range, uint64_t max_bytes,
                                 Buffer* out) const override {
    auto result = inner_.Read(key, range, max_bytes, out);
    if (result.ok() && result->found) found.emplace_back(key);
    if (key == denied) return PermissionDenied("permission denied");
    return result;
  }
  Result<std::vector<store::ListEntry>> List(std::string_view prefix,
                                             size_t max_entries) const override {
    listed.emplace_back(prefix);
    return inner_.List(prefix, max_entries);
  }

  mutable std::vector<std::string> found;
  mutable std::vector<std::string> listed;
  std::string denied;

 private:
  const store::Store& inner_;
};

/// An array of int32 to be written in one of the ways Zarr knows.
struct TestArray {
  array::Shape shape;
  array::Shape chunk_shape;  // inner, if sharded
  std::vector<size_t> order;
  bool big_endian = false;
  bool checksum = false;
  std::vector<int32_t> values;  // C order

  int32_t At(const std::vector<int64_t>& index) const {
    int64_t linear = 0;
    for (size_t dim = 0; dim < shape.size(); ++dim) linear = linear * shape[dim] + index[dim];
    return values[static_cast<size_t>(linear)];
  }
};

/// Calls visit(index) for every index below `shape`, in C order.
template <typename Visit>
void ForEachIndex(const array::Shape& shape, Visit visit) {
  for (const int64_t extent : shape) {
    if (extent == 0) return;
  }
  std::vector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(std::as_const(index));
    size_t dim = shape.size();
    while (dim > 0 && ++index[dim - 1] == shape[dim - 1]) index[--dim] = 0;
    if (dim == 0) return;
  }
}

inline array::Shape GridOf(const array::Shape& shape, const array::Shape& chunk_shape) {
  array::Shape grid;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    grid.push_back((shape[dim] + chunk_shape[dim] - 1) / chunk_shape[dim]);
  }
  return grid;
}

inline void AppendLittle(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

inline void AppendChecksum(std::string* out) {
  AppendLittle(Crc32c(std::as_bytes(std::span(out->data(), out->size()))), 4, out);
}

/// The stored bytes of one chunk, element by element. What hangs over the edge is rubbish.
inline std::string EncodeChunk(const TestArray& array, const std::vector<int64_t>& chunk) {
  std::vector<size_t> order = array.order;
  if (order.empty()) {
    for (size_t dim = 0; dim < array.shape.size(); ++dim) order.push_back(dim);
  }
  array::Shape serialized;
  for (const size_t dim : order) serialized.push_back(array.chunk_shape[dim]);
  std::string bytes;
  ForEachIndex(serialized, [&](const std::vector<int64_t>& position) {
    std::vector<int64_t> index(array.shape.size());
    bool inside = true;
    for (size_t i = 0; i < order.size(); ++i) {
      const size_t dim = order[i];
      index[dim] = chunk[dim] * array.chunk_shape[dim] + position[i];
      inside = inside && index[dim] < array.shape[dim];
    }
    auto value = static_cast<uint32_t>(inside ? array.At(index) : 0x55555555);
    if (array.big_endian) value = __builtin_bswap32(value);
    AppendLittle(value, 4, &bytes);
  });
  if (array.checksum) AppendChecksum(&bytes);
  return bytes;
}

inline std::string Join(const std::vector<int64_t>& index, const std::string& separator) {
  std::string text;
  for (size_t dim = 0; dim < index.size(); ++dim) {
    text += (dim == 0 ? "" : separator) + std::to_string(index[dim]);
  }
  return text;
}

inline std::string OrderJson(const std::vector<size_t>& order) {
  std::string text;
  for (const size_t dim : order) text += (text.empty() ? "" : ",") + std::to_string(dim);
  return "[" + text + "]";
}

inline std::string InnerCodecsJson(const TestArray& array) {
  std::string codecs;
  if (!array.order.empty()) {
    codecs = R"({"name":"transpose","configuration":{"order":)" + OrderJson(array.order) + "}},";
  }
  codecs += std::string(R"({"name":"bytes","configuration":{"endian":")") +
            (array.big_endian ? "big" : "little") + "\"}}";
  if (array.checksum) codecs += R"(,"crc32c")";
  return "[" + codecs + "]";
}

inline std::string V3Document(const array::Shape& shape, const array::Shape& chunks,
                              const std::string& codecs, const std::string& type = "\"int32\"",
                              const std::string& fill = "-1") {
  return R"({"zarr_format":3,"node_type":"array","shape":)" + array::ShapeToString(shape) +
         R"(,"data_type":)" + type +
         R"(,"chunk_grid":{"name":"regular","configuration":{"chunk_shape":)" +
         array::ShapeToString(chunks) + R"(}},"chunk_key_encoding":{"name":"default"},)" +
         R"("fill_value":)" + fill + R"(,"codecs":)" + codecs + "}";
}

inline std::string V2Document(const array::Shape& shape, const array::Shape& chunks,
                              const std::string& more = R"("dimension_separator":".")",
                              const std::string& dtype = "<i4", const std::string& fill = "null",
                              const std::string& order = "C") {
  return R"({"zarr_format":2,"shape":)" + array::ShapeToString(shape) + R"(,"chunks":)" +
         array::ShapeToString(chunks) + R"(,"dtype":")" + dtype + R"(","compressor":null,)" +
         R"("fill_value":)" + fill + R"(,"order":")" + order + R"(","filters":null)" +
         (more.empty() ? "" : "," + more) + "}";
}

/// Writes chunks as v3, leaving out those for which `skip(chunk)` is true.
template <typename Skip>
void PutV3(const std::string& path, const TestArray& array, store::MemoryStore* store, Skip skip) {
  store->Put(path + "/zarr.json",
             V3Document(array.shape, array.chunk_shape, InnerCodecsJson(array)));
  ForEachIndex(GridOf(array.shape, array.chunk_shape), [&](const std::vector<int64_t>& chunk) {
    if (skip(chunk)) return;
    store->Put(path + "/c" + (chunk.empty() ? "" : "/") + Join(chunk, "/"),
               EncodeChunk(array, chunk));
  });
}

/// Writes chunks as v2; the order must be C or F.
template <typename Skip>
void PutV2(const std::string& path, const TestArray& array, store::MemoryStore* store, Skip skip,
           const std::string& separator = ".") {
  store->Put(
      path + "/.zarray",
      V2Document(array.shape, array.chunk_shape, R"("dimension_separator":")" + separator + "\"",
                 array.big_endian ? ">i4" : "<i4", "-1", array.order.empty() ? "C" : "F"));
  ForEachIndex(GridOf(array.shape, array.chunk_shape), [&](const std::vector<int64_t>& chunk) {
    if (skip(chunk)) return;
    store->Put(path + "/" + (chunk.empty() ? "0" : Join(chunk, separator)),
               EncodeChunk(array, chunk));
  });
}

/// How PutSharded lays out shards.
struct ShardOptions {
  array::Shape chunks_per_shard;
  bool index_at_start = false;
  bool index_big_endian = false;
  bool index_checksum = true;
  std::vector<size_t> order = {};  // of a transposition before the sharding codec
  bool checksum_around = false;    // of the whole shard
};

/// Where each dimension went in a transposition; none if there is none.
inline std::vector<size_t> Inverse(const std::vector<size_t>& order) {
  std::vector<size_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = i;
  return inverse;
}

template <typename Skip>
void PutSharded(const std::string& path, const TestArray& array, const ShardOptions& options,
                store::MemoryStore* store, Skip skip) {
  array::Shape shard_shape;
  for (size_t dim = 0; dim < array.shape.size(); ++dim) {
    shard_shape.push_back(array.chunk_shape[dim] * options.chunks_per_shard[dim]);
  }
  const size_t rank = array.shape.size();
  // Inside the sharding codec everything speaks of the dimensions in this order.
  std::vector<size_t> order = options.order;
  for (size_t dim = order.size(); dim < rank; ++dim) order.push_back(dim);
  TestArray inner = array;
  array::Shape inner_chunk_shape;
  array::Shape inner_grid;
  for (const size_t dim : order) {
    inner_chunk_shape.push_back(array.chunk_shape[dim]);
    inner_grid.push_back(options.chunks_per_shard[dim]);
  }
  if (!options.order.empty()) {
    inner.order = Inverse(order);
    for (size_t i = 0; i < array.order.size(); ++i) {
      inner.order[i] = Inverse(order)[array.order[i]];
    }
  }
  const std::string before =
      options.order.empty()
          ? ""
          : R"({"name":"transpose","configuration":{"order":)" + OrderJson(order) + "}},";
  const std::string index_codecs = std::string(R"([{"name":"bytes","configuration":{"endian":")") +
                                   (options.index_big_endian ? "big" : "little") + "\"}}" +
                                   (options.index_checksum ? R"(,"crc32c"])" : "]");
  store->Put(
      path + "/zarr.json",
      V3Document(array.shape, shard_shape,
                 "[" + before + R"({"name":"sharding_indexed","configuration":{"chunk_shape":)" +
                     array::ShapeToString(inner_chunk_shape) + R"(,"codecs":)" +
                     InnerCodecsJson(inner) + R"(,"index_codecs":)" + index_codecs +
                     R"(,"index_location":")" + (options.index_at_start ? "start" : "end") +
                     (options.checksum_around ? "\"}},\"crc32c\"]" : "\"}}]")));
  const array::Shape grid = GridOf(array.shape, array.chunk_shape);
  ForEachIndex(GridOf(array.shape, shard_shape), [&](const std::vector<int64_t>& shard) {
    std::vector<std::pair<uint64_t, uint64_t>> entries;
    std::string data;
    uint64_t index_bytes = 16;
    for (const int64_t extent : options.chunks_per_shard) {
      index_bytes *= static_cast<uint64_t>(extent);
    }
    if (options.index_checksum) index_bytes += 4;
    const uint64_t base = options.index_at_start ? index_bytes : 0;
    bool any = false;
    ForEachIndex(inner_grid, [&](const std::vector<int64_t>& position) {
      std::vector<int64_t> chunk(position.size());
      bool inside = true;
      for (size_t i = 0; i < position.size(); ++i) {
        const size_t dim = order[i];
        chunk[dim] = shard[dim] * options.chunks_per_shard[dim] + position[i];
        inside = inside && chunk[dim] < grid[dim];
      }
      if (!inside || skip(chunk)) {
        entries.emplace_back(UINT64_MAX, UINT64_MAX);
        return;
      }
      any = true;
      const std::string bytes = EncodeChunk(array, chunk);
      entries.emplace_back(base + data.size(), bytes.size());
      data += bytes;
    });
    if (!any) return;
    std::string index;
    for (const auto& [offset, length] : entries) {
      AppendLittle(options.index_big_endian ? __builtin_bswap64(offset) : offset, 8, &index);
      AppendLittle(options.index_big_endian ? __builtin_bswap64(length) : length, 8, &index);
    }
    if (options.index_checksum) AppendChecksum(&index);
    std::string object = options.index_at_start ? index + data : data + index;
    if (options.checksum_around) AppendChecksum(&object);
    store->Put(path + "/c" + (shard.empty() ? "" : "/") + Join(shard, "/"), std::move(object));
  });
}

/// A store with a v3 group document at its root.
inline std::shared_ptr<store::MemoryStore> NewStore(const std::string& name = "test.zarr") {
  auto store = std::make_shared<store::MemoryStore>(name);
  store->Put("zarr.json", R"({"zarr_format":3,"node_type":"group","attributes":{}})");
  return store;
}

/// The root group of a store.
inline Result<std::shared_ptr<const array::Dataset>> OpenRoot(
    std::shared_ptr<const store::Store> store, const OpenOptions& options = {}) {
  COLONNADE_ASSIGN_OR_RETURN(const auto hierarchy, Hierarchy::Open(std::move(store), "", options));
  return hierarchy->OpenGroup("");
}

inline size_t VariableIndex(const array::Dataset& dataset, std::string_view name) {
  for (size_t i = 0; i < dataset.variables().size(); ++i) {
    if (dataset.variables()[i].name == name) return i;
  }
  return dataset.variables().size();
}

/// The elements of a view over a box of `shape`, in C order.
template <typename T>
std::vector<T> Elements(const array::ArrayView& view, const array::Shape& shape) {
  std::vector<T> elements;
  ForEachIndex(shape, [&](const std::vector<int64_t>& index) {
    const std::byte* at = view.data;
    for (size_t dim = 0; dim < index.size(); ++dim) at += index[dim] * view.strides[dim];
    T value;
    std::memcpy(&value, at, sizeof(T));
    elements.push_back(value);
  });
  return elements;
}

/// Reads a whole variable.
template <typename T>
Result<std::vector<T>> ReadAll(const array::Dataset& dataset, std::string_view name,
                               TestReader* reader) {
  const size_t variable = VariableIndex(dataset, name);
  if (variable == dataset.variables().size()) return NotFound("no variable ", name);
  const array::Shape& shape = dataset.variables()[variable].shape;
  COLONNADE_ASSIGN_OR_RETURN(
      const array::ArrayView view,
      dataset.Read(variable, array::WholeBox(shape), false, reader->context));
  return Elements<T>(view, shape);
}

}  // namespace colonnade::zarr
