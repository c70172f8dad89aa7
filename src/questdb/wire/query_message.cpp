#include "questdb/wire/query_message.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/byte_order.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/utf8_text.h"

namespace colonnade::questdb::wire {
namespace {

enum Kind : uint8_t { kQueryRequest = 0x10, kCancel = 0x14, kCredit = 0x15 };

constexpr uint8_t kNullBitmap = 1;  // what follows the null flag of a missing value

size_t GeohashBytes(int bits) { return static_cast<size_t>(bits + 7) / 8; }

bool HasGeohashBits(const std::vector<std::byte>& value, int bits) {
  return LoadLittle<uint64_t>(value.data()) < uint64_t{1} << bits;
}

bool HasText(ColumnType type) {
  return type == ColumnType::kVarchar || type == ColumnType::kBinary;
}

bool IsDecimal(ColumnType type) { return MaxDecimalScale(type) > 0; }

// Bytes of a value as it is kept in a Bind; 0 for text and bytes.
size_t ValueBytes(ColumnType type) {
  if (type == ColumnType::kBoolean) return 1;
  if (type == ColumnType::kGeohash) return sizeof(uint64_t);
  return FixedWidth(type);
}

// Types that a parameter can have. Symbols are sent as text; a server takes no arrays.
bool IsBindable(ColumnType type) {
  return type != ColumnType::kSymbol && type != ColumnType::kDoubleArray &&
         type != ColumnType::kLongArray;
}

Status CheckBind(const Bind& bind) {
  if (!IsBindable(bind.type)) return InvalidArgument("cannot be a parameter");
  if (IsDecimal(bind.type) && (bind.scale < 0 || bind.scale > MaxDecimalScale(bind.type))) {
    return InvalidArgument("scale ", bind.scale, ", must be 0 to ", MaxDecimalScale(bind.type));
  }
  if (bind.type == ColumnType::kGeohash &&
      (bind.geohash_bits < 1 || bind.geohash_bits > kMaxGeohashBits)) {
    return InvalidArgument(bind.geohash_bits, " bits, must be 1 to ", kMaxGeohashBits);
  }
  if (bind.is_null) return {};
  if (!HasText(bind.type) && bind.value.size() != ValueBytes(bind.type)) {
    return InvalidArgument("a value of ", bind.value.size(), " bytes, must be ",
                           ValueBytes(bind.type));
  }
  if (bind.type == ColumnType::kBoolean && bind.value[0] > std::byte{1})
    return InvalidArgument("a value of ", static_cast<uint8_t>(bind.value[0]), ", must be 0 or 1");
  if (bind.type == ColumnType::kGeohash && !HasGeohashBits(bind.value, bind.geohash_bits)) {
    return InvalidArgument("a value of more than ", bind.geohash_bits,
                           " bits: ", LoadLittle<uint64_t>(bind.value.data()));
  }
  if (bind.type == ColumnType::kVarchar && !IsUtf8Text(AsText(bind.value)))
    return InvalidArgument("text that is not UTF-8");
  if (bind.value.size() > kMaxBindBytes)
    return InvalidArgument(bind.value.size(), " bytes, at most ", kMaxBindBytes);
  return {};
}

void EncodeBind(const Bind& bind, net::MessageBuffer& message) {
  message.AppendLittle(static_cast<uint8_t>(bind.type));
  message.AppendLittle(static_cast<uint8_t>(bind.is_null ? 1 : 0));
  if (bind.is_null) message.AppendLittle(kNullBitmap);
  if (IsDecimal(bind.type)) message.AppendLittle(static_cast<uint8_t>(bind.scale));
  if (bind.type == ColumnType::kGeohash)
    message.AppendVarint(static_cast<uint64_t>(bind.geohash_bits));
  // A missing text has no offsets.
  if (bind.is_null) return;
  if (HasText(bind.type)) {
    message.AppendLittle(uint32_t{0});
    message.AppendLittle(static_cast<uint32_t>(bind.value.size()));
  }
  if (bind.type == ColumnType::kUuid) {
    std::vector<std::byte> wire(bind.value.rbegin(), bind.value.rend());
    message.Append(Bytes(wire));
  } else if (bind.type == ColumnType::kGeohash) {
    message.Append(Bytes(bind.value).first(GeohashBytes(bind.geohash_bits)));
  } else {
    message.Append(Bytes(bind.value));
  }
}

void EncodeQuery(const QueryRequest& request, net::MessageBuffer& message) {
  message.AppendLittle(uint8_t{kQueryRequest});
  message.AppendLittle(request.request_id);
  message.AppendVarint(request.sql.size());
  message.Append(request.sql);
  message.AppendVarint(request.initial_credit);
  message.AppendVarint(request.binds.size());
  for (const Bind& bind : request.binds) EncodeBind(bind, message);
  // Servers that do not know the flags are not sent any.
  const uint64_t flags = (request.reset_dictionary ? uint64_t{kResetDictionary} : 0) |
                         (request.timeout_ms != 0 ? uint64_t{kTimeout} : 0);
  if (flags == 0) return;
  message.AppendVarint(flags);
  if ((flags & kTimeout) != 0) message.AppendVarint(static_cast<uint64_t>(request.timeout_ms));
}

Result<std::vector<std::byte>> TakeBindValue(ByteReader& reader, const Bind& bind) {
  size_t wire_bytes = ValueBytes(bind.type);
  if (HasText(bind.type)) {
    COLONNADE_ASSIGN_OR_RETURN(const uint32_t begin, reader.TakeLittle<uint32_t>("offset"));
    if (begin != 0) return ProtocolError("offset before byte ", reader.position(), " is not 0");
    COLONNADE_ASSIGN_OR_RETURN(wire_bytes, reader.TakeLittle<uint32_t>("offset"));
  } else if (bind.type == ColumnType::kGeohash) {
    wire_bytes = GeohashBytes(bind.geohash_bits);
  }
  COLONNADE_ASSIGN_OR_RETURN(const Bytes wire, reader.Take(wire_bytes, "value"));
  std::vector<std::byte> value(wire.begin(), wire.end());
  if (bind.type == ColumnType::kUuid) std::reverse(value.begin(), value.end());
  if (bind.type == ColumnType::kGeohash) value.resize(sizeof(uint64_t));
  return value;
}

Result<Bind> TakeBind(ByteReader& reader) {
  Bind bind;
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t byte, reader.TakeLittle<uint8_t>("type"));
  const std::optional<ColumnType> type = ColumnTypeFromByte(byte);
  if (!type.has_value()) {
    return ProtocolError("type ", byte, " at byte ", reader.position() - 1, " is not known");
  }
  bind.type = *type;
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t flag, reader.TakeLittle<uint8_t>("null flag"));
  if (flag > 1)
    return ProtocolError("null flag at byte ", reader.position() - 1, ": ", flag,
                         ", must be 0 or 1");
  bind.is_null = flag == 1;
  if (bind.is_null) {
    COLONNADE_ASSIGN_OR_RETURN(const uint8_t bitmap, reader.TakeLittle<uint8_t>("bitmap"));
    if (bitmap != kNullBitmap)
      return ProtocolError("bitmap at byte ", reader.position() - 1, ": ", bitmap, ", must be 1");
  }
  if (IsDecimal(bind.type)) {
    COLONNADE_ASSIGN_OR_RETURN(bind.scale, reader.TakeLittle<uint8_t>("scale"));
  }
  if (bind.type == ColumnType::kGeohash) {
    const size_t begin = reader.position();
    COLONNADE_ASSIGN_OR_RETURN(const uint64_t bits, reader.TakeVarint("precision"));
    if (bits < 1 || bits > kMaxGeohashBits) {
      return ProtocolError("precision at byte ", begin, ": ", bits, ", must be 1 to ",
                           kMaxGeohashBits);
    }
    bind.geohash_bits = static_cast<int>(bits);
  }
  if (!bind.is_null && IsBindable(bind.type)) {
    COLONNADE_ASSIGN_OR_RETURN(bind.value, TakeBindValue(reader, bind));
  }
  const Status status = CheckBind(bind);
  if (status.ok()) return bind;
  return ProtocolError(ColumnTypeName(bind.type), " before byte ", reader.position(), ": ",
                       status.message());
}

Result<QueryMessage> TakeQuery(ByteReader& reader) {
  QueryRequest request;
  COLONNADE_ASSIGN_OR_RETURN(request.request_id, reader.TakeLittle<int64_t>("request id"));
  COLONNADE_ASSIGN_OR_RETURN(request.sql, reader.TakeString(kMaxSqlBytes, "SQL"));
  COLONNADE_ASSIGN_OR_RETURN(request.initial_credit, reader.TakeVarint("initial credit"));
  const size_t begin = reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t binds, reader.TakeVarint("number of binds"));
  if (binds > kMaxReceivedBinds) {
    return ProtocolError("number of binds at byte ", begin, ": ", binds, ", at most ",
                         kMaxReceivedBinds);
  }
  for (uint64_t i = 1; i <= binds; ++i) {
    Result<Bind> bind = TakeBind(reader);
    if (!bind.ok()) return std::move(bind).status().WithContext("bind $" + std::to_string(i));
    request.binds.push_back(*std::move(bind));
  }
  if (reader.at_end()) return QueryMessage(std::move(request));
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t flags, reader.TakeVarint("query flags"));
  if ((flags & ~(uint64_t{kResetDictionary} | kTimeout)) != 0)
    return ProtocolError("query flags before byte ", reader.position(), ": ", flags,
                         " are not known");
  request.reset_dictionary = (flags & kResetDictionary) != 0;
  if ((flags & kTimeout) != 0) {
    COLONNADE_ASSIGN_OR_RETURN(const uint64_t timeout, reader.TakeVarint("timeout"));
    if (timeout == 0 || timeout > static_cast<uint64_t>(INT64_MAX)) {
      return ProtocolError("timeout before byte ", reader.position(), ": ", timeout,
                           " ms, must be 1 to ", INT64_MAX);
    }
    request.timeout_ms = static_cast<int64_t>(timeout);
  }
  return QueryMessage(std::move(request));
}

Result<QueryMessage> Parse(ByteReader& reader) {
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t kind, reader.TakeLittle<uint8_t>("kind"));
  switch (kind) {
    case kQueryRequest: return TakeQuery(reader);
    case kCancel: {
      CancelRequest cancel;
      COLONNADE_ASSIGN_OR_RETURN(cancel.request_id, reader.TakeLittle<int64_t>("request id"));
      return QueryMessage(cancel);
    }
    case kCredit: {
      CreditRequest credit;
      COLONNADE_ASSIGN_OR_RETURN(credit.request_id, reader.TakeLittle<int64_t>("request id"));
      COLONNADE_ASSIGN_OR_RETURN(credit.bytes, reader.TakeVarint("credit"));
      if (credit.bytes == 0) return ProtocolError("credit of 0 bytes");
      return QueryMessage(credit);
    }
    default: return ProtocolError("kind ", kind, " at byte 0 is not known");
  }
}

}  // namespace

Status ValidateQuery(const QueryRequest& request) {
  if (request.request_id < 1)
    return InvalidArgument("query: request id ", request.request_id, ", must be 1 or more");
  if (request.sql.size() > kMaxSqlBytes) {
    return InvalidArgument("query: ", request.sql.size(), " bytes of SQL, at most ", kMaxSqlBytes);
  }
  if (!IsUtf8Text(request.sql)) return InvalidArgument("query: SQL that is not UTF-8");
  if (request.binds.size() > kMaxBinds) {
    return InvalidArgument("query: ", request.binds.size(), " binds, at most ", kMaxBinds);
  }
  if (request.timeout_ms < 0)
    return InvalidArgument("query: a timeout of ", request.timeout_ms, " ms");
  for (size_t i = 0; i < request.binds.size(); ++i) {
    Status status = CheckBind(request.binds[i]);
    if (status.ok()) continue;
    return std::move(status).WithContext("bind $" + std::to_string(i + 1) + " (" +
                                         std::string(ColumnTypeName(request.binds[i].type)) + ")");
  }
  return {};
}

void EncodeQueryMessage(const QueryMessage& request, net::MessageBuffer& message) {
  if (const auto* query = std::get_if<QueryRequest>(&request)) {
    EncodeQuery(*query, message);
  } else if (const auto* cancel = std::get_if<CancelRequest>(&request)) {
    message.AppendLittle(uint8_t{kCancel});
    message.AppendLittle(cancel->request_id);
  } else {
    const auto& credit = std::get<CreditRequest>(request);
    message.AppendLittle(uint8_t{kCredit});
    message.AppendLittle(credit.request_id);
    message.AppendVarint(credit.bytes);
  }
}

Result<QueryMessage> ParseQueryMessage(Bytes message) {
  ByteReader reader(message);
  Result<QueryMessage> request = Parse(reader);
  Status status = request.ok() ? reader.CheckEnd("end") : request.status();
  if (!status.ok()) return std::move(status).WithContext("request");
  return request;
}

}  // namespace colonnade::questdb::wire
