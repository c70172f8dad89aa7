// What the server sends on the query endpoint: framed messages.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"
#include "questdb/wire/block_decoder.h"
#include "questdb/wire/ingest_response.h"

namespace colonnade::questdb::wire {

enum class ServerRole : uint8_t {
  kStandalone = 0,
  kPrimary = 1,
  kReplica = 2,
  kPrimaryCatchup = 3
};

/// "STANDALONE"; "role 9" for a number that this version does not know.
std::string ServerRoleName(ServerRole role);

enum Capability : uint32_t {
  kHasZone = 0x1,
  kHasQueryFlags = 0x2,
  kHasCompression = 0x4,
  kHasQueryTimeout = 0x8,
};

struct ServerInfo {
  ServerRole role = ServerRole::kStandalone;
  uint64_t epoch = 0;
  uint32_t capabilities = 0;
  int64_t wall_clock_ns = 0;
  std::string cluster_id;
  std::string node_id;
  std::string zone_id;  // with kHasZone
};

/// A batch whose columns are still bytes.
struct ResultBatch {
  int64_t request_id = 0;
  uint64_t batch_sequence = 0;
  uint8_t flags = 0;   // of its frame
  size_t payload = 0;  // where its block begins in the message, compressed with kZstd
};

struct ResultEnd {
  int64_t request_id = 0;
  uint64_t final_sequence = 0;  // of the last batch
  uint64_t total_rows = 0;      // 0: not told
};

struct QueryError {
  int64_t request_id = 0;  // -1: of the connection
  ServerStatus status = ServerStatus::kInternalError;
  std::string message;
};

struct ExecDone {
  int64_t request_id = 0;
  uint8_t operation = 0;
  uint64_t rows_affected = 0;  // all ones: not told
};

struct CacheReset {
  bool dictionary = false;
};

using ResultMessage =
    std::variant<ServerInfo, ResultBatch, ResultEnd, QueryError, ExecDone, CacheReset>;

/// Reads a message except for the columns of a batch.
/// \error ProtocolError: the header's, an unknown kind, truncated, bytes left over
Result<ResultMessage> ParseResultMessage(Bytes message);

/// Encodes everything but the block of a batch (see ResultEncoder).
void EncodeResultMessage(const ResultMessage& result, net::MessageBuffer& message);

/// Decompresses with one context and one buffer; reused from batch to batch. Not thread-safe.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  /// One zstd frame.
  /// \error ProtocolError: not one frame, no content size or another one than was declared;
  ///     LimitExceeded: above `max_bytes`, before any memory is taken.
  Result<SharedBytes> Decompress(Bytes compressed, size_t max_bytes, BufferPool& pool);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// The state of one query's batches on the client: schema, continuity, row count.
struct ResultState {
  std::vector<ColumnDefinition> schema;
  uint64_t batches = 0;
  uint64_t rows = 0;
};

/// Decodes a batch and moves `state` on.
///
/// \param message the whole message and its owner
/// \error ProtocolError: a sequence number that is not the next, bytes left over, and what
///     DecodeBlock refuses
Result<DecodedBlock> DecodeResultBatch(const ResultBatch& batch, SharedBytes message,
                                       ResultState& state, SymbolTable& symbols,
                                       Decompressor& decompressor, BufferPool& pool,
                                       const DecodeLimits& limits = {});

/// \error ProtocolError: an end whose last batch or row count is not what arrived
Status CheckResultEnd(const ResultEnd& end, const ResultState& state);

}  // namespace colonnade::questdb::wire
