// .zarray and .zattrs of an array (Zarr v2 specification; dimension names as xarray and NCZarr
// write them).

#pragma once

#include "zarr/array_metadata.h"

namespace colonnade::zarr {

/// Parses a v2 array document and its attributes (an object; empty if there is no .zattrs). Never
/// fails: what cannot be understood makes the result `unavailable`.
ArrayMetadata ParseV2Array(const Json& document, const Json& attributes,
                           const array::CodecLimits& limits);

}  // namespace colonnade::zarr
