#include "questdb/endpoint_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "net/stream.h"

namespace colonnade::questdb {
namespace {

constexpr size_t kMaxHostBytes = 253;  // RFC 1035, section 2.3.4, as text

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

Result<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stop != end || port == 0) {
    return InvalidArgument("the port must be a whole number from 1 to 65535");
  }
  return port;
}

// Two spellings of one address would count as two endpoints.
Result<std::string> ShortestForm(std::string_view text) {
  in6_addr address;
  char shortest[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1 ||
      text.find('\0') != std::string_view::npos ||
      inet_ntop(AF_INET6, &address, shortest, sizeof(shortest)) == nullptr) {
    return InvalidArgument("what stands in brackets is no IPv6 address");
  }
  return std::string(shortest);
}

Result<EndpointAddress> ParseAddress(std::string_view text) {
  if (text.empty()) return InvalidArgument("it is empty");
  if (text.find('@') != std::string_view::npos) {
    return InvalidArgument(
        "credentials do not belong into an address: use username and password, or token");
  }
  EndpointAddress address;
  std::string_view port;
  bool has_port = false;
  if (text.front() == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return InvalidArgument("']' is missing");
    COLONNADE_ASSIGN_OR_RETURN(address.host, ShortestForm(text.substr(1, close - 1)));
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return InvalidArgument("only a port may follow ']', as in [::1]:9000");
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const size_t colon = text.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return InvalidArgument("an IPv6 address stands in brackets, as in [::1]:9000");
    }
    const std::string_view host = text.substr(0, colon);
    if (host.empty()) return InvalidArgument("the host is missing");
    if (host.size() > kMaxHostBytes) {
      return InvalidArgument("the host has ", host.size(), " bytes; at most ", kMaxHostBytes,
                             " are possible");
    }
    if (!std::all_of(host.begin(), host.end(), IsHostByte)) {
      return InvalidArgument(
          "a host is made of letters, digits, '.', '-' and '_' (one in another script of its "
          "xn-- form)");
    }
    address.host = host;
  }
  if (has_port) {
    COLONNADE_ASSIGN_OR_RETURN(address.port, ParsePort(port));
  }
  return address;
}

// Equal for addresses that are the same endpoint.
std::string Identity(const EndpointAddress& address) {
  std::string identity = address.ToString();
  for (char& c : identity) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return identity;
}

}  // namespace

std::string EndpointAddress::ToString() const { return net::HostPort(host, port); }

Result<std::vector<EndpointAddress>> ParseEndpoints(std::string_view list) {
  std::vector<EndpointAddress> endpoints;
  std::unordered_set<std::string> known;
  while (true) {
    const size_t number = endpoints.size() + 1;
    if (number > kMaxEndpoints) return InvalidArgument("more than ", kMaxEndpoints, " addresses");
    const size_t comma = list.find(',');
    Result<EndpointAddress> address = ParseAddress(list.substr(0, comma));
    if (!address.ok()) {
      return std::move(address).status().WithContext("address " + std::to_string(number));
    }
    if (!known.insert(Identity(*address)).second) {
      return InvalidArgument("address ", number, ": ", address->ToString(), " stands there twice");
    }
    endpoints.push_back(*std::move(address));
    if (comma == std::string_view::npos) return endpoints;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace colonnade::questdb
