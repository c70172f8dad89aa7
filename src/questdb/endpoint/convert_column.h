// Conversion of what arrives into what a column holds.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {

/// The column's values as those of `target`, under its name; shared where nothing changes.
///
/// Taken are: the same type (arrays of as many dimensions, geohashes of as many bits); integers for
/// integers, FLOAT, DOUBLE, DATE and timestamps (as the number of units); FLOAT and DOUBLE for each
/// other; the two kinds of timestamps for each other; text for symbols and back; decimals of the
/// same scale. A real server takes more.
///
/// \error InvalidArgument naming table, column and both types; or the row, counted from 0, whose
///     value does not fit
Result<wire::DecodedColumn> ConvertColumn(std::string_view table, const ColumnShape& target,
                                          wire::DecodedColumn column, int64_t rows);

/// A designated timestamp: rows without a value get `server_time_us`.
wire::DecodedColumn FillTimestamps(wire::DecodedColumn column, int64_t rows,
                                   int64_t server_time_us);

/// `rows` times the same timestamp, microseconds, as a column of `target`.
wire::DecodedColumn ConstantTimestamps(const ColumnShape& target, int64_t rows,
                                       int64_t server_time_us);

}  // namespace colonnade::questdb::endpoint
