// WebSocket frames as bytes and back (RFC 6455, section 5). Pure functions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"

namespace colonnade::net {

enum class Opcode : uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

constexpr bool IsControl(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 0x8; }

/// Which end of the connection. A client masks what it sends, a server does not.
enum class Role : uint8_t { kClient, kServer };

/// The longest payload of a control frame.
inline constexpr size_t kMaxControlPayload = 125;

struct FrameHeader {
  Opcode opcode = Opcode::kBinary;
  bool final = true;
  std::optional<MaskKey> key;  // of a masked frame
  uint64_t payload_bytes = 0;
  bool operator==(const FrameHeader&) const = default;
};

/// Writes a header in its shortest form and says how many bytes it took.
/// \pre `payload_bytes` < 2^63; a control frame is final and within kMaxControlPayload
size_t EncodeFrameHeader(const FrameHeader& header,
                         std::span<std::byte, MessageBuffer::kHeaderRoom> target);

struct ParsedFrameHeader {
  FrameHeader header;
  size_t bytes = 0;  // of the header
};

/// Parses the header that `bytes` begin with, as `receiver` sees it; nothing if more is needed,
/// which is decided as early as can be: a wrong first byte is an error before the second is there.
///
/// \error ProtocolError for reserved bits and opcodes, a wrong or missing mask, a length not in its
///     shortest form, and control frames that are fragmented or too long; LimitExceeded if the
///     payload is longer than `max_payload_bytes`.
Result<std::optional<ParsedFrameHeader>> ParseFrameHeader(Bytes bytes, Role receiver,
                                                          uint64_t max_payload_bytes);

/// Status codes of Close frames (RFC 6455, section 7.4).
enum CloseCode : uint16_t {
  kCloseNormal = 1000,
  kCloseGoingAway = 1001,
  kCloseProtocolError = 1002,
  kCloseUnsupported = 1003,
  kCloseNone = 1005,  // never sent: the frame had no code
  kCloseInvalidText = 1007,
  kClosePolicy = 1008,
  kCloseTooBig = 1009,
  kCloseInternalError = 1011,
};

/// Whether a code may stand in a Close frame.
bool IsSendableCloseCode(uint16_t code);

struct CloseReason {
  uint16_t code = kCloseNone;
  std::string text;
  bool operator==(const CloseReason&) const = default;
};

/// "1009 (message too big): text": for messages. Control bytes of the text are replaced.
std::string DescribeClose(const CloseReason& reason);

/// The payload of a Close frame; a text that does not fit is cut at a character. kCloseNone gives
/// an empty one. \pre the code is sendable, or kCloseNone
std::string EncodeCloseBody(const CloseReason& reason);

/// \error ProtocolError for one byte or a code that must not be sent; InvalidData if the text is
/// not
///     UTF-8.
Result<CloseReason> ParseCloseBody(Bytes payload);

/// With which code a connection is closed on which a failure of these functions was met.
uint16_t CloseCodeFor(const Status& failure);

}  // namespace colonnade::net
