#include "base/status.h"

#include <cassert>

namespace colonnade {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return "OK";
    case StatusCode::kInvalidArgument: return "InvalidArgument";
    case StatusCode::kNotFound: return "NotFound";
    case StatusCode::kAlreadyExists: return "AlreadyExists";
    case StatusCode::kInvalidState: return "InvalidState";
    case StatusCode::kUnsupported: return "Unsupported";
    case StatusCode::kInvalidData: return "InvalidData";
    case StatusCode::kUnauthenticated: return "Unauthenticated";
    case StatusCode::kPermissionDenied: return "PermissionDenied";
    case StatusCode::kCancelled: return "Cancelled";
    case StatusCode::kTimeout: return "Timeout";
    case StatusCode::kLimitExceeded: return "LimitExceeded";
    case StatusCode::kUnavailable: return "Unavailable";
    case StatusCode::kProtocolError: return "ProtocolError";
    case StatusCode::kIo: return "Io";
    case StatusCode::kInternal: return "Internal";
  }
  return "Unknown";
}

Status::Status(StatusCode code, std::string message, Recovery recovery)
    : failure_(std::make_unique<Failure>(Failure{code, recovery, std::move(message)})) {
  assert(code != StatusCode::kOk);
  if (code == StatusCode::kOk) failure_->code = StatusCode::kInternal;
}

Status::Status(const Status& other)
    : failure_(other.failure_ ? std::make_unique<Failure>(*other.failure_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) {
    failure_ = other.failure_ ? std::make_unique<Failure>(*other.failure_) : nullptr;
  }
  return *this;
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  std::string text(StatusCodeName(code()));
  text += ": ";
  text += message();
  return text;
}

Status Status::WithContext(std::string_view context) && {
  if (!ok()) failure_->message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Status Status::WithContext(std::string_view context) const& {
  return Status(*this).WithContext(context);
}

Status Status::WithCause(uint64_t cause) && {
  if (!ok()) failure_->cause = cause;
  return std::move(*this);
}

Status Status::WithUnknownName(std::string name) && {
  if (!ok()) failure_->unknown_name = std::move(name);
  return std::move(*this);
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << status.ToString();
}

}  // namespace colonnade
