// Store: key → bytes, read-only. Directories, zip archives and memory; later HTTP and object
// stores.
//
// Keys are '/'-separated relative paths without empty, "." or ".." segments, as Zarr writes them
// ("t2m/c/0/1"). A store never hands out bytes from outside its root.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::store {

/// Which bytes of a value to read.
struct ByteRange {
  enum class Kind : uint8_t { kWhole, kSpan, kSuffix };
  Kind kind = Kind::kWhole;
  uint64_t offset = 0;  // kSpan
  uint64_t length = 0;  // kSpan, kSuffix

  static ByteRange Whole() { return {}; }
  static ByteRange Span(uint64_t offset, uint64_t length) { return {Kind::kSpan, offset, length}; }
  /// The last `length` bytes.
  static ByteRange Suffix(uint64_t length) { return {Kind::kSuffix, 0, length}; }
};

/// What a read found.
struct ReadResult {
  bool found = false;       // false: there is no such key; nothing was written
  uint64_t value_size = 0;  // bytes of the whole value
};

/// A name directly under a prefix.
struct ListEntry {
  std::string name;  // one segment, no '/'
  bool is_directory = false;
  /// Where a directory that is a symbolic link leads once all links are resolved: a key ("" is the
  /// root), or an absolute path if that is outside the store. Links may form cycles; whoever walks
  /// can tell by this. Nothing for what is no link, and in stores without links.
  std::optional<std::string> link_target = {};
};

/// Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  /// What a message calls this store, e.g. "air.zarr".
  virtual const std::string& name() const = 0;

  /// Reads a value, or a range of it, into `out` (resized to what was read). An absent key is not
  /// an error; a directory is not a value. After an error `out` holds nothing useful.
  ///
  /// \error LimitExceeded if more than `max_bytes` would be read; nothing is read then.
  /// \error InvalidData if the range is not inside the value (message has both), or the archive is
  /// corrupt.
  /// \error PermissionDenied, Io: never reported as absent.
  /// \error InvalidArgument if the key is not a valid key.
  virtual Result<ReadResult> Read(std::string_view key, ByteRange range, uint64_t max_bytes,
                                  Buffer* out) const = 0;

  /// Names directly under `prefix` ("" is the root), sorted by bytes, each once: a name that is
  /// both a value and a directory is listed as a directory. Nothing is left out. An absent prefix
  /// is an empty list.
  ///
  /// \error LimitExceeded above `max_entries`.
  virtual Result<std::vector<ListEntry>> List(std::string_view prefix,
                                              size_t max_entries) const = 0;
};

/// A range with its numbers, inside a value.
struct ByteSpan {
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// Lays a range over a value: for implementations of Store.
///
/// \error InvalidData if it is not inside the value, LimitExceeded if longer than `max_bytes`.
Result<ByteSpan> ResolveRange(ByteRange range, uint64_t value_size, uint64_t max_bytes);

constexpr size_t kMaxKeyBytes = 4096;

/// Checks a key: relative, no empty, "." or ".." segment, no backslash or NUL, at most 4096 bytes.
///
/// \error InvalidArgument quoting the key (control characters escaped).
Status ValidateKey(std::string_view key);

/// The same check without a message.
bool IsValidKey(std::string_view key);

/// "prefix/name", or `name` if the prefix is empty.
std::string JoinKey(std::string_view prefix, std::string_view name);

}  // namespace colonnade::store
