// gzip (RFC 1952) and zlib (RFC 1950) around deflate.

#pragma once

#include <memory>

#include "array/codecs/decoded_size.h"
#include "base/buffer.h"
#include "base/status.h"

struct libdeflate_decompressor;

namespace colonnade::array::codecs {

/// Keeps its context between chunks. Not thread-safe.
class DeflateDecoder {
 public:
  /// One or more members; checksums verified.
  Status DecodeGzip(Bytes encoded, DecodedSize expected, Buffer* out);
  /// One stream; checksum verified.
  Status DecodeZlib(Bytes encoded, DecodedSize expected, Buffer* out);

 private:
  enum class Wrapper : uint8_t { kGzip, kZlib };
  Status Decode(Wrapper wrapper, Bytes encoded, DecodedSize expected, uint64_t claimed,
                Buffer* out);

  struct Free {
    void operator()(libdeflate_decompressor* context) const;
  };
  std::unique_ptr<libdeflate_decompressor, Free> context_;
};

}  // namespace colonnade::array::codecs
