// ConnectOptions: everything a connect string can say, typed, with the defaults.

#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "questdb/endpoint_address.h"

namespace colonnade::questdb {

/// A text that never reaches a message or log: it prints as three asterisks and is read by name.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  bool empty() const { return text_.empty(); }
  /// For the one place that sends it.
  const std::string& Reveal() const { return text_; }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

inline std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

enum class TrustedRoots : uint8_t {
  kSystem,  // the certificates of the operating system
  kFile,    // those in roots_file
};

/// What a query connection asks the server to do to batches.
enum class Compression : uint8_t {
  kRaw,
  kZstd,
  kAuto,  // zstd where the server finds it worth while
};

/// Which servers a query may run on.
enum class TargetRole : uint8_t { kAny, kPrimary, kReplica };

/// One string configures both directions. Names are those of the keys without the unit; durations
/// of 0 mean what the comment says, and "none" where it says nothing.
struct ConnectOptions {
  using Millis = std::chrono::milliseconds;

  // Both directions.
  bool tls = false;  // schema wss
  /// In the order of the string, at least one, no two the same.
  std::vector<EndpointAddress> endpoints;
  /// The value of the Authorization header, made of `username` and `password`, `token` or `auth`.
  /// Empty: the header is not sent.
  Secret authorization;
  std::string client_id;        // empty: not sent
  Millis auth_timeout{15'000};  // from the upgrade request to the end of its answer
  Millis connect_timeout{0};    // 0: the operating system's
  bool tls_verify = true;
  TrustedRoots tls_ca = TrustedRoots::kSystem;
  std::string tls_roots;      // a file, with TrustedRoots::kFile
  Secret tls_roots_password;  // of a PKCS #12 file

  // Ingest.
  bool request_durable_ack = false;
  Millis durable_ack_keepalive_interval{200};  // 0: no pings
  bool initial_connect_retry = false;          // "sync": opening retries within the budget below
  Millis reconnect_initial_backoff{100};
  Millis reconnect_max_backoff{5'000};
  Millis reconnect_max_duration{300'000};  // 0: one attempt
  Millis close_flush_timeout{5'000};       // 0: closing does not wait
  int64_t max_frame_rejections = 4;
  Millis poison_min_escalation_window{5'000};
  int64_t init_buf_size = 64 << 10;  // bytes that a frame's buffer begins with
  int64_t max_buf_size = 100 << 20;  // bytes of a frame, beside what the server allows
  int64_t max_name_len = 127;        // bytes of a table's or column's name

  // Queries.
  std::string path = "/read/v1";
  int64_t max_version = 1;
  Compression compression = Compression::kRaw;
  int64_t compression_level = 1;
  int64_t max_batch_rows = 0;  // 0: the server's choice
  Millis query_timeout{0};
  TargetRole target = TargetRole::kAny;
  std::string zone;
  bool failover = true;
  int64_t failover_max_attempts = 8;  // with the first
  Millis failover_backoff_initial{50};
  Millis failover_backoff_max{1'000};
  Millis failover_max_duration{30'000};  // 0: unbounded

  // Pool.
  int64_t sender_pool_min = 1;
  int64_t sender_pool_max = 4;
  int64_t query_pool_min = 1;  // 0 unless given where lazy_connect is on
  int64_t query_pool_max = 4;
  Millis acquire_timeout{5'000};  // 0: fail at once
  Millis idle_timeout{60'000};
  bool reap_idle_automatically = true;  // pool_reap=auto
  bool lazy_connect = false;

  bool operator==(const ConnectOptions&) const = default;
};

/// The options as a connect string on one line, for logs: what is not the default, "***" for
/// credentials and passwords. Parsed again it gives the same options but for those.
std::string Redacted(const ConnectOptions& options);
/// Prints Redacted.
std::ostream& operator<<(std::ostream& out, const ConnectOptions& options);

}  // namespace colonnade::questdb
