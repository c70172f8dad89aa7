#include "net/websocket_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "net/http_body.h"
#include "net/random_bytes.h"

namespace colonnade::net {
namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr int kMaxInterimAnswers = 8;
// What a refusal says is read for the message's sake only: it may not hold up who asks elsewhere.
constexpr std::chrono::seconds kBodyTime{2};

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string Base64(Bytes bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

// The first bytes of a TLS record: an alert or a handshake of version 3.x.
bool LooksLikeTls(Bytes bytes) {
  return bytes.size() >= 2 && (bytes[0] == std::byte{0x15} || bytes[0] == std::byte{0x16}) &&
         bytes[1] == std::byte{0x03};
}

// Bytes that have arrived on a stream and are not used up yet.
class Arrived {
 public:
  Arrived(Stream& stream, Deadline deadline, Interrupt* interrupt)
      : stream_(stream), deadline_(deadline), interrupt_(interrupt) {}

  Bytes bytes() const { return bytes_; }
  bool ended() const { return ended_; }
  void set_deadline(Deadline deadline) { deadline_ = deadline; }

  // Waits for more bytes or the end.
  Status More() {
    const size_t before = bytes_.size();
    bytes_.resize(before + kReadBytes);
    auto transfer = Read(stream_, MutableBytes(bytes_).subspan(before), deadline_, interrupt_);
    bytes_.resize(before + (transfer.ok() ? transfer->bytes : 0));
    if (!transfer.ok()) return std::move(transfer).status();
    ended_ = transfer->end;
    return {};
  }

  void Drop(size_t count) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(count));
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  Stream& stream_;
  Deadline deadline_;
  Interrupt* interrupt_;
  std::vector<std::byte> bytes_;
  bool ended_ = false;
};

Status CheckAgreement(const ResponseHead& response, std::string_view key) {
  if (!response.headers.HasToken("Upgrade", "websocket")) {
    return ProtocolError("the 101 answer has no `Upgrade: websocket`");
  }
  if (!response.headers.HasToken("Connection", "Upgrade")) {
    return ProtocolError("the 101 answer has no `Connection: Upgrade`");
  }
  if (response.headers.Count("Sec-WebSocket-Accept") != 1) {
    return ProtocolError("the 101 answer has ", response.headers.Count("Sec-WebSocket-Accept"),
                         " Sec-WebSocket-Accept headers; expected 1");
  }
  if (response.headers.Find("Sec-WebSocket-Accept") != AcceptFor(key)) {
    return ProtocolError("the 101 answer's Sec-WebSocket-Accept does not belong to the key sent");
  }
  for (const char* name : {"Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"}) {
    if (!response.headers.Find(name).value_or("").empty()) {
      return ProtocolError("the 101 answer agrees to a ", name, " that was not offered");
    }
  }
  return {};
}

// Errors of the wait, in the words of this exchange.
Status WhileWaiting(Status failure, const std::string& peer) {
  if (failure.code() != StatusCode::kTimeout) return failure;
  return Status(StatusCode::kTimeout,
                peer + ": timed out waiting for the answer to the WebSocket upgrade",
                Recovery::kReconnect);
}

Result<ResponseHead> ReadAnswerHead(Arrived& arrived, const std::string& peer) {
  for (int interim = 0; interim < kMaxInterimAnswers;) {
    if (LooksLikeTls(arrived.bytes())) {
      return ProtocolError(peer, ": the server speaks TLS on this port, and was asked without");
    }
    constexpr std::string_view kStart = "HTTP/";
    const Bytes bytes = arrived.bytes();
    const size_t count = std::min(bytes.size(), kStart.size());
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count),
                    AsBytes(kStart).begin())) {
      return ProtocolError(peer, ": the server does not speak HTTP on this port");
    }
    auto parsed = ParseResponseHead(bytes);
    if (!parsed.ok()) return std::move(parsed).status().WithContext(peer);
    if (!*parsed) {
      if (arrived.ended()) {
        return ConnectionLost(peer, bytes.empty()
                                        ? "the server closed the connection without an answer to "
                                          "the WebSocket upgrade; it may expect TLS on this port"
                                        : "the server closed the connection within its answer to "
                                          "the WebSocket upgrade");
      }
      if (Status more = arrived.More(); !more.ok()) return WhileWaiting(std::move(more), peer);
      continue;
    }
    arrived.Drop((*parsed)->bytes);
    const int status = (*parsed)->head.status;
    if (status == 101 || status >= 200) return std::move((*parsed)->head);
    ++interim;  // 100 Continue, 103 Early Hints
  }
  return ProtocolError(peer, ": more than ", kMaxInterimAnswers, " interim HTTP answers");
}

Result<HttpFailure> ReadFailure(ResponseHead head, Arrived& arrived, Deadline deadline) {
  HttpFailure failure;
  arrived.set_deadline(Deadline::Earlier(deadline, Deadline::After(kBodyTime)));
  auto body = HttpBody::Of(head, kMaxRefusalBody);
  while (body.ok() && !body->done()) {
    if (!body->Feed(arrived.bytes()).ok() || body->done()) break;
    arrived.Drop(arrived.bytes().size());
    if (arrived.ended()) break;
    const Status more = arrived.More();
    if (more.code() == StatusCode::kCancelled) return more;
    if (!more.ok()) break;  // what has come has to do
  }
  if (body.ok()) failure.body = std::move(body->text());
  failure.status = head.status;
  failure.reason = std::move(head.reason);
  failure.headers = std::move(head.headers);
  return failure;
}

bool IsWebSocketKey(std::string_view key) {
  // 16 bytes: 22 digits and two pads. The last digit's lower four bits are zero.
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.substr(22) == "==" &&
         key.substr(0, 22).find_first_not_of(kDigits) == std::string_view::npos &&
         kDigits.find(key[21]) % 16 == 0;
}

HttpFailure Refusal(int status, std::string body) {
  return {.status = status,
          .reason = std::string(ReasonPhrase(status)),
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::move(body) + "\n"};
}

}  // namespace

std::string HostHeader(std::string_view host, uint16_t port, bool tls) {
  std::string text = HostPort(host, port);
  if (port == (tls ? 443 : 80)) text.resize(text.rfind(':'));
  return text;
}

std::string NewWebSocketKey() {
  std::array<std::byte, 16> bytes;
  FillRandom(bytes);
  return Base64(bytes);
}

std::string AcceptFor(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::byte, SHA_DIGEST_LENGTH> digest = {};
  const int digested =
      EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                 EVP_sha1(), nullptr);
  // Where SHA-1 is forbidden nothing must match.
  return digested == 1 ? Base64(digest) : std::string();
}

Result<std::string> WriteUpgradeRequest(const UpgradeRequest& request) {
  RequestHead head{.method = "GET",
                   .target = request.target,
                   .headers = {{"Host", request.host},
                               {"Connection", "Upgrade"},
                               {"Upgrade", "websocket"},
                               {"Sec-WebSocket-Version", "13"},
                               {"Sec-WebSocket-Key", request.key}}};
  for (const HttpHeader& header : request.headers) head.headers.Add(header.name, header.value);
  return WriteRequestHead(head);
}

Result<UpgradeAnswer> RequestUpgrade(Stream& stream, const UpgradeRequest& request,
                                     Deadline deadline, Interrupt* interrupt) {
  UpgradeRequest sent = request;
  if (sent.key.empty()) sent.key = NewWebSocketKey();
  COLONNADE_ASSIGN_OR_RETURN(const std::string text, WriteUpgradeRequest(sent));
  if (Status written = Write(stream, AsBytes(text), deadline, interrupt); !written.ok()) {
    return WhileWaiting(std::move(written), stream.peer());
  }
  Arrived arrived(stream, deadline, interrupt);
  COLONNADE_ASSIGN_OR_RETURN(ResponseHead head, ReadAnswerHead(arrived, stream.peer()));
  if (head.status != 101) {
    COLONNADE_ASSIGN_OR_RETURN(HttpFailure failure,
                               ReadFailure(std::move(head), arrived, deadline));
    return UpgradeAnswer(std::move(failure));
  }
  if (Status agreed = CheckAgreement(head, sent.key); !agreed.ok()) {
    return std::move(agreed).WithContext(stream.peer());
  }
  return UpgradeAnswer(Upgraded{std::move(head), arrived.Take()});
}

Result<ReceivedRequest> ReadRequest(Stream& stream, Deadline deadline, Interrupt* interrupt) {
  Arrived arrived(stream, deadline, interrupt);
  while (true) {
    if (LooksLikeTls(arrived.bytes())) {
      return ProtocolError(stream.peer(), ": the client speaks TLS, this port does not");
    }
    auto parsed = ParseRequestHead(arrived.bytes());
    if (!parsed.ok()) return std::move(parsed).status().WithContext(stream.peer());
    if (*parsed) {
      arrived.Drop((*parsed)->bytes);
      return ReceivedRequest{std::move((*parsed)->head), arrived.Take()};
    }
    if (arrived.ended()) {
      return ConnectionLost(stream.peer(), arrived.bytes().empty()
                                               ? "the client closed the connection"
                                               : "the client closed the connection within its "
                                                 "request");
    }
    COLONNADE_RETURN_IF_ERROR(arrived.More());
  }
}

std::optional<HttpFailure> CheckUpgradeRequest(const RequestHead& request) {
  const HttpHeaders& headers = request.headers;
  if (request.method != "GET") {
    HttpFailure failure = Refusal(405, "a WebSocket begins with GET");
    failure.headers.Add("Allow", "GET");
    return failure;
  }
  if (request.minor_version != 1) return Refusal(400, "a WebSocket needs HTTP/1.1");
  if (headers.Count("Host") != 1) return Refusal(400, "expected one Host header");
  if (headers.Count("Transfer-Encoding") != 0 ||
      headers.Find("Content-Length").value_or("0") != "0") {
    return Refusal(400, "a WebSocket request has no body");
  }
  if (!headers.HasToken("Upgrade", "websocket") || !headers.HasToken("Connection", "Upgrade")) {
    return Refusal(400, "expected `Connection: Upgrade` and `Upgrade: websocket`");
  }
  if (headers.Count("Sec-WebSocket-Version") != 1 ||
      headers.Find("Sec-WebSocket-Version") != "13") {
    HttpFailure failure = Refusal(426, "expected `Sec-WebSocket-Version: 13`");
    failure.headers.Add("Sec-WebSocket-Version", "13");
    failure.headers.Add("Upgrade", "websocket");
    return failure;
  }
  if (headers.Count("Sec-WebSocket-Key") != 1 ||
      !IsWebSocketKey(*headers.Find("Sec-WebSocket-Key"))) {
    return Refusal(400, "expected one Sec-WebSocket-Key of 16 bytes in base64");
  }
  return std::nullopt;
}

Status AcceptUpgrade(Stream& stream, const RequestHead& request,
                     const std::vector<HttpHeader>& headers, Deadline deadline,
                     Interrupt* interrupt) {
  const auto key = request.headers.Find("Sec-WebSocket-Key");
  if (!key) return InvalidArgument("the request has no Sec-WebSocket-Key");
  ResponseHead head{.status = 101,
                    .reason = "Switching Protocols",
                    .headers = {{"Connection", "Upgrade"},
                                {"Upgrade", "websocket"},
                                {"Sec-WebSocket-Accept", AcceptFor(*key)}}};
  for (const HttpHeader& header : headers) head.headers.Add(header.name, header.value);
  COLONNADE_ASSIGN_OR_RETURN(const std::string text, WriteResponseHead(head));
  return Write(stream, AsBytes(text), deadline, interrupt);
}

Status RefuseUpgrade(Stream& stream, const HttpFailure& answer, Deadline deadline,
                     Interrupt* interrupt) {
  ResponseHead head{.status = answer.status, .reason = answer.reason, .headers = answer.headers};
  if (head.reason.empty()) head.reason = ReasonPhrase(answer.status);
  head.headers.Add("Content-Length", std::to_string(answer.body.size()));
  head.headers.Add("Connection", "close");
  COLONNADE_ASSIGN_OR_RETURN(const std::string text, WriteResponseHead(head));
  const std::array<Bytes, 2> pieces = {AsBytes(text), AsBytes(answer.body)};
  COLONNADE_RETURN_IF_ERROR(Write(stream, pieces, deadline, interrupt));
  stream.ShutdownWrite();
  return {};
}

}  // namespace colonnade::net
