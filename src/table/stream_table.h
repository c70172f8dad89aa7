// StreamTable: a table whose rows come as Arrow streams that somebody else makes.
//
// The maker is asked when a query runs, once per scan and partition, and told what the query needs.
// It may use that or ignore it: engine/ applies every filter that the maker does not claim.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"
#include "table/table_source.h"

namespace colonnade::table {

enum class FilterOperator : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,         // any of `values`
  kIsNull,     // no values
  kIsNotNull,  // no values
};

/// "=", "!=", "<", "<=", ">", ">=", "in", "is null", "is not null"
std::string_view ToString(FilterOperator op);

/// A constant of a filter. Times keep their unit: an integer and what it counts.
struct Scalar {
  enum class Type : uint8_t {
    kBool,       // value is bool
    kInteger,    // int64_t; uint64_t above its range
    kDecimal,    // string: the digits as SQL spells them
    kFloat,      // double
    kText,       // string, UTF-8
    kBinary,     // string
    kDate,       // int64_t: days since 1970-01-01
    kTime,       // int64_t: microseconds since midnight
    kTimestamp,  // int64_t: nanoseconds since 1970-01-01, no zone
    kInstant,    // int64_t: nanoseconds since 1970-01-01T00:00Z
  };
  Type type = Type::kInteger;
  std::variant<bool, int64_t, uint64_t, double, std::string> value;
};

/// One conjunct of a WHERE clause: column, operator, constants. Rows for which it is NULL do not
/// pass.
struct FilterTerm {
  size_t column = 0;  // child of the table's schema
  FilterOperator op = FilterOperator::kEqual;
  std::vector<Scalar> values;
};

/// What a query needs of one partition.
struct StreamRequest {
  std::vector<size_t> columns;      // children of the schema, ascending; may be empty
  std::vector<FilterTerm> filters;  // all must hold; a subset of the query's
  /// All filters of the query on this table, with those that are no term, as SQL over the column
  /// names; empty if there are none.
  std::string filter_sql;
  /// Set if no more rows than these are needed of the whole table, whatever they are: never with
  /// filters, order or joins above.
  std::optional<int64_t> limit;
  ScanEnvironment environment;  // outlives the stream
};

struct OpenedStream {
  arrow::ArrayStream stream;
  /// Positions in StreamRequest::filters of terms that every row of the stream satisfies.
  std::vector<size_t> exact;
};

/// Immutable but for what the maker does; thread-safe: Open is called from several threads at once.
class StreamTable {
 public:
  virtual ~StreamTable() = default;

  /// What messages and EXPLAIN call it.
  virtual const std::string& name() const = 0;
  /// A struct with one child per column. Valid as long as the table.
  virtual const ArrowSchema& schema() const = 0;
  /// At least 1. Rows come in the order of partitions.
  virtual int64_t partition_count() const = 0;
  /// Rows of the whole table, if that is known.
  virtual std::optional<int64_t> row_count() const { return std::nullopt; }

  /// A stream of the requested columns (in that order, by name), or of all columns.
  ///
  /// \pre 0 <= partition < partition_count()
  /// \error what the maker raises; InvalidState for a stream that can be read only once and was.
  virtual Result<OpenedStream> Open(int64_t partition, const StreamRequest& request) const = 0;
};

}  // namespace colonnade::table
