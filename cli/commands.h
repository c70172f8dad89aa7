// The commands: data on standard output, talk on standard error.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

/// `colonnade qwp-endpoint`: serves until SIGINT or SIGTERM.
struct QwpEndpointCommand {
  std::string host = "127.0.0.1";
  uint16_t port = 9000;
  std::string store;             // a directory; empty: in memory
  std::vector<std::string> tls;  // certificate and key; empty: plain
  std::string user;
  std::string password;
  std::string token;
  std::string role = "standalone";
  std::string zone;
  size_t max_connections = 64;
  size_t max_message_bytes = 2'097'138;
  bool durable_ack = false;
  bool long_arrays = false;
  std::vector<std::string> faults;

  ExitCode Run();

 private:
  Status Serve() const;
};

/// Prints "colonnade: <message>" to standard error on one line; the exit code for it.
ExitCode Fail(const Status& status);

}  // namespace colonnade::cli
