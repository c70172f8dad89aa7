// Arrow schemas: parts of them, comparison, and names for messages.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "arrow/owners.h"
#include "base/status.h"

namespace colonnade::arrow {

/// A column of a schema by its format string.
struct FieldFormat {
  std::string name;
  std::string format;
  std::string dictionary;   // format of the values if `format` is that of indices; or empty
  bool is_ordered = false;  // the dictionary's order is that of the values
  /// If set, the type, which may have children; valid, copied, and the formats are not looked at.
  const ArrowSchema* type = nullptr;
};

/// A struct schema of nullable columns.
///
/// \error InvalidArgument for a name with a NUL byte, InvalidData for an unknown format.
Result<Schema> MakeSchema(std::span<const FieldFormat> fields);

/// A struct schema with copies of the children `columns` of `schema`, in that order.
///
/// \pre ValidateSchema has accepted `schema`, a struct; every column is one of its children
/// \error LimitExceeded if memory runs out.
Result<Schema> SelectColumns(const ArrowSchema& schema, std::span<const size_t> columns);

/// True if arrays of one schema are arrays of the other: the same formats, dictionaries, children
/// and names of struct fields. Names and metadata of the schemas themselves, nullability and names
/// of list items do not count.
///
/// \pre ValidateSchema has accepted both
bool SameType(const ArrowSchema& left, const ArrowSchema& right);

/// The type as the Arrow libraries spell it, "timestamp('us', 'UTC')", shortened if it is very
/// long.
///
/// \pre ValidateSchema has accepted the schema
std::string TypeName(const ArrowSchema& schema);

}  // namespace colonnade::arrow
