// CRC-32C trailer.

#pragma once

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array::codecs {

/// Verifies the checksum in the last 4 bytes and returns the bytes before it, in place.
Result<Bytes> VerifyCrc32c(Bytes encoded);

/// CRC-32C by tables, for machines without an instruction for it. Public for its test.
uint32_t Crc32cByTable(Bytes bytes);

}  // namespace colonnade::array::codecs
