// Encoding of table blocks: columns in the caller's memory become the bytes of QWP 1, written,
// masked, straight into the message that is sent.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/column.h"
#include "questdb/wire/cpu_level.h"
#include "questdb/wire/symbol_dictionary.h"
#include "questdb/wire/symbol_map.h"
#include "questdb/wire/valid_rows.h"

namespace colonnade::questdb::wire {

/// Which of the freedoms of the format are used.
struct EncodeOptions {
  /// Timestamps carry an encoding byte and are delta-of-delta coded where that is smaller (header
  /// flag 0x04).
  bool gorilla = false;
  /// DATE columns carry the encoding byte too, as results do and ingest does not.
  bool date_has_encoding = false;
  /// INT, LONG, FLOAT and DOUBLE tell missing values by a bitmap, as results do, and not by the
  /// values that stand for them.
  bool numbers_have_bitmap = false;
  /// The instructions that may be used; the bytes are the same. At most BestCpuLevel().
  CpuLevel level = BestCpuLevel();
};

/// Whether a block says what its columns are. Ingest always does; results only in a query's first
/// batch.
enum class BlockSchema : uint8_t { kInline, kOmitted };

/// Encodes dictionary sections and table blocks over one connection's dictionary. Not thread-safe.
class BlockEncoder {
 public:
  explicit BlockEncoder(EncodeOptions options = {}) : options_(options) {}

  /// Gives ids to all texts that the symbol columns refer to in `rows`: those of a column in the
  /// order of first use, column after column. `maps` has an element per column. On failure the
  /// dictionary is as before.
  ///
  /// \error InvalidArgument naming column and row: a code outside the dictionary or of a missing
  ///     text, text that is not UTF-8. LimitExceeded if the dictionary is full.
  Status InternSymbols(std::span<const Column> columns, RowRange rows, SymbolDictionary& dictionary,
                       std::span<SymbolMap> maps);

  /// InternSymbols, then appends the section of those that are new.
  Status AppendDictionarySection(std::span<const Column> columns, RowRange rows,
                                 SymbolDictionary& dictionary, std::span<SymbolMap> maps,
                                 net::MessageBuffer& message);

  /// Appends name, row count, schema and bodies of a block. The symbols of these rows have been
  /// interned, and nothing was taken back since. After a failure the message is as before.
  ///
  /// \error as AppendColumn
  Status AppendBlock(std::string_view table, std::span<const Column> columns, RowRange rows,
                     const SymbolDictionary& dictionary, std::span<SymbolMap> maps,
                     net::MessageBuffer& message, BlockSchema schema = BlockSchema::kInline);

  /// Appends the body of one column. Its symbols of these rows have been interned.
  ///
  /// \error InvalidArgument naming column and row, for a value that the type cannot hold: out of
  ///     range, not UTF-8, a ragged array, a missing or negative designated timestamp.
  ///     InvalidArgument naming the column for values of a kind that its type does not take.
  ///     LimitExceeded for more than 2^31-1 bytes of text or an array above 512 MiB. InvalidState
  ///     for symbols that have not been interned. What the message holds after a failure is
  ///     undefined from its old size on.
  Status AppendColumn(const Column& column, RowRange rows, SymbolMap& map,
                      net::MessageBuffer& message);

 private:
  EncodeOptions options_;
  ValidRows valid_;
};

/// Appends the dictionary section of entries `begin` .. `end` of a dictionary: what a new
/// connection is told of an old one's, or all that a frame needs that stands for itself.
/// \pre begin <= end <= dictionary.size()
void AppendDictionaryRange(const SymbolDictionary& dictionary, size_t begin, size_t end,
                           net::MessageBuffer& message);

}  // namespace colonnade::questdb::wire
