// Encoding of a result's batches: the server's side of DecodeResultBatch.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/block_encoder.h"
#include "questdb/wire/column.h"
#include "questdb/wire/result_message.h"
#include "questdb/wire/symbol_dictionary.h"

namespace colonnade::questdb::wire {

/// Encodes the batches of one connection's results. Not thread-safe.
class ResultEncoder {
 public:
  /// Batches whose flags have kZstd are compressed at `compression_level` (1 to 22) if that makes
  /// them smaller; else they lose the flag.
  explicit ResultEncoder(int compression_level = 1);
  ~ResultEncoder();
  ResultEncoder(ResultEncoder&&) noexcept;
  ResultEncoder& operator=(ResultEncoder&&) noexcept;

  /// Writes a whole message: the rows of the columns, and the schema if the batch is a query's
  /// first. The dictionary is the connection's; `maps` has an element per column. The batch's flags
  /// always include kDeltaDictionary.
  ///
  /// \pre message.empty()
  /// \error as BlockEncoder; the dictionary is then as before and the message undefined
  Status EncodeBatch(const ResultBatch& batch, std::span<const Column> columns, RowRange rows,
                     SymbolDictionary& dictionary, std::span<SymbolMap> maps,
                     net::MessageBuffer& message);

 private:
  struct Compressor;
  int compression_level_;
  std::unique_ptr<Compressor> compressor_;
};

}  // namespace colonnade::questdb::wire
