// colonnade/error.h and colonnade/abi.h.

#include "colonnade/error.h"

#include <string>

#include "base/status.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "colonnade/abi.h"
#include "engine/engine.h"

using colonnade::Recovery;
using colonnade::Status;
using colonnade::StatusCode;
using colonnade::capi::Arguments;
using colonnade::capi::Guard;
using colonnade::capi::Lend;
using colonnade::capi::LendNothing;

static_assert(COLONNADE_OK == static_cast<int>(StatusCode::kOk));
static_assert(COLONNADE_INVALID_ARGUMENT == static_cast<int>(StatusCode::kInvalidArgument));
static_assert(COLONNADE_NOT_FOUND == static_cast<int>(StatusCode::kNotFound));
static_assert(COLONNADE_ALREADY_EXISTS == static_cast<int>(StatusCode::kAlreadyExists));
static_assert(COLONNADE_INVALID_STATE == static_cast<int>(StatusCode::kInvalidState));
static_assert(COLONNADE_UNSUPPORTED == static_cast<int>(StatusCode::kUnsupported));
static_assert(COLONNADE_INVALID_DATA == static_cast<int>(StatusCode::kInvalidData));
static_assert(COLONNADE_UNAUTHENTICATED == static_cast<int>(StatusCode::kUnauthenticated));
static_assert(COLONNADE_PERMISSION_DENIED == static_cast<int>(StatusCode::kPermissionDenied));
static_assert(COLONNADE_CANCELLED == static_cast<int>(StatusCode::kCancelled));
static_assert(COLONNADE_TIMEOUT == static_cast<int>(StatusCode::kTimeout));
static_assert(COLONNADE_LIMIT_EXCEEDED == static_cast<int>(StatusCode::kLimitExceeded));
static_assert(COLONNADE_UNAVAILABLE == static_cast<int>(StatusCode::kUnavailable));
static_assert(COLONNADE_PROTOCOL_ERROR == static_cast<int>(StatusCode::kProtocolError));
static_assert(COLONNADE_IO == static_cast<int>(StatusCode::kIo));
static_assert(COLONNADE_INTERNAL == static_cast<int>(StatusCode::kInternal));
static_assert(COLONNADE_RECOVERY_NONE == static_cast<int>(Recovery::kNone));
static_assert(COLONNADE_RECOVERY_RETRY == static_cast<int>(Recovery::kRetry));
static_assert(COLONNADE_RECOVERY_RECONNECT == static_cast<int>(Recovery::kReconnect));
static_assert(COLONNADE_RECOVERY_RESEND == static_cast<int>(Recovery::kResend));

extern "C" {

const char* colonnade_version(size_t* size) { return Lend(COLONNADE_VERSION, size); }

const char* colonnade_engine_version(size_t* size) {
  // Never freed: valid for ever.
  static const std::string* const version = new std::string(colonnade::engine::LibraryVersion());
  return Lend(*version, size);
}

const char* colonnade_text_data(const colonnade_text* text, size_t* size) {
  return text == nullptr ? LendNothing(size) : Lend(text->text, size);
}

void colonnade_text_free(colonnade_text* text) { delete text; }

colonnade_error* colonnade_error_new(int32_t code, int32_t recovery, const char* message,
                                     size_t message_size) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    if (code <= COLONNADE_OK || code > COLONNADE_INTERNAL)
      return arguments.Wrong("code is ", code, ", which is no error");
    if (recovery < COLONNADE_RECOVERY_NONE || recovery > COLONNADE_RECOVERY_RESEND)
      return arguments.Wrong("recovery is ", recovery, ", which is none");
    COLONNADE_ASSIGN_OR_RETURN(const std::string_view text,
                               arguments.Text(message, message_size, "message"));
    return Status(static_cast<StatusCode>(code), std::string(text),
                  static_cast<Recovery>(recovery));
  });
}

int32_t colonnade_error_code(const colonnade_error* error) {
  return error == nullptr ? COLONNADE_OK : static_cast<int32_t>(error->status.code());
}

int32_t colonnade_error_recovery(const colonnade_error* error) {
  return error == nullptr ? COLONNADE_RECOVERY_NONE
                          : static_cast<int32_t>(error->status.recovery());
}

const char* colonnade_error_message(const colonnade_error* error, size_t* size) {
  return Lend(error == nullptr ? std::string_view("") : error->status.message(), size);
}

const char* colonnade_code_name(int32_t code, size_t* size) {
  if (code < COLONNADE_OK || code > COLONNADE_INTERNAL) return LendNothing(size);
  return Lend(colonnade::StatusCodeName(static_cast<StatusCode>(code)), size);
}

void colonnade_error_free(colonnade_error* error) { (void)colonnade::capi::Disown(error); }

}  // extern "C"
