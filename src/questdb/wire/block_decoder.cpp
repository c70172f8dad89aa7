#include "questdb/wire/block_decoder.h"

#include <bit>
#include <limits>
#include <span>

#include "base/quote.h"
#include "questdb/wire/column_decoder.h"

namespace colonnade::questdb::wire {
namespace {

// The types that no bitmap belongs to in results.
bool IsNeverMissing(ColumnType type) {
  return type == ColumnType::kBoolean || type == ColumnType::kByte || type == ColumnType::kShort ||
         type == ColumnType::kChar;
}

Result<std::vector<ColumnDefinition>> TakeSchema(ByteReader& reader, const DecodeLimits& limits) {
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t count, reader.TakeVarint("number of columns"));
  if (count > static_cast<uint64_t>(limits.max_columns)) {
    return LimitExceeded("number of columns at byte ", begin, ": ", count, ", at most ",
                         limits.max_columns);
  }
  std::vector<ColumnDefinition> schema;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string what = "name of column " + std::to_string(i + 1);
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view name,
                               reader.TakeString(limits.max_name_bytes, what.c_str()));
    if (name.find('\0') != std::string_view::npos)
      return ProtocolError(what, " before byte ", reader.position(), ": has a NUL byte");
    COLONNADE_ASSIGN_OR_RETURN(const uint8_t byte, reader.TakeLittle<uint8_t>("column type"));
    const std::optional<ColumnType> type = ColumnTypeFromByte(byte);
    if (!type.has_value()) {
      return ProtocolError("column ", Quote(name), ": type ", byte, " at byte ",
                           reader.position() - 1, " is not known");
    }
    schema.push_back({std::string(name), *type});
  }
  return schema;
}

// Reads flag and bitmap. What is missing becomes what is there, in words of which the last is
// filled up with zeros.
Result<Presence> TakePresence(BlockContext& context, int64_t rows, DecodedColumn* column,
                              bool* has_bitmap) {
  Presence presence{rows, rows, nullptr};
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t flag, context.reader.TakeLittle<uint8_t>("null flag"));
  *has_bitmap = flag != 0;
  if (flag == 0) return presence;
  if (!context.options.ingest && flag != 1) {
    return ProtocolError("null flag at byte ", context.reader.position() - 1, ": ", flag,
                         ", must be 0 or 1");
  }
  if (!context.options.ingest && IsNeverMissing(column->type)) {
    return ProtocolError("null flag at byte ", context.reader.position() - 1,
                         ": 1, but values of this type are never missing");
  }
  const size_t bytes = (presence.row_count() + 7) / 8;
  COLONNADE_ASSIGN_OR_RETURN(const Bytes bitmap, context.reader.Take(bytes, "bitmap"));
  const size_t words = (presence.row_count() + 63) / 64;
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(words * sizeof(uint64_t)));
  auto* const valid = reinterpret_cast<uint64_t*>(piece.data);
  if (words != 0) {
    valid[words - 1] = 0;
    std::memcpy(valid, bitmap.data(), bytes);
  }
  int64_t values = 0;
  for (size_t word = 0; word < words; ++word) {
    valid[word] = ~valid[word];
    if (word == words - 1 && rows % 64 != 0) valid[word] &= (uint64_t{1} << (rows % 64)) - 1;
    values += std::popcount(valid[word]);
  }
  if (values == rows) return presence;
  presence.values = values;
  presence.valid = valid;
  column->null_count = rows - values;
  column->validity = {std::move(piece.owner), piece.data, bytes};
  return presence;
}

Status DecodeColumn(BlockContext& context, int64_t rows, DecodedColumn* column) {
  bool has_bitmap = false;
  COLONNADE_ASSIGN_OR_RETURN(const Presence presence,
                             TakePresence(context, rows, column, &has_bitmap));
  switch (column->type) {
    case ColumnType::kSymbol: return DecodeSymbolColumn(context, presence, column);
    case ColumnType::kVarchar:
    case ColumnType::kBinary: return DecodeTextColumn(context, presence, column);
    case ColumnType::kDoubleArray:
    case ColumnType::kLongArray: return DecodeArrayColumn(context, presence, column);
    default: return DecodeFixedColumn(context, presence, has_bitmap, column);
  }
}

}  // namespace

Result<BufferPool::Piece> BlockContext::Allocate(size_t bytes) {
  const size_t most = options.limits.max_decoded_bytes;
  if (bytes > most - std::min(most, decoded_bytes)) {
    return LimitExceeded("the block takes more than ", most, " bytes decoded: ", decoded_bytes,
                         " so far, ", bytes, " more");
  }
  decoded_bytes += bytes;
  return pool.Take(bytes);
}

bool BlockContext::Borrows(Bytes bytes, size_t alignment) const {
  const size_t message_bytes = reader.position() + reader.remaining();
  return message != nullptr && bytes.size() > message_bytes / 2 &&
         reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0;
}

Status DecodeDictionarySection(ByteReader& reader, bool overlap_allowed, SymbolTable& table) {
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t start, reader.TakeVarint("start of the dictionary"));
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t count, reader.TakeVarint("size of the dictionary"));
  if (overlap_allowed && start > table.size()) {
    return NotFound("dictionary at byte ", begin, ": begins at entry ", start, ", but only ",
                    table.size(), " are known");
  }
  if (!overlap_allowed && start != table.size()) {
    return ProtocolError("dictionary at byte ", begin, ": begins at entry ", start, ", must be ",
                         table.size());
  }
  if (count > reader.remaining()) {
    return ProtocolError("dictionary at byte ", begin, ": ", count, " entries in ",
                         reader.remaining(), " bytes");
  }
  const uint64_t known = std::min<uint64_t>(count, table.size() - start);
  const auto take = [](ByteReader& from) {
    return from.TakeString(std::numeric_limits<size_t>::max(), "entry of the dictionary");
  };
  for (uint64_t i = 0; i < known; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view text, take(reader));
    if (text == table.text(static_cast<size_t>(start + i))) continue;
    return ProtocolError("dictionary at byte ", begin, ": entry ", start + i, " is ", Quote(text),
                         ", but was ", Quote(table.text(static_cast<size_t>(start + i))));
  }
  // Once to see that all of it is right, once to append what then cannot fail.
  ByteReader again = reader;
  size_t bytes = 0;
  for (uint64_t i = known; i < count; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view text, take(reader));
    bytes += text.size();
  }
  if (known == count) return {};
  COLONNADE_RETURN_IF_ERROR(table.Reserve(static_cast<size_t>(count - known), bytes));
  for (uint64_t i = known; i < count; ++i) {
    // Their lengths are good and their texts valid, so this takes what was taken before.
    COLONNADE_ASSIGN_OR_RETURN(const uint64_t size, again.TakeVarint("entry of the dictionary"));
    const std::string_view text = AsText(again.rest().first(static_cast<size_t>(size)));
    again.Skip(static_cast<size_t>(size));
    COLONNADE_RETURN_IF_ERROR(table.Append({&text, 1}));
  }
  return {};
}

Result<DecodedBlock> DecodeBlock(ByteReader& reader, std::shared_ptr<const void> message,
                                 const std::vector<ColumnDefinition>* schema,
                                 const SymbolTable& symbols, const DecodeOptions& options,
                                 BufferPool& pool) {
  DecodedBlock block;
  COLONNADE_ASSIGN_OR_RETURN(block.table,
                             reader.TakeString(options.limits.max_name_bytes, "table name"));
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t rows, reader.TakeVarint("number of rows"));
  // Whatever the limit: offsets have 31 bits.
  const int64_t max_rows =
      std::min<int64_t>(options.limits.max_rows, std::numeric_limits<int32_t>::max() - 1);
  if (rows > static_cast<uint64_t>(max_rows)) {
    return LimitExceeded("number of rows at byte ", begin, ": ", rows, ", at most ", max_rows);
  }
  block.rows = static_cast<int64_t>(rows);
  std::vector<ColumnDefinition> own_schema;
  if (schema == nullptr) {
    COLONNADE_ASSIGN_OR_RETURN(own_schema, TakeSchema(reader, options.limits));
    schema = &own_schema;
  }
  BlockContext context{reader, message, symbols, options, pool};
  block.columns.reserve(schema->size());
  for (const ColumnDefinition& definition : *schema) {
    DecodedColumn& column = block.columns.emplace_back();
    column.name = definition.name;
    column.type = definition.type;
    Status status = DecodeColumn(context, block.rows, &column);
    if (status.ok()) continue;
    return std::move(status).WithContext("column " + Quote(definition.name) + " (" +
                                         std::string(ColumnTypeName(definition.type)) + ")");
  }
  return block;
}

}  // namespace colonnade::questdb::wire
