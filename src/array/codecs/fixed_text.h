// NUL-padded text of fixed width: bytes (NumPy S<n>) and UTF-32 (NumPy U<n>).

#pragma once

#include <bit>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Makes `elements` an array of `count` std::string_view into `serialized`, one per `width` bytes,
/// trailing NULs removed.
///
/// \pre serialized.size() == count * width.
/// \error InvalidData if an element is not UTF-8; the message has its index.
Status DecodeFixedBytes(Bytes serialized, size_t width, uint64_t count, Buffer* elements);

/// Converts to UTF-8 in `text` and makes `elements` an array of `count` std::string_view into it.
///
/// \pre serialized.size() == count * width; width is a multiple of 4; `serialized` does not lie in
///     `text` or `elements`.
/// \error InvalidData for a surrogate or a number above 0x10FFFF; the message has the index.
Status DecodeFixedUtf32(Bytes serialized, std::endian endian, size_t width, uint64_t count,
                        Buffer* text, Buffer* elements);

}  // namespace colonnade::array::codecs
