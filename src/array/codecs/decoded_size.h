// What a bytes → bytes step may decode to, and output buffers sized by it.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Bytes that a step must (`exact`) or may at most decode to. Comes from the metadata and the
/// limits, never from the stream.
struct DecodedSize {
  uint64_t bytes = 0;
  bool exact = true;
};

/// Resizes `out` without keeping its contents; afterwards `out->data()` is not null.
///
/// \error LimitExceeded if there is no such room.
Status PrepareOutput(Buffer* out, uint64_t bytes);

/// Checks the length of what a step decoded.
///
/// \error InvalidData if exact and different, LimitExceeded if more than a size that is a limit.
Status CheckDecodedSize(std::string_view codec, DecodedSize expected, uint64_t got);

/// The same failure when decoding was stopped on the first byte too many.
Status TooLong(std::string_view codec, DecodedSize expected);

/// Room to try first: `expected` if exact; otherwise `claimed`, the size the stream says it has (0
/// if it does not say), or a multiple of the encoded size, all within `expected`.
uint64_t FirstCapacity(DecodedSize expected, uint64_t encoded_bytes, uint64_t claimed);

/// Room to try after `capacity`, which is below `expected.bytes`, was too small.
uint64_t NextCapacity(DecodedSize expected, uint64_t capacity);

}  // namespace colonnade::array::codecs
