#include "capi/kept_stream.h"

#include <utility>

namespace colonnade::capi {
namespace {

// What private_data points to. The stream goes first, then what it needed.
struct Kept {
  std::shared_ptr<const void> owner;
  std::shared_ptr<const Status> failure;
  arrow::ArrayStream stream;
};

Kept& KeptOf(ArrowArrayStream* stream) { return *static_cast<Kept*>(stream->private_data); }

int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
  Kept& kept = KeptOf(stream);
  return kept.stream->get_schema(kept.stream.get(), out);
}

int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
  Kept& kept = KeptOf(stream);
  return kept.stream->get_next(kept.stream.get(), out);
}

const char* GetLastError(ArrowArrayStream* stream) {
  Kept& kept = KeptOf(stream);
  return kept.stream->get_last_error == nullptr ? nullptr
                                                : kept.stream->get_last_error(kept.stream.get());
}

void Release(ArrowArrayStream* stream) {
  const std::unique_ptr<Kept> kept(&KeptOf(stream));
  stream->private_data = nullptr;
  stream->release = nullptr;
}

}  // namespace

arrow::ArrayStream KeepAlive(arrow::ArrayStream stream, std::shared_ptr<const void> owner,
                             std::shared_ptr<const Status> failure) {
  auto kept = std::make_unique<Kept>();
  kept->owner = std::move(owner);
  kept->failure = std::move(failure);
  kept->stream = std::move(stream);
  arrow::ArrayStream made;
  *made.out() = ArrowArrayStream{GetSchema, GetNext, GetLastError, Release, kept.release()};
  return made;
}

Status FailureOf(ArrowArrayStream* stream) {
  Kept& kept = KeptOf(stream);
  if (kept.failure != nullptr && !kept.failure->ok()) return *kept.failure;
  // A stream that ran out of memory may have had none to say why.
  if (const char* text = GetLastError(stream); text != nullptr) return LimitExceeded(text);
  return {};
}

bool IsKept(const ArrowArrayStream* stream) { return stream->release == Release; }

}  // namespace colonnade::capi
