// zarr.json of an array (Zarr v3 core specification, §"Array metadata").

#pragma once

#include "zarr/array_metadata.h"

namespace colonnade::zarr {

/// Parses a v3 array document. Never fails: what cannot be understood makes the result
/// `unavailable`.
ArrayMetadata ParseV3Array(const Json& document, const array::CodecLimits& limits);

}  // namespace colonnade::zarr
