// Chunk codecs: stored bytes of one chunk to elements.
//
// Bytes first: no stores, no threads. Every length is checked against what the metadata promises;
// output buffers are sized from the metadata, never from the stream's own claim. Formats: Zarr v3
// codec specifications and numcodecs 0.16 for v2.

#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "array/box.h"
#include "array/element_type.h"
#include "array/view.h"
#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array {

/// Bytes → bytes codecs.
enum class BytesCodec : uint8_t {
  kGzip,    // RFC 1952, one or more members
  kZlib,    // RFC 1950
  kZstd,    // RFC 8878, one or more frames
  kBlosc,   // c-blosc 1 container: blosclz, lz4, lz4hc, snappy, zlib, zstd; byte and bit shuffle
  kLz4,     // numcodecs: u32 little-endian decoded size, then one LZ4 block
  kCrc32c,  // Castagnoli checksum in the last 4 bytes, little-endian; verified and dropped
};

std::string_view ToString(BytesCodec codec);

/// Array → bytes codecs that decode one chunk (sharding is not one: it holds many).
enum class Serializer : uint8_t { kBytes, kVlenUtf8 };

/// The decode side of a codec pipeline.
struct ChunkCodecs {
  /// Transposition: dimension i of the serialized array is dimension order[i] of the chunk. Empty:
  /// C order.
  std::vector<size_t> order = {};
  Serializer serializer = Serializer::kBytes;
  std::endian endian = std::endian::little;
  /// In encode order; decoding runs backwards.
  std::vector<BytesCodec> compressors = {};
};

/// Limits on what one chunk may decode to when its size is not known beforehand (variable-length
/// text).
struct CodecLimits {
  uint64_t max_chunk_bytes = uint64_t{2} << 30;
  uint64_t max_expansion = 1000;  // decoded : encoded, above 16 MiB decoded
};

/// Work space of one thread: buffers and codec contexts that are reused between chunks. Not
/// thread-safe.
class CodecScratch {
 public:
  explicit CodecScratch(MemoryBudget& budget);
  ~CodecScratch();
  CodecScratch(CodecScratch&&) noexcept;
  CodecScratch& operator=(CodecScratch&&) noexcept;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Decodes one bytes → bytes step into `out`.
///
/// If `exact` the output must have exactly `expected` bytes; otherwise at most `expected`.
///
/// \error InvalidData: corrupt, truncated, trailing bytes, wrong length (message has both),
/// checksum mismatch.
/// \error LimitExceeded: more than `expected` bytes when not exact, or no memory for them.
Status DecodeBytes(BytesCodec codec, Bytes encoded, uint64_t expected, bool exact,
                   CodecScratch& scratch, Buffer* out);

/// Elements of one decoded chunk, reusable between chunks.
struct ChunkElements {
  explicit ChunkElements(MemoryBudget& budget) : elements(budget), text(budget) {}
  Buffer elements;  // host byte order; text: std::string_view into `text` (or into `elements`' own
                    // tail)
  Buffer text;
  std::vector<int64_t>
      strides;  // bytes per step of each chunk dimension, in the chunk's own dimension order
};

/// Decodes one whole chunk of `shape`.
///
/// \post `out->elements` has one entry of type.memory_size() bytes per element; out->strides
/// addresses them.
/// \error InvalidData as above, and for text that is not UTF-8, item counts or lengths that do not
/// fit.
/// \error LimitExceeded: the chunk, or what text expands to, is above `limits` or the budget.
/// \error InvalidArgument: `order` is no permutation, or type and serializer do not go together.
Status DecodeChunk(const ChunkCodecs& codecs, const ElementType& type,
                   std::span<const int64_t> shape, Bytes encoded, const CodecLimits& limits,
                   CodecScratch& scratch, ChunkElements* out);

}  // namespace colonnade::array
