// Checks of Arrow C structs that come from elsewhere, before any of their buffers is used.
//
// The C interface carries no buffer sizes, so what can be checked is checked: structure, counts,
// signs, overflow, and that offsets are ascending. A producer that lies about the extent of its
// memory cannot be caught.

#pragma once

#include <cstdint>

#include "arrow/c_abi.h"
#include "base/status.h"

namespace colonnade::arrow {

/// Limits on structs that come from outside.
struct ValidationLimits {
  int64_t max_depth = 64;           // of nested children and dictionaries
  int64_t max_children = 10'000;    // of one node
  int64_t max_nodes = 100'000;      // of one schema
  int64_t max_buffers = 1'000'000;  // of one array
  int64_t max_format_bytes = 4'096;
  int64_t max_name_bytes = 65'536;
};

/// \error InvalidData naming the path of the field: released, null pointers, unknown format,
/// children that do not fit the format. LimitExceeded for the limits.
Status ValidateSchema(const ArrowSchema* schema, const ValidationLimits& limits = {});

/// Checks `array` as data of `schema`, which ValidateSchema has accepted.
///
/// \error InvalidData naming the path of the field: released, null pointers, negative or
/// overflowing lengths and offsets, wrong numbers of buffers or children, children too short,
/// offsets that descend or are negative, unknown union type ids.
Status ValidateArray(const ArrowSchema* schema, const ArrowArray* array,
                     const ValidationLimits& limits = {});

}  // namespace colonnade::arrow
