// Arrow values that are made of other values. For arrow_values.cpp.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrow_values.h"

namespace colonnade::python {

/// Where the items of a list lie in its child.
enum class ListLayout : uint8_t { kOffsets32, kOffsets64, kViews32, kViews64, kFixed };

/// Python lists; tuples of `fixed_size` items for kFixed.
std::unique_ptr<ValueReader> MakeListReader(ListLayout layout, int64_t fixed_size,
                                            std::unique_ptr<ValueReader> items);

/// Dicts, or two lists if a key cannot be hashed.
std::unique_ptr<ValueReader> MakeMapReader(std::unique_ptr<ValueReader> keys,
                                           std::unique_ptr<ValueReader> values);

/// Dicts by `names`; tuples if there are none.
std::unique_ptr<ValueReader> MakeStructReader(std::vector<nb::object> names,
                                              std::vector<std::unique_ptr<ValueReader>> fields);

/// What the row's member has. `type_ids` are those of the members, in order.
std::unique_ptr<ValueReader> MakeUnionReader(bool dense, const std::vector<int8_t>& type_ids,
                                             std::vector<std::unique_ptr<ValueReader>> members);

/// Values by index, each made an object once per array. `index_format` is the Arrow format of the
/// indexes.
std::unique_ptr<ValueReader> MakeDictionaryReader(char index_format,
                                                  std::unique_ptr<ValueReader> values);

}  // namespace colonnade::python
