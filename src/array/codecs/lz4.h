// LZ4 as numcodecs frames it: u32 little-endian decoded size, then one block.

#pragma once

#include "array/codecs/decoded_size.h"
#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

Status DecodeLz4(Bytes encoded, DecodedSize expected, Buffer* out);

}  // namespace colonnade::array::codecs
