#include "net/stream.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <system_error>

namespace colonnade::net {
namespace {

// A peer that always has more must not keep an interrupt from being seen.
Status CheckInterrupt(const Stream& stream, const Interrupt* interrupt) {
  if (interrupt == nullptr || !interrupt->is_set()) return {};
  return Cancelled(stream.peer(), ": interrupted");
}

}  // namespace

Result<Transfer> Read(Stream& stream, MutableBytes target, Deadline deadline,
                      Interrupt* interrupt) {
  while (true) {
    COLONNADE_RETURN_IF_ERROR(CheckInterrupt(stream, interrupt));
    COLONNADE_ASSIGN_OR_RETURN(const Transfer transfer, stream.TryRead(target));
    if (transfer.bytes != 0 || transfer.end || target.empty()) return transfer;
    auto ready = stream.Wait(Interest::kRead, deadline, interrupt);
    if (!ready.ok()) return std::move(ready).status();
  }
}

Status ReadExactly(Stream& stream, MutableBytes target, Deadline deadline, Interrupt* interrupt) {
  size_t received = 0;
  while (received < target.size()) {
    COLONNADE_ASSIGN_OR_RETURN(const Transfer transfer,
                               Read(stream, target.subspan(received), deadline, interrupt));
    received += transfer.bytes;
    if (transfer.end && received < target.size()) {
      return ConnectionLost(stream.peer(), "the peer closed the connection after " +
                                               std::to_string(received) + " of " +
                                               std::to_string(target.size()) + " bytes");
    }
  }
  return {};
}

Status Write(Stream& stream, std::span<const Bytes> pieces, Deadline deadline,
             Interrupt* interrupt) {
  std::array<Bytes, 64> rest;
  assert(pieces.size() <= rest.size());
  if (pieces.size() > rest.size()) {
    return InvalidArgument("a write of ", pieces.size(), " pieces; at most ", rest.size());
  }
  std::copy(pieces.begin(), pieces.end(), rest.begin());
  size_t next = 0;
  while (true) {
    while (next < pieces.size() && rest[next].empty()) ++next;
    if (next == pieces.size()) return {};
    COLONNADE_RETURN_IF_ERROR(CheckInterrupt(stream, interrupt));
    COLONNADE_ASSIGN_OR_RETURN(
        const Transfer transfer,
        stream.TryWrite(std::span<const Bytes>(rest.data() + next, pieces.size() - next)));
    if (transfer.bytes == 0) {
      auto ready = stream.Wait(Interest::kWrite, deadline, interrupt);
      if (!ready.ok()) return std::move(ready).status();
      continue;
    }
    size_t taken = transfer.bytes;
    while (taken != 0) {
      const size_t part = std::min(taken, rest[next].size());
      rest[next] = rest[next].subspan(part);
      taken -= part;
      if (rest[next].empty()) ++next;
    }
  }
}

Status Write(Stream& stream, Bytes bytes, Deadline deadline, Interrupt* interrupt) {
  return Write(stream, std::span<const Bytes>(&bytes, 1), deadline, interrupt);
}

std::string HostPort(std::string_view host, uint16_t port) {
  const bool bracketed = host.find(':') != std::string_view::npos;
  std::string text;
  if (bracketed) text += '[';
  text += host;
  if (bracketed) text += ']';
  text += ':';
  text += std::to_string(port);
  return text;
}

Status ConnectionLost(std::string_view context, std::string_view text) {
  return Status(StatusCode::kUnavailable, internal::Concat(context, ": ", text),
                Recovery::kReconnect);
}

Status ConnectionLost(std::string_view context, int error) {
  return ConnectionLost(context, std::generic_category().message(error));
}

}  // namespace colonnade::net
