// Delta-of-delta timestamps decoded bit by bit, as the format is written down.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace colonnade {

struct PlainGorilla {
  std::vector<int64_t> values;
  size_t bytes = 0;
};

/// Nothing if the bytes end early.
inline std::optional<PlainGorilla> DecodePlainGorilla(std::span<const std::byte> coded,
                                                      size_t count) {
  PlainGorilla result;
  size_t bit = 0;
  const auto take = [&](int bits) -> std::optional<uint64_t> {
    uint64_t value = 0;
    for (int i = 0; i < bits; ++i, ++bit) {
      if (bit / 8 >= coded.size()) return std::nullopt;
      value |= (static_cast<uint64_t>(coded[bit / 8]) >> (bit % 8) & 1) << i;
    }
    return value;
  };
  uint64_t delta = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i < 2) {
      const auto value = take(64);
      if (!value.has_value()) return std::nullopt;
      result.values.push_back(static_cast<int64_t>(*value));
      if (i == 1) delta = *value - static_cast<uint64_t>(result.values[0]);
      continue;
    }
    int ones = 0;
    while (ones < 4) {
      const auto next = take(1);
      if (!next.has_value()) return std::nullopt;
      if (*next == 0) break;
      ++ones;
    }
    constexpr int kBits[] = {0, 7, 9, 12, 32};
    const auto change = take(kBits[ones]);
    if (!change.has_value()) return std::nullopt;
    uint64_t extended = *change;
    if (ones > 0 && (*change >> (kBits[ones] - 1) & 1) != 0)
      extended |= ~uint64_t{0} << (kBits[ones] - 1);
    delta += extended;
    result.values.push_back(
        static_cast<int64_t>(static_cast<uint64_t>(result.values.back()) + delta));
  }
  result.bytes = (bit + 7) / 8;
  return result;
}

}  // namespace colonnade
