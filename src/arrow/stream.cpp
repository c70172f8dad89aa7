#include "arrow/stream.h"

#include <nanoarrow/nanoarrow.h>

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/validate.h"

namespace colonnade::arrow {
namespace {

int ErrnoOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return 0;
    case StatusCode::kCancelled: return ECANCELED;
    case StatusCode::kLimitExceeded: return ENOMEM;
    case StatusCode::kNotFound: return ENOENT;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated: return EACCES;
    case StatusCode::kTimeout: return ETIMEDOUT;
    case StatusCode::kUnsupported: return ENOTSUP;
    case StatusCode::kInvalidArgument:
    case StatusCode::kAlreadyExists:
    case StatusCode::kInvalidState: return EINVAL;
    default: return EIO;
  }
}

StatusCode CodeOf(int error) {
  switch (error) {
    case ECANCELED: return StatusCode::kCancelled;
    case ENOMEM: return StatusCode::kLimitExceeded;
    case ENOENT: return StatusCode::kNotFound;
    case EACCES:
    case EPERM: return StatusCode::kPermissionDenied;
    case ETIMEDOUT: return StatusCode::kTimeout;
    case ENOTSUP: return StatusCode::kUnsupported;
    case EINVAL: return StatusCode::kInvalidArgument;
    default: return StatusCode::kIo;
  }
}

// What private_data of a stream points to.
struct StreamState {
  std::unique_ptr<BatchSource> source;
  int error = 0;        // of the first failure
  std::string message;  // its text, kept because callers hold the pointer
  Status failure;       // what C++ readers of the stream get instead (FailureOf)
  bool finished = false;

  // Keeps the first failure and says it again from then on. No exception may reach C.
  template <typename Body>
  int Guard(Body&& body) noexcept {
    if (error == 0) {
      try {
        failure = body();
        error = ErrnoOf(failure.code());
        if (!failure.ok()) message = failure.ToString();
      } catch (const std::bad_alloc&) {
        error = ENOMEM;
      } catch (const std::exception&) {
        error = EIO;
      }
      if (error != 0) source.reset();  // nothing more will be asked of it
    }
    return error;
  }
};

StreamState& StateOf(ArrowArrayStream* stream) {
  return *static_cast<StreamState*>(stream->private_data);
}

int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
  StreamState& state = StateOf(stream);
  return state.Guard([&]() -> Status {
    COLONNADE_ASSIGN_OR_RETURN(Schema schema, state.source->GetSchema());
    schema.MoveTo(out);
    return Status();
  });
}

int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
  StreamState& state = StateOf(stream);
  return state.Guard([&]() -> Status {
    *out = ArrowArray{};
    if (state.finished) return Status();
    COLONNADE_ASSIGN_OR_RETURN(std::optional<Array> batch, state.source->Next());
    if (batch.has_value()) {
      batch->MoveTo(out);
    } else {
      state.finished = true;
    }
    return Status();
  });
}

const char* GetLastError(ArrowArrayStream* stream) {
  const StreamState& state = StateOf(stream);
  if (state.error == 0) return nullptr;
  return state.message.empty() ? "out of memory" : state.message.c_str();
}

void Release(ArrowArrayStream* stream) {
  delete static_cast<StreamState*>(stream->private_data);
  stream->private_data = nullptr;
  stream->release = nullptr;
}

class MemorySource final : public BatchSource {
 public:
  MemorySource(Schema schema, std::vector<Array> batches)
      : schema_(std::move(schema)), batches_(std::move(batches)) {}

  Result<Schema> GetSchema() override { return CopySchema(*schema_.get()); }

  Result<std::optional<Array>> Next() override {
    if (next_ == batches_.size()) return std::optional<Array>();
    return std::optional<Array>(std::move(batches_[next_++]));
  }

 private:
  Schema schema_;
  std::vector<Array> batches_;
  size_t next_ = 0;
};

Status FailureOf(ArrowArrayStream* stream, int error) {
  // A stream made here kept more than errno and text can say.
  if (stream->release == &Release && !StateOf(stream).failure.ok()) return StateOf(stream).failure;
  const char* text = stream->get_last_error != nullptr ? stream->get_last_error(stream) : nullptr;
  return Status(CodeOf(error), text != nullptr && *text != '\0'
                                   ? std::string(text)
                                   : "an Arrow stream failed with error " + std::to_string(error));
}

}  // namespace

Result<Schema> CopySchema(const ArrowSchema& schema) {
  Schema copy;
  if (ArrowSchemaDeepCopy(&schema, copy.out()) != NANOARROW_OK)
    return LimitExceeded("out of memory copying a schema");
  return copy;
}

ArrayStream MakeStream(std::unique_ptr<BatchSource> source) {
  auto state = std::make_unique<StreamState>();
  state->source = std::move(source);
  ArrayStream stream;
  *stream.out() = ArrowArrayStream{GetSchema, GetNext, GetLastError, Release, state.release()};
  return stream;
}

ArrayStream MakeStream(Schema schema, std::vector<Array> batches) {
  return MakeStream(std::make_unique<MemorySource>(std::move(schema), std::move(batches)));
}

Result<StreamReader> StreamReader::Open(ArrayStream stream) {
  if (stream.empty()) return InvalidData("an Arrow stream has been released");
  if (stream->get_schema == nullptr || stream->get_next == nullptr)
    return InvalidData("an Arrow stream lacks a callback");
  Schema schema;
  if (const int error = stream->get_schema(stream.get(), schema.out()); error != 0) {
    *schema.out() = ArrowSchema{};  // what it holds after a failure is not defined
    return FailureOf(stream.get(), error);
  }
  COLONNADE_RETURN_IF_ERROR(ValidateSchema(schema.get()));
  if (std::string_view(schema->format) != "+s")
    return InvalidData("an Arrow stream of format ", schema->format, " has no columns");
  return StreamReader(std::move(stream), std::move(schema));
}

Result<std::optional<Array>> StreamReader::Next() {
  if (finished_) return std::optional<Array>();
  Array batch;
  if (const int error = stream_->get_next(stream_.get(), batch.out()); error != 0) {
    *batch.out() = ArrowArray{};
    return FailureOf(stream_.get(), error);
  }
  if (batch.empty()) {
    finished_ = true;
    return std::optional<Array>();
  }
  COLONNADE_RETURN_IF_ERROR(ValidateArray(schema_.get(), batch.get()));
  return std::optional<Array>(std::move(batch));
}

}  // namespace colonnade::arrow
