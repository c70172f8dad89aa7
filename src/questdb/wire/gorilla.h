// Delta-of-delta coding of timestamps: after two plain values, the change of the difference, in 1
// to 36 bits, least significant bit first.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::questdb::wire {

/// The coded bytes of `count` values (two plain values and the bit stream), or nothing if that is
/// not smaller than plain values, or a change does not fit 32 bits, or there are fewer than three.
std::optional<std::vector<std::byte>> GorillaEncode(const int64_t* values, size_t count);

/// Decodes `count` values from the beginning of `coded`.
/// \returns how many bytes they took
/// \error ProtocolError if the stream ends early
Result<size_t> GorillaDecode(Bytes coded, size_t count, int64_t* values);

}  // namespace colonnade::questdb::wire
