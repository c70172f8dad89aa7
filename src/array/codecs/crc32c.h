// CRC-32C trailer.

#pragma once

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Verifies the checksum in the last 4 bytes and returns the bytes before it, in place.
Result<Bytes> VerifyCrc32c(Bytes encoded);

}  // namespace colonnade::array::codecs
