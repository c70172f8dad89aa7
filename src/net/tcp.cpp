#include "net/tcp.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>

namespace colonnade::net {
namespace {

std::string ErrorText(int error) { return std::generic_category().message(error); }

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// The one place where this folder waits: for events on a descriptor, a deadline, an interrupt.
Result<short> Poll(int descriptor, short events, Deadline deadline, Interrupt* interrupt,
                   std::string_view context) {
  while (true) {
    std::array<pollfd, 2> watched = {{
        {descriptor, events, 0},
        {interrupt != nullptr ? interrupt->descriptor() : -1, POLLIN, 0},
    }};
    const int count = poll(watched.data(), watched.size(), deadline.poll_timeout());
    if (count < 0) {
      if (errno == EINTR) continue;
      return Io(context, ": cannot wait: ", ErrorText(errno));
    }
    if (watched[1].revents != 0) return Cancelled(context, ": interrupted");
    if (watched[0].revents != 0) return watched[0].revents;
    // poll counts in milliseconds of another clock: only the deadline knows.
    if (deadline.expired()) return Timeout(context, ": timed out");
  }
}

class SocketStream final : public Stream {
 public:
  SocketStream(Descriptor socket, std::string peer)
      : socket_(std::move(socket)), peer_(std::move(peer)) {}

  Result<Transfer> TryRead(MutableBytes target) override {
    if (target.empty()) return Transfer{};
    while (true) {
      const ssize_t count = recv(socket_.get(), target.data(), target.size(), MSG_DONTWAIT);
      if (count > 0) return Transfer{static_cast<size_t>(count), false};
      if (count == 0) return Transfer{0, true};
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Transfer{};
      if (errno != EINTR) return ConnectionLost(peer_, errno);
    }
  }

  Result<Transfer> TryWrite(std::span<const Bytes> pieces) override {
    std::array<iovec, 64> vectors;
    size_t used = 0;
    for (const Bytes piece : pieces) {
      if (piece.empty()) continue;
      if (used == vectors.size()) break;
      vectors[used++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    }
    if (used == 0) return Transfer{};
    msghdr message = {};
    message.msg_iov = vectors.data();
    message.msg_iovlen = used;
    while (true) {
      const ssize_t count = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) return Transfer{static_cast<size_t>(count), false};
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Transfer{};
      if (errno != EINTR) return ConnectionLost(peer_, errno);
    }
  }

  Result<Readiness> Wait(Interest interest, Deadline deadline, Interrupt* interrupt) override {
    short events = 0;
    if (Includes(interest, Interest::kRead)) events |= POLLIN;
    if (Includes(interest, Interest::kWrite)) events |= POLLOUT;
    COLONNADE_ASSIGN_OR_RETURN(const short seen,
                               Poll(socket_.get(), events, deadline, interrupt, peer_));
    constexpr short kBroken = POLLERR | POLLHUP | POLLNVAL;
    return Readiness{
        .readable = Includes(interest, Interest::kRead) && (seen & (POLLIN | kBroken)) != 0,
        .writable = Includes(interest, Interest::kWrite) && (seen & (POLLOUT | kBroken)) != 0};
  }

  void ShutdownWrite() noexcept override { shutdown(socket_.get(), SHUT_WR); }

  void ResetOnClose() noexcept override {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    static_cast<void>(setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
  }

  const std::string& peer() const override { return peer_; }

 private:
  Descriptor socket_;
  std::string peer_;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

int Resolve(const std::string& host, uint16_t port, int flags, Addresses* addresses) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  addresses->reset(error == 0 ? list : nullptr);
  return error;
}

Status CannotResolve(const std::string& endpoint, int error, int system_error) {
  return ConnectionLost(endpoint,
                        std::string("cannot find the host: ") +
                            (error == EAI_SYSTEM ? ErrorText(system_error) : gai_strerror(error)));
}

// A name is looked up in a thread of its own, because the system's call can be neither bounded nor
// interrupted. The thread outlives a caller that gives up; what it works on is shared.
struct Lookup {
  std::string host;
  uint16_t port = 0;
  std::unique_ptr<Interrupt> done;
  Addresses addresses;
  int error = 0;
  int system_error = 0;

  void Run() {
    error = Resolve(host, port, 0, &addresses);
    system_error = errno;
  }
};

Result<Addresses> FindAddresses(const std::string& host, uint16_t port, const std::string& endpoint,
                                Deadline deadline, Interrupt* interrupt) {
  Addresses addresses;
  if (Resolve(host, port, AI_NUMERICHOST, &addresses) == 0) return addresses;
  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = port;
  if (deadline.never() && interrupt == nullptr) {
    lookup->Run();
  } else {
    COLONNADE_ASSIGN_OR_RETURN(lookup->done, Interrupt::Create());
    try {
      std::thread([lookup] {
        lookup->Run();
        lookup->done->Set();
      }).detach();
    } catch (const std::system_error& e) {
      return Io(endpoint, ": cannot start a thread to find the host: ", e.what());
    }
    while (!lookup->done->is_set()) {  // which also makes its results visible
      const auto waited = Poll(lookup->done->descriptor(), POLLIN, deadline, interrupt, endpoint);
      if (!waited.ok()) return waited.status().WithContext("while finding the host");
    }
  }
  if (lookup->error != 0) return CannotResolve(endpoint, lookup->error, lookup->system_error);
  return std::move(lookup->addresses);
}

std::string AddressText(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host;
  std::array<char, NI_MAXSERV> port;
  if (getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown address";
  }
  return HostPort(host.data(), static_cast<uint16_t>(std::strtoul(port.data(), nullptr, 10)));
}

// Buffers must be set before connecting or listening: they decide what windows are offered. That
// the system grants less than was asked for is no failure.
void Apply(const TcpOptions& options, int socket) {
  const auto set = [&](int level, int name, int value) {
    static_cast<void>(setsockopt(socket, level, name, &value, sizeof(value)));
  };
  if (options.no_delay) set(IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.send_buffer_bytes > 0) set(SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  if (options.receive_buffer_bytes > 0) set(SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
}

// Connects to one address. A Timeout or Cancelled comes back as it is, anything else as an errno.
Result<int> ConnectTo(const addrinfo& address, const TcpOptions& options, Deadline deadline,
                      Interrupt* interrupt, const std::string& endpoint, Descriptor* connected) {
  Descriptor socket_descriptor(
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (socket_descriptor.get() < 0) return errno;
  Apply(options, socket_descriptor.get());
  if (connect(socket_descriptor.get(), address.ai_addr, address.ai_addrlen) != 0) {
    // An interrupted connect goes on by itself.
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    const auto ready = Poll(socket_descriptor.get(), POLLOUT, deadline, interrupt, endpoint);
    if (!ready.ok()) return ready.status();
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket_descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    if (error != 0) return error;
  }
  *connected = std::move(socket_descriptor);
  return 0;
}

Status ConnectTimeout(const std::string& endpoint) {
  return Status(StatusCode::kTimeout, endpoint + ": timed out connecting", Recovery::kReconnect);
}

Status CheckHost(const std::string& host) {
  if (host.empty()) return InvalidArgument("a host name is empty");
  if (host.find('\0') != std::string::npos) {
    return InvalidArgument("a host name contains a zero byte");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Stream>> Connect(const std::string& host, uint16_t port,
                                        const TcpOptions& options, Deadline deadline,
                                        Interrupt* interrupt) {
  COLONNADE_RETURN_IF_ERROR(CheckHost(host));
  if (port == 0) return InvalidArgument("cannot connect to port 0 of ", host);
  std::string endpoint = HostPort(host, port);
  if (interrupt != nullptr && interrupt->is_set()) return Cancelled(endpoint, ": interrupted");
  auto addresses = FindAddresses(host, port, endpoint, deadline, interrupt);
  if (!addresses.ok()) {
    if (addresses.status().code() == StatusCode::kTimeout) return ConnectTimeout(endpoint);
    return std::move(addresses).status();
  }
  int left = 0;
  for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
    ++left;
  }
  const bool several = left > 1;
  std::string reasons;
  bool timed_out = false;
  for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
    // One address that swallows everything must not eat the time of the others.
    const Deadline share =
        deadline.never() || left == 1 ? deadline : Deadline::After(deadline.remaining() / left);
    --left;
    Descriptor connected(-1);
    const auto error = ConnectTo(*address, options, share, interrupt, endpoint, &connected);
    if (!error.ok() && error.status().code() != StatusCode::kTimeout) return error.status();
    if (error.ok() && *error == 0) {
      return std::make_unique<SocketStream>(std::move(connected), std::move(endpoint));
    }
    timed_out = !error.ok();
    if (!reasons.empty()) reasons += "; ";
    if (several) reasons += AddressText(address->ai_addr, address->ai_addrlen) + ": ";
    reasons += timed_out ? "timed out" : ErrorText(*error);
  }
  if (timed_out && !several) return ConnectTimeout(endpoint);
  if (timed_out) {
    return Status(StatusCode::kTimeout, endpoint + ": timed out connecting: " + reasons,
                  Recovery::kReconnect);
  }
  return ConnectionLost(endpoint, "cannot connect: " + reasons);
}

Listener::Listener(int descriptor, uint16_t port, std::string address, const TcpOptions& options)
    : descriptor_(descriptor), port_(port), address_(std::move(address)), options_(options) {}

Listener::~Listener() {
  if (descriptor_ >= 0) close(descriptor_);
}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      port_(other.port_),
      address_(std::move(other.address_)),
      options_(other.options_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(port_, other.port_);
  std::swap(address_, other.address_);
  std::swap(options_, other.options_);
  return *this;
}

Result<Listener> Listener::Bind(const std::string& host, uint16_t port, const TcpOptions& options) {
  COLONNADE_RETURN_IF_ERROR(CheckHost(host));
  const std::string endpoint = HostPort(host, port);
  Addresses addresses;
  if (const int error = Resolve(host, port, AI_PASSIVE, &addresses); error != 0) {
    return CannotResolve(endpoint, error, errno);
  }
  int error = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    Descriptor listening(
        socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (listening.get() < 0) {
      error = errno;
      continue;
    }
    const int on = 1;
    static_cast<void>(setsockopt(listening.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
    Apply(options, listening.get());
    sockaddr_storage bound = {};
    socklen_t size = sizeof(bound);
    if (bind(listening.get(), address->ai_addr, address->ai_addrlen) != 0 ||
        listen(listening.get(), SOMAXCONN) != 0 ||
        getsockname(listening.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
      error = errno;
      continue;
    }
    const uint16_t chosen =
        ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                          : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
    return Listener(listening.release(), chosen, HostPort(host, chosen), options);
  }
  return Unavailable(endpoint, ": cannot listen: ", ErrorText(error));
}

Result<std::unique_ptr<Stream>> Listener::Accept(Deadline deadline, Interrupt* interrupt) {
  while (true) {
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled(address_, ": interrupted");
    sockaddr_storage from = {};
    socklen_t size = sizeof(from);
    Descriptor accepted(accept4(descriptor_, reinterpret_cast<sockaddr*>(&from), &size,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.get() >= 0) {
      Apply(options_, accepted.get());
      std::string peer = AddressText(reinterpret_cast<sockaddr*>(&from), size);
      return std::make_unique<SocketStream>(std::move(accepted), std::move(peer));
    }
    switch (errno) {
      case EAGAIN: {
        // Another thread may take the connection that this one was woken for.
        const auto ready = Poll(descriptor_, POLLIN, deadline, interrupt, address_);
        if (!ready.ok()) return ready.status();
        break;
      }
      // The connection is gone again, or its network is: the next one may be there already.
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENETUNREACH:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case ENOPROTOOPT: break;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Status(StatusCode::kUnavailable,
                      address_ + ": cannot accept a connection: " + ErrorText(errno),
                      Recovery::kRetry);
      default: return Io(address_, ": cannot accept a connection: ", ErrorText(errno));
    }
  }
}

Result<std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>> LocalPair(
    const std::string& name) {
  std::array<int, 2> ends;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Io("cannot make a pair of local sockets: ", ErrorText(errno));
  }
  Descriptor first(ends[0]);
  Descriptor second(ends[1]);
  std::unique_ptr<Stream> a = std::make_unique<SocketStream>(std::move(first), name);
  std::unique_ptr<Stream> b = std::make_unique<SocketStream>(std::move(second), name);
  return std::pair(std::move(a), std::move(b));
}

}  // namespace colonnade::net
