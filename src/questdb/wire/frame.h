// The 12-byte header of QWP messages.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "base/status.h"
#include "net/message_buffer.h"

namespace colonnade::questdb::wire {

inline constexpr size_t kFrameHeaderBytes = 12;
inline constexpr uint8_t kProtocolVersion = 1;

enum FrameFlag : uint8_t {
  kDeferCommit = 0x01,
  kGorilla = 0x04,
  kDeltaDictionary = 0x08,
  kZstd = 0x10,  // results only
};

struct FrameHeader {
  uint8_t flags = 0;
  uint16_t table_count = 0;
  uint32_t payload_bytes = 0;
};

/// Appends a header whose payload length FinishFrame fills in. \pre message.empty()
void BeginFrame(uint8_t flags, uint16_t table_count, net::MessageBuffer& message);
/// \pre the message holds a frame, at most 2^32-1 bytes after its header
void FinishFrame(net::MessageBuffer& message);

/// The frame without rows that commits what was deferred before it: 14 bytes.
void EncodeCommitFrame(uint8_t extra_flags, net::MessageBuffer& message);

/// \param message a whole WebSocket message
/// \error ProtocolError: too short, another magic or version, a length that is not the message's
Result<FrameHeader> ParseFrameHeader(Bytes message);

}  // namespace colonnade::questdb::wire
