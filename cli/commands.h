// The commands: data on standard output, talk on standard error.

#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "session/session.h"

namespace colonnade::cli {

enum class ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kInterrupted = 130 };

/// `colonnade query`
struct QueryCommand {
  std::string sql;
  std::string format;  // empty: from the output's name
  std::string output;  // empty: standard output
  std::optional<int64_t> max_rows;
  bool explain = false;
  std::string stats;  // "", "text", "json"
  session::SessionOptions session;

  ExitCode Run();
};

/// `colonnade inspect`
struct InspectCommand {
  std::string uri;
  bool json = false;
  bool attributes = false;

  ExitCode Run();
};

/// Prints "colonnade: <message>" to standard error on one line; the exit code for it.
ExitCode Fail(const Status& status);

}  // namespace colonnade::cli
