// Variable-length text: u32 count, then per item u32 length and bytes, all little-endian.

#pragma once

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Makes `elements` an array of `count` std::string_view into `serialized`.
///
/// \error InvalidData if the count differs, an item reaches past the end or is not UTF-8 (the
///     message has its index), or bytes are left over.
Status DecodeVlenUtf8(Bytes serialized, uint64_t count, Buffer* elements);

}  // namespace colonnade::array::codecs
