#include "array/codecs/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <new>

namespace colonnade::array::codecs {

void ZstdDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

// The whole output is at hand, so frames are decoded in one call: matches refer to the output
// itself, and no window is allocated however large a frame says its window is.
Status ZstdDecoder::Decode(Bytes encoded, DecodedSize expected, Buffer* out) {
  // The library takes zero frames for a valid way to say nothing; a chunk has at least one.
  if (encoded.empty()) return InvalidData("zstd: no data");
  if (context_ == nullptr) {
    context_.reset(ZSTD_createDCtx());
    if (context_ == nullptr) throw std::bad_alloc();
  }
  uint64_t claimed = 0;
  if (!expected.exact) {
    const unsigned long long content = ZSTD_getFrameContentSize(encoded.data(), encoded.size());
    if (content != ZSTD_CONTENTSIZE_UNKNOWN && content != ZSTD_CONTENTSIZE_ERROR) claimed = content;
  }
  uint64_t capacity = FirstCapacity(expected, encoded.size(), claimed);
  for (;;) {
    COLONNADE_RETURN_IF_ERROR(PrepareOutput(out, capacity));
    const size_t decoded = ZSTD_decompressDCtx(context_.get(), out->data(), out->size(),
                                               encoded.data(), encoded.size());
    if (!ZSTD_isError(decoded)) {
      COLONNADE_RETURN_IF_ERROR(CheckDecodedSize("zstd", expected, decoded));
      return out->Resize(decoded);
    }
    if (ZSTD_getErrorCode(decoded) != ZSTD_error_dstSize_tooSmall) {
      return InvalidData("zstd: ", ZSTD_getErrorName(decoded), ", in ", encoded.size(),
                         " encoded bytes");
    }
    if (capacity == expected.bytes) return TooLong("zstd", expected);
    capacity = NextCapacity(expected, capacity);
  }
}

}  // namespace colonnade::array::codecs
