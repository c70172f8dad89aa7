// ScriptedStream: a peer whose every byte is known beforehand.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/stream.h"

namespace colonnade::net {

/// Gives the bytes it was made with, then ends or has nothing more, and keeps what is written to
/// it. A wait that could never end fails with Timeout at once. Not thread-safe.
class ScriptedStream final : public Stream {
 public:
  enum class Then : uint8_t { kEnd, kSilence };

  explicit ScriptedStream(Bytes script, Then then = Then::kEnd)
      : script_(script.begin(), script.end()), then_(then) {}
  explicit ScriptedStream(std::string_view script, Then then = Then::kEnd)
      : ScriptedStream(std::as_bytes(std::span(script)), then) {}

  /// The most that one read gives.
  void set_most_read(size_t bytes) { most_read_ = bytes; }
  /// How many bytes are taken before there is no room left.
  void set_room(size_t bytes) { room_ = bytes; }
  /// Where what is written goes; it must outlive the stream, which tests often give away.
  void set_written(std::string* written) { written_ = written; }

  Result<Transfer> TryRead(MutableBytes target) override {
    const size_t count = std::min({target.size(), script_.size() - at_, most_read_});
    if (count == 0) return Transfer{0, !target.empty() && AtEnd()};
    std::memcpy(target.data(), script_.data() + at_, count);
    at_ += count;
    return Transfer{count, false};
  }

  Result<Transfer> TryWrite(std::span<const Bytes> pieces) override {
    Transfer transfer;
    for (const Bytes piece : pieces) {
      const size_t count = std::min(piece.size(), room_);
      if (written_ != nullptr) {
        written_->append(reinterpret_cast<const char*>(piece.data()), count);
      }
      room_ -= count;
      transfer.bytes += count;
    }
    return transfer;
  }

  Result<Readiness> Wait(Interest interest, Deadline, Interrupt* interrupt) override {
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled(peer_, ": interrupted");
    const Readiness ready{
        .readable = Includes(interest, Interest::kRead) && (at_ < script_.size() || AtEnd()),
        .writable = Includes(interest, Interest::kWrite) && room_ > 0};
    if (!ready.readable && !ready.writable) return Timeout(peer_, ": timed out");
    return ready;
  }

  void ShutdownWrite() noexcept override {}
  const std::string& peer() const override { return peer_; }

 private:
  bool AtEnd() const { return at_ == script_.size() && then_ == Then::kEnd; }

  std::vector<std::byte> script_;
  Then then_;
  size_t at_ = 0;
  size_t most_read_ = std::numeric_limits<size_t>::max();
  size_t room_ = std::numeric_limits<size_t>::max();
  std::string* written_ = nullptr;
  std::string peer_ = "peer:9000";
};

}  // namespace colonnade::net
