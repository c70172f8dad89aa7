// FaultStream: a stream that fails when it was told to.

#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "net/stream.h"

namespace colonnade::questdb::endpoint {

/// Passes everything on to another stream, until. Not thread-safe.
class FaultStream final : public net::Stream {
 public:
  explicit FaultStream(std::unique_ptr<net::Stream> inner) : inner_(std::move(inner)) {}

  /// The connection breaks when so many bytes more have been received, or sent.
  void ResetAfterReceived(int64_t bytes) { receivable_ = bytes; }
  void ResetAfterSent(int64_t bytes) { sendable_ = bytes; }
  /// Everything behind so many bytes more is taken and never sent.
  void MuteAfter(int64_t bytes) { audible_ = bytes; }
  /// Makes the connection a broken one for both sides.
  void Break();

  Result<net::Transfer> TryRead(MutableBytes target) override;
  Result<net::Transfer> TryWrite(std::span<const Bytes> pieces) override;
  Result<net::Readiness> Wait(net::Interest interest, net::Deadline deadline,
                              net::Interrupt* interrupt) override;
  void ShutdownWrite() noexcept override;
  void ResetOnClose() noexcept override { inner_->ResetOnClose(); }
  const std::string& peer() const override { return inner_->peer(); }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  Status Broken() const;

  std::unique_ptr<net::Stream> inner_;
  int64_t receivable_ = kNever;
  int64_t sendable_ = kNever;
  int64_t audible_ = kNever;
  bool broken_ = false;
};

}  // namespace colonnade::questdb::endpoint
