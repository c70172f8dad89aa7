// Symbols that refer to a small dictionary instead of their connection's.

#pragma once

#include <cstdint>

#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::wire {

/// Replaces the dictionary of a symbol column by one of only the values that its rows have, in the
/// order in which they come first, and the codes accordingly. The old ones are not changed.
void CompactSymbols(int64_t rows, DecodedColumn* column);

}  // namespace colonnade::questdb::wire
