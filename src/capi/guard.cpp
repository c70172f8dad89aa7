#include "capi/guard.h"

#include <algorithm>
#include <memory>

#include "base/utf8.h"
#include "colonnade/abi.h"

namespace colonnade::capi {
namespace {

// Larger than any options struct will ever be: what claims to be larger is not one.
constexpr size_t kMaxOptionsSize = 4096;

// Made when the library is loaded, and never freed: at the end of a program other threads may still
// hold them.
colonnade_error* const out_of_memory = new colonnade_error{LimitExceeded("out of memory")};
colonnade_error* const unknown_failure =
    new colonnade_error{Internal("an exception of an unknown type")};

}  // namespace

colonnade_error* Own(Status status) {
  return status.ok() ? nullptr : new colonnade_error{std::move(status)};
}

colonnade_error* OutOfMemory() noexcept { return out_of_memory; }
colonnade_error* UnknownFailure() noexcept { return unknown_failure; }

Status Disown(colonnade_error* error) {
  if (error == nullptr) return {};
  if (error == out_of_memory || error == unknown_failure) return error->status;
  const std::unique_ptr<colonnade_error> owner(error);
  return std::move(owner->status);
}

Status Arguments::Given(const void* pointer, std::string_view parameter) const {
  if (pointer == nullptr) return Wrong(parameter, " is NULL");
  return {};
}

Result<std::string_view> Arguments::Text(const char* data, size_t size,
                                         std::string_view parameter) const {
  COLONNADE_ASSIGN_OR_RETURN(const std::string_view text, Value(data, size, parameter));
  // SQL and paths end up in C strings further down, which would silently end here.
  if (const size_t at = text.find('\0'); at != std::string_view::npos)
    return Wrong(parameter, " contains a NUL, at byte ", at);
  return text;
}

Result<std::string_view> Arguments::Value(const char* data, size_t size,
                                          std::string_view parameter) const {
  COLONNADE_RETURN_IF_ERROR(Given(data, parameter));
  const std::string_view text(data, size == COLONNADE_TERMINATED ? std::strlen(data) : size);
  if (!IsUtf8MostlyAscii(text)) return Wrong(parameter, " is not UTF-8");
  return text;
}

Status Arguments::CheckOptions(const void* given, size_t size, size_t first_size, size_t known_size,
                               std::string_view parameter) const {
  if (size < first_size || size > kMaxOptionsSize) {
    return Wrong(parameter, "->struct_size is ", size, ", expected at least ", first_size,
                 "; start from the _INIT macro");
  }
  const auto* bytes = static_cast<const unsigned char*>(given);
  if (size > known_size &&
      std::any_of(bytes + known_size, bytes + size, [](unsigned char byte) { return byte != 0; })) {
    return Unsupported(function_, ": ", parameter, " sets members that version ",
                       colonnade_version(nullptr), " does not have");
  }
  return {};
}

}  // namespace colonnade::capi
