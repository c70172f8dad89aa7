#include "questdb/wire/block_encoder.h"

#include <variant>

#include "questdb/wire/column_encoding.h"

namespace colonnade::questdb::wire {
namespace {

void AppendString(std::string_view text, net::MessageBuffer& message) {
  message.AppendVarint(text.size());
  message.Append(text);
}

bool IsTimestamp(ColumnType type) {
  return type == ColumnType::kTimestamp || type == ColumnType::kTimestampNanos;
}

bool IsNullableNumber(ColumnType type) {
  return type == ColumnType::kInt || type == ColumnType::kLong || type == ColumnType::kFloat ||
         type == ColumnType::kDouble;
}

Status CheckCounts(size_t columns, size_t maps, RowRange rows) {
  if (columns != maps)
    return Internal("a block of ", columns, " columns has maps of symbols for ", maps);
  if (rows.begin < 0 || rows.end < rows.begin)
    return InvalidArgument("rows ", rows.begin, " to ", rows.end, " are no range");
  return Status();
}

}  // namespace

Status BlockEncoder::InternSymbols(std::span<const Column> columns, RowRange rows,
                                   SymbolDictionary& dictionary, std::span<SymbolMap> maps) {
  COLONNADE_RETURN_IF_ERROR(CheckCounts(columns.size(), maps.size(), rows));
  const size_t mark = dictionary.size();
  try {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].type != ColumnType::kSymbol) continue;
      Status status = maps[i].Map(columns[i], rows, dictionary);
      if (status.ok()) continue;
      dictionary.Rollback(mark);
      return status;
    }
  } catch (const std::bad_alloc&) {
    for (SymbolMap& map : maps) map.Reset();
    dictionary.Rollback(mark);
    throw;
  }
  return Status();
}

Status BlockEncoder::AppendDictionarySection(std::span<const Column> columns, RowRange rows,
                                             SymbolDictionary& dictionary,
                                             std::span<SymbolMap> maps,
                                             net::MessageBuffer& message) {
  const size_t mark = dictionary.size();
  COLONNADE_RETURN_IF_ERROR(InternSymbols(columns, rows, dictionary, maps));
  try {
    AppendDictionaryRange(dictionary, mark, dictionary.size(), message);
  } catch (const std::bad_alloc&) {
    dictionary.Rollback(mark);
    throw;
  }
  return Status();
}

Status BlockEncoder::AppendBlock(std::string_view table, std::span<const Column> columns,
                                 RowRange rows, const SymbolDictionary& dictionary,
                                 std::span<SymbolMap> maps, net::MessageBuffer& message,
                                 BlockSchema schema) {
  COLONNADE_RETURN_IF_ERROR(CheckCounts(columns.size(), maps.size(), rows));
  const size_t begin = message.size();
  AppendString(table, message);
  message.AppendVarint(static_cast<uint64_t>(rows.size()));
  if (schema == BlockSchema::kInline) {
    message.AppendVarint(columns.size());
    for (const Column& column : columns) {
      AppendString(column.name, message);
      message.AppendLittle(static_cast<uint8_t>(column.type));
    }
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool is_stale = columns[i].type == ColumnType::kSymbol && !maps[i].Has(rows, dictionary);
    Status status = is_stale ? InvalidState(ColumnLabel(columns[i]),
                                            ": its symbols have not been interned, or taken back")
                             : AppendColumn(columns[i], rows, maps[i], message);
    if (status.ok()) continue;
    message.Truncate(begin);
    return status;
  }
  return Status();
}

Status BlockEncoder::AppendColumn(const Column& column, RowRange rows, SymbolMap& map,
                                  net::MessageBuffer& message) {
  if (column.is_designated_timestamp() && !IsTimestamp(column.type)) {
    return InvalidArgument("designated timestamp: it cannot be of type ",
                           ColumnTypeName(column.type));
  }
  if (column.type == ColumnType::kSymbol) {
    if (!map.Has(rows))
      return InvalidState(ColumnLabel(column), ": its symbols have not been interned");
    map.valid().AppendTo(false, message);
    message.Append(map.encoded());
    return Status();
  }
  valid_.Load(column.validity, rows);
  ColumnEncoding encoding{column, rows, valid_, message};
  encoding.has_encoding_byte =
      options_.gorilla && (IsTimestamp(column.type) ||
                           (column.type == ColumnType::kDate && options_.date_has_encoding));
  encoding.level = options_.level;
  encoding.has_bitmap =
      HasNullBitmap(column.type) || (options_.numbers_have_bitmap && IsNullableNumber(column.type));
  if (const auto* fixed = std::get_if<FixedValues>(&column.values))
    return AppendFixed(*fixed, encoding);
  if (const auto* bits = std::get_if<BitValues>(&column.values)) return AppendBits(*bits, encoding);
  if (const auto* varying = std::get_if<VaryingValues>(&column.values))
    return AppendVarying(*varying, encoding);
  if (const auto* codes = std::get_if<SymbolValues>(&column.values))
    return AppendLookedUp(*codes, encoding);
  return AppendArrays(std::get<ArrayValues>(column.values), encoding);
}

void AppendDictionaryRange(const SymbolDictionary& dictionary, size_t begin, size_t end,
                           net::MessageBuffer& message) {
  message.AppendVarint(begin);
  message.AppendVarint(end - begin);
  for (size_t id = begin; id < end; ++id) AppendString(dictionary.entry(id), message);
}

}  // namespace colonnade::questdb::wire
