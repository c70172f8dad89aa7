// Record batches from contiguous values and validity bitmaps.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"

namespace colonnade::arrow {

/// Types of columns that are built here.
enum class ColumnType : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat32,
  kFloat64,
  kTimestampMicros,  // no zone
  kTimestampNanos,
  kUtf8,
};

/// One column of a schema. All are nullable.
struct Field {
  std::string name;
  ColumnType type = ColumnType::kFloat64;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The schema of record batches with these fields.
///
/// \error InvalidArgument for a name with a NUL byte.
Result<Schema> MakeSchema(std::span<const Field> fields);

/// Collects the columns of one record batch, in order. Values are copied. Reusable: Finish empties
/// it.
class BatchBuilder {
 public:
  /// Every column will have `rows` rows.
  explicit BatchBuilder(int64_t rows);
  ~BatchBuilder();
  BatchBuilder(BatchBuilder&&) noexcept;
  BatchBuilder& operator=(BatchBuilder&&) noexcept;

  /// Adds a column of a fixed-width type. `values` holds one value per row (booleans: one byte, 0
  /// or 1). `validity` is a bitmap, least significant bit first, or null if no value is missing;
  /// bits from row `rows` on are ignored.
  Status AddFixedWidth(ColumnType type, const void* values, const uint64_t* validity);

  /// Adds a column of text, UTF-8. Texts of missing rows are not looked at.
  ///
  /// \error LimitExceeded above 2^31-1 bytes of text.
  Status AddText(const std::string_view* values, const uint64_t* validity);

  /// The batch: a struct array of the columns added.
  Result<Array> Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace colonnade::arrow
