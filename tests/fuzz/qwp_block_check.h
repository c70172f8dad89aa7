// What every decoded block must be, whatever the message was.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "arrow/validate.h"
#include "questdb/wire/arrow_export.h"
#include "support/column_text.h"

namespace colonnade {

/// Aborts unless the block is one: reads every value, and exports it as valid Arrow data.
inline void CheckDecodedBlock(const questdb::wire::DecodedBlock& block) {
  using namespace questdb::wire;
  for (const DecodedColumn& column : block.columns) {
    int64_t missing = 0;
    for (int64_t row = 0; row < block.rows; ++row) {
      const bool is_missing = IsMissing(column, row);
      missing += is_missing ? 1 : 0;
      // Long lists are looked at as Arrow data below.
      if (column.list_offsets.size() > 1) continue;
      if (SlotText(column, row) == "no such code" && !is_missing) std::abort();
    }
    if (missing != column.null_count) std::abort();
  }
  for (const bool other : {false, true}) {
    const ArrowExportOptions options{.widen_decimals = other, .compact_symbols = other};
    const Result<arrow::Schema> schema = ExportSchema(block, options);
    const Result<arrow::Array> batch = ExportBatch(block, options);
    if (!schema.ok() || !batch.ok()) std::abort();
    if (!arrow::ValidateSchema(schema->get()).ok()) std::abort();
    if (!arrow::ValidateArray(schema->get(), batch->get()).ok()) std::abort();
  }
  if (!SameExportSchema(block, block)) std::abort();
}

}  // namespace colonnade
