// Archives from outside: every member is listed and read, whole and in part, within the limits.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "store/zip_store.h"

namespace {

using colonnade::Buffer;
using colonnade::store::ByteRange;
using colonnade::store::JoinKey;
using colonnade::store::Store;

constexpr uint64_t kMaxBytes = 1 << 20;

void ReadValue(const Store& store, const std::string& key) {
  Buffer whole;
  const auto result = store.Read(key, ByteRange::Whole(), kMaxBytes, &whole);
  if (result.ok() && result->found && whole.size() != result->value_size) std::abort();
  const bool is_whole = result.ok() && result->found;
  Buffer part;
  for (const uint64_t length : {uint64_t{0}, uint64_t{3}, whole.size() / 2}) {
    const auto suffix = store.Read(key, ByteRange::Suffix(length), kMaxBytes, &part);
    if (!suffix.ok() || !suffix->found || !is_whole) continue;
    if (part.size() != length) std::abort();
    if (length != 0 &&
        std::memcmp(part.data(), whole.data() + whole.size() - length, length) != 0) {
      std::abort();
    }
  }
}

void Walk(const Store& store, const std::string& prefix, int depth) {
  const auto entries = store.List(prefix, 100);
  if (!entries.ok()) return;
  for (const auto& entry : *entries) {
    const std::string key = JoinKey(prefix, entry.name);
    if (!colonnade::store::IsValidKey(key)) std::abort();
    ReadValue(store, key);
    if (entry.is_directory && depth > 0) Walk(store, key, depth - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = ::memfd_create("archive", 0);
  if (file < 0 || ::ftruncate(file, 0) != 0) std::abort();
  if (::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  const auto store = colonnade::store::OpenZipStore(path, 1000);
  if (store.ok()) Walk(**store, "", 4);
  return 0;
}
