#include "net/websocket_frame.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace colonnade::net {
namespace {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kLength16 = 126;
constexpr uint8_t kLength64 = 127;

uint8_t At(Bytes bytes, size_t index) { return std::to_integer<uint8_t>(bytes[index]); }

uint64_t BigEndian(Bytes bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<uint8_t>(byte);
  return value;
}

bool IsDefined(Opcode opcode) {
  switch (opcode) {
    case Opcode::kContinuation:
    case Opcode::kText:
    case Opcode::kBinary:
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong: return true;
  }
  return false;
}

// Length of the UTF-8 character that `text` begins with; 0 if it is none. Surrogates and forms that
// are longer than need be are none.
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t index) { return static_cast<unsigned char>(text[index]); };
  const auto continues = [&](size_t index, unsigned char low = 0x80, unsigned char high = 0xBF) {
    return index < text.size() && byte(index) >= low && byte(index) <= high;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = first == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// How much of `text` is whole characters.
size_t ValidPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = CharacterLength(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string_view CloseCodeName(uint16_t code) {
  switch (code) {
    case 1000: return "normal";
    case 1001: return "going away";
    case 1002: return "protocol error";
    case 1003: return "unsupported data";
    case 1005: return "no code";
    case 1007: return "invalid text";
    case 1008: return "policy violation";
    case 1009: return "message too big";
    case 1010: return "extension needed";
    case 1011: return "internal error";
    case 1012: return "restarting";
    case 1013: return "try again later";
    case 1014: return "bad gateway";
    default: return {};
  }
}

}  // namespace

size_t EncodeFrameHeader(const FrameHeader& header,
                         std::span<std::byte, MessageBuffer::kHeaderRoom> target) {
  assert(header.payload_bytes >> 63 == 0);
  assert(!IsControl(header.opcode) || (header.final && header.payload_bytes <= kMaxControlPayload));
  size_t size = 0;
  const auto put = [&](uint64_t value) { target[size++] = static_cast<std::byte>(value); };
  put((header.final ? kFinal : 0u) | static_cast<uint8_t>(header.opcode));
  const uint8_t mask = header.key ? kMasked : 0;
  const uint64_t length = header.payload_bytes;
  int length_bytes = 0;
  if (length < kLength16) {
    put(mask | length);
  } else if (length <= 0xFFFF) {
    put(mask | kLength16);
    length_bytes = 2;
  } else {
    put(mask | kLength64);
    length_bytes = 8;
  }
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) put(length >> shift);
  if (header.key) {
    std::memcpy(target.data() + size, &*header.key, sizeof(MaskKey));
    size += sizeof(MaskKey);
  }
  return size;
}

Result<std::optional<ParsedFrameHeader>> ParseFrameHeader(Bytes bytes, Role receiver,
                                                          uint64_t max_payload_bytes) {
  const std::optional<ParsedFrameHeader> more;
  if (bytes.empty()) return more;
  ParsedFrameHeader parsed;
  FrameHeader& header = parsed.header;
  header.final = (At(bytes, 0) & kFinal) != 0;
  header.opcode = static_cast<Opcode>(At(bytes, 0) & 0x0F);
  if ((At(bytes, 0) & kReserved) != 0) {
    return ProtocolError("WebSocket frame with reserved bits set: first byte ",
                         static_cast<int>(At(bytes, 0)));
  }
  if (!IsDefined(header.opcode)) {
    return ProtocolError("WebSocket frame with the reserved opcode ",
                         static_cast<int>(header.opcode));
  }
  if (IsControl(header.opcode) && !header.final) {
    return ProtocolError("fragmented WebSocket control frame, opcode ",
                         static_cast<int>(header.opcode));
  }
  if (bytes.size() < 2) return more;
  const bool masked = (At(bytes, 1) & kMasked) != 0;
  if (masked != (receiver == Role::kServer)) {
    return ProtocolError(masked ? "masked WebSocket frame from a server"
                                : "unmasked WebSocket frame from a client");
  }
  const uint8_t short_length = At(bytes, 1) & 0x7F;
  if (IsControl(header.opcode) && short_length > kMaxControlPayload) {
    return ProtocolError("WebSocket control frame of more than ", kMaxControlPayload, " bytes");
  }
  const size_t length_bytes = short_length == kLength64 ? 8 : short_length == kLength16 ? 2 : 0;
  if (bytes.size() < 2 + length_bytes) return more;
  header.payload_bytes =
      length_bytes == 0 ? short_length : BigEndian(bytes.subspan(2, length_bytes));
  if ((length_bytes == 2 && header.payload_bytes < kLength16) ||
      (length_bytes == 8 && header.payload_bytes <= 0xFFFF)) {
    return ProtocolError("WebSocket frame whose length ", header.payload_bytes,
                         " is not in its shortest form");
  }
  if (header.payload_bytes >> 63 != 0) {
    return ProtocolError("WebSocket frame whose length has its top bit set");
  }
  if (header.payload_bytes > max_payload_bytes) {
    return LimitExceeded("WebSocket message of ", header.payload_bytes, " bytes; the limit is ",
                         max_payload_bytes);
  }
  parsed.bytes = 2 + length_bytes + (masked ? sizeof(MaskKey) : 0);
  if (bytes.size() < parsed.bytes) return more;
  if (masked) {
    MaskKey key = 0;
    std::memcpy(&key, bytes.data() + 2 + length_bytes, sizeof(key));
    header.key = key;
  }
  return std::optional<ParsedFrameHeader>(parsed);
}

bool IsSendableCloseCode(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

std::string DescribeClose(const CloseReason& reason) {
  std::string text = std::to_string(reason.code);
  if (const std::string_view name = CloseCodeName(reason.code); !name.empty()) {
    text += " (";
    text += name;
    text += ')';
  }
  if (!reason.text.empty()) {
    text += ": ";
    for (const char c : reason.text) {
      const auto byte = static_cast<unsigned char>(c);
      text += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
  }
  return text;
}

std::string EncodeCloseBody(const CloseReason& reason) {
  if (reason.code == kCloseNone) return {};
  assert(IsSendableCloseCode(reason.code));
  std::string body;
  body += static_cast<char>(reason.code >> 8);
  body += static_cast<char>(reason.code & 0xFF);
  const std::string_view text = std::string_view(reason.text).substr(0, kMaxControlPayload - 2);
  body += text.substr(0, ValidPrefix(text));
  return body;
}

Result<CloseReason> ParseCloseBody(Bytes payload) {
  if (payload.empty()) return CloseReason{};
  if (payload.size() == 1) return ProtocolError("WebSocket Close frame of one byte");
  CloseReason reason;
  reason.code = static_cast<uint16_t>(BigEndian(payload.first(2)));
  if (!IsSendableCloseCode(reason.code)) {
    return ProtocolError("WebSocket Close frame with the code ", reason.code,
                         ", which must not be sent");
  }
  reason.text.assign(reinterpret_cast<const char*>(payload.data()) + 2, payload.size() - 2);
  if (const size_t valid = ValidPrefix(reason.text); valid != reason.text.size()) {
    return InvalidData("WebSocket Close frame whose text is not UTF-8 at byte ", valid);
  }
  return reason;
}

uint16_t CloseCodeFor(const Status& failure) {
  switch (failure.code()) {
    case StatusCode::kProtocolError: return kCloseProtocolError;
    case StatusCode::kUnsupported: return kCloseUnsupported;
    case StatusCode::kInvalidData: return kCloseInvalidText;
    case StatusCode::kLimitExceeded: return kCloseTooBig;
    default: return kCloseInternalError;
  }
}

}  // namespace colonnade::net
