// Reads boxes of an array chunk by chunk: decoding into reused buffers, assembling what spans
// chunks.
//
// Knows grids, codecs and memory, but not where the bytes of a chunk come from.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "array/chunk_grid.h"
#include "array/codec.h"
#include "array/read_context.h"
#include "array/view.h"
#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::array {

/// Buffers of decoded chunks that come back when their last view dies, on whatever thread, so that
/// a scan of equal chunks stops allocating. Thread-safe.
class ChunkPool : public std::enable_shared_from_this<ChunkPool> {
 public:
  /// `budget` must outlive every buffer handed out.
  explicit ChunkPool(MemoryBudget& budget) : budget_(budget) {}

  /// A buffer to decode into; the smallest idle one that holds `bytes` if there is one. When its
  /// last owner lets go it returns to the pool.
  std::shared_ptr<ChunkElements> Take(size_t bytes);
  /// A buffer that does not come back.
  std::shared_ptr<ChunkElements> TakeUnpooled();

  /// Frees idle buffers.
  void Trim();
  /// Frees idle buffers, now and whenever one comes back.
  void Close();

 private:
  void Return(std::unique_ptr<ChunkElements> chunk);

  MemoryBudget& budget_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ChunkElements>> idle_;
  size_t idle_bytes_ = 0;
  bool closed_ = false;
};

struct ReadContext::Scratch {
  explicit Scratch(MemoryBudget& budget)
      : codecs(budget), encoded(budget), pool(std::make_shared<ChunkPool>(budget)) {}
  ~Scratch() { pool->Close(); }

  CodecScratch codecs;
  Buffer encoded;  // the stored bytes of the chunk being decoded
  std::string key;
  std::shared_ptr<ChunkPool> pool;
  /// The last stored object of each array (dataset, variable) that holds many chunks and cannot be
  /// read in part. What it is, only the array's source knows. Dropped when memory is short.
  std::map<std::pair<uint64_t, uint64_t>, std::shared_ptr<const void>> objects;
};

/// How the chunks of one array decode.
struct ChunkLayout {
  const ChunkCodecs& codecs;
  const ElementType& type;
  std::span<const int64_t> shape;  // of one chunk
  const CodecLimits& limits;
};

/// A decoded chunk and the bytes of memory that keep it.
struct DecodedChunk {
  ArrayView view;
  size_t bytes = 0;
};

/// Decodes one chunk. `pooled` says that its buffer should be reused once released (not for chunks
/// that go to a cache). Under memory pressure drops idle buffers and cached chunks before failing.
/// Counts chunks_read and bytes_decoded.
///
/// \error InvalidData, LimitExceeded from the codecs.
Result<DecodedChunk> DecodeToView(const ChunkLayout& layout, Bytes encoded, bool pooled,
                                  ReadContext& context);

/// Gives whole chunks of one array.
class ChunkFetcher {
 public:
  virtual ~ChunkFetcher() = default;

  /// The view of the chunk at `index` (in the grid): element 0 is the chunk's first.
  virtual Result<ArrayView> Fetch(std::span<const int64_t> index, ReadContext& context) = 0;
};

/// Reads `box` of an array. Inside one chunk: that chunk's view, moved, without a copy. Otherwise a
/// dense buffer is assembled.
///
/// \error InvalidArgument if the box is not inside the array; LimitExceeded if the assembled box
/// does not fit the budget; Cancelled; whatever Fetch returns.
Result<ArrayView> ReadBox(const ChunkGrid& grid, const ElementType& type, const Box& box,
                          ChunkFetcher& fetcher, ReadContext& context);

/// Frees the idle buffers and kept objects of this context and all cached chunks. Worth one more
/// try after a LimitExceeded of the budget.
void RelieveMemory(ReadContext& context);

}  // namespace colonnade::array
