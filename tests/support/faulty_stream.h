// FaultyStream: a stream that breaks where a test wants it to.

#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/stream.h"

namespace colonnade::net {

struct StreamFaults {
  enum class Kind : uint8_t {
    kError,  // this operation and all after it fail
    kEnd,    // the peer is gone: reads end, writes fail
  };
  Kind kind = Kind::kError;
  /// The operation (TryRead, TryWrite, Wait), counted from zero, at which it begins; none if
  /// negative.
  int64_t at = -1;
  /// The most that one transfer moves.
  size_t most_bytes = std::numeric_limits<size_t>::max();
  /// Of `stutter` + 1 reads only the last gets through, and the same of writes; the others would
  /// block, and the wait after them says at once that the stream is ready.
  int stutter = 0;
};

/// Not thread-safe.
class FaultyStream final : public Stream {
 public:
  FaultyStream(std::unique_ptr<Stream> inner, const StreamFaults& faults)
      : inner_(std::move(inner)), faults_(faults) {}

  int64_t operations() const { return operations_; }

  Result<Transfer> TryRead(MutableBytes target) override {
    if (Broken()) {
      if (faults_.kind == StreamFaults::Kind::kEnd) return Transfer{0, !target.empty()};
      return Injected();
    }
    if (Stutters(reads_held_)) return Transfer{};
    return inner_->TryRead(target.first(std::min(target.size(), faults_.most_bytes)));
  }

  Result<Transfer> TryWrite(std::span<const Bytes> pieces) override {
    if (Broken()) return Injected();
    if (Stutters(writes_held_)) return Transfer{};
    std::vector<Bytes> some;
    size_t left = faults_.most_bytes;
    for (const Bytes piece : pieces) {
      some.push_back(piece.first(std::min(piece.size(), left)));
      left -= some.back().size();
    }
    return inner_->TryWrite(some);
  }

  Result<Readiness> Wait(Interest interest, Deadline deadline, Interrupt* interrupt) override {
    if (Broken()) {
      if (faults_.kind == StreamFaults::Kind::kEnd) return Readiness{true, true};
      return Injected();
    }
    const Readiness held{.readable = Includes(interest, Interest::kRead) && reads_held_ > 0,
                         .writable = Includes(interest, Interest::kWrite) && writes_held_ > 0};
    if (held.readable || held.writable) {
      if (interrupt != nullptr && interrupt->is_set()) return Cancelled(peer(), ": interrupted");
      return held;
    }
    return inner_->Wait(interest, deadline, interrupt);
  }

  void ShutdownWrite() noexcept override { inner_->ShutdownWrite(); }
  const std::string& peer() const override { return inner_->peer(); }

 private:
  bool Broken() {
    const int64_t operation = operations_++;
    return faults_.at >= 0 && operation >= faults_.at;
  }
  bool Stutters(int& held) const {
    if (held < faults_.stutter) {
      ++held;
      return true;
    }
    held = 0;
    return false;
  }
  Status Injected() const { return ConnectionLost(peer(), "injected fault"); }

  std::unique_ptr<Stream> inner_;
  StreamFaults faults_;
  int64_t operations_ = 0;
  int reads_held_ = 0;
  int writes_held_ = 0;
};

}  // namespace colonnade::net
