#include <zstd.h>

#include <new>
#include <utility>

#include "questdb/wire/result_message.h"

namespace colonnade::questdb::wire {

struct Decompressor::Context {
  Context() : zstd(ZSTD_createDCtx()) {
    if (zstd == nullptr) throw std::bad_alloc();
  }
  ~Context() { ZSTD_freeDCtx(zstd); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ZSTD_DCtx* const zstd;
};

Decompressor::Decompressor() = default;
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

// The whole output is at hand, so matches refer to the output itself and no window is allocated,
// however large the frame says its window is.
Result<SharedBytes> Decompressor::Decompress(Bytes compressed, size_t max_bytes, BufferPool& pool) {
  const unsigned long long size = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR)
    return ProtocolError("zstd: not a frame, in ", compressed.size(), " bytes");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN)
    return ProtocolError("zstd: a frame that does not say its content's size");
  if (size > max_bytes)
    return LimitExceeded("zstd: ", size, " bytes decompressed, at most ", max_bytes);
  const size_t frame = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
  if (ZSTD_isError(frame)) return ProtocolError("zstd: ", ZSTD_getErrorName(frame));
  if (frame != compressed.size()) {
    return ProtocolError("zstd: a frame of ", frame, " bytes in ", compressed.size(), " bytes");
  }
  if (context_ == nullptr) context_ = std::make_unique<Context>();
  BufferPool::Piece piece = pool.Take(static_cast<size_t>(size));
  const size_t written = ZSTD_decompressDCtx(context_->zstd, piece.data, static_cast<size_t>(size),
                                             compressed.data(), compressed.size());
  if (ZSTD_isError(written)) return ProtocolError("zstd: ", ZSTD_getErrorName(written));
  if (written != size)
    return ProtocolError("zstd: ", written, " bytes decompressed, but the frame says ", size);
  return SharedBytes{std::move(piece.owner), piece.data, written};
}

}  // namespace colonnade::questdb::wire
