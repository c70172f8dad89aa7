#include "questdb/connect_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "questdb/connect_keys.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ConnectStringRules kUnverified = {.allow_unverified_tls = true};
constexpr std::string_view kSecret = "hunter2xyzzy";

bool Leaks(std::string_view text) { return text.find(kSecret) != std::string_view::npos; }

// Parses a string that must be refused, then again with a secret in every credential and at every
// place between two pairs: whatever is wrong, no message may have the secret in it.
void ExpectRefused(const std::string& text, const std::string& expected,
                   const ConnectStringRules& rules = {}) {
  EXPECT_THAT(ParseConnectString(text, rules),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(StartsWith("connect string: "), HasSubstr(expected))))
      << text;
  for (const std::string key : {"username", "password", "token", "auth", "tls_roots_password"}) {
    for (size_t at = text.find("::"); at != std::string::npos; at = text.find(';', at + 1)) {
      const size_t after = at + (text[at] == ':' ? 2 : 1);
      if (after > text.size()) break;
      std::string with = text;
      with.insert(after, key + "=" + std::string(kSecret) + ";");
      const auto options = ParseConnectString(with, rules);
      EXPECT_FALSE(Leaks(options.status().message())) << with << '\n' << options.status();
    }
  }
}

ConnectOptions Parsed(const std::string& text) {
  const auto options = ParseConnectString(text, kUnverified);
  EXPECT_OK(options) << text;
  return options.ok() ? *options : ConnectOptions();
}

TEST(ConnectString, HasTheDocumentedDefaults) {
  const ConnectOptions options = Parsed("ws::addr=localhost");
  EXPECT_FALSE(options.tls);
  EXPECT_EQ(options.endpoints, (std::vector<EndpointAddress>{{"localhost", 9000}}));
  EXPECT_TRUE(options.authorization.empty());
  EXPECT_EQ(options.client_id, "");
  EXPECT_EQ(options.auth_timeout, milliseconds(15000));
  EXPECT_EQ(options.connect_timeout, milliseconds(0));
  EXPECT_TRUE(options.tls_verify);
  EXPECT_EQ(options.tls_ca, TrustedRoots::kSystem);
  EXPECT_FALSE(options.request_durable_ack);
  EXPECT_EQ(options.durable_ack_keepalive_interval, milliseconds(200));
  EXPECT_FALSE(options.initial_connect_retry);
  EXPECT_EQ(options.reconnect_initial_backoff, milliseconds(100));
  EXPECT_EQ(options.reconnect_max_backoff, milliseconds(5000));
  EXPECT_EQ(options.reconnect_max_duration, milliseconds(300000));
  EXPECT_EQ(options.close_flush_timeout, milliseconds(5000));
  EXPECT_EQ(options.max_frame_rejections, 4);
  EXPECT_EQ(options.poison_min_escalation_window, milliseconds(5000));
  EXPECT_EQ(options.init_buf_size, 65536);
  EXPECT_EQ(options.max_buf_size, 104857600);
  EXPECT_EQ(options.max_name_len, 127);
  EXPECT_EQ(options.path, "/read/v1");
  EXPECT_EQ(options.max_version, 1);
  EXPECT_EQ(options.compression, Compression::kRaw);
  EXPECT_EQ(options.compression_level, 1);
  EXPECT_EQ(options.max_batch_rows, 0);
  EXPECT_EQ(options.query_timeout, milliseconds(0));
  EXPECT_EQ(options.target, TargetRole::kAny);
  EXPECT_EQ(options.zone, "");
  EXPECT_TRUE(options.failover);
  EXPECT_EQ(options.failover_max_attempts, 8);
  EXPECT_EQ(options.failover_backoff_initial, milliseconds(50));
  EXPECT_EQ(options.failover_backoff_max, milliseconds(1000));
  EXPECT_EQ(options.failover_max_duration, milliseconds(30000));
  EXPECT_EQ(options.sender_pool_min, 1);
  EXPECT_EQ(options.sender_pool_max, 4);
  EXPECT_EQ(options.query_pool_min, 1);
  EXPECT_EQ(options.query_pool_max, 4);
  EXPECT_EQ(options.acquire_timeout, milliseconds(5000));
  EXPECT_EQ(options.idle_timeout, milliseconds(60000));
  EXPECT_TRUE(options.reap_idle_automatically);
  EXPECT_FALSE(options.lazy_connect);
}

// The pairs, and what they change of the defaults.
struct Acting {
  std::string pairs;
  std::function<void(ConnectOptions&)> change;
};

const std::vector<Acting>& ActingKeys() {
  static const std::vector<Acting> kActing = {
      {"auth_timeout_ms=1", [](auto& o) { o.auth_timeout = milliseconds(1); }},
      {"auth_timeout=7", [](auto& o) { o.auth_timeout = milliseconds(7); }},
      {"connect_timeout=31536000000",
       [](auto& o) { o.connect_timeout = milliseconds(31536000000); }},
      {"connect_timeout=0", [](auto&) {}},
      {"client_id=loader 7", [](auto& o) { o.client_id = "loader 7"; }},
      {"request_durable_ack=on", [](auto& o) { o.request_durable_ack = true; }},
      {"request_durable_ack=off", [](auto&) {}},
      {"durable_ack_keepalive_interval_millis=50",
       [](auto& o) { o.durable_ack_keepalive_interval = milliseconds(50); }},
      {"durable_ack_keepalive_interval_millis=-5",
       [](auto& o) { o.durable_ack_keepalive_interval = milliseconds(0); }},
      {"reconnect_initial_backoff_millis=5000",
       [](auto& o) { o.reconnect_initial_backoff = milliseconds(5000); }},
      {"reconnect_max_backoff_millis=100",
       [](auto& o) { o.reconnect_max_backoff = milliseconds(100); }},
      {"reconnect_max_duration_millis=0",
       [](auto& o) { o.reconnect_max_duration = milliseconds(0); }},
      {"initial_connect_retry=on", [](auto& o) { o.initial_connect_retry = true; }},
      {"initial_connect_retry=sync", [](auto& o) { o.initial_connect_retry = true; }},
      {"initial_connect_retry=true", [](auto& o) { o.initial_connect_retry = true; }},
      {"initial_connect_retry=off", [](auto&) {}},
      {"close_flush_timeout_millis=0", [](auto& o) { o.close_flush_timeout = milliseconds(0); }},
      {"close_flush_timeout_millis=-1", [](auto& o) { o.close_flush_timeout = milliseconds(0); }},
      {"max_frame_rejections=1", [](auto& o) { o.max_frame_rejections = 1; }},
      {"poison_min_escalation_window_millis=0",
       [](auto& o) { o.poison_min_escalation_window = milliseconds(0); }},
      {"init_buf_size=1k", [](auto& o) { o.init_buf_size = 1024; }},
      {"max_buf_size=1T", [](auto& o) { o.max_buf_size = int64_t{1} << 40; }},
      {"max_buf_size=65536", [](auto& o) { o.max_buf_size = 65536; }},
      {"max_name_len=16", [](auto& o) { o.max_name_len = 16; }},
      {"auto_flush=off", [](auto&) {}},
      {"path=/read/v2?x=1", [](auto& o) { o.path = "/read/v2?x=1"; }},
      {"max_version=1", [](auto&) {}},
      {"compression=raw", [](auto&) {}},
      {"compression=zstd", [](auto& o) { o.compression = Compression::kZstd; }},
      {"compression=auto", [](auto& o) { o.compression = Compression::kAuto; }},
      {"compression_level=22", [](auto& o) { o.compression_level = 22; }},
      {"max_batch_rows=16384", [](auto& o) { o.max_batch_rows = 16384; }},
      {"query_timeout_ms=9223372036854775807",
       [](auto& o) { o.query_timeout = milliseconds::max(); }},
      {"target=any", [](auto&) {}},
      {"target=primary", [](auto& o) { o.target = TargetRole::kPrimary; }},
      {"target=replica", [](auto& o) { o.target = TargetRole::kReplica; }},
      {"zone=eu;;west", [](auto& o) { o.zone = "eu;west"; }},
      {"failover=off", [](auto& o) { o.failover = false; }},
      {"failover=false", [](auto& o) { o.failover = false; }},
      {"failover=no", [](auto& o) { o.failover = false; }},
      {"failover=0", [](auto& o) { o.failover = false; }},
      {"failover=yes", [](auto&) {}},
      {"failover=1", [](auto&) {}},
      {"failover=true", [](auto&) {}},
      {"failover_max_attempts=1024", [](auto& o) { o.failover_max_attempts = 1024; }},
      {"failover_backoff_initial_ms=0",
       [](auto& o) { o.failover_backoff_initial = milliseconds(0); }},
      {"failover_backoff_max_ms=3600000",
       [](auto& o) { o.failover_backoff_max = milliseconds(3600000); }},
      {"failover_max_duration_ms=0", [](auto& o) { o.failover_max_duration = milliseconds(0); }},
      {"sender_pool_min=0", [](auto& o) { o.sender_pool_min = 0; }},
      {"sender_pool_max=65536", [](auto& o) { o.sender_pool_max = 65536; }},
      {"query_pool_min=4", [](auto& o) { o.query_pool_min = 4; }},
      {"query_pool_max=1", [](auto& o) { o.query_pool_max = 1; }},
      {"acquire_timeout_ms=0", [](auto& o) { o.acquire_timeout = milliseconds(0); }},
      {"idle_timeout_ms=31536000000", [](auto& o) { o.idle_timeout = milliseconds(31536000000); }},
      {"pool_reap=manual", [](auto& o) { o.reap_idle_automatically = false; }},
      {"pool_reap=auto", [](auto&) {}},
      {"lazy_connect=on", [](auto& o) { o.lazy_connect = true, o.query_pool_min = 0; }},
      {"lazy_connect=true;query_pool_min=0",
       [](auto& o) { o.lazy_connect = true, o.query_pool_min = 0; }},
      {"lazy_connect=false", [](auto&) {}},
      {"lazy_connect=off;query_pool_min=0", [](auto& o) { o.query_pool_min = 0; }},
  };
  return kActing;
}

const std::vector<Acting>& ActingTlsKeys() {
  static const std::vector<Acting> kActing = {
      {"tls_verify=on", [](auto&) {}},
      {"tls_verify=unsafe_off", [](auto& o) { o.tls_verify = false; }},
      {"tls_ca=os_roots", [](auto&) {}},
      {"tls_roots=/etc/a.pem",
       [](auto& o) { o.tls_ca = TrustedRoots::kFile, o.tls_roots = "/etc/a.pem"; }},
      {"tls_ca=pem_file;tls_roots=a",
       [](auto& o) { o.tls_ca = TrustedRoots::kFile, o.tls_roots = "a"; }},
      {"tls_roots=a.p12;tls_roots_password=pw",
       [](auto& o) {
         o.tls_ca = TrustedRoots::kFile, o.tls_roots = "a.p12";
         o.tls_roots_password = Secret("pw");
       }},
  };
  return kActing;
}

TEST(ConnectString, EveryKeyActsOnItsFieldAlone) {
  std::set<std::string> tried;
  const auto check = [&](const std::string& schema, const Acting& acting) {
    ConnectOptions expected;
    expected.tls = schema == "wss";
    expected.endpoints = {{"h", 9000}};
    acting.change(expected);
    for (const std::string& text : std::vector<std::string>{
             schema + "::addr=h;" + acting.pairs, schema + "::addr=h;" + acting.pairs + ";",
             schema + "::" + acting.pairs + ";addr=h;"}) {
      EXPECT_EQ(Parsed(text), expected) << text;
    }
    tried.insert(acting.pairs.substr(0, acting.pairs.find('=')));
  };
  for (const Acting& acting : ActingKeys()) check("ws", acting), check("wss", acting);
  for (const Acting& acting : ActingTlsKeys()) check("wss", acting);
  for (const ConnectKey& key : ConnectKeys()) {
    EXPECT_TRUE(tried.contains(std::string(key.name))) << key.name << " is not tried here";
  }
}

TEST(ConnectString, TakesTheSchemaInAnyCase) {
  EXPECT_FALSE(Parsed("WS::addr=h").tls);
  EXPECT_TRUE(Parsed("wSs::addr=h").tls);
  EXPECT_TRUE(Parsed("WSS::addr=h").tls);
}

TEST(ConnectString, ReadsSemicolonsInsideValues) {
  EXPECT_EQ(Parsed("ws::addr=h;client_id=a;;b").client_id, "a;b");
  EXPECT_EQ(Parsed("ws::addr=h;client_id=;;;;").client_id, ";;");
  EXPECT_EQ(Parsed("ws::client_id=a;;;addr=h").client_id, "a;");
  EXPECT_EQ(Parsed("ws::addr=h;client_id=a=b=;").client_id, "a=b=");
}

TEST(ConnectString, RefusesWhatIsNotOfItsGrammar) {
  ExpectRefused("", "ws:: or wss::");
  ExpectRefused("addr=h", "ws:: or wss::");
  ExpectRefused("ws:addr=h", "ws:: or wss::");
  ExpectRefused("::addr=h", "unknown schema");
  ExpectRefused("wsx::addr=h", "unknown schema");
  ExpectRefused("wssssssssss::addr=h", "unknown schema");
  ExpectRefused(" ws::addr=h", "unknown schema");
  ExpectRefused("http::addr=h", "the schema http is of ILP");
  ExpectRefused("TCPS::addr=h", "the schema tcps is of ILP");
  ExpectRefused("ws::", "'addr' is missing");
  ExpectRefused("ws::zone=a;", "'addr' is missing");
  ExpectRefused("ws::;addr=h", "byte 4: expected key=value");
  ExpectRefused("ws::addr=h;zone", "byte 11: expected key=value");
  ExpectRefused("ws::addr=h;zone;target=any", "byte 11: expected key=value");
  ExpectRefused("ws::addr=h; ", "byte 11: expected key=value");
  ExpectRefused("ws::addr=h;=x", "byte 11: the key is missing");
  ExpectRefused("ws::addr=h;zone=", "'zone' at byte 16: the value is missing");
  ExpectRefused("ws::addr=;", "'addr' at byte 9: the value is missing");
  ExpectRefused("ws::addr=h;password=;username=u", "'password' at byte 20: the value is missing");
  ExpectRefused("ws::addr=h;zone=a\nb", "byte 17: control characters");
  ExpectRefused("ws::addr=h;zone=a\x7F", "byte 17: control characters");
  ExpectRefused("ws::addr=h;zone=\xC2\x85", "byte 16: control characters");
  ExpectRefused("ws::addr=h;zone=\xFF", "byte 16: control characters and bytes that are not UTF-8");
  ExpectRefused("ws::addr=h;to\tken=a", "byte 13: control characters");
  ExpectRefused(std::string("ws::addr=h;zone=a\0b", 19), "byte 17: control characters");
  ExpectRefused("ws::addr=h;token=a\r\nX-Evil: 1", "byte 18: control characters");
  ExpectRefused("ws::addr=h;zone=" + std::string(1 << 20, 'a'), "at most 1048576 bytes");
}

TEST(ConnectString, NamesUnknownKeysAndSuggestsKnownOnes) {
  ExpectRefused("ws::addr=h;colour=red", "byte 11: unknown key 'colour'");
  ExpectRefused("ws::addr=h;tls_verfy=on", "unknown key 'tls_verfy'; did you mean 'tls_verify'?");
  ExpectRefused("ws::Addr=h", "unknown key 'Addr'; did you mean 'addr'?");
  ExpectRefused("ws::addr=h; zone=a", "byte 11: unknown key; did you mean 'zone'?");
  ExpectRefused("ws::addr=h;pool_colour=1", "unknown pool key 'pool_colour'");
  ExpectRefused("ws::addr=h;sf_colour=1", "unknown key 'sf_colour'");
  ExpectRefused("ws::addr=h;" + std::string(65, 'k') + "=1", "byte 11: unknown key");
}

TEST(ConnectString, RefusesEveryKeyWithoutAFunctionAndSaysWhy) {
  // The lists of the protocol's documentation, so that none can be forgotten.
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"request_timeout", "give commit a timeout"},
      {"sf_dir", "store-and-forward"},
      {"sender_id", "store-and-forward"},
      {"sf_max_segment_bytes", "store-and-forward"},
      {"sf_max_total_bytes", "store-and-forward"},
      {"sf_append_deadline_millis", "store-and-forward"},
      {"sf_durability", "store-and-forward"},
      {"sf_sync_interval_millis", "store-and-forward"},
      {"drain_orphans", "store-and-forward"},
      {"max_background_drainers", "store-and-forward"},
      {"error_inbox_capacity", "store-and-forward"},
      {"qwp_ws_progress", "store-and-forward"},
      {"auto_flush_rows", "single rows"},
      {"auto_flush_bytes", "single rows"},
      {"auto_flush_interval", "single rows"},
      {"on_internal_error", "no function"},
      {"on_parse_error", "no function"},
      {"on_schema_error", "no function"},
      {"on_security_error", "no function"},
      {"on_server_error", "no function"},
      {"on_write_error", "no function"},
      {"buffer_pool_size", "no function"},
      {"pool_size", "renamed: use sender_pool_min"},
      {"pool_max", "renamed: use sender_pool_max"},
      {"pool_idle_timeout_ms", "renamed: use idle_timeout_ms"},
      {"in_flight_window", "unknown key"},
      {"max_in_flight", "unknown key"},
      {"query_close_timeout_ms", "unknown key"},
      {"max_lifetime_ms", "unknown key"},
      {"housekeeper_interval_ms", "unknown key"},
      {"user", "unknown key: use username"},
      {"pass", "unknown key: use password"},
  };
  for (const auto& [key, reason] : refused) {
    ExpectRefused("ws::addr=h;" + key + "=1", "'" + key + "' at byte 11: ");
    ExpectRefused("wss::" + key + "=off;addr=h", reason);
  }
  EXPECT_EQ(RefusedKeys().size(), refused.size());
}

TEST(ConnectString, RefusesAKeyThatIsGivenTwice) {
  for (const Acting& acting : ActingKeys()) {
    const std::string key = acting.pairs.substr(0, acting.pairs.find('='));
    ExpectRefused("ws::addr=h;" + acting.pairs + ";" + key + "=1",
                  "'" + key + "' at byte " + std::to_string(12 + acting.pairs.size()) +
                      ": the key was given before, at byte 11");
  }
  ExpectRefused("ws::addr=h;auth_timeout_ms=1;auth_timeout=1",
                "'auth_timeout' at byte 29: the key was given before, at byte 11");
  ExpectRefused("ws::addr=h;token=a;token=a", "'token' at byte 19: the key was given before");
  ExpectRefused("ws::username=a;username=a", "'username' at byte 15: the key was given before");
}

TEST(ConnectString, AddsUpRepeatedAddresses) {
  EXPECT_EQ(Parsed("ws::addr=a,b:1;zone=z;addr=[::1]").endpoints,
            (std::vector<EndpointAddress>{{"a", 9000}, {"b", 1}, {"::1", 9000}}));
  ExpectRefused("ws::addr=a;addr=b,A:9000", "'addr': address 3: A:9000 stands there twice");
  ExpectRefused("ws::addr=a;addr=b,;", "'addr': address 3: it is empty");
  ExpectRefused("ws::addr=a:0", "'addr': address 1: the port must be");
}

TEST(ConnectString, NamesTheRangeOfEveryValue) {
  const std::string year = "from 1 to 31536000000";
  const std::string hour = "from 0 to 3600000";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"auth_timeout_ms", "0", year + ", found 0"},
      {"auth_timeout_ms", "31536000001", year + ", found 31536000001"},
      {"auth_timeout_ms", "-1", year + ", found -1"},
      {"auth_timeout_ms", "15s", year},
      {"auth_timeout_ms", "1.5", year},
      {"auth_timeout_ms", "+5", year},
      {"auth_timeout_ms", " 5", year},
      {"auth_timeout_ms", "0x10", year},
      {"auth_timeout_ms", "-", year},
      {"auth_timeout_ms", "99999999999999999999", year},
      {"auth_timeout_ms", "-99999999999999999999", year},
      {"connect_timeout", "-1", "from 0 to 31536000000, found -1"},
      {"request_durable_ack", "true", "expected on or off"},
      {"request_durable_ack", "ON", "expected on or off"},
      {"durable_ack_keepalive_interval_millis", "31536000001", "at most 31536000000"},
      {"reconnect_initial_backoff_millis", "0", year},
      {"reconnect_max_backoff_millis", "0", year},
      {"reconnect_max_duration_millis", "-1", "from 0 to 31536000000"},
      {"initial_connect_retry", "async", "lazy_connect=on"},
      {"initial_connect_retry", "false", "expected off, sync, on or true"},
      {"close_flush_timeout_millis", "never", "at most 31536000000"},
      {"max_frame_rejections", "0", "from 1 to 1000000"},
      {"poison_min_escalation_window_millis", "-1", "from 0 to 31536000000"},
      {"init_buf_size", "1023", "from 1024 to 1099511627776, found 1023"},
      {"max_buf_size", "1023", "from 1024 to 1099511627776, found 1023"},
      {"max_buf_size", "2t", "found 2199023255552"},
      {"max_buf_size", "9223372036854775807k", "from 1024 to"},
      {"max_buf_size", "-1m", "found -1048576"},
      {"max_buf_size", "100b", "suffixes k, m, g, t"},
      {"max_buf_size", "1 m", "suffixes k, m, g, t"},
      {"max_buf_size", "1mib", "suffixes k, m, g, t"},
      {"max_buf_size", "m", "suffixes k, m, g, t"},
      {"max_buf_size", "b", "suffixes k, m, g, t"},
      {"max_buf_size", "kb", "suffixes k, m, g, t"},
      {"max_name_len", "15", "from 16 to 127"},
      {"max_name_len", "128", "from 16 to 127"},
      {"auto_flush", "on", "expected off"},
      {"path", "read", "begins with '/'"},
      {"path", "/a b", "begins with '/'"},
      {"path", "/a#b", "begins with '/'"},
      {"path", "/\xC3\xB6", "begins with '/'"},
      {"path", "/" + std::string(1024, 'x'), "at most 1024 bytes"},
      {"max_version", "2", "that is 1, found 2"},
      {"max_version", "0", "that is 1"},
      {"compression", "gzip", "expected raw, zstd or auto"},
      {"compression_level", "0", "from 1 to 22"},
      {"compression_level", "23", "from 1 to 22"},
      {"max_batch_rows", "-1", "from 0 to 2147483647"},
      {"max_batch_rows", "2147483648", "from 0 to 2147483647"},
      {"query_timeout_ms", "-1", "from 0 to 9223372036854775807"},
      {"query_timeout_ms", "9223372036854775808", "from 0 to 9223372036854775807"},
      {"target", "standby", "expected any, primary or replica"},
      {"zone", std::string(1025, 'z'), "at most 1024 bytes, found 1025"},
      {"client_id", std::string(1025, 'z'), "at most 1024 bytes"},
      {"failover", "maybe", "expected on, true, yes, 1, off, false, no or 0"},
      {"failover_max_attempts", "0", "from 1 to 1024"},
      {"failover_max_attempts", "1025", "from 1 to 1024"},
      {"failover_backoff_initial_ms", "3600001", hour},
      {"failover_backoff_max_ms", "3600001", hour},
      {"failover_max_duration_ms", "3600001", hour},
      {"sender_pool_min", "-1", "from 0 to 65536"},
      {"sender_pool_max", "0", "from 1 to 65536"},
      {"sender_pool_max", "65537", "from 1 to 65536"},
      {"query_pool_min", "-1", "from 0 to 65536"},
      {"query_pool_max", "0", "from 1 to 65536"},
      {"acquire_timeout_ms", "-1", "from 0 to 31536000000"},
      {"idle_timeout_ms", "31536000001", "from 0 to 31536000000"},
      {"pool_reap", "on", "expected auto or manual"},
      {"lazy_connect", "1", "expected on, true, off or false"},
  };
  std::set<std::string> tried;
  for (const auto& [key, value, expected] : cases) {
    const std::string text = "ws::addr=h;" + key + "=" + value;
    ExpectRefused(text, expected);
    ExpectRefused(text, "'" + key + "' at byte " + std::to_string(12 + key.size()) + ": ");
    tried.insert(key);
  }
  ExpectRefused("wss::addr=h;tls_verify=off", "expected on or unsafe_off");
  ExpectRefused("wss::addr=h;tls_ca=mine", "expected os_roots or pem_file");
  ExpectRefused("wss::addr=h;tls_ca=webpki_roots", "brings no certificates of its own");
  ExpectRefused("wss::addr=h;tls_ca=webpki_and_os_roots", "use os_roots");
  ExpectRefused("wss::addr=h;tls_roots=" + std::string(4097, 'a'), "at most 4096 bytes");
  for (const ConnectKey& key : ConnectKeys()) {
    if (!key.name.starts_with("tls_")) {
      EXPECT_TRUE(tried.contains(std::string(key.name))) << key.name;
    }
  }
}

TEST(ConnectString, ReadsSizesInPowersOf1024) {
  const std::vector<std::pair<std::string, int64_t>> sizes = {
      {"70000", 70000},      {"65k", 66560},   {"65K", 66560},    {"65kb", 66560},
      {"65Kb", 66560},       {"65KB", 66560},  {"1m", 1 << 20},   {"1MB", 1 << 20},
      {"1g", 1 << 30},       {"1Gb", 1 << 30}, {"1t", 1LL << 40}, {"1tb", 1LL << 40},
      {"0001024k", 1 << 20},
  };
  for (const auto& [text, bytes] : sizes) {
    EXPECT_EQ(Parsed("ws::addr=h;max_buf_size=" + text).max_buf_size, bytes) << text;
  }
}

TEST(ConnectString, RefusesKeysThatContradictEachOther) {
  ExpectRefused("ws::addr=h;reconnect_initial_backoff_millis=6000",
                "'reconnect_initial_backoff_millis' (6000) is above "
                "'reconnect_max_backoff_millis' (5000, the default)");
  ExpectRefused("ws::addr=h;reconnect_max_backoff_millis=99", "(100, the default) is above");
  ExpectRefused("ws::addr=h;failover_backoff_initial_ms=2;failover_backoff_max_ms=1",
                "'failover_backoff_initial_ms' (2) is above 'failover_backoff_max_ms' (1)");
  ExpectRefused("ws::addr=h;init_buf_size=2k;max_buf_size=1k",
                "(2048) is above 'max_buf_size' (1024)");
  ExpectRefused("ws::addr=h;sender_pool_min=5",
                "'sender_pool_min' (5) is above 'sender_pool_max' (4, the default)");
  ExpectRefused("ws::addr=h;query_pool_min=2;query_pool_max=1", "'query_pool_min' (2) is above");
  ExpectRefused("ws::addr=h;lazy_connect=on;query_pool_min=1",
                "'lazy_connect' needs a 'query_pool_min' of 0, found 1");
  ExpectRefused("ws::addr=h;initial_connect_retry=sync;lazy_connect=true",
                "'lazy_connect' and 'initial_connect_retry' contradict");
  EXPECT_TRUE(Parsed("ws::addr=h;initial_connect_retry=off;lazy_connect=on").lazy_connect);

  for (const std::string tls : {"tls_verify=on", "tls_verify=unsafe_off", "tls_ca=os_roots",
                                "tls_roots=a", "tls_roots_password=a"}) {
    const std::string key = tls.substr(0, tls.find('='));
    ExpectRefused("ws::addr=h;" + tls, "'" + key + "' at byte 11 needs TLS: use the schema wss",
                  kUnverified);
  }
  ExpectRefused("wss::addr=h;tls_verify=unsafe_off", "this build does not allow unsafe_off",
                {.allow_unverified_tls = false});
  ExpectRefused("wss::addr=h;tls_ca=pem_file", "needs 'tls_roots'");
  ExpectRefused("wss::addr=h;tls_ca=os_roots;tls_roots=a", "'tls_ca' and 'tls_roots' contradict");
  ExpectRefused("wss::addr=h;tls_roots_password=a", "'tls_roots_password' needs 'tls_roots'");
}

TEST(ConnectString, MakesOneAuthorizationForBothDirections) {
  const auto value = [](const std::string& pairs) {
    return Parsed("ws::addr=h;" + pairs).authorization.Reveal();
  };
  // RFC 7617, section 2, and one for each length of the last group of base64.
  EXPECT_EQ(value("username=Aladdin;password=open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(value("username=admin;password=quest"), "Basic YWRtaW46cXVlc3Q=");
  EXPECT_EQ(value("password=b;username=a"), "Basic YTpi");
  EXPECT_EQ(value("username=test;password=123\xC2\xA3"), "Basic dGVzdDoxMjPCow==");
  EXPECT_EQ(value("username=a;password=b;;c:d"), "Basic YTpiO2M6ZA==");
  EXPECT_EQ(value("token=abc.DEF=="), "Bearer abc.DEF==");
  EXPECT_EQ(value("auth=Digest x=\"y\""), "Digest x=\"y\"");
}

TEST(ConnectString, RefusesCredentialsThatDoNotBelongTogether) {
  ExpectRefused("ws::addr=h;username=u", "'username' needs 'password'");
  ExpectRefused("ws::addr=h;password=p", "'password' needs 'username'");
  ExpectRefused("ws::addr=h;username=u:v;password=p",
                "'username' at byte 11: must not contain ':'");
  for (const std::string pairs :
       {"token=t;auth=a", "token=t;username=u;password=p", "username=u;auth=a",
        "password=p;token=t", "auth=a;token=t;username=u;password=p"}) {
    ExpectRefused("ws::addr=h;" + pairs,
                  "only one of 'username' with 'password', 'token' and 'auth'");
  }
  ExpectRefused("ws::addr=h;username=u;password=" + std::string(2048, 'p'), "at most 2048");
  ExpectRefused("ws::addr=h;token=" + std::string(8000, 'p'),
                "'token' makes a header of 8007 bytes");
  ExpectRefused("ws::addr=h;auth=" + std::string(8001, 'p'), "'auth' makes a header of 8001 bytes");
}

TEST(ConnectString, IsRedactedForLogs) {
  const ConnectOptions options = Parsed(
      "wss::addr=a,[::1]:1;username=hunter2xyzzy;password=hunter2xyzzy;zone=x;;y;"
      "tls_roots=r.p12;tls_roots_password=hunter2xyzzy;lazy_connect=on;failover=off;"
      "auth_timeout_ms=15000;max_buf_size=1m;compression=zstd;idle_timeout_ms=1;");
  const std::string expected =
      "wss::addr=a:9000,[::1]:1;auth=***;tls_ca=pem_file;tls_roots=r.p12;max_buf_size=1048576;"
      "compression=zstd;zone=x;;y;failover=off;idle_timeout_ms=1;lazy_connect=on;"
      "tls_roots_password=***;";
  EXPECT_EQ(Redacted(options), expected);
  std::ostringstream out;
  out << options << options.authorization << options.tls_roots_password;
  EXPECT_EQ(out.str(), expected + "******");
  // What a failing test would print.
  EXPECT_FALSE(Leaks(::testing::PrintToString(options)));
  EXPECT_FALSE(Leaks(::testing::PrintToString(options.authorization)));
  EXPECT_EQ(Redacted(Parsed("ws::addr=h;failover=on;query_pool_min=1")), "ws::addr=h:9000;");
}

TEST(ConnectStringProperty, WhatIsRedactedParsesToTheSameButForCredentials) {
  SeededRandom random;
  int parsed = 0;
  for (int round = 0; round < 2'000; ++round) {
    const bool tls = random.Chance(0.5);
    std::string text = tls ? "wss::addr=h" : "ws::addr=h";
    if (random.Chance(0.3)) text += ",[2001:db8::7]:7";
    const auto add = [&](const Acting& acting) { text += ";" + acting.pairs; };
    for (int i = 0; i < 4; ++i) add(ActingKeys()[random.Uniform(0, ActingKeys().size() - 1)]);
    if (tls) add(ActingTlsKeys()[random.Uniform(0, ActingTlsKeys().size() - 1)]);
    const int64_t credentials = random.Uniform(0, 3);
    if (credentials == 1) text += ";username=a;password=b";
    if (credentials == 2) text += ";token=a";
    if (credentials == 3) text += ";auth=a";
    const auto options = ParseConnectString(text, kUnverified);
    if (!options.ok()) continue;  // a key twice, or a contradiction
    ++parsed;
    ConnectOptions expected = *options;
    if (!expected.authorization.empty()) expected.authorization = Secret("***");
    if (!expected.tls_roots_password.empty()) expected.tls_roots_password = Secret("***");
    EXPECT_EQ(Parsed(Redacted(*options)), expected) << text;
  }
  EXPECT_GT(parsed, 500);
}

class EnvironmentTest : public ::testing::Test {
 protected:
  ~EnvironmentTest() override { unsetenv("QDB_CLIENT_CONF"); }
};

TEST_F(EnvironmentTest, GivesTheConnectString) {
  setenv("QDB_CLIENT_CONF", "ws::addr=h;zone=z", 1);
  ASSERT_OK_AND_ASSIGN(const ConnectOptions options, ConnectOptionsFromEnvironment());
  EXPECT_EQ(options, Parsed("ws::addr=h;zone=z"));
}

TEST_F(EnvironmentTest, IsNamedInErrors) {
  unsetenv("QDB_CLIENT_CONF");
  EXPECT_THAT(ConnectOptionsFromEnvironment(),
              StatusIs(StatusCode::kInvalidArgument,
                       "connect string: the environment variable QDB_CLIENT_CONF is not set"));
  setenv("QDB_CLIENT_CONF", "ws::zone=z", 1);
  EXPECT_THAT(ConnectOptionsFromEnvironment(),
              StatusIs(StatusCode::kInvalidArgument,
                       StartsWith("connect string: in QDB_CLIENT_CONF: 'addr' is missing")));
}

}  // namespace
}  // namespace colonnade::questdb
