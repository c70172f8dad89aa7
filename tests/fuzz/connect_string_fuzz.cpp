// Connect strings are text from outside: refused with a message that is one line and has none of
// what stands behind a credential's key, or options that mean the same when written out again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "questdb/connect_string.h"

using colonnade::questdb::ConnectOptions;
using colonnade::questdb::ParseConnectString;
using colonnade::questdb::Secret;

namespace {

constexpr std::string_view kSecret = "hunter2xyzzy";

void CheckMessage(const colonnade::Status& status) {
  const std::string_view message = status.message();
  if (!message.starts_with("connect string: ") || message.size() > 1000) std::abort();
  for (const char c : message) {
    if ((c >= 0 && c < 0x20) || c == 0x7F) std::abort();
  }
}

void CheckRanges(const ConnectOptions& options) {
  if (options.endpoints.empty() || options.endpoints.size() > 1024) std::abort();
  for (const auto& endpoint : options.endpoints) {
    if (endpoint.host.empty() || endpoint.port == 0) std::abort();
  }
  if (options.sender_pool_min > options.sender_pool_max) std::abort();
  if (options.query_pool_min > options.query_pool_max) std::abort();
  if (options.reconnect_initial_backoff > options.reconnect_max_backoff) std::abort();
  if (options.failover_backoff_initial > options.failover_backoff_max) std::abort();
  if (options.init_buf_size > options.max_buf_size) std::abort();
  for (const char c : options.authorization.Reveal()) {
    if ((c >= 0 && c < 0x20) || c == 0x7F) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto options = ParseConnectString(text, {.allow_unverified_tls = true});
  if (options.ok()) {
    CheckRanges(*options);
    const std::string redacted = Redacted(*options);
    const auto again = ParseConnectString(redacted, {.allow_unverified_tls = true});
    if (!again.ok()) std::abort();
    ConnectOptions expected = *options;
    if (!expected.authorization.empty()) expected.authorization = Secret("***");
    if (!expected.tls_roots_password.empty()) expected.tls_roots_password = Secret("***");
    if (*again != expected) std::abort();
  } else {
    CheckMessage(options.status());
  }

  // The same behind a credential, as if its value went on.
  if (text.find(kSecret) != std::string::npos) return 0;
  constexpr std::string_view kStarts[] = {
      "password=", "token=", "tls_roots_password=",   "password=;",
      "token=;",   "auth==", "username=u;password=;="};
  const std::string with = "wss::addr=h;" + std::string(kStarts[size % std::size(kStarts)]) +
                           std::string(kSecret) + text;
  const auto hidden = ParseConnectString(with, {.allow_unverified_tls = true});
  if (hidden.ok()) {
    if (Redacted(*hidden).find(kSecret) != std::string::npos) std::abort();
    return 0;
  }
  CheckMessage(hidden.status());
  if (hidden.status().message().find(kSecret) != std::string_view::npos) std::abort();
  return 0;
}
