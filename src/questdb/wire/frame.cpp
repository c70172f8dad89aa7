#include "questdb/wire/frame.h"

#include <cassert>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/byte_order.h"
#include "base/quote.h"

namespace colonnade::questdb::wire {
namespace {

constexpr char kMagic[4] = {'Q', 'W', 'P', '1'};
constexpr size_t kLengthOffset = 8;

}  // namespace

void BeginFrame(uint8_t flags, uint16_t table_count, net::MessageBuffer& message) {
  assert(message.empty());
  std::byte header[kFrameHeaderBytes] = {};
  std::memcpy(header, kMagic, sizeof(kMagic));
  header[4] = std::byte{kProtocolVersion};
  header[5] = static_cast<std::byte>(flags);
  std::memcpy(header + 6, &table_count, sizeof(table_count));
  message.Append(Bytes(header));
}

void FinishFrame(net::MessageBuffer& message) {
  assert(message.size() >= kFrameHeaderBytes);
  const size_t payload = message.size() - kFrameHeaderBytes;
  assert(payload <= std::numeric_limits<uint32_t>::max());
  message.OverwriteLittle(kLengthOffset, static_cast<uint32_t>(payload));
}

void EncodeCommitFrame(uint8_t extra_flags, net::MessageBuffer& message) {
  BeginFrame(static_cast<uint8_t>(kDeltaDictionary | extra_flags), 0, message);
  message.AppendVarint(0);  // first id of the dictionary section
  message.AppendVarint(0);  // its entries
  FinishFrame(message);
}

Result<FrameHeader> ParseFrameHeader(Bytes message) {
  if (message.size() < kFrameHeaderBytes) {
    return ProtocolError("a QWP message of ", message.size(), " bytes; its header takes ",
                         kFrameHeaderBytes);
  }
  if (std::memcmp(message.data(), kMagic, sizeof(kMagic)) != 0) {
    const std::string_view magic(reinterpret_cast<const char*>(message.data()), sizeof(kMagic));
    return ProtocolError("a QWP message begins with ", Quote(magic), " instead of 'QWP1'");
  }
  const auto version = static_cast<uint8_t>(message[4]);
  if (version != kProtocolVersion) {
    return ProtocolError("a QWP message of version ", version, "; this side speaks version ",
                         kProtocolVersion);
  }
  FrameHeader header;
  header.flags = static_cast<uint8_t>(message[5]);
  header.table_count = LoadLittle<uint16_t>(message.data() + 6);
  header.payload_bytes = LoadLittle<uint32_t>(message.data() + kLengthOffset);
  const size_t payload = message.size() - kFrameHeaderBytes;
  if (header.payload_bytes != payload) {
    return ProtocolError("a QWP message says that ", header.payload_bytes,
                         " bytes follow its header; there are ", payload);
  }
  return header;
}

}  // namespace colonnade::questdb::wire
