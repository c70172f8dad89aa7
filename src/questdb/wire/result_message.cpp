#include "questdb/wire/result_message.h"

#include <limits>
#include <string_view>

#include "base/quote.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/utf8_text.h"

namespace colonnade::questdb::wire {
namespace {

enum Kind : uint8_t {
  kResultBatch = 0x11,
  kResultEnd = 0x12,
  kQueryError = 0x13,
  kExecDone = 0x16,
  kCacheReset = 0x17,
  kServerInfo = 0x18,
};

constexpr uint8_t kCacheMaskDictionary = 0x01;
constexpr uint8_t kBatchFlags = kGorilla | kDeltaDictionary | kZstd;
constexpr uint32_t kKnownCapabilities =
    kHasZone | kHasQueryFlags | kHasCompression | kHasQueryTimeout;

Result<std::string> TakeShortString(ByteReader& reader, const char* what) {
  COLONNADE_ASSIGN_OR_RETURN(const uint16_t size, reader.TakeLittle<uint16_t>(what));
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const Bytes bytes, reader.Take(size, what));
  const std::string_view text = AsText(bytes);
  if (!IsUtf8Text(text))
    return ProtocolError(what, " at byte ", begin, ": not UTF-8: ", Quote(text));
  return std::string(text);
}

Result<ResultMessage> TakeServerInfo(ByteReader& reader) {
  ServerInfo info;
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t role, reader.TakeLittle<uint8_t>("role"));
  info.role = static_cast<ServerRole>(role);
  COLONNADE_ASSIGN_OR_RETURN(info.epoch, reader.TakeLittle<uint64_t>("epoch"));
  COLONNADE_ASSIGN_OR_RETURN(info.capabilities, reader.TakeLittle<uint32_t>("capabilities"));
  COLONNADE_ASSIGN_OR_RETURN(info.wall_clock_ns, reader.TakeLittle<int64_t>("wall clock"));
  COLONNADE_ASSIGN_OR_RETURN(info.cluster_id, TakeShortString(reader, "cluster id"));
  COLONNADE_ASSIGN_OR_RETURN(info.node_id, TakeShortString(reader, "node id"));
  if ((info.capabilities & kHasZone) != 0) {
    COLONNADE_ASSIGN_OR_RETURN(info.zone_id, TakeShortString(reader, "zone id"));
  }
  // A capability that this version does not know may bring a field.
  if ((info.capabilities & ~kKnownCapabilities) != 0) reader.Skip(reader.remaining());
  return ResultMessage(std::move(info));
}

Result<ResultMessage> TakeBatch(const FrameHeader& header, ByteReader& reader) {
  ResultBatch batch;
  batch.flags = header.flags;
  COLONNADE_ASSIGN_OR_RETURN(batch.request_id, reader.TakeLittle<int64_t>("request id"));
  COLONNADE_ASSIGN_OR_RETURN(batch.batch_sequence, reader.TakeVarint("batch sequence"));
  batch.payload = reader.position();
  if (header.table_count != 1)
    return ProtocolError("header: ", header.table_count, " tables, must be 1");
  if ((header.flags & ~kBatchFlags) != 0) {
    return ProtocolError("header: flags ", header.flags, ", known are ", kBatchFlags);
  }
  reader.Skip(reader.remaining());
  return ResultMessage(batch);
}

Result<ResultMessage> Take(const FrameHeader& header, ByteReader& reader) {
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t kind, reader.TakeLittle<uint8_t>("kind"));
  if (kind == kResultBatch) {
    Result<ResultMessage> batch = TakeBatch(header, reader);
    if (!batch.ok()) return std::move(batch).status().WithContext("RESULT_BATCH");
    return batch;
  }
  if (header.table_count != 0) {
    return ProtocolError("header: ", header.table_count, " tables in a message of kind ", kind,
                         ", must be 0");
  }
  switch (kind) {
    case kResultEnd: {
      ResultEnd end;
      COLONNADE_ASSIGN_OR_RETURN(end.request_id, reader.TakeLittle<int64_t>("request id"));
      COLONNADE_ASSIGN_OR_RETURN(end.final_sequence, reader.TakeVarint("last batch"));
      COLONNADE_ASSIGN_OR_RETURN(end.total_rows, reader.TakeVarint("number of rows"));
      return ResultMessage(end);
    }
    case kQueryError: {
      QueryError error;
      COLONNADE_ASSIGN_OR_RETURN(error.request_id, reader.TakeLittle<int64_t>("request id"));
      COLONNADE_ASSIGN_OR_RETURN(const uint8_t status, reader.TakeLittle<uint8_t>("status"));
      error.status = static_cast<ServerStatus>(status);
      COLONNADE_ASSIGN_OR_RETURN(error.message, TakeShortString(reader, "message"));
      return ResultMessage(std::move(error));
    }
    case kExecDone: {
      ExecDone done;
      COLONNADE_ASSIGN_OR_RETURN(done.request_id, reader.TakeLittle<int64_t>("request id"));
      COLONNADE_ASSIGN_OR_RETURN(done.operation, reader.TakeLittle<uint8_t>("operation"));
      COLONNADE_ASSIGN_OR_RETURN(done.rows_affected, reader.TakeVarint("rows affected"));
      return ResultMessage(done);
    }
    case kCacheReset: {
      COLONNADE_ASSIGN_OR_RETURN(const uint8_t mask, reader.TakeLittle<uint8_t>("mask"));
      return ResultMessage(CacheReset{(mask & kCacheMaskDictionary) != 0});
    }
    case kServerInfo: return TakeServerInfo(reader);
    default: return ProtocolError("kind ", kind, " at byte ", kFrameHeaderBytes, " is not known");
  }
}

Result<ResultMessage> Parse(Bytes message) {
  COLONNADE_ASSIGN_OR_RETURN(const FrameHeader header, ParseFrameHeader(message));
  ByteReader reader(message, kFrameHeaderBytes);
  COLONNADE_ASSIGN_OR_RETURN(ResultMessage result, Take(header, reader));
  COLONNADE_RETURN_IF_ERROR(reader.CheckEnd("end"));
  return result;
}

void AppendShortString(std::string_view text, net::MessageBuffer& message) {
  const std::string_view fitting = ShortenedText(text, std::numeric_limits<uint16_t>::max());
  message.AppendLittle(static_cast<uint16_t>(fitting.size()));
  message.Append(fitting);
}

struct Encoder {
  net::MessageBuffer& message;

  void operator()(const ServerInfo& info) const {
    message.AppendLittle(uint8_t{kServerInfo});
    message.AppendLittle(static_cast<uint8_t>(info.role));
    message.AppendLittle(info.epoch);
    message.AppendLittle(info.capabilities);
    message.AppendLittle(info.wall_clock_ns);
    AppendShortString(info.cluster_id, message);
    AppendShortString(info.node_id, message);
    if ((info.capabilities & kHasZone) != 0) AppendShortString(info.zone_id, message);
  }
  void operator()(const ResultBatch& batch) const {
    message.AppendLittle(uint8_t{kResultBatch});
    message.AppendLittle(batch.request_id);
    message.AppendVarint(batch.batch_sequence);
  }
  void operator()(const ResultEnd& end) const {
    message.AppendLittle(uint8_t{kResultEnd});
    message.AppendLittle(end.request_id);
    message.AppendVarint(end.final_sequence);
    message.AppendVarint(end.total_rows);
  }
  void operator()(const QueryError& error) const {
    message.AppendLittle(uint8_t{kQueryError});
    message.AppendLittle(error.request_id);
    message.AppendLittle(static_cast<uint8_t>(error.status));
    AppendShortString(error.message, message);
  }
  void operator()(const ExecDone& done) const {
    message.AppendLittle(uint8_t{kExecDone});
    message.AppendLittle(done.request_id);
    message.AppendLittle(done.operation);
    message.AppendVarint(done.rows_affected);
  }
  void operator()(const CacheReset& reset) const {
    message.AppendLittle(uint8_t{kCacheReset});
    message.AppendLittle(static_cast<uint8_t>(reset.dictionary ? kCacheMaskDictionary : 0));
  }
};

// The block of a batch, in the message or decompressed.
Result<DecodedBlock> DecodeBatchBlock(const ResultBatch& batch, ByteReader& reader,
                                      const std::shared_ptr<const void>& owner,
                                      const ResultState& state, SymbolTable& symbols,
                                      BufferPool& pool, const DecodeLimits& limits) {
  DecodeOptions options;
  options.gorilla = (batch.flags & kGorilla) != 0;
  options.delta_dictionary = (batch.flags & kDeltaDictionary) != 0;
  options.date_has_encoding = options.gorilla;
  options.limits = limits;
  if (options.delta_dictionary) {
    COLONNADE_RETURN_IF_ERROR(DecodeDictionarySection(reader, false, symbols));
  }
  COLONNADE_ASSIGN_OR_RETURN(
      DecodedBlock block,
      DecodeBlock(reader, owner, batch.batch_sequence == 0 ? nullptr : &state.schema, symbols,
                  options, pool));
  COLONNADE_RETURN_IF_ERROR(reader.CheckEnd("end of the columns"));
  return block;
}

Result<DecodedBlock> DecodeBatch(const ResultBatch& batch, SharedBytes message,
                                 const ResultState& state, SymbolTable& symbols,
                                 Decompressor& decompressor, BufferPool& pool,
                                 const DecodeLimits& limits) {
  if (batch.batch_sequence != state.batches)
    return ProtocolError("comes when batch ", state.batches, " is due");
  const Bytes bytes(message.data, message.size);
  if ((batch.flags & kZstd) == 0) {
    ByteReader reader(bytes, batch.payload);
    return DecodeBatchBlock(batch, reader, message.owner, state, symbols, pool, limits);
  }
  COLONNADE_ASSIGN_OR_RETURN(
      const SharedBytes plain,
      decompressor.Decompress(bytes.subspan(batch.payload), limits.max_decompressed_bytes, pool));
  ByteReader reader(Bytes(plain.data, plain.size));
  Result<DecodedBlock> block =
      DecodeBatchBlock(batch, reader, plain.owner, state, symbols, pool, limits);
  if (!block.ok()) return std::move(block).status().WithContext("decompressed");
  return block;
}

}  // namespace

std::string ServerRoleName(ServerRole role) {
  switch (role) {
    case ServerRole::kStandalone: return "STANDALONE";
    case ServerRole::kPrimary: return "PRIMARY";
    case ServerRole::kReplica: return "REPLICA";
    case ServerRole::kPrimaryCatchup: return "PRIMARY_CATCHUP";
  }
  return "role " + std::to_string(static_cast<int>(role));
}

Result<ResultMessage> ParseResultMessage(Bytes message) {
  Result<ResultMessage> result = Parse(message);
  if (result.ok()) return result;
  return std::move(result).status().WithContext("message of the server");
}

void EncodeResultMessage(const ResultMessage& result, net::MessageBuffer& message) {
  const auto* batch = std::get_if<ResultBatch>(&result);
  BeginFrame(batch != nullptr ? batch->flags : uint8_t{0}, batch != nullptr ? 1 : 0, message);
  std::visit(Encoder{message}, result);
  FinishFrame(message);
}

Result<DecodedBlock> DecodeResultBatch(const ResultBatch& batch, SharedBytes message,
                                       ResultState& state, SymbolTable& symbols,
                                       Decompressor& decompressor, BufferPool& pool,
                                       const DecodeLimits& limits) {
  Result<DecodedBlock> block =
      DecodeBatch(batch, std::move(message), state, symbols, decompressor, pool, limits);
  if (!block.ok()) {
    return std::move(block).status().WithContext("batch " + std::to_string(batch.batch_sequence));
  }
  if (batch.batch_sequence == 0) {
    state.schema.clear();
    for (const DecodedColumn& column : block->columns)
      state.schema.push_back({column.name, column.type});
  }
  ++state.batches;
  state.rows += static_cast<uint64_t>(block->rows);
  return block;
}

Status CheckResultEnd(const ResultEnd& end, const ResultState& state) {
  const uint64_t last = state.batches == 0 ? 0 : state.batches - 1;
  if (end.final_sequence != last) {
    return ProtocolError("the result ends with batch ", end.final_sequence, ", but ", state.batches,
                         " batches arrived");
  }
  if (end.total_rows != 0 && end.total_rows != state.rows) {
    return ProtocolError("the result ends with ", end.total_rows, " rows, but ", state.rows,
                         " arrived");
  }
  return {};
}

}  // namespace colonnade::questdb::wire
