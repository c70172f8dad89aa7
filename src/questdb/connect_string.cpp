#include "questdb/connect_string.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/nearest_name.h"
#include "base/quote.h"
#include "questdb/connect_keys.h"
#include "questdb/endpoint_address.h"

namespace colonnade::questdb {
namespace {

constexpr std::string_view kEscape = " (a ';' inside a value is written ';;')";
// With "Basic " and base64 these stay far below the 8 KiB that a line of an HTTP head may have.
constexpr size_t kMaxUserBytes = 2048;
constexpr size_t kMaxAuthorizationBytes = 8000;

// Keys whose value is one field with the others' help: not in ConnectKeys().
constexpr std::string_view kAddr = "addr";
constexpr std::string_view kUsername = "username";
constexpr std::string_view kPassword = "password";
constexpr std::string_view kToken = "token";
constexpr std::string_view kAuth = "auth";
constexpr std::string_view kRootsPassword = "tls_roots_password";
constexpr std::string_view kSpecialKeys[] = {kAddr,  kUsername, kPassword,
                                             kToken, kAuth,     kRootsPassword};

bool IsCredential(std::string_view key) {
  return key == kUsername || key == kPassword || key == kToken || key == kAuth ||
         key == kRootsPassword;
}

struct Pair {
  std::string_view key;
  std::string value;  // with ";;" as ";"
  size_t key_at = 0;
  size_t value_at = 0;
};

// Takes the pair that begins at `*at` and moves on behind it.
Result<Pair> TakePair(std::string_view text, size_t* at) {
  Pair pair;
  pair.key_at = *at;
  const size_t end = text.find_first_of("=;", *at);
  if (end == std::string_view::npos || text[end] == ';') {
    return InvalidArgument("byte ", *at, ": expected key=value, found no '='", kEscape);
  }
  pair.key = text.substr(*at, end - *at);
  if (pair.key.empty()) return InvalidArgument("byte ", *at, ": the key is missing before '='");
  pair.value_at = end + 1;
  size_t i = pair.value_at;
  for (; i < text.size(); ++i) {
    if (text[i] == ';') {
      if (i + 1 == text.size() || text[i + 1] != ';') break;
      ++i;
    }
    pair.value += text[i];
  }
  *at = std::min(i + 1, text.size());
  return pair;
}

// Where the first control character or byte that is not UTF-8 stands: what a message would escape.
std::optional<size_t> FindUnprintable(std::string_view text) {
  const std::string escaped = EscapeControls(text, text.size());
  const auto [at, other] = std::mismatch(text.begin(), text.end(), escaped.begin(), escaped.end());
  if (at == text.end()) return std::nullopt;
  return static_cast<size_t>(at - text.begin());
}

std::string EncodeBase64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t k) -> uint32_t {
      return i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0;
    };
    const uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += kDigits[bits >> 18];
    text += kDigits[bits >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[bits >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[bits & 63] : '=';
  }
  return text;
}

bool LooksLikeAKey(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), fits);
}

Status UnknownKey(const Pair& pair, std::string_view key_before) {
  std::vector<std::string> names(std::begin(kSpecialKeys), std::end(kSpecialKeys));
  for (const ConnectKey& key : ConnectKeys()) names.emplace_back(key.name);
  const std::string* nearest = NearestName(pair.key, names);
  const std::string hint = nearest == nullptr ? "" : "; did you mean '" + *nearest + "'?";
  const bool follows_credential = IsCredential(key_before);
  const std::string remark =
      follows_credential ? std::string(" after ") + std::string(key_before) + std::string(kEscape)
                         : "";
  if (follows_credential || !LooksLikeAKey(pair.key)) {
    return InvalidArgument("byte ", pair.key_at, ": unknown key", remark, hint);
  }
  if (pair.key.starts_with("pool_")) {
    return InvalidArgument("byte ", pair.key_at, ": unknown pool key '", pair.key, "'", hint);
  }
  return InvalidArgument("byte ", pair.key_at, ": unknown key '", pair.key, "'", hint);
}

// Reads a string pair by pair, then what several pairs say together.
class Parser {
 public:
  explicit Parser(const ConnectStringRules& rules) : rules_(rules) {}

  Result<ConnectOptions> Parse(std::string_view text) {
    if (text.size() > kMaxConnectStringBytes) {
      return InvalidArgument("at most ", kMaxConnectStringBytes, " bytes, found ", text.size());
    }
    COLONNADE_ASSIGN_OR_RETURN(size_t at, ReadSchema(text));
    if (const std::optional<size_t> at_fault = FindUnprintable(text)) {
      return InvalidArgument("byte ", *at_fault,
                             ": control characters and bytes that are not UTF-8 are not allowed");
    }
    std::string_view key_before;
    while (at < text.size()) {
      COLONNADE_ASSIGN_OR_RETURN(const Pair pair, TakePair(text, &at));
      COLONNADE_RETURN_IF_ERROR(Read(pair, key_before));
      key_before = pair.key;
    }
    COLONNADE_RETURN_IF_ERROR(FinishEndpoints());
    COLONNADE_RETURN_IF_ERROR(FinishAuthorization());
    COLONNADE_RETURN_IF_ERROR(FinishTls());
    COLONNADE_RETURN_IF_ERROR(FinishPool());
    COLONNADE_RETURN_IF_ERROR(CheckOrders());
    return std::move(options_);
  }

 private:
  // Returns where the pairs begin.
  Result<size_t> ReadSchema(std::string_view text) {
    const size_t colons = text.find("::");
    if (colons == std::string_view::npos) {
      return InvalidArgument("expected ws:: or wss:: at the start, as in ws::addr=localhost:9000;");
    }
    std::string schema;
    for (const char c : text.substr(0, std::min<size_t>(colons, 8))) {
      schema += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    options_.tls = schema == "wss";
    if (options_.tls || schema == "ws") return colons + 2;
    if (schema == "http" || schema == "https" || schema == "tcp" || schema == "tcps") {
      return InvalidArgument("the schema ", schema,
                             " is of ILP, which this client does not speak: use ws or wss");
    }
    return InvalidArgument("unknown schema: expected ws or wss before '::'");
  }

  Status Read(const Pair& pair, std::string_view key_before) {
    if (const RefusedKey* refused = FindRefusedKey(pair.key)) {
      return InvalidArgument("'", pair.key, "' at byte ", pair.key_at, ": ", refused->reason);
    }
    const auto keys = ConnectKeys();
    // The older spelling, in milliseconds as well.
    const std::string_view name = pair.key == "auth_timeout" ? "auth_timeout_ms" : pair.key;
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConnectKey& known) { return known.name == name; });
    const bool special = std::find(std::begin(kSpecialKeys), std::end(kSpecialKeys), pair.key) !=
                         std::end(kSpecialKeys);
    if (key == keys.end() && !special) return UnknownKey(pair, key_before);

    const std::string place = "'" + std::string(pair.key) + "' at byte ";
    if (!given_.emplace(name, pair.key_at).second && name != kAddr) {
      return InvalidArgument(place, pair.key_at, ": the key was given before, at byte ",
                             given_.find(name)->second);
    }
    if (pair.value.empty()) return InvalidArgument(place, pair.value_at, ": the value is missing");
    if (special) {
      Keep(pair);
      return {};
    }
    return key->read(pair.value, options_).WithContext(place + std::to_string(pair.value_at));
  }

  void Keep(const Pair& pair) {
    if (pair.key == kAddr) {
      if (!addresses_.empty()) addresses_ += ',';
      addresses_ += pair.value;
    } else {
      secrets_.emplace(pair.key, pair.value);
    }
  }

  bool Given(std::string_view key) const { return given_.find(key) != given_.end(); }

  // The value of a credential. \pre Given(key)
  const std::string& SecretOf(std::string_view key) const { return secrets_.find(key)->second; }

  Status FinishEndpoints() {
    if (!Given(kAddr)) {
      return InvalidArgument("'addr' is missing: where the server is, as in addr=localhost:9000");
    }
    Result<std::vector<EndpointAddress>> endpoints = ParseEndpoints(addresses_);
    if (!endpoints.ok()) return std::move(endpoints).status().WithContext("'addr'");
    options_.endpoints = *std::move(endpoints);
    return {};
  }

  Status FinishAuthorization() {
    const bool basic = Given(kUsername) || Given(kPassword);
    if (int{basic} + int{Given(kToken)} + int{Given(kAuth)} > 1) {
      return InvalidArgument(
          "only one of 'username' with 'password', 'token' and 'auth' may be given");
    }
    std::string value;
    if (basic) {
      if (!Given(kPassword)) return InvalidArgument("'username' needs 'password'");
      if (!Given(kUsername)) return InvalidArgument("'password' needs 'username'");
      const std::string& user = SecretOf(kUsername);
      const std::string& password = SecretOf(kPassword);
      if (user.find(':') != std::string::npos) {
        return InvalidArgument("'username' at byte ", given_.find(kUsername)->second,
                               ": must not contain ':'");
      }
      if (user.size() + password.size() > kMaxUserBytes) {
        return InvalidArgument("'username' and 'password' have ", user.size() + password.size(),
                               " bytes; at most ", kMaxUserBytes, " are possible");
      }
      value = "Basic " + EncodeBase64(user + ":" + password);
    } else if (Given(kToken)) {
      value = "Bearer " + SecretOf(kToken);
    } else if (Given(kAuth)) {
      value = SecretOf(kAuth);
    }
    if (value.size() > kMaxAuthorizationBytes) {
      return InvalidArgument("'", Given(kToken) ? kToken : kAuth, "' makes a header of ",
                             value.size(), " bytes; at most ", kMaxAuthorizationBytes,
                             " are possible");
    }
    options_.authorization = Secret(std::move(value));
    return {};
  }

  Status FinishTls() {
    for (const std::string_view key : {"tls_verify", "tls_ca", "tls_roots", "tls_roots_password"}) {
      if (!options_.tls && Given(key)) {
        return InvalidArgument("'", key, "' at byte ", given_.find(key)->second,
                               " needs TLS: use the schema wss");
      }
    }
    if (!options_.tls_verify && !rules_.allow_unverified_tls) {
      return InvalidArgument("'tls_verify' at byte ", given_.find("tls_verify")->second,
                             ": this build does not allow unsafe_off: give the server's "
                             "certificate as tls_roots=FILE");
    }
    if (Given("tls_roots")) {
      if (Given("tls_ca") && options_.tls_ca != TrustedRoots::kFile) {
        return InvalidArgument(
            "'tls_ca' and 'tls_roots' contradict each other: with tls_roots, "
            "tls_ca is pem_file or left out");
      }
      options_.tls_ca = TrustedRoots::kFile;
    } else if (options_.tls_ca == TrustedRoots::kFile) {
      return InvalidArgument("'tls_ca' is pem_file, which needs 'tls_roots', the file");
    }
    if (Given(kRootsPassword)) {
      if (!Given("tls_roots")) {
        return InvalidArgument("'tls_roots_password' needs 'tls_roots', the file");
      }
      options_.tls_roots_password = Secret(SecretOf(kRootsPassword));
    }
    return {};
  }

  Status FinishPool() {
    if (options_.lazy_connect) {
      if (options_.initial_connect_retry) {
        return InvalidArgument(
            "'lazy_connect' and 'initial_connect_retry' contradict each other: "
            "a pool that connects later has nothing to retry");
      }
      if (!Given("query_pool_min")) options_.query_pool_min = 0;
      if (options_.query_pool_min > 0) {
        return InvalidArgument("'lazy_connect' needs a 'query_pool_min' of 0, found ",
                               options_.query_pool_min);
      }
    }
    return {};
  }

  // Pairs of a lesser and a greater.
  Status CheckOrders() const {
    const auto check = [this](std::string_view less, int64_t low, std::string_view greater,
                              int64_t high) -> Status {
      if (low <= high) return {};
      const auto text = [this](std::string_view key, int64_t value) {
        return "'" + std::string(key) + "' (" + std::to_string(value) +
               (Given(key) ? ")" : ", the default)");
      };
      return InvalidArgument(text(less, low), " is above ", text(greater, high));
    };
    COLONNADE_RETURN_IF_ERROR(
        check("reconnect_initial_backoff_millis", options_.reconnect_initial_backoff.count(),
              "reconnect_max_backoff_millis", options_.reconnect_max_backoff.count()));
    COLONNADE_RETURN_IF_ERROR(
        check("failover_backoff_initial_ms", options_.failover_backoff_initial.count(),
              "failover_backoff_max_ms", options_.failover_backoff_max.count()));
    COLONNADE_RETURN_IF_ERROR(
        check("init_buf_size", options_.init_buf_size, "max_buf_size", options_.max_buf_size));
    COLONNADE_RETURN_IF_ERROR(check("sender_pool_min", options_.sender_pool_min, "sender_pool_max",
                                    options_.sender_pool_max));
    return check("query_pool_min", options_.query_pool_min, "query_pool_max",
                 options_.query_pool_max);
  }

  ConnectStringRules rules_;
  ConnectOptions options_;
  std::map<std::string_view, size_t> given_;  // key → its first position
  std::map<std::string_view, std::string> secrets_;
  std::string addresses_;
};

void AppendPair(std::string_view key, std::string_view value, std::string* text) {
  *text += key;
  *text += '=';
  for (const char c : value) {
    *text += c;
    if (c == ';') *text += c;
  }
  *text += ';';
}

}  // namespace

Result<ConnectOptions> ParseConnectString(std::string_view text, const ConnectStringRules& rules) {
  Result<ConnectOptions> options = Parser(rules).Parse(text);
  if (!options.ok()) return std::move(options).status().WithContext("connect string");
  return options;
}

Result<ConnectOptions> ConnectOptionsFromEnvironment(const ConnectStringRules& rules) {
  const char* text = std::getenv("QDB_CLIENT_CONF");
  if (text == nullptr) {
    return InvalidArgument("connect string: the environment variable QDB_CLIENT_CONF is not set");
  }
  Result<ConnectOptions> options = Parser(rules).Parse(text);
  if (!options.ok()) {
    return std::move(options).status().WithContext("connect string: in QDB_CLIENT_CONF");
  }
  return options;
}

std::string Redacted(const ConnectOptions& options) {
  std::string text = options.tls ? "wss::" : "ws::";
  std::string addresses;
  for (const EndpointAddress& endpoint : options.endpoints) {
    if (!addresses.empty()) addresses += ',';
    addresses += endpoint.ToString();
  }
  AppendPair(kAddr, addresses, &text);
  if (!options.authorization.empty()) AppendPair(kAuth, "***", &text);
  for (const ConnectKey& key : ConnectKeys()) {
    if (const std::optional<std::string> value = key.write(options)) {
      AppendPair(key.name, *value, &text);
    }
  }
  if (!options.tls_roots_password.empty()) AppendPair(kRootsPassword, "***", &text);
  return text;
}

std::ostream& operator<<(std::ostream& out, const ConnectOptions& options) {
  return out << Redacted(options);
}

}  // namespace colonnade::questdb
