#include "questdb/connect_keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>

#include "base/checked.h"

namespace colonnade::questdb {
namespace {

using Millis = ConnectOptions::Millis;

constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();
constexpr int64_t kHour = 3'600'000;
constexpr int64_t kYear = 365 * 24 * kHour;
// Values of HTTP headers: far below the 8 KiB that a line of a head may have.
constexpr size_t kMaxHeaderText = 1024;

const ConnectOptions& Defaults() {
  static const ConnectOptions defaults;
  return defaults;
}

// A whole number: its value, or why there is none.
struct Integer {
  int64_t value = 0;
  std::errc failure = std::errc::invalid_argument;  // result_out_of_range if it does not fit

  bool ok() const { return failure == std::errc(); }
};

Integer ParseInteger(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  Integer number;
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return number;
  }
  number.failure = std::from_chars(text.data(), text.data() + text.size(), number.value).ec;
  return number;
}

Result<int64_t> ParseInRange(std::string_view text, int64_t low, int64_t high,
                             std::string_view unit) {
  const Integer number = ParseInteger(text);
  if (number.ok() && low <= number.value && number.value <= high) return number.value;
  std::string expected = "expected a whole number" + std::string(unit);
  if (low == high) {
    expected += " that is " + std::to_string(low);
  } else if (low == std::numeric_limits<int64_t>::min()) {
    expected += " of at most " + std::to_string(high);
  } else {
    expected += " from " + std::to_string(low) + " to " + std::to_string(high);
  }
  if (number.ok()) expected += ", found " + std::to_string(number.value);
  return InvalidArgument(expected);
}

// A duration from kLow to kHigh milliseconds. With kOff, which needs a kLow of 0, all below is 0
// too.
template <auto kField, int64_t kLow, int64_t kHigh, bool kOff = false>
constexpr ConnectKey Duration(std::string_view name) {
  return {name,
          [](std::string_view value, ConnectOptions& options) -> Status {
            constexpr int64_t kLeast = kOff ? std::numeric_limits<int64_t>::min() : kLow;
            COLONNADE_ASSIGN_OR_RETURN(const int64_t number,
                                       ParseInRange(value, kLeast, kHigh, " of milliseconds"));
            options.*kField = Millis(std::max(number, kLow));
            return {};
          },
          [](const ConnectOptions& options) -> std::optional<std::string> {
            if (options.*kField == Defaults().*kField) return std::nullopt;
            return std::to_string((options.*kField).count());
          }};
}

template <auto kField, int64_t kLow, int64_t kHigh>
constexpr ConnectKey Number(std::string_view name) {
  return {name,
          [](std::string_view value, ConnectOptions& options) -> Status {
            COLONNADE_ASSIGN_OR_RETURN(options.*kField, ParseInRange(value, kLow, kHigh, ""));
            return {};
          },
          [](const ConnectOptions& options) -> std::optional<std::string> {
            if (options.*kField == Defaults().*kField) return std::nullopt;
            return std::to_string(options.*kField);
          }};
}

// Bytes with a suffix k, m, g or t, each 1024 of the one before, and perhaps a b; no case.
std::optional<int64_t> ParseSize(std::string_view text) {
  constexpr std::string_view kSuffixes = "kmgt";
  const auto from_end = [&](size_t back) {
    return text.size() > back ? static_cast<char>(text[text.size() - 1 - back] | 0x20) : '\0';
  };
  if (from_end(0) == 'b' && kSuffixes.find(from_end(1)) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  int64_t factor = 1;
  if (const size_t power = kSuffixes.find(from_end(0)); power != std::string_view::npos) {
    factor = int64_t{1} << (10 * (power + 1));
    text.remove_suffix(1);
  }
  const Integer number = ParseInteger(text);
  if (!number.ok()) return std::nullopt;
  return CheckedMultiply(number.value, factor);
}

template <auto kField, int64_t kLow, int64_t kHigh>
constexpr ConnectKey Size(std::string_view name) {
  return {name,
          [](std::string_view value, ConnectOptions& options) -> Status {
            const std::optional<int64_t> size = ParseSize(value);
            if (!size || *size < kLow || *size > kHigh) {
              return InvalidArgument(
                  "expected a number of bytes, perhaps with one of the suffixes k, m, g, t, from ",
                  kLow, " to ", kHigh, size ? ", found " + std::to_string(*size) : "");
            }
            options.*kField = *size;
            return {};
          },
          [](const ConnectOptions& options) -> std::optional<std::string> {
            if (options.*kField == Defaults().*kField) return std::nullopt;
            return std::to_string(options.*kField);
          }};
}

// One of several words. The first word of a value is the one that is written.
template <typename T>
struct Word {
  std::string_view text;
  T value;
};

template <auto kField, const auto& kWords>
constexpr ConnectKey Choice(std::string_view name) {
  return {name,
          [](std::string_view value, ConnectOptions& options) -> Status {
            for (const auto& word : kWords) {
              if (word.text != value) continue;
              options.*kField = word.value;
              return {};
            }
            std::string words;
            for (size_t i = 0; i < kWords.size(); ++i) {
              if (i != 0) words += i + 1 == kWords.size() ? " or " : ", ";
              words += kWords[i].text;
            }
            return InvalidArgument("expected ", words);
          },
          [](const ConnectOptions& options) -> std::optional<std::string> {
            if (options.*kField == Defaults().*kField) return std::nullopt;
            for (const auto& word : kWords) {
              if (word.value == options.*kField) return std::string(word.text);
            }
            return std::nullopt;
          }};
}

constexpr std::array kOnOff = {Word<bool>{"on", true}, Word<bool>{"off", false}};
constexpr std::array kOnTrueOffFalse = {Word<bool>{"on", true}, Word<bool>{"true", true},
                                        Word<bool>{"off", false}, Word<bool>{"false", false}};
constexpr std::array kYesNo = {Word<bool>{"on", true},   Word<bool>{"true", true},
                               Word<bool>{"yes", true},  Word<bool>{"1", true},
                               Word<bool>{"off", false}, Word<bool>{"false", false},
                               Word<bool>{"no", false},  Word<bool>{"0", false}};
constexpr std::array kReap = {Word<bool>{"auto", true}, Word<bool>{"manual", false}};
constexpr std::array kVerify = {Word<bool>{"on", true}, Word<bool>{"unsafe_off", false}};
constexpr std::array kInitialConnect = {Word<bool>{"off", false}, Word<bool>{"sync", true},
                                        Word<bool>{"on", true}, Word<bool>{"true", true}};
constexpr std::array kCompressions = {Word<Compression>{"raw", Compression::kRaw},
                                      Word<Compression>{"zstd", Compression::kZstd},
                                      Word<Compression>{"auto", Compression::kAuto}};
constexpr std::array kTargets = {Word<TargetRole>{"any", TargetRole::kAny},
                                 Word<TargetRole>{"primary", TargetRole::kPrimary},
                                 Word<TargetRole>{"replica", TargetRole::kReplica}};
constexpr std::array kRoots = {Word<TrustedRoots>{"os_roots", TrustedRoots::kSystem},
                               Word<TrustedRoots>{"pem_file", TrustedRoots::kFile}};

template <auto kField, size_t kMaxBytes>
constexpr ConnectKey Text(std::string_view name) {
  return {name,
          [](std::string_view value, ConnectOptions& options) -> Status {
            if (value.size() > kMaxBytes) {
              return InvalidArgument("expected at most ", kMaxBytes, " bytes, found ",
                                     value.size());
            }
            options.*kField = value;
            return {};
          },
          [](const ConnectOptions& options) -> std::optional<std::string> {
            if (options.*kField == Defaults().*kField) return std::nullopt;
            return options.*kField;
          }};
}

// Opening in the background is of use only to a sender that keeps rows meanwhile.
Status ReadInitialConnect(std::string_view value, ConnectOptions& options) {
  if (value == "async") {
    return InvalidArgument(
        "async needs store-and-forward, which this client does not have: use lazy_connect=on");
  }
  return Choice<&ConnectOptions::initial_connect_retry, kInitialConnect>("").read(value, options);
}

// The system's certificates may include more than the web's: taking one for the other would trust
// authorities that the string does not name.
Status ReadRoots(std::string_view value, ConnectOptions& options) {
  if (value == "webpki_roots" || value == "webpki_and_os_roots") {
    return InvalidArgument(value,
                           ": this client brings no certificates of its own: use os_roots, which "
                           "is the default, or tls_roots=FILE");
  }
  return Choice<&ConnectOptions::tls_ca, kRoots>("").read(value, options);
}

Status ReadPath(std::string_view value, ConnectOptions& options) {
  const auto in_target = [](char c) { return c > ' ' && c < 0x7F && c != '#'; };
  if (!value.starts_with('/') || value.size() > kMaxHeaderText ||
      !std::all_of(value.begin(), value.end(), in_target)) {
    return InvalidArgument("expected a path that begins with '/', of visible ASCII without '#', ",
                           "at most ", kMaxHeaderText, " bytes");
  }
  options.path = value;
  return {};
}

Status ReadAutoFlush(std::string_view value, ConnectOptions& /*options*/) {
  if (value == "off") return {};
  return InvalidArgument("expected off: rows leave when the program says so");
}

// Written when it is not what lazy_connect makes of it.
std::optional<std::string> WriteQueryPoolMin(const ConnectOptions& options) {
  if (options.query_pool_min == (options.lazy_connect ? 0 : 1)) return std::nullopt;
  return std::to_string(options.query_pool_min);
}

std::optional<std::string> WriteNothing(const ConnectOptions& /*options*/) { return std::nullopt; }

using O = ConnectOptions;
constexpr std::array kKeys = {
    // Both directions.
    Duration<&O::auth_timeout, 1, kYear>("auth_timeout_ms"),
    Duration<&O::connect_timeout, 0, kYear>("connect_timeout"),
    Choice<&O::tls_verify, kVerify>("tls_verify"),
    ConnectKey{"tls_ca", ReadRoots, Choice<&O::tls_ca, kRoots>("").write},
    Text<&O::tls_roots, 4096>("tls_roots"),
    Text<&O::client_id, kMaxHeaderText>("client_id"),
    // Ingest.
    Choice<&O::request_durable_ack, kOnOff>("request_durable_ack"),
    Duration<&O::durable_ack_keepalive_interval, 0, kYear, true>(
        "durable_ack_keepalive_interval_millis"),
    Duration<&O::reconnect_initial_backoff, 1, kYear>("reconnect_initial_backoff_millis"),
    Duration<&O::reconnect_max_backoff, 1, kYear>("reconnect_max_backoff_millis"),
    Duration<&O::reconnect_max_duration, 0, kYear>("reconnect_max_duration_millis"),
    ConnectKey{"initial_connect_retry", ReadInitialConnect,
               Choice<&O::initial_connect_retry, kInitialConnect>("").write},
    Duration<&O::close_flush_timeout, 0, kYear, true>("close_flush_timeout_millis"),
    Number<&O::max_frame_rejections, 1, 1'000'000>("max_frame_rejections"),
    Duration<&O::poison_min_escalation_window, 0, kYear>("poison_min_escalation_window_millis"),
    Size<&O::init_buf_size, 1024, int64_t{1} << 40>("init_buf_size"),
    Size<&O::max_buf_size, 1024, int64_t{1} << 40>("max_buf_size"),
    Number<&O::max_name_len, 16, 127>("max_name_len"),
    ConnectKey{"auto_flush", ReadAutoFlush, WriteNothing},
    // Queries.
    ConnectKey{"path", ReadPath, Text<&O::path, kMaxHeaderText>("").write},
    Number<&O::max_version, 1, 1>("max_version"),
    Choice<&O::compression, kCompressions>("compression"),
    Number<&O::compression_level, 1, 22>("compression_level"),
    Number<&O::max_batch_rows, 0, std::numeric_limits<int32_t>::max()>("max_batch_rows"),
    Duration<&O::query_timeout, 0, kAnyNumber>("query_timeout_ms"),
    Choice<&O::target, kTargets>("target"),
    Text<&O::zone, kMaxHeaderText>("zone"),
    Choice<&O::failover, kYesNo>("failover"),
    Number<&O::failover_max_attempts, 1, 1024>("failover_max_attempts"),
    Duration<&O::failover_backoff_initial, 0, kHour>("failover_backoff_initial_ms"),
    Duration<&O::failover_backoff_max, 0, kHour>("failover_backoff_max_ms"),
    Duration<&O::failover_max_duration, 0, kHour>("failover_max_duration_ms"),
    // Pool.
    Number<&O::sender_pool_min, 0, 65'536>("sender_pool_min"),
    Number<&O::sender_pool_max, 1, 65'536>("sender_pool_max"),
    ConnectKey{"query_pool_min", Number<&O::query_pool_min, 0, 65'536>("").read, WriteQueryPoolMin},
    Number<&O::query_pool_max, 1, 65'536>("query_pool_max"),
    Duration<&O::acquire_timeout, 0, kYear>("acquire_timeout_ms"),
    Duration<&O::idle_timeout, 0, kYear>("idle_timeout_ms"),
    Choice<&O::reap_idle_automatically, kReap>("pool_reap"),
    Choice<&O::lazy_connect, kOnTrueOffFalse>("lazy_connect"),
};

constexpr std::string_view kStoreAndForward =
    "belongs to store-and-forward, which this client does not have: rows are sent when flush is "
    "called, and what becomes of them is told by commit";
constexpr std::string_view kNoFunction =
    "has no function in any client but the Java one: what the server refuses comes back from the "
    "query";
constexpr std::string_view kRows =
    "belongs to senders of single rows: this client sends columns, when flush is called";
constexpr std::string_view kNoWindow =
    "unknown key: the protocol no longer has a window of messages in flight";
constexpr std::string_view kJava = "unknown key: only the Java client has it";

constexpr std::array kRefused = {
    RefusedKey{"request_timeout",
               "is for ILP over HTTP, not for ws and wss: waiting for acknowledgements ends after "
               "30 s without progress; give commit a timeout instead"},
    // Ingest, of store-and-forward only.
    RefusedKey{"sf_dir", kStoreAndForward},
    RefusedKey{"sender_id", kStoreAndForward},
    RefusedKey{"sf_max_segment_bytes", kStoreAndForward},
    RefusedKey{"sf_max_total_bytes", kStoreAndForward},
    RefusedKey{"sf_append_deadline_millis", kStoreAndForward},
    RefusedKey{"sf_durability", kStoreAndForward},
    RefusedKey{"sf_sync_interval_millis", kStoreAndForward},
    RefusedKey{"drain_orphans", kStoreAndForward},
    RefusedKey{"max_background_drainers", kStoreAndForward},
    RefusedKey{"error_inbox_capacity", kStoreAndForward},
    RefusedKey{"qwp_ws_progress", kStoreAndForward},
    RefusedKey{"auto_flush_rows", kRows},
    RefusedKey{"auto_flush_bytes", kRows},
    RefusedKey{"auto_flush_interval", kRows},
    // Queries, accepted and ignored elsewhere.
    RefusedKey{"on_internal_error", kNoFunction},
    RefusedKey{"on_parse_error", kNoFunction},
    RefusedKey{"on_schema_error", kNoFunction},
    RefusedKey{"on_security_error", kNoFunction},
    RefusedKey{"on_server_error", kNoFunction},
    RefusedKey{"on_write_error", kNoFunction},
    RefusedKey{"buffer_pool_size", kNoFunction},
    // Renamed or gone.
    RefusedKey{"pool_size", "has been renamed: use sender_pool_min and query_pool_min"},
    RefusedKey{"pool_max", "has been renamed: use sender_pool_max and query_pool_max"},
    RefusedKey{"pool_idle_timeout_ms", "has been renamed: use idle_timeout_ms"},
    RefusedKey{"in_flight_window", kNoWindow},
    RefusedKey{"max_in_flight", kNoWindow},
    // Of the Java client.
    RefusedKey{"query_close_timeout_ms", kJava},
    RefusedKey{"max_lifetime_ms", kJava},
    RefusedKey{"housekeeper_interval_ms", kJava},
    RefusedKey{"user", "unknown key: use username"},
    RefusedKey{"pass", "unknown key: use password"},
};

}  // namespace

std::span<const ConnectKey> ConnectKeys() { return kKeys; }

std::span<const RefusedKey> RefusedKeys() { return kRefused; }

const RefusedKey* FindRefusedKey(std::string_view name) {
  const auto found = std::find_if(kRefused.begin(), kRefused.end(),
                                  [&](const RefusedKey& key) { return key.name == name; });
  return found == kRefused.end() ? nullptr : &*found;
}

}  // namespace colonnade::questdb
