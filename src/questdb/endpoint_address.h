// EndpointAddress: where a QuestDB server listens.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade::questdb {

inline constexpr uint16_t kDefaultPort = 9000;
inline constexpr size_t kMaxEndpoints = 1024;

struct EndpointAddress {
  std::string host;  // as written; an IPv6 address in its shortest form, without brackets
  uint16_t port = kDefaultPort;

  /// "host:port", "[::1]:port".
  std::string ToString() const;
  bool operator==(const EndpointAddress&) const = default;
};

/// The addresses of a list "host[:port],[ipv6]:port,...", in its order.
///
/// \error InvalidArgument says what is wrong with which address, counted from 1, and repeats only
///     what is a valid one: people put passwords into addresses. An empty item, a host with bytes
///     that no host has, a port outside 1..65535, credentials, an IPv6 address without brackets,
///     the same host and port twice (names compare without case), more than kMaxEndpoints.
Result<std::vector<EndpointAddress>> ParseEndpoints(std::string_view list);

}  // namespace colonnade::questdb
