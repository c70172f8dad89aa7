#include "store/store.h"

#include <algorithm>

#include "base/quote.h"

namespace colonnade::store {

bool IsValidKey(std::string_view key) {
  if (key.size() > kMaxKeyBytes) return false;
  if (key.find('\\') != std::string_view::npos || key.find('\0') != std::string_view::npos) {
    return false;
  }
  for (size_t begin = 0;;) {
    const size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view segment = key.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (end == key.size()) return true;
    begin = end + 1;
  }
}

Status ValidateKey(std::string_view key) {
  if (IsValidKey(key)) return {};
  if (key.size() > kMaxKeyBytes) {
    return InvalidArgument("key of ", key.size(), " bytes, the limit is ", kMaxKeyBytes, ": ",
                           Quote(key));
  }
  return InvalidArgument(
      "not a key (a relative path without empty, '.' or '..' segments, backslash or zero byte): ",
      Quote(key));
}

std::string JoinKey(std::string_view prefix, std::string_view name) {
  std::string key;
  key.reserve(prefix.size() + 1 + name.size());
  key += prefix;
  if (!prefix.empty()) key += '/';
  return key += name;
}

Result<ByteSpan> ResolveRange(ByteRange range, uint64_t value_size, uint64_t max_bytes) {
  ByteSpan span{0, value_size};
  switch (range.kind) {
    case ByteRange::Kind::kWhole: break;
    case ByteRange::Kind::kSpan:
      span = {range.offset, range.length};
      if (span.offset > value_size || span.length > value_size - span.offset) {
        return InvalidData("bytes ", span.offset, "+", span.length, " are not inside its ",
                           value_size, " bytes");
      }
      break;
    case ByteRange::Kind::kSuffix:
      if (range.length > value_size) {
        return InvalidData("its last ", range.length, " bytes were asked for, it has ", value_size);
      }
      span = {value_size - range.length, range.length};
      break;
  }
  if (span.length > max_bytes) {
    return LimitExceeded("a read of ", span.length, " bytes, the limit is ", max_bytes);
  }
  return span;
}

}  // namespace colonnade::store
