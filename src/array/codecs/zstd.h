// Zstandard (RFC 8878).

#pragma once

#include <memory>

#include "array/codecs/decoded_size.h"
#include "base/buffer.h"
#include "base/status.h"

struct ZSTD_DCtx_s;

namespace colonnade::array::codecs {

/// Decodes one or more frames, with or without content sizes; skippable frames are skipped and
/// content checksums verified. Keeps its context between chunks. Not thread-safe.
class ZstdDecoder {
 public:
  Status Decode(Bytes encoded, DecodedSize expected, Buffer* out);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace colonnade::array::codecs
