// FrameEncoder: a batch of rows becomes frames, each within the server's limit.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/block_encoder.h"
#include "questdb/wire/column.h"
#include "questdb/wire/symbol_dictionary.h"

namespace colonnade::questdb {

/// A frame on its way. All are deferred until SetCommits says otherwise.
struct EncodedFrame {
  net::MessageBuffer message;
  int64_t rows = 0;
  bool commits = false;

  /// Takes the frame's flag back, or sets it.
  void SetCommits(bool commits_now);
};

/// Pure but for the memory that it uses again. Not thread-safe.
class FrameEncoder {
 public:
  /// `next_key` gives a fresh mask for each frame.
  using NextKey = std::function<net::MaskKey()>;

  /// Encodes rows as one frame, or, if it would be longer than `limit` bytes, as several: rows are
  /// halved, at multiples of eight while there are more than that. What the frames make new in the
  /// dictionary they carry. On failure the dictionary is as before and there are no frames.
  ///
  /// \error as wire::BlockEncoder; LimitExceeded for a single row that is longer, naming it
  Result<std::vector<EncodedFrame>> Encode(std::string_view table,
                                           std::span<const wire::Column> columns,
                                           wire::RowRange rows, size_t limit,
                                           wire::SymbolDictionary& dictionary,
                                           std::span<wire::SymbolMap> maps,
                                           const NextKey& next_key);

  /// Frames that tell a new connection all entries of a dictionary.
  /// \error LimitExceeded for an entry that is longer than the limit
  Result<std::vector<EncodedFrame>> EncodeDictionary(const wire::SymbolDictionary& dictionary,
                                                     size_t limit, const NextKey& next_key);

  /// The frame that has no rows and commits those before it.
  EncodedFrame EncodeCommit(net::MaskKey key);

  /// Takes the memory of a frame that is no longer needed.
  void Recycle(EncodedFrame frame);

 private:
  Status EncodeRows(std::string_view table, std::span<const wire::Column> columns,
                    wire::RowRange rows, size_t limit, wire::SymbolDictionary& dictionary,
                    std::span<wire::SymbolMap> maps, const NextKey& next_key,
                    std::vector<EncodedFrame>& frames);
  EncodedFrame Take();

  wire::BlockEncoder encoder_;
  std::vector<net::MessageBuffer> spare_;
  // Bytes that a row of the last frame took: a batch that will certainly not fit is halved before
  // it is encoded.
  double bytes_per_row_ = 0;
};

}  // namespace colonnade::questdb
