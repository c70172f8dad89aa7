// CRC-32C (Castagnoli), as in RFC 3720.

#pragma once

#include <cstdint>

#include "base/buffer.h"

namespace colonnade {

/// The checksum of `bytes`.
uint32_t Crc32c(Bytes bytes);

/// The same by tables, for machines without an instruction for it. Public for its test.
uint32_t Crc32cByTable(Bytes bytes);

}  // namespace colonnade
