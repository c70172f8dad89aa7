// The body of the fuzz targets of single codecs.
//
// Input: one byte of flags (bit 0: the length is exact), two bytes of expected length
// (little-endian), then the encoded bytes.

#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "array/codec.h"
#include "base/byte_order.h"
#include "base/memory_budget.h"

namespace colonnade::array {

/// A copy of `bytes` that ends where a page without access begins. The compression libraries are
/// not instrumented; this is what makes their reads past the end visible.
inline Bytes AgainstGuardPage(Bytes bytes) {
  static constexpr size_t kRoom = size_t{1} << 20;
  static std::byte* const room = [] {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* const mapped =
        mmap(nullptr, kRoom + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    auto* const begin = static_cast<std::byte*>(mapped);
    if (mprotect(begin + kRoom, page, PROT_NONE) != 0) std::abort();
    return begin;
  }();
  if (bytes.size() > kRoom) return bytes;
  std::byte* const copy = room + kRoom - bytes.size();
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

inline int DecodeFuzzInput(BytesCodec codec, const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const bool exact = (data[0] & 1) != 0;
  const uint64_t expected = LoadLittle<uint16_t>(data + 1);
  const Bytes encoded = AgainstGuardPage(std::as_bytes(std::span(data + 3, size - 3)));
  // Kept between inputs, as a scan keeps it: a failure must not spoil the next chunk.
  static CodecScratch scratch(UnlimitedMemory());
  Buffer out(UnlimitedMemory());
  const Status status = DecodeBytes(codec, encoded, expected, exact, scratch, &out);
  if (!status.ok()) {
    if (status.message().empty()) std::abort();
    return 0;
  }
  if (exact ? out.size() != expected : out.size() > expected) std::abort();
  // Decoding is a function of its input.
  Buffer again(UnlimitedMemory());
  if (!DecodeBytes(codec, encoded, expected, exact, scratch, &again).ok()) std::abort();
  if (again.size() != out.size()) std::abort();
  return 0;
}

}  // namespace colonnade::array
