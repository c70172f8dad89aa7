#include "questdb/endpoint/block_image.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "questdb/wire/compact_symbols.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ByteReader;
using wire::ColumnType;
using wire::DecodedBlock;
using wire::DecodedColumn;
using wire::SharedBytes;

constexpr uint64_t kMostColumns = 2'048;
constexpr size_t kMostNameBytes = 127;
constexpr uint64_t kMostRows = std::numeric_limits<int32_t>::max() - 1;

void AppendNumber(uint64_t value, std::vector<std::byte>& image) {
  for (; value >= 0x80; value >>= 7) image.push_back(static_cast<std::byte>(value | 0x80));
  image.push_back(static_cast<std::byte>(value));
}

void AppendBytes(const std::byte* data, size_t size, std::vector<std::byte>& image) {
  AppendNumber(size, image);
  image.insert(image.end(), data, data + size);
}

void AppendText(std::string_view text, std::vector<std::byte>& image) {
  AppendBytes(reinterpret_cast<const std::byte*>(text.data()), text.size(), image);
}

void AppendColumnShape(const ColumnShape& column, std::vector<std::byte>& image) {
  AppendText(column.name, image);
  image.push_back(static_cast<std::byte>(column.type));
  image.push_back(static_cast<std::byte>(column.scale));
  image.push_back(static_cast<std::byte>(column.geohash_bits));
  image.push_back(static_cast<std::byte>(column.dimensions));
}

Result<uint64_t> TakeNumber(ByteReader& reader, uint64_t most, const char* what) {
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t number, reader.TakeVarint(what));
  if (number > most) {
    return ProtocolError(what, " at byte ", begin, ": ", number, ", at most ", most);
  }
  return number;
}

Result<ColumnShape> TakeColumnShape(ByteReader& reader) {
  ColumnShape column;
  COLONNADE_ASSIGN_OR_RETURN(const std::string_view name,
                             reader.TakeString(kMostNameBytes, "name of a column"));
  column.name = name;
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t type, reader.TakeLittle<uint8_t>("type"));
  COLONNADE_ASSIGN_OR_RETURN(column.scale, reader.TakeLittle<uint8_t>("scale"));
  COLONNADE_ASSIGN_OR_RETURN(column.geohash_bits, reader.TakeLittle<uint8_t>("geohash bits"));
  COLONNADE_ASSIGN_OR_RETURN(column.dimensions, reader.TakeLittle<uint8_t>("dimensions"));
  const auto known = wire::ColumnTypeFromByte(type);
  if (!known || column.scale > wire::MaxDecimalScale(*known) ||
      column.geohash_bits > wire::kMaxGeohashBits ||
      column.dimensions > wire::kMaxArrayDimensions ||
      (*known == ColumnType::kGeohash) != (column.geohash_bits > 0)) {
    return ProtocolError("column at byte ", begin, ": no such type");
  }
  column.type = *known;
  return column;
}

SharedBytes Copy(Bytes bytes) {
  auto owner = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {owner, owner->data(), owner->size()};
}

// Bytes that must be so many.
Result<SharedBytes> TakeBytes(ByteReader& reader, uint64_t expected, const char* what) {
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t size,
                             TakeNumber(reader, std::numeric_limits<int64_t>::max(), what));
  if (size != expected) {
    return ProtocolError(what, " at byte ", begin, ": ", size, " bytes, must be ", expected);
  }
  COLONNADE_ASSIGN_OR_RETURN(const Bytes bytes, reader.Take(static_cast<size_t>(size), what));
  return Copy(bytes);
}

// Offsets of `count` entries: from 0, never smaller than the one before. `*last` is the last one.
Result<SharedBytes> TakeOffsets(ByteReader& reader, uint64_t count, int64_t* last) {
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(SharedBytes offsets, TakeBytes(reader, (count + 1) * 4, "offsets"));
  int32_t previous = 0;
  for (uint64_t i = 0; i <= count; ++i) {
    const auto offset = LoadLittle<int32_t>(offsets.data + i * 4);
    if (offset < previous || (i == 0 && offset != 0)) {
      return ProtocolError("offsets at byte ", begin, ": offset ", i, " is out of order");
    }
    previous = offset;
  }
  *last = previous;
  return offsets;
}

Status TakeSymbols(ByteReader& reader, uint64_t rows, DecodedColumn* column) {
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t count,
                             TakeNumber(reader, reader.remaining(), "number of symbols"));
  wire::SymbolTable symbols;
  for (uint64_t i = 0; i < count; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view text,
                               reader.TakeString(std::numeric_limits<size_t>::max(), "symbol"));
    COLONNADE_RETURN_IF_ERROR(symbols.Append({&text, 1}));
  }
  column->symbols = symbols.Snapshot();
  COLONNADE_ASSIGN_OR_RETURN(column->values, TakeBytes(reader, rows * 4, "codes"));
  for (uint64_t row = 0; row < rows; ++row) {
    const auto code = LoadLittle<uint32_t>(column->values.data + row * 4);
    const bool is_valid =
        column->null_count == 0 ||
        (static_cast<uint8_t>(column->validity.data[row / 8]) >> (row % 8) & 1) != 0;
    if (is_valid && code >= count) {
      return ProtocolError("codes before byte ", reader.position(), ": code ", code,
                           ", but there are ", count, " symbols");
    }
  }
  return {};
}

Status TakeValues(ByteReader& reader, uint64_t rows, DecodedColumn* column) {
  switch (column->type) {
    case ColumnType::kSymbol: return TakeSymbols(reader, rows, column);
    case ColumnType::kVarchar:
    case ColumnType::kBinary: {
      int64_t bytes = 0;
      COLONNADE_ASSIGN_OR_RETURN(column->offsets, TakeOffsets(reader, rows, &bytes));
      COLONNADE_ASSIGN_OR_RETURN(column->values,
                                 TakeBytes(reader, static_cast<uint64_t>(bytes), "text"));
      return {};
    }
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: {
      auto entries = static_cast<int64_t>(rows);
      for (int i = 0; i < column->dimensions; ++i) {
        COLONNADE_ASSIGN_OR_RETURN(column->list_offsets.emplace_back(),
                                   TakeOffsets(reader, static_cast<uint64_t>(entries), &entries));
      }
      const auto elements = column->dimensions == 0 ? 0 : static_cast<uint64_t>(entries);
      COLONNADE_ASSIGN_OR_RETURN(column->values, TakeBytes(reader, elements * 8, "elements"));
      return {};
    }
    default: {
      const uint64_t bytes = column->type == ColumnType::kBoolean
                                 ? (rows + 7) / 8
                                 : rows * CellWidth(ColumnShape::Of(*column));
      COLONNADE_ASSIGN_OR_RETURN(column->values, TakeBytes(reader, bytes, "values"));
      return {};
    }
  }
}

Result<DecodedColumn> TakeColumn(ByteReader& reader, uint64_t rows) {
  COLONNADE_ASSIGN_OR_RETURN(ColumnShape shape, TakeColumnShape(reader));
  DecodedColumn column;
  column.name = std::move(shape.name);
  column.type = shape.type;
  column.scale = shape.scale;
  column.geohash_bits = shape.geohash_bits;
  column.dimensions = shape.dimensions;
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t nulls, TakeNumber(reader, rows, "missing values"));
  column.null_count = static_cast<int64_t>(nulls);
  if (nulls > 0) {
    COLONNADE_ASSIGN_OR_RETURN(column.validity, TakeBytes(reader, (rows + 7) / 8, "validity"));
  }
  const Status taken = TakeValues(reader, rows, &column);
  if (!taken.ok()) return taken.WithContext("column " + column.name);
  return column;
}

void AppendColumn(int64_t rows, DecodedColumn column, std::vector<std::byte>& image) {
  AppendColumnShape(ColumnShape::Of(column), image);
  AppendNumber(static_cast<uint64_t>(column.null_count), image);
  if (column.null_count > 0) {
    AppendBytes(column.validity.data, static_cast<size_t>(rows + 7) / 8, image);
  }
  if (column.type == ColumnType::kSymbol) {
    wire::CompactSymbols(rows, &column);
    AppendNumber(column.symbols.size, image);
    for (size_t i = 0; i < column.symbols.size; ++i) AppendText(column.symbols.text(i), image);
  }
  if (column.offsets.size > 0) AppendBytes(column.offsets.data, column.offsets.size, image);
  // Arrays of which no row shows a dimension have offsets nevertheless, which say nothing.
  for (int i = 0; i < column.dimensions; ++i) {
    const SharedBytes& offsets = column.list_offsets[static_cast<size_t>(i)];
    AppendBytes(offsets.data, offsets.size, image);
  }
  AppendBytes(column.values.data, column.values.size, image);
}

}  // namespace

void AppendShape(const TableShape& shape, std::vector<std::byte>& image) {
  AppendText(shape.name, image);
  AppendNumber(shape.columns.size(), image);
  for (const ColumnShape& column : shape.columns) AppendColumnShape(column, image);
  AppendNumber(shape.timestamp, image);
  AppendNumber(shape.keys.size(), image);
  for (const size_t key : shape.keys) AppendNumber(key, image);
}

Result<TableShape> ReadShape(ByteReader& reader) {
  TableShape shape;
  COLONNADE_ASSIGN_OR_RETURN(const std::string_view name,
                             reader.TakeString(kMostNameBytes, "name of a table"));
  shape.name = name;
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t columns,
                             TakeNumber(reader, kMostColumns, "number of columns"));
  for (uint64_t i = 0; i < columns; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(shape.columns.emplace_back(), TakeColumnShape(reader));
  }
  if (columns == 0) return ProtocolError("table ", shape.name, ": has no columns");
  COLONNADE_ASSIGN_OR_RETURN(shape.timestamp,
                             TakeNumber(reader, columns - 1, "designated timestamp"));
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t keys, TakeNumber(reader, columns, "number of keys"));
  for (uint64_t i = 0; i < keys; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(shape.keys.emplace_back(),
                               TakeNumber(reader, columns - 1, "upsert key"));
  }
  return shape;
}

void AppendBlock(const DecodedBlock& block, std::vector<std::byte>& image) {
  AppendNumber(static_cast<uint64_t>(block.rows), image);
  AppendNumber(block.columns.size(), image);
  for (const DecodedColumn& column : block.columns) AppendColumn(block.rows, column, image);
}

Result<DecodedBlock> ReadBlock(ByteReader& reader) {
  DecodedBlock block;
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t rows, TakeNumber(reader, kMostRows, "number of rows"));
  block.rows = static_cast<int64_t>(rows);
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t columns,
                             TakeNumber(reader, kMostColumns, "number of columns"));
  for (uint64_t i = 0; i < columns; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(block.columns.emplace_back(), TakeColumn(reader, rows));
  }
  return block;
}

}  // namespace colonnade::questdb::endpoint
