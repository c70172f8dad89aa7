// The c-blosc 1 container.

#pragma once

#include "array/codecs/decoded_size.h"
#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Decodes on the calling thread. `budget` is charged for large work space of the library during
/// the call.
Status DecodeBlosc(Bytes encoded, DecodedSize expected, MemoryBudget& budget, Buffer* out);

}  // namespace colonnade::array::codecs
