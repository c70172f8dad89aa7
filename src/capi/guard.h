// The edge of the C interface: arguments are checked, and every way of leaving a call becomes a
// colonnade_error.

#pragma once

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "colonnade/error.h"

/// What colonnade/error.h hands out. Never OK.
struct colonnade_error {
  colonnade::Status status;
};

namespace colonnade::capi {

/// A failure for the caller to free; null for OK.
colonnade_error* Own(Status status);

/// Failures that are always there and never freed: for when there is no memory for one, and for
/// exceptions of no known type.
colonnade_error* OutOfMemory() noexcept;
colonnade_error* UnknownFailure() noexcept;

/// Takes a failure out of its handle and frees that; OK for null.
Status Disown(colonnade_error* error);

/// Checks the arguments of one call. Messages name the function and the parameter.
class Arguments {
 public:
  explicit Arguments(std::string_view function) : function_(function) {}

  /// \error InvalidArgument if `pointer` is null.
  Status Given(const void* pointer, std::string_view parameter) const;

  /// Text without NUL, such as SQL, a name or a path.
  ///
  /// \error InvalidArgument if it is null, not UTF-8 or contains a NUL.
  Result<std::string_view> Text(const char* data, size_t size, std::string_view parameter) const;

  /// Text that may contain NUL.
  Result<std::string_view> Value(const char* data, size_t size, std::string_view parameter) const;

  /// Copies a caller's options over the defaults in `*options`; null leaves them. `first_size` is
  /// the size that the struct had in the first release.
  ///
  /// \error InvalidArgument for a size that no release had; Unsupported if members that this
  /// release does not know are set.
  template <typename Options>
  Status ReadOptions(const Options* given, size_t first_size, std::string_view parameter,
                     Options* options) const {
    if (given == nullptr) return {};
    COLONNADE_RETURN_IF_ERROR(
        CheckOptions(given, given->struct_size, first_size, sizeof(Options), parameter));
    std::memcpy(options, given,
                given->struct_size < sizeof(Options) ? given->struct_size : sizeof(Options));
    return {};
  }

  /// InvalidArgument("function: " and the parts).
  template <typename... Parts>
  Status Wrong(const Parts&... parts) const {
    return InvalidArgument(function_, ": ", parts...);
  }

 private:
  Status CheckOptions(const void* given, size_t size, size_t first_size, size_t known_size,
                      std::string_view parameter) const;

  std::string_view function_;
};

/// Runs the body of an entry point, `Status body(const Arguments&)`. No exception leaves it.
template <typename Body>
colonnade_error* Guard(const char* function, Body&& body) noexcept {
  try {
    try {
      return Own(body(Arguments(function)));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      return Own(Internal(function, ": ", e.what()));  // may itself run out of memory
    }
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (...) {
    return UnknownFailure();
  }
}

/// Text that a handle lends out.
inline const char* Lend(std::string_view text, size_t* size) {
  if (size != nullptr) *size = text.size();
  return text.data();
}

/// The answer of an accessor that has none.
inline const char* LendNothing(size_t* size) {
  if (size != nullptr) *size = 0;
  return nullptr;
}

}  // namespace colonnade::capi
