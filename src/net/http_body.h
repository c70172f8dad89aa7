// HttpBody: takes the body of an HTTP/1.1 response apart (RFC 9112, section 6).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/buffer.h"
#include "base/status.h"
#include "net/http.h"

namespace colonnade::net {

/// Collects a body as its bytes arrive, at most `limit` of them. Pure; not thread-safe.
class HttpBody {
 public:
  /// The body that follows `head` in answer to a GET.
  ///
  /// \error ProtocolError if the head contradicts itself about the length; Unsupported for a
  ///     transfer coding other than chunked.
  static Result<HttpBody> Of(const ResponseHead& head, size_t limit);

  /// Takes the next bytes. \error ProtocolError if chunks are malformed.
  Status Feed(Bytes bytes);
  /// The peer has sent its last byte.
  void FeedEnd() { done_ = true; }

  /// Whether nothing more is wanted: the body is complete, or longer than the limit.
  bool done() const { return done_; }
  /// What has arrived, the first `limit` bytes of it.
  std::string& text() { return text_; }

 private:
  enum class Framing : uint8_t { kLength, kChunked, kUntilEnd };
  enum class Part : uint8_t { kSize, kExtension, kSizeLineFeed, kData, kDataReturn, kDataLineFeed };

  Status FeedChunked(Bytes bytes);
  void Take(Bytes bytes);

  Framing framing_ = Framing::kUntilEnd;
  size_t limit_ = 0;
  uint64_t left_ = 0;  // of the body, or of the chunk
  Part part_ = Part::kSize;
  int digits_ = 0;  // of the chunk's size
  bool done_ = false;
  std::string text_;
};

}  // namespace colonnade::net
