#include "questdb/endpoint/fault_stream.h"

#include <algorithm>
#include <array>
#include <utility>

namespace colonnade::questdb::endpoint {
namespace {

constexpr size_t kMostPieces = 64;

}  // namespace

void FaultStream::Break() {
  if (broken_) return;
  broken_ = true;
  inner_->ResetOnClose();
}

Status FaultStream::Broken() const { return net::ConnectionLost(peer(), "broken on purpose"); }

Result<net::Transfer> FaultStream::TryRead(MutableBytes target) {
  if (receivable_ <= 0) Break();
  if (broken_) return Broken();
  const auto most = static_cast<uint64_t>(receivable_);
  auto transfer =
      inner_->TryRead(target.first(static_cast<size_t>(std::min<uint64_t>(target.size(), most))));
  if (transfer.ok() && receivable_ != kNever) {
    receivable_ -= static_cast<int64_t>(transfer->bytes);
  }
  return transfer;
}

Result<net::Transfer> FaultStream::TryWrite(std::span<const Bytes> pieces) {
  if (sendable_ <= 0 || receivable_ <= 0) Break();
  if (broken_) return Broken();
  const int64_t most = std::min(sendable_, audible_);
  std::array<Bytes, kMostPieces> passed;
  size_t count = 0;
  int64_t room = most;
  size_t offered = 0;
  for (const Bytes piece : pieces) {
    offered += piece.size();
    if (room == 0 || count == passed.size()) continue;
    const Bytes part = piece.first(
        static_cast<size_t>(std::min<uint64_t>(piece.size(), static_cast<uint64_t>(room))));
    if (part.empty()) continue;
    passed[count++] = part;
    if (room != kNever) room -= static_cast<int64_t>(part.size());
  }
  if (count == 0) return net::Transfer{audible_ == 0 ? offered : 0, false};
  auto transfer = inner_->TryWrite(std::span<const Bytes>(passed.data(), count));
  if (!transfer.ok()) return transfer;
  const auto written = static_cast<int64_t>(transfer->bytes);
  if (sendable_ != kNever) sendable_ -= written;
  if (audible_ != kNever) audible_ -= written;
  return transfer;
}

Result<net::Readiness> FaultStream::Wait(net::Interest interest, net::Deadline deadline,
                                         net::Interrupt* interrupt) {
  // The attempt that follows says why.
  if (broken_ || receivable_ <= 0 || sendable_ <= 0) {
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled(peer(), ": interrupted");
    return net::Readiness{.readable = net::Includes(interest, net::Interest::kRead),
                          .writable = net::Includes(interest, net::Interest::kWrite)};
  }
  return inner_->Wait(interest, deadline, interrupt);
}

void FaultStream::ShutdownWrite() noexcept {
  if (!broken_ && audible_ > 0) inner_->ShutdownWrite();
}

}  // namespace colonnade::questdb::endpoint
