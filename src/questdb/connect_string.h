// Connect strings: `ws::addr=localhost:9000;username=admin;password=quest;`.
//
//   string := schema "::" pair*
//   schema := "ws" | "wss"          in any case; wss is TLS
//   pair   := key "=" value ";"     the last ";" may be left out
//   value  := any characters; a ";" is written ";;"
//
// One string configures both directions, and what it says is done: a key either acts or is an
// error. Keys of other clients of the family that have no function here are refused with a reason
// (questdb/connect_keys.cpp has both lists); docs/questdb.md has them for users.

#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "questdb/connect_options.h"

namespace colonnade::questdb {

inline constexpr size_t kMaxConnectStringBytes = 1 << 20;

/// What depends on how the library was built. Tests set it themselves.
struct ConnectStringRules {
  /// Whether `tls_verify=unsafe_off` may be said: in builds with COLONNADE_ALLOW_UNVERIFIED_TLS.
#ifdef COLONNADE_ALLOW_UNVERIFIED_TLS
  bool allow_unverified_tls = true;
#else
  bool allow_unverified_tls = false;
#endif
};

/// Parses a connect string. Pure.
///
/// \error InvalidArgument "connect string: ..." names the key and the position of its value in
/// bytes
///     from the start, and what is expected. No message repeats anything that a mistake may have
///     made a piece of a credential: values are repeated if they are whole numbers of keys that
///     take them or addresses that are valid, and an unknown key is not if it follows a credential,
///     where an unescaped ";" in a password would put the rest of it.
Result<ConnectOptions> ParseConnectString(std::string_view text,
                                          const ConnectStringRules& rules = {});

/// Parses the value of the environment variable QDB_CLIENT_CONF.
///
/// \error as above, also if the variable is not set.
Result<ConnectOptions> ConnectOptionsFromEnvironment(const ConnectStringRules& rules = {});

}  // namespace colonnade::questdb
