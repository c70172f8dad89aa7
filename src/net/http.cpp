#include "net/http.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace colonnade::net {
namespace {

namespace beast_http = boost::beast::http;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameWithoutCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// A token (RFC 9110, section 5.6.2).
bool IsToken(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const char lower = Lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

// A field value or reason: text and tabs, no line ends, no blanks at the ends that would get lost.
bool IsValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return IsControl(c) && c != '\t'; }) &&
         Trimmed(text).size() == text.size();
}

// Finds the end of the head and looks at its lines on the way: their lengths, bare line feeds, and
// lines that go on with the field before. Nothing if there is no end yet.
Result<std::optional<size_t>> FindHeadEnd(std::string_view text, const HttpLimits& limits) {
  size_t line = 0;
  while (true) {
    const size_t feed = text.find('\n', line);
    const size_t line_end = feed == std::string_view::npos ? text.size() : feed;
    if (line_end > limits.head_bytes ||
        (feed != std::string_view::npos && feed >= limits.head_bytes)) {
      return LimitExceeded("the HTTP head is longer than ", limits.head_bytes, " bytes");
    }
    const bool complete = feed != std::string_view::npos;
    if (complete && (feed == line || text[feed - 1] != '\r')) {
      return ProtocolError("HTTP head: a line feed without a carriage return at byte ", feed);
    }
    const size_t length = line_end - line - (complete ? 1 : 0);
    // A carriage return may be the last byte that has arrived.
    if (length > limits.line_bytes + (complete ? 0 : 1)) {
      return LimitExceeded("HTTP head: the line at byte ", line, " is longer than ",
                           limits.line_bytes, " bytes");
    }
    if (line != 0 && line < text.size() && (text[line] == ' ' || text[line] == '\t')) {
      return ProtocolError("HTTP head: a folded field at byte ", line);
    }
    if (!complete) return std::optional<size_t>();
    if (length == 0) {
      if (line == 0) return ProtocolError("HTTP head: it begins with an empty line");
      return std::optional<size_t>(feed + 1);
    }
    line = feed + 1;
  }
}

template <typename Head, typename Parser>
Result<std::optional<ParsedHead<Head>>> ParseHead(Bytes bytes, const HttpLimits& limits,
                                                  void (*start_line)(const Parser&, Head*)) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  COLONNADE_ASSIGN_OR_RETURN(const std::optional<size_t> end, FindHeadEnd(text, limits));
  if (!end) return std::optional<ParsedHead<Head>>();
  Parser parser;
  parser.eager(false);
  parser.header_limit(static_cast<uint32_t>(
      std::min<size_t>(limits.head_bytes, std::numeric_limits<uint32_t>::max())));
  parser.body_limit(boost::none);
  boost::beast::error_code error;
  // Beast throws where its own storage for the fields is exceeded.
  try {
    const size_t used = parser.put(boost::asio::buffer(text.data(), *end), error);
    if (!error && (!parser.is_header_done() || used != *end)) {
      return ProtocolError("HTTP head: not understood after byte ", used);
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    return ProtocolError("HTTP head: ", e.what());
  }
  if (error && error != beast_http::error::need_more) {
    return ProtocolError("HTTP head: ", error.message());
  }
  if (error) return ProtocolError("HTTP head: incomplete");
  std::optional<ParsedHead<Head>> parsed(std::in_place);
  parsed->bytes = *end;
  parsed->head.minor_version = static_cast<int>(parser.get().version() % 10);
  start_line(parser, &parsed->head);
  for (const auto& field : parser.get()) {
    const std::string_view value(field.value().data(), field.value().size());
    if (!IsValue(value)) {
      return ProtocolError(
          "HTTP head: a control byte in field ",
          std::string_view(field.name_string().data(), field.name_string().size()));
    }
    parsed->head.headers.Add(std::string(field.name_string()), std::string(value));
  }
  return parsed;
}

Status AppendHeaders(const HttpHeaders& headers, std::string* out) {
  for (const HttpHeader& header : headers) {
    if (!IsToken(header.name)) {
      return InvalidArgument("an HTTP header's name has a character that is not allowed");
    }
    if (!IsValue(header.value)) {
      return InvalidArgument("the value of HTTP header ", header.name,
                             " has a control character or blanks at an end");
    }
    *out += header.name;
    *out += ": ";
    *out += header.value;
    *out += "\r\n";
  }
  *out += "\r\n";
  return {};
}

}  // namespace

std::optional<std::string_view> HttpHeaders::Find(std::string_view name) const {
  for (const HttpHeader& header : headers_) {
    if (SameWithoutCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

size_t HttpHeaders::Count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(headers_.begin(), headers_.end(),
                    [&](const HttpHeader& header) { return SameWithoutCase(header.name, name); }));
}

bool HttpHeaders::HasToken(std::string_view name, std::string_view token) const {
  for (const HttpHeader& header : headers_) {
    if (!SameWithoutCase(header.name, name)) continue;
    std::string_view rest = header.value;
    while (true) {
      const size_t comma = rest.find(',');
      if (SameWithoutCase(Trimmed(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

Result<std::optional<ParsedHead<RequestHead>>> ParseRequestHead(Bytes bytes,
                                                                const HttpLimits& limits) {
  using Parser = beast_http::request_parser<beast_http::empty_body>;
  return ParseHead<RequestHead, Parser>(
      bytes, limits, +[](const Parser& parser, RequestHead* head) {
        head->method = std::string(parser.get().method_string());
        head->target = std::string(parser.get().target());
      });
}

Result<std::optional<ParsedHead<ResponseHead>>> ParseResponseHead(Bytes bytes,
                                                                  const HttpLimits& limits) {
  using Parser = beast_http::response_parser<beast_http::empty_body>;
  return ParseHead<ResponseHead, Parser>(
      bytes, limits, +[](const Parser& parser, ResponseHead* head) {
        head->status = static_cast<int>(parser.get().result_int());
        head->reason = std::string(parser.get().reason());
      });
}

Result<std::string> WriteRequestHead(const RequestHead& head) {
  if (!IsToken(head.method)) return InvalidArgument("an HTTP method is not a token");
  if (head.target.empty() || std::any_of(head.target.begin(), head.target.end(),
                                         [](char c) { return IsControl(c) || c == ' '; })) {
    return InvalidArgument("an HTTP request's target is empty or has a control character or blank");
  }
  std::string text =
      internal::Concat(head.method, " ", head.target, " HTTP/1.", head.minor_version, "\r\n");
  COLONNADE_RETURN_IF_ERROR(AppendHeaders(head.headers, &text));
  return text;
}

Result<std::string> WriteResponseHead(const ResponseHead& head) {
  if (head.status < 100 || head.status > 999) {
    return InvalidArgument("HTTP status ", head.status, "; it has three digits");
  }
  if (!IsValue(head.reason)) {
    return InvalidArgument("an HTTP response's reason has a control character");
  }
  std::string text =
      internal::Concat("HTTP/1.", head.minor_version, " ", head.status, " ", head.reason, "\r\n");
  COLONNADE_RETURN_IF_ERROR(AppendHeaders(head.headers, &text));
  return text;
}

std::string_view ReasonPhrase(int status) {
  if (status < 100 || status > 999) return {};
  const auto known = beast_http::int_to_status(static_cast<unsigned>(status));
  if (known == beast_http::status::unknown) return {};
  const auto phrase = beast_http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

}  // namespace colonnade::net
