#include "net/http_body.h"

#include <algorithm>
#include <charconv>

namespace colonnade::net {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<HttpBody> HttpBody::Of(const ResponseHead& head, size_t limit) {
  HttpBody body;
  body.limit_ = limit;
  const bool coded = head.headers.Count("Transfer-Encoding") != 0;
  const auto length = head.headers.Find("Content-Length");
  if (coded && length) {
    return ProtocolError("HTTP head: both Content-Length and Transfer-Encoding");
  }
  if (coded) {
    if (head.headers.Count("Transfer-Encoding") != 1 ||
        !head.headers.HasToken("Transfer-Encoding", "chunked") ||
        head.headers.Find("Transfer-Encoding")->find(',') != std::string_view::npos) {
      return Unsupported("HTTP transfer coding other than chunked");
    }
    body.framing_ = Framing::kChunked;
  } else if (length) {
    const char* const end = length->data() + length->size();
    const auto [at, error] = std::from_chars(length->data(), end, body.left_);
    if (error != std::errc() || at != end || head.headers.Count("Content-Length") != 1) {
      return ProtocolError("HTTP head: Content-Length is not one number");
    }
    body.framing_ = Framing::kLength;
    body.done_ = body.left_ == 0;
  }
  // Answers that never have a body (RFC 9112, section 6.3).
  if (head.status < 200 || head.status == 204 || head.status == 304) body.done_ = true;
  return body;
}

Status HttpBody::Feed(Bytes bytes) {
  if (done_) return {};
  switch (framing_) {
    case Framing::kChunked: return FeedChunked(bytes);
    case Framing::kLength: {
      const size_t part = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      Take(bytes.first(part));
      left_ -= part;
      if (left_ == 0) done_ = true;
      return {};
    }
    case Framing::kUntilEnd: Take(bytes); return {};
  }
  return {};
}

void HttpBody::Take(Bytes bytes) {
  const size_t room = limit_ - text_.size();
  text_.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
  if (bytes.size() > room) done_ = true;
}

// Trailers are not waited for: after the last chunk nothing that follows matters to anybody here.
Status HttpBody::FeedChunked(Bytes bytes) {
  size_t at = 0;
  while (at < bytes.size() && !done_) {
    if (part_ == Part::kData) {
      const size_t part = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size() - at));
      Take(bytes.subspan(at, part));
      at += part;
      left_ -= part;
      if (left_ == 0) part_ = Part::kDataReturn;
      continue;
    }
    const char c = static_cast<char>(bytes[at++]);
    switch (part_) {
      case Part::kSize:
        if (const int digit = HexDigit(c); digit >= 0) {
          if (++digits_ > 15) return ProtocolError("HTTP body: a chunk's size has over 15 digits");
          left_ = left_ * 16 + static_cast<uint64_t>(digit);
          break;
        }
        if (digits_ == 0 || (c != '\r' && c != ';' && c != ' ' && c != '\t')) {
          return ProtocolError("HTTP body: a chunk's size is not a hexadecimal number");
        }
        part_ = c == '\r' ? Part::kSizeLineFeed : Part::kExtension;
        break;
      case Part::kExtension:
        if (c == '\r') part_ = Part::kSizeLineFeed;
        if (c == '\n') return ProtocolError("HTTP body: a bare line feed after a chunk's size");
        break;
      case Part::kSizeLineFeed:
        if (c != '\n') return ProtocolError("HTTP body: no line feed after a chunk's size");
        digits_ = 0;
        part_ = Part::kData;
        if (left_ == 0) done_ = true;
        break;
      case Part::kDataReturn:
        if (c != '\r') return ProtocolError("HTTP body: a chunk is longer than its size");
        part_ = Part::kDataLineFeed;
        break;
      case Part::kDataLineFeed:
        if (c != '\n') return ProtocolError("HTTP body: a chunk is longer than its size");
        part_ = Part::kSize;
        break;
      case Part::kData: break;
    }
  }
  return {};
}

}  // namespace colonnade::net
