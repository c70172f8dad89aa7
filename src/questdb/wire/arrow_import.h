// Arrow arrays as columns to be sent: which QuestDB type a column becomes, and where its values
// lie.
//
// The rules are those of the official clients ("Arrow import", release 7.2), so that a table comes
// out the same whichever client fills it. Precedence: an override, the field's metadata, the type.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/c_abi.h"
#include "base/status.h"
#include "questdb/wire/column.h"

namespace colonnade::questdb::wire {

inline constexpr int64_t kMaxBatchRows = 16'777'216;
inline constexpr int64_t kMaxDictionaryEntries = 8'388'608;

/// Which columns of text become symbols. kAll and kNone have been asked for and outweigh metadata;
/// an override of a column outweighs them.
enum class SymbolChoice : uint8_t {
  kAuto,  // dictionary-encoded ones
  kAll,   // all text too
  kNone,  // none; dictionary-encoded text is sent as text
};

enum class OverrideKind : uint8_t {
  kSymbol = 0,
  kIpv4 = 1,
  kChar = 2,
  kGeohash = 3,  // `argument` bits
  kNotSymbol = 4,
  kUuid = 5,
  kLong256 = 6,
};

/// What one column is to be, whatever its type and metadata suggest.
struct ColumnOverride {
  std::string column;
  OverrideKind kind = OverrideKind::kSymbol;
  int argument = 0;
};

struct ArrowImportOptions {
  SymbolChoice symbols = SymbolChoice::kAuto;
  std::vector<ColumnOverride> overrides;
  /// Name of the column that is the designated timestamp; empty if there is none among the columns.
  std::string timestamp_column;
};

/// How one Arrow column is sent; found once per schema.
struct ArrowColumnPlan;

/// A schema's columns, ready to be pointed at batches. Copyable; thread-safe to read.
class ArrowPlan {
 public:
  /// \pre arrow::ValidateSchema has accepted `schema`
  /// The metadata that counts: `questdb.column_type`, `questdb.symbol`, `questdb.geohash_bits` and
  /// the extension name arrow.uuid.
  ///
  /// \error Unsupported naming the column and its type; InvalidArgument for an override that fits
  ///     no column or not its type, a second one for a column, contradictory or unknown metadata,
  ///     names that QuestDB does not take (names.h), two names that differ only in case, no column
  ///     beside the timestamp. The timestamp must be of an Arrow timestamp type.
  static Result<ArrowPlan> Make(const ArrowSchema& schema, const ArrowImportOptions& options);

  /// The columns of one batch, which they borrow. The designated timestamp is last, with an empty
  /// name.
  ///
  /// Arrays may be sliced at every level. What only values show (a missing inner list, text that is
  /// not UTF-8) is for the encoder to refuse.
  ///
  /// \pre arrow::ValidateArray has accepted `batch` as data of the schema
  /// \error InvalidArgument if rows of the batch itself are missing; LimitExceeded for more than
  ///     kMaxBatchRows rows or kMaxDictionaryEntries dictionary entries
  Result<std::vector<Column>> Columns(const ArrowArray& batch) const;

  size_t column_count() const { return columns_.size(); }

 private:
  std::vector<std::shared_ptr<const ArrowColumnPlan>> columns_;
};

}  // namespace colonnade::questdb::wire
