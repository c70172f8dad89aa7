// Streams that cross the C interface, in either direction, and what they keep alive.

#pragma once

#include <memory>

#include "arrow/owners.h"
#include "base/status.h"

namespace colonnade::capi {

/// `stream`, which also keeps `owner` alive until after it is released. `failure`, if given, is
/// where whoever reads for the stream writes why it failed.
///
/// \pre !stream.empty()
arrow::ArrayStream KeepAlive(arrow::ArrayStream stream, std::shared_ptr<const void> owner,
                             std::shared_ptr<const Status> failure);

/// Why a stream of KeepAlive failed; OK if it has not.
///
/// \pre IsKept(stream)
Status FailureOf(ArrowArrayStream* stream);

/// True if KeepAlive made the stream and it is not released.
bool IsKept(const ArrowArrayStream* stream);

}  // namespace colonnade::capi
