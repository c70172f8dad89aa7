// Loads from little-endian bytes and byte swaps. The host is little-endian (checked below).

#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace colonnade {

static_assert(std::endian::native == std::endian::little, "big-endian hosts are not supported");

/// Reads a T from possibly unaligned little-endian bytes.
template <typename T>
T LoadLittle(const void* bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// Reverses the bytes of `count` elements of `size` bytes (1, 2, 4 or 8) in place.
inline void SwapBytes(std::byte* data, size_t count, size_t size) {
  assert(size == 1 || size == 2 || size == 4 || size == 8);
  const auto swap = [&]<typename T>(T, auto reverse) {
    for (size_t i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, data + i * sizeof(T), sizeof(T));
      value = static_cast<T>(reverse(value));
      std::memcpy(data + i * sizeof(T), &value, sizeof(T));
    }
  };
  if (size == 2) swap(uint16_t{}, [](uint16_t v) { return __builtin_bswap16(v); });
  if (size == 4) swap(uint32_t{}, [](uint32_t v) { return __builtin_bswap32(v); });
  if (size == 8) swap(uint64_t{}, [](uint64_t v) { return __builtin_bswap64(v); });
}

}  // namespace colonnade
