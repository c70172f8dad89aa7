#include "questdb/wire/arrow_export.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/byte_order.h"
#include "questdb/wire/compact_symbols.h"

namespace colonnade::questdb::wire {
namespace {

using Metadata = std::vector<std::pair<std::string_view, std::string>>;

// What buffers of nothing refer to: Arrow asks for offsets also of no rows.
alignas(64) constexpr int32_t kNothing[16] = {};

const void* DataOf(const SharedBytes& bytes) {
  return bytes.data != nullptr ? static_cast<const void*>(bytes.data) : kNothing;
}

int64_t EntriesOf(const SharedBytes& offsets) {
  return std::max<int64_t>(static_cast<int64_t>(offsets.size / sizeof(int32_t)), 1) - 1;
}

bool IsArray(ColumnType type) {
  return type == ColumnType::kDoubleArray || type == ColumnType::kLongArray;
}

// Levels of lists that a column is exported with; one where no row shows how many it has.
size_t LevelsOf(const DecodedColumn& column) {
  return static_cast<size_t>(std::max(column.dimensions, 1));
}

std::string FormatOf(const DecodedColumn& column, const ArrowExportOptions& options) {
  switch (column.type) {
    case ColumnType::kBoolean: return "b";
    case ColumnType::kByte: return "c";
    case ColumnType::kShort: return "s";
    case ColumnType::kInt: return "i";
    case ColumnType::kLong: return "l";
    case ColumnType::kFloat: return "f";
    case ColumnType::kDouble: return "g";
    case ColumnType::kChar: return "S";
    case ColumnType::kIpv4:
    case ColumnType::kSymbol: return "I";
    case ColumnType::kTimestamp: return "tsu:UTC";
    case ColumnType::kTimestampNanos: return "tsn:UTC";
    case ColumnType::kDate: return "tsm:UTC";
    case ColumnType::kUuid: return "w:16";
    case ColumnType::kLong256: return "w:32";
    case ColumnType::kVarchar: return "u";
    case ColumnType::kBinary: return "z";
    case ColumnType::kGeohash:
      return column.geohash_bits < 8    ? "c"
             : column.geohash_bits < 16 ? "s"
             : column.geohash_bits < 32 ? "i"
                                        : "l";
    case ColumnType::kDecimal64:
      return "d:18," + std::to_string(column.scale) + (options.widen_decimals ? "" : ",64");
    case ColumnType::kDecimal128: return "d:38," + std::to_string(column.scale);
    case ColumnType::kDecimal256: return "d:76," + std::to_string(column.scale) + ",256";
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: return "+l";
  }
  return "n";
}

Metadata MetadataOf(const DecodedColumn& column) {
  Metadata metadata = {{"questdb.column_type", std::string(ColumnTypeName(column.type))}};
  if (column.type == ColumnType::kSymbol) metadata.emplace_back("questdb.symbol", "true");
  if (column.type == ColumnType::kUuid) {
    metadata.emplace_back("ARROW:extension:name", "arrow.uuid");
    metadata.emplace_back("ARROW:extension:metadata", "");
  }
  if (column.type == ColumnType::kGeohash)
    metadata.emplace_back("questdb.geohash_bits", std::to_string(column.geohash_bits));
  if (IsArray(column.type)) {
    metadata.emplace_back("questdb.array_dim", std::to_string(LevelsOf(column)));
    if (column.dimensions == 0) metadata.emplace_back("questdb.array_dim_tentative", "true");
  }
  return metadata;
}

// The C interface's form: counts and lengths as int32, then the bytes.
std::string EncodeMetadata(const Metadata& metadata) {
  std::string encoded;
  const auto append_number = [&](size_t number) {
    const auto value = static_cast<int32_t>(number);
    encoded.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  if (metadata.empty()) return encoded;
  append_number(metadata.size());
  for (const auto& [key, value] : metadata) {
    append_number(key.size());
    encoded += key;
    append_number(value.size());
    encoded += value;
  }
  return encoded;
}

// What one exported struct owns besides its children's own.
template <typename Struct>
struct Node {
  std::vector<arrow::Owner<Struct>> children;
  std::vector<Struct*> child_pointers;
  arrow::Owner<Struct> dictionary;

  // Children that somebody has moved out are released here already and stay as they are.
  void Link(Struct* target) {
    for (auto& child : children) child_pointers.push_back(child.get());
    target->n_children = static_cast<int64_t>(children.size());
    target->children = child_pointers.empty() ? nullptr : child_pointers.data();
    target->dictionary = dictionary.empty() ? nullptr : dictionary.get();
  }
};

struct SchemaNode : Node<ArrowSchema> {
  std::string format;
  std::string name;
  std::string metadata;
};

struct ArrayNode : Node<ArrowArray> {
  std::array<std::shared_ptr<const void>, 3> owners;
  std::array<const void*, 3> buffers{};
};

template <typename NodeType, typename Struct>
void Release(Struct* target) {
  delete static_cast<NodeType*>(target->private_data);
  target->release = nullptr;
}

arrow::Schema MakeSchema(std::string format, std::string name, const Metadata& metadata,
                         std::vector<arrow::Schema> children = {}, arrow::Schema dictionary = {}) {
  auto node = std::make_unique<SchemaNode>();
  node->format = std::move(format);
  node->name = std::move(name);
  node->metadata = EncodeMetadata(metadata);
  node->children = std::move(children);
  node->dictionary = std::move(dictionary);
  arrow::Schema schema;
  node->Link(schema.out());
  schema->format = node->format.c_str();
  schema->name = node->name.c_str();
  schema->metadata = node->metadata.empty() ? nullptr : node->metadata.data();
  schema->flags = ARROW_FLAG_NULLABLE;
  schema->private_data = node.release();
  schema->release = Release<SchemaNode, ArrowSchema>;
  return schema;
}

struct OwnedBuffer {
  std::shared_ptr<const void> owner;
  const void* data = nullptr;
};

OwnedBuffer BufferOf(SharedBytes bytes) {
  const void* const data = DataOf(bytes);
  return {std::move(bytes.owner), data};
}

arrow::Array MakeArray(int64_t length, int64_t null_count, std::vector<OwnedBuffer> buffers,
                       std::vector<arrow::Array> children = {}, arrow::Array dictionary = {}) {
  auto node = std::make_unique<ArrayNode>();
  for (size_t i = 0; i < buffers.size(); ++i) {
    node->owners[i] = std::move(buffers[i].owner);
    node->buffers[i] = buffers[i].data;
  }
  node->children = std::move(children);
  node->dictionary = std::move(dictionary);
  arrow::Array array;
  node->Link(array.out());
  array->length = length;
  array->null_count = null_count;
  array->n_buffers = static_cast<int64_t>(buffers.size());
  array->buffers = node->buffers.data();
  array->private_data = node.release();
  array->release = Release<ArrayNode, ArrowArray>;
  return array;
}

arrow::Schema FieldOf(const DecodedColumn& column, const ArrowExportOptions& options) {
  if (column.type == ColumnType::kSymbol) {
    return MakeSchema(FormatOf(column, options), column.name, MetadataOf(column), {},
                      MakeSchema("u", "", {}));
  }
  if (!IsArray(column.type))
    return MakeSchema(FormatOf(column, options), column.name, MetadataOf(column));
  arrow::Schema inner = MakeSchema(column.type == ColumnType::kDoubleArray ? "g" : "l", "item", {});
  for (size_t level = LevelsOf(column); level-- > 0;) {
    std::vector<arrow::Schema> children;
    children.push_back(std::move(inner));
    inner = level == 0 ? MakeSchema("+l", column.name, MetadataOf(column), std::move(children))
                       : MakeSchema("+l", "item", {}, std::move(children));
  }
  return inner;
}

// The values of 64-bit decimals with 128 bits each.
OwnedBuffer WidenedDecimals(const SharedBytes& values, int64_t rows) {
  constexpr std::align_val_t kAlignment{64};
  const auto count = static_cast<size_t>(rows);
  auto* const wide = static_cast<int64_t*>(
      ::operator new(std::max<size_t>(count * 2 * sizeof(int64_t), 64), kAlignment));
  std::shared_ptr<const void> owner(wide, [](const int64_t* memory) {
    ::operator delete(const_cast<int64_t*>(memory), kAlignment);
  });
  for (size_t i = 0; i < count; ++i) {
    const auto value = LoadLittle<int64_t>(values.data + i * sizeof(int64_t));
    wide[2 * i] = value;
    wide[2 * i + 1] = value >> 63;
  }
  return {std::move(owner), wide};
}

arrow::Array DictionaryOf(const SymbolSnapshot& symbols) {
  return MakeArray(static_cast<int64_t>(symbols.size), 0,
                   {{nullptr, nullptr},
                    {symbols.owner, symbols.offsets != nullptr ? symbols.offsets : kNothing},
                    {symbols.owner,
                     symbols.data != nullptr ? static_cast<const void*>(symbols.data) : kNothing}});
}

arrow::Array ArrayOf(DecodedColumn column, int64_t rows, const ArrowExportOptions& options) {
  OwnedBuffer validity;
  if (column.null_count != 0) validity = BufferOf(std::move(column.validity));
  if (column.type == ColumnType::kSymbol) {
    if (options.compact_symbols) CompactSymbols(rows, &column);
    return MakeArray(rows, column.null_count,
                     {std::move(validity), BufferOf(std::move(column.values))}, {},
                     DictionaryOf(column.symbols));
  }
  if (IsArray(column.type)) {
    const auto elements = static_cast<int64_t>(column.values.size / 8);
    arrow::Array inner =
        MakeArray(elements, 0, {{nullptr, nullptr}, BufferOf(std::move(column.values))});
    for (size_t level = column.list_offsets.size(); level-- > 0;) {
      SharedBytes& offsets = column.list_offsets[level];
      const int64_t entries = level == 0 ? rows : EntriesOf(offsets);
      std::vector<arrow::Array> children;
      children.push_back(std::move(inner));
      inner = MakeArray(
          entries, level == 0 ? column.null_count : 0,
          {level == 0 ? std::move(validity) : OwnedBuffer{}, BufferOf(std::move(offsets))},
          std::move(children));
    }
    return inner;
  }
  if (column.type == ColumnType::kVarchar || column.type == ColumnType::kBinary) {
    return MakeArray(rows, column.null_count,
                     {std::move(validity), BufferOf(std::move(column.offsets)),
                      BufferOf(std::move(column.values))});
  }
  const bool widened = options.widen_decimals && column.type == ColumnType::kDecimal64;
  return MakeArray(rows, column.null_count,
                   {std::move(validity), widened ? WidenedDecimals(column.values, rows)
                                                 : BufferOf(std::move(column.values))});
}

}  // namespace

Result<arrow::Schema> ExportSchema(const DecodedBlock& block, const ArrowExportOptions& options) {
  std::vector<arrow::Schema> fields;
  fields.reserve(block.columns.size());
  for (const DecodedColumn& column : block.columns) fields.push_back(FieldOf(column, options));
  arrow::Schema schema = MakeSchema("+s", "", {}, std::move(fields));
  schema->flags = 0;  // a batch is never missing
  return schema;
}

bool SameExportSchema(const DecodedBlock& left, const DecodedBlock& right) {
  const auto same = [](const DecodedColumn& a, const DecodedColumn& b) {
    return a.name == b.name && a.type == b.type && a.scale == b.scale &&
           a.geohash_bits == b.geohash_bits &&
           (a.dimensions == b.dimensions || a.dimensions == 0 || b.dimensions == 0);
  };
  return std::equal(left.columns.begin(), left.columns.end(), right.columns.begin(),
                    right.columns.end(), same);
}

bool AdoptDimensions(const DecodedBlock& first, DecodedBlock& block) {
  for (size_t i = 0; i < block.columns.size(); ++i) {
    const DecodedColumn& pattern = first.columns[i];
    DecodedColumn& column = block.columns[i];
    if (!IsArray(column.type) || column.dimensions == pattern.dimensions) continue;
    if (column.dimensions != 0) {
      if (LevelsOf(pattern) != LevelsOf(column)) return false;
      continue;
    }
    // No row has an array, so the lists below the rows are none.
    column.dimensions = pattern.dimensions;
    column.list_offsets.resize(
        LevelsOf(pattern),
        {nullptr, reinterpret_cast<const std::byte*>(kNothing), sizeof(int32_t)});
  }
  return true;
}

Result<arrow::Array> ExportBatch(DecodedBlock block, const ArrowExportOptions& options) {
  int64_t nodes = 0;
  for (const DecodedColumn& column : block.columns) {
    for (size_t level = 1; level < column.list_offsets.size(); ++level)
      nodes += EntriesOf(column.list_offsets[level]);
  }
  if (nodes > options.max_list_nodes) {
    return LimitExceeded("a batch of ", nodes, " lists inside of arrays, at most ",
                         options.max_list_nodes, " are exported");
  }
  std::vector<arrow::Array> columns;
  columns.reserve(block.columns.size());
  for (DecodedColumn& column : block.columns)
    columns.push_back(ArrayOf(std::move(column), block.rows, options));
  return MakeArray(block.rows, 0, {{nullptr, nullptr}}, std::move(columns));
}

}  // namespace colonnade::questdb::wire
