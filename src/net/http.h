// Heads of HTTP/1.1 messages as bytes and back (RFC 9112).
//
// Pure functions. What comes in is limited and strict, what goes out is checked, so that no value
// of a caller's can smuggle in a header of its own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::net {

struct HttpHeader {
  std::string name;
  std::string value;
  bool operator==(const HttpHeader&) const = default;
};

/// Header fields in their order; parsed ones of one name stand together, where the first of them
/// stood. Names compare without case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<HttpHeader> headers) : headers_(headers) {}
  explicit HttpHeaders(std::vector<HttpHeader> headers) : headers_(std::move(headers)) {}

  void Add(std::string name, std::string value) {
    headers_.push_back({std::move(name), std::move(value)});
  }
  /// The value of the first field of the name, or nothing. Valid until a field is added.
  std::optional<std::string_view> Find(std::string_view name) const;
  size_t Count(std::string_view name) const;
  /// Whether the comma-separated lists of all fields of the name contain `token`, without case.
  bool HasToken(std::string_view name, std::string_view token) const;

  auto begin() const { return headers_.begin(); }
  auto end() const { return headers_.end(); }
  size_t size() const { return headers_.size(); }
  bool empty() const { return headers_.empty(); }
  bool operator==(const HttpHeaders&) const = default;

 private:
  std::vector<HttpHeader> headers_;
};

struct RequestHead {
  std::string method;
  std::string target;
  int minor_version = 1;  // of HTTP/1: 0 or 1
  HttpHeaders headers;
};

struct ResponseHead {
  int status = 0;
  std::string reason;  // parsed: the usual one if the answer has none
  int minor_version = 1;
  HttpHeaders headers;
};

struct HttpLimits {
  size_t head_bytes = 32 << 10;  // with the blank line
  size_t line_bytes = 8 << 10;   // without the line end
};

/// A head and how many bytes it took; what follows belongs to the body.
template <typename Head>
struct ParsedHead {
  Head head;
  size_t bytes = 0;
};

/// Parses the head that `bytes` begin with; nothing if it is not complete yet, in which case the
/// call is repeated with more.
///
/// \error LimitExceeded beyond a limit; ProtocolError for anything that is not a head: the message
///     says what, never what the bytes were. Folded fields and bare line feeds are refused.
Result<std::optional<ParsedHead<RequestHead>>> ParseRequestHead(Bytes bytes,
                                                                const HttpLimits& limits = {});
Result<std::optional<ParsedHead<ResponseHead>>> ParseResponseHead(Bytes bytes,
                                                                  const HttpLimits& limits = {});

/// The bytes of a head, with the blank line.
///
/// \error InvalidArgument if a method, name, target, reason or value contains what it must not
///     (CR, LF and other control bytes above all); names the field, never the value.
Result<std::string> WriteRequestHead(const RequestHead& head);
Result<std::string> WriteResponseHead(const ResponseHead& head);

/// The usual text of a status: "Not Found"; empty if there is none.
std::string_view ReasonPhrase(int status);

}  // namespace colonnade::net
