// What a peer sends to a WebSocket, from the answer to the handshake on. Input: flags (bit 0: the
// role; bit 1: whether a handshake comes first; bits 2-7: the most that one read gives), then the
// bytes of the peer.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "net/websocket.h"
#include "net/websocket_handshake.h"
#include "support/scripted_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::net;
  if (size < 1) return 0;
  const Role role = (data[0] & 1) != 0 ? Role::kServer : Role::kClient;
  const bool handshake = (data[0] & 2) != 0;
  const size_t most = size_t{1} << ((data[0] >> 2) % 17);
  auto stream = std::make_unique<ScriptedStream>(std::as_bytes(std::span(data + 1, size - 1)));
  stream->set_most_read(most);
  std::vector<std::byte> leftover;
  if (handshake && role == Role::kClient) {
    auto answer = RequestUpgrade(*stream, {.host = "a", .key = "dGhlIHNhbXBsZSBub25jZQ=="},
                                 Deadline::Never());
    if (!answer.ok()) return 0;
    if (auto* failure = std::get_if<HttpFailure>(&*answer)) {
      if (failure->body.size() > kMaxRefusalBody) std::abort();
      return 0;
    }
    leftover = std::move(std::get<Upgraded>(*answer).leftover);
  } else if (handshake) {
    auto request = ReadRequest(*stream, Deadline::Never());
    if (!request.ok()) return 0;
    if (const auto refusal = CheckUpgradeRequest(request->head)) {
      if (!RefuseUpgrade(*stream, *refusal, Deadline::Never()).ok()) std::abort();
      return 0;
    }
    if (!AcceptUpgrade(*stream, request->head, {}, Deadline::Never()).ok()) std::abort();
    leftover = std::move(request->leftover);
  }
  constexpr size_t kMaxMessage = 1 << 20;
  WebSocket socket(std::move(stream), {.role = role, .max_message_bytes = kMaxMessage},
                   std::move(leftover));
  uint64_t sum = 0;
  while (true) {
    auto message = socket.Receive(Deadline::Never());
    if (!message.ok()) {
      // The script ends, so every exchange does, and for a reason.
      if (message.status().code() == StatusCode::kTimeout || socket.failure().ok()) std::abort();
      break;
    }
    if (message->payload.size() > kMaxMessage) std::abort();
    for (const std::byte byte : message->payload) sum += std::to_integer<uint64_t>(byte);
  }
  volatile uint64_t sink = sum;
  (void)sink;
  return 0;
}
