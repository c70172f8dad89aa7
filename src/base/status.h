// Status and Result: how every fallible function of this project reports failure.
//
// Nothing under src/ throws across a folder wall. A Status says what happened (StatusCode, for
// people and exception types) and what the caller may do next (Recovery, for loops). Context is
// added on the way out, outermost first: `table "air": variable t2m: chunk c/3/0/1: ...`.

#pragma once

#include <cstdint>
#include <locale>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace colonnade {

/// What happened. Numbers are append-only.
enum class StatusCode : uint8_t {
  kOk = 0,
  kInvalidArgument = 1,
  kNotFound = 2,
  kAlreadyExists = 3,
  kInvalidState = 4,
  kUnsupported = 5,
  kInvalidData = 6,
  kUnauthenticated = 7,
  kPermissionDenied = 8,
  kCancelled = 9,
  kTimeout = 10,
  kLimitExceeded = 11,
  kUnavailable = 12,
  kProtocolError = 13,
  kIo = 14,
  kInternal = 15,
};

/// What the caller may do next. Set where the error is made, never inferred from text.
enum class Recovery : uint8_t {
  kNone,       // the same call will fail the same way
  kRetry,      // repeat after a back-off; nothing was applied
  kReconnect,  // repeat on a new connection; nothing was applied
  kResend,     // outcome unknown: re-drive from the source of the data
};

/// Name of a code, e.g. "InvalidData".
std::string_view StatusCodeName(StatusCode code);

/// Outcome of an operation. OK is one null pointer; a failure owns its message.
class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  /// \pre `code != StatusCode::kOk`
  Status(StatusCode code, std::string message, Recovery recovery = Recovery::kNone);

  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return failure_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : failure_->code; }
  Recovery recovery() const { return ok() ? Recovery::kNone : failure_->recovery; }
  /// The message without the code; empty when OK.
  std::string_view message() const { return ok() ? std::string_view() : failure_->message; }
  /// A number that whoever made the failure gave it, 0 if none: code that calls out to a foreign
  /// language finds that language's own exception by it again.
  uint64_t cause() const { return ok() ? 0 : failure_->cause; }
  /// The name that nothing has, if that is the failure and its maker knew it apart from the text: a
  /// table that SQL refers to. Empty otherwise.
  std::string_view unknown_name() const {
    return ok() ? std::string_view() : failure_->unknown_name;
  }
  /// "InvalidData: message", or "OK".
  std::string ToString() const;

  /// The same failure with `context` and ": " before its message; OK stays OK.
  Status WithContext(std::string_view context) &&;
  Status WithContext(std::string_view context) const&;
  /// The same failure with a cause; OK stays OK.
  Status WithCause(uint64_t cause) &&;
  /// The same failure with the name that nothing has; OK stays OK.
  Status WithUnknownName(std::string name) &&;

 private:
  struct Failure {
    StatusCode code;
    Recovery recovery;
    std::string message;
    uint64_t cause = 0;
    std::string unknown_name;
  };
  std::unique_ptr<Failure> failure_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);

/// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  template <typename U>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Status> &&
             !std::is_same_v<std::decay_t<U>, Result<T>> && !std::is_same_v<std::decay_t<U>, T>)
  Result(U&& value) : value_(std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)
  /// \pre `!status.ok()`
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok())
      status_ = Status(StatusCode::kInternal, "a Result was made from an OK status");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const& { return status_; }
  Status status() && { return std::move(status_); }

  /// \pre `ok()`
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

namespace internal {
// int8_t and uint8_t are numbers here; streamed as they are they would put raw bytes into a
// message.
template <typename T>
decltype(auto) Printable(const T& value) {
  if constexpr (std::is_same_v<T, int8_t> || std::is_same_v<T, uint8_t>) {
    return static_cast<int>(value);
  } else {
    return (value);
  }
}

template <typename... Args>
std::string Concat(const Args&... args) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // an embedding program's locale would group digits
  (out << ... << Printable(args));
  return std::move(out).str();
}
}  // namespace internal

// One maker per code: InvalidArgument("dimension ", dim, ": extent ", extent).
#define COLONNADE_STATUS_MAKER(name)                               \
  template <typename... Args>                                      \
  Status name(const Args&... args) {                               \
    return Status(StatusCode::k##name, internal::Concat(args...)); \
  }
COLONNADE_STATUS_MAKER(InvalidArgument)
COLONNADE_STATUS_MAKER(NotFound)
COLONNADE_STATUS_MAKER(AlreadyExists)
COLONNADE_STATUS_MAKER(InvalidState)
COLONNADE_STATUS_MAKER(Unsupported)
COLONNADE_STATUS_MAKER(InvalidData)
COLONNADE_STATUS_MAKER(Unauthenticated)
COLONNADE_STATUS_MAKER(PermissionDenied)
COLONNADE_STATUS_MAKER(Cancelled)
COLONNADE_STATUS_MAKER(Timeout)
COLONNADE_STATUS_MAKER(LimitExceeded)
COLONNADE_STATUS_MAKER(Unavailable)
COLONNADE_STATUS_MAKER(ProtocolError)
COLONNADE_STATUS_MAKER(Io)
COLONNADE_STATUS_MAKER(Internal)
#undef COLONNADE_STATUS_MAKER

}  // namespace colonnade

#define COLONNADE_CONCAT_INNER(a, b) a##b
#define COLONNADE_CONCAT(a, b) COLONNADE_CONCAT_INNER(a, b)

/// Returns the Status of `expression` from the enclosing function unless it is OK.
#define COLONNADE_RETURN_IF_ERROR(expression)   \
  do {                                          \
    ::colonnade::Status _status = (expression); \
    if (!_status.ok()) return _status;          \
  } while (false)

/// COLONNADE_ASSIGN_OR_RETURN(auto x, Make()): declares or assigns x, or returns the failure.
#define COLONNADE_ASSIGN_OR_RETURN(target, expression) \
  COLONNADE_ASSIGN_OR_RETURN_INNER(COLONNADE_CONCAT(_result_, __LINE__), target, expression)
#define COLONNADE_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                        \
  if (!result.ok()) return std::move(result).status();               \
  target = *std::move(result)
