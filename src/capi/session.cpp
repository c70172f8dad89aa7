// colonnade/session.h.

#include "colonnade/session.h"

#include <limits>
#include <string>
#include <utility>

#include "base/status.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "session/session.h"

using colonnade::Status;
using colonnade::capi::Arguments;
using colonnade::capi::Guard;
using colonnade::session::Session;
using colonnade::session::SessionOptions;

namespace {

constexpr size_t kFirstOptionsSize =
    offsetof(colonnade_session_options, temp_directory_size) + sizeof(size_t);

}  // namespace

extern "C" {

colonnade_error* colonnade_session_open(const colonnade_session_options* options,
                                        colonnade_session** session) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    colonnade_session_options given = COLONNADE_SESSION_OPTIONS_INIT;
    COLONNADE_RETURN_IF_ERROR(arguments.ReadOptions(options, kFirstOptionsSize, "options", &given));
    SessionOptions opened;
    if (given.threads < 0 || given.threads > std::numeric_limits<int>::max())
      return arguments.Wrong("options->threads is ", given.threads);
    if (given.threads != 0) opened.threads = static_cast<int>(given.threads);
    if (given.memory_limit != nullptr) {
      COLONNADE_ASSIGN_OR_RETURN(
          opened.memory_limit,
          arguments.Text(given.memory_limit, given.memory_limit_size, "options->memory_limit"));
    }
    if (given.temp_directory != nullptr) {
      COLONNADE_ASSIGN_OR_RETURN(opened.temp_directory,
                                 arguments.Text(given.temp_directory, given.temp_directory_size,
                                                "options->temp_directory"));
    }
    COLONNADE_ASSIGN_OR_RETURN(auto made, Session::Open(opened));
    *session = new colonnade_session{std::move(made)};
    return {};
  });
}

colonnade_error* colonnade_session_interrupt(colonnade_session* session) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    session->session->Interrupt();
    return {};
  });
}

void colonnade_session_free(colonnade_session* session) { delete session; }

}  // extern "C"
