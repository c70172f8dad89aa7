// What the text of a SQL type tells about an Arrow column beyond its schema.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/c_abi.h"

namespace colonnade::python {

/// A type and the types inside it, matched to an ArrowSchema and its children (for a map: to key
/// and value).
struct TypeHint {
  std::string name;  // "UUID", "DECIMAL"; empty if not known
  std::vector<TypeHint> children;
};

/// Parses a type as the engine spells it, e.g. `STRUCT(id UUID, "a b" HUGEINT[])[]`, along
/// `schema`. Nothing is known if the two do not fit.
TypeHint ParseTypeHint(const ArrowSchema& schema, std::string_view sql_type);

}  // namespace colonnade::python
