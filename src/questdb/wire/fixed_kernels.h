// Loops over the values of fixed-width columns, compiled for the instruction sets that processors
// have. They work on chunks that stay in the first-level cache, so that a column may pass through
// several of them: convert, fill or close gaps, mask.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/byte_order.h"
#include "base/half.h"
#include "questdb/wire/cpu_level.h"

namespace colonnade::questdb::wire {

/// Rows of a chunk; a multiple of 64.
inline constexpr int64_t kChunkRows = 1024;
/// Bytes that kernels may write behind what they produce.
inline constexpr size_t kKernelSlack = 64;

/// A float16 where the others have a C++ type.
struct Half {
  uint16_t bits;
};

namespace kernels {

#define COLONNADE_KERNEL static inline __attribute__((always_inline))

// Runs `Body::Run`, which is inlined, as code for `level`.
#if defined(__x86_64__)
template <typename Body, typename... Args>
__attribute__((target("avx2,popcnt"))) inline auto RunAvx2(Args... args) {
  return Body::Run(args...);
}
template <typename Body, typename... Args>
__attribute__((target("avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl"))) inline auto RunAvx512(
    Args... args) {
  return Body::Run(args...);
}
#endif
template <typename Body, typename... Args>
auto Run(CpuLevel level, Args... args) {
#if defined(__x86_64__)
  if (level == CpuLevel::kAvx512) return RunAvx512<Body>(args...);
  if (level == CpuLevel::kAvx2) return RunAvx2<Body>(args...);
#endif
  static_cast<void>(level);
  return Body::Run(args...);
}

// Calls `each(i)` for all i below n, 64 at a time where there are as many: loops of known length
// are those that compilers vectorise when they are told to be careful.
template <typename Each>
COLONNADE_KERNEL void Rows(int64_t n, const Each& each) {
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    for (int64_t k = 0; k < 64; ++k) each(i + k);
  }
  for (; i < n; ++i) each(i);
}

template <typename Source, typename Target>
COLONNADE_KERNEL Target Widen(Source value) {
  if constexpr (std::is_same_v<Source, Half>) {
    return static_cast<Target>(HalfToFloat(value.bits));
  } else {
    return static_cast<Target>(value);
  }
}

template <typename Source, typename Target>
struct ConvertBody {
  COLONNADE_KERNEL void Run(const std::byte* source, int64_t n, std::byte* target) {
    const std::byte* __restrict from = source;
    std::byte* __restrict to = target;
    Rows(n, [&](int64_t i) __attribute__((always_inline)) {
      const auto value =
          Widen<Source, Target>(LoadLittle<Source>(from + i * int64_t{sizeof(Source)}));
      std::memcpy(to + i * int64_t{sizeof(Target)}, &value, sizeof(Target));
    });
  }
};

template <typename Source>
struct MultiplyBody {
  COLONNADE_KERNEL void Run(const std::byte* source, int64_t n, uint64_t factor,
                            std::byte* target) {
    const std::byte* __restrict from = source;
    std::byte* __restrict to = target;
    Rows(n, [&](int64_t i) __attribute__((always_inline)) {
      // What overflows has been refused, or belongs to a row that has no value.
      const uint64_t value = static_cast<uint64_t>(static_cast<int64_t>(
                                 LoadLittle<Source>(from + i * int64_t{sizeof(Source)}))) *
                             factor;
      std::memcpy(to + i * 8, &value, 8);
    });
  }
};

template <typename T>
struct OutsideBody {
  COLONNADE_KERNEL bool Run(const std::byte* source, int64_t n, T low, T high) {
    using Word = std::make_unsigned_t<T>;
    Word seen = 0;
    Rows(n, [&](int64_t i) __attribute__((always_inline)) {
      const T value = LoadLittle<T>(source + i * int64_t{sizeof(T)});
      seen |= static_cast<Word>(static_cast<Word>(value < low) | static_cast<Word>(value > high));
    });
    return seen != 0;
  }
};

template <typename T>
struct HasBody {
  COLONNADE_KERNEL bool Run(const std::byte* source, int64_t n, T wanted) {
    using Word = std::make_unsigned_t<T>;
    Word seen = 0;
    Rows(n, [&](int64_t i) __attribute__((always_inline)) {
      seen |= static_cast<Word>(LoadLittle<T>(source + i * int64_t{sizeof(T)}) == wanted);
    });
    return seen != 0;
  }
};

template <typename Word>
struct FillBody {
  COLONNADE_KERNEL void Run(std::byte* values, const uint64_t* valid, int64_t n, Word filling) {
    constexpr int64_t kBits = int64_t{8} * sizeof(Word);
    const auto fill = [&](std::byte* at, Word bits, int64_t count) __attribute__((always_inline)) {
      for (int64_t k = 0; k < count; ++k) {
        const Word value = LoadLittle<Word>(at + k * int64_t{sizeof(Word)});
        const Word kept = (bits & static_cast<Word>(uint64_t{1} << k)) != 0 ? value : filling;
        std::memcpy(at + k * int64_t{sizeof(Word)}, &kept, sizeof(Word));
      }
    };
    for (int64_t row = 0; row < n; row += 64) {
      const uint64_t word = valid[row / 64];
      if (word == ~uint64_t{0}) continue;
      for (int64_t part = 0; part < 64 && row + part < n; part += kBits) {
        const auto bits = static_cast<Word>(word >> part);
        std::byte* at = values + (row + part) * int64_t{sizeof(Word)};
        if (row + part + kBits <= n) {
          fill(at, bits, kBits);
        } else {
          fill(at, bits, n - row - part);
        }
      }
    }
  }
};

// Closes the gaps: the values of valid rows, one after the other. Returns how many.
template <size_t kWidth>
struct CompactBody {
  COLONNADE_KERNEL int64_t Run(const std::byte* source, const uint64_t* valid, int64_t n,
                               std::byte* target) {
    std::byte* to = target;
    for (int64_t row = 0; row < n; row += 64) {
      const uint64_t word = valid[row / 64];
      const std::byte* from = source + row * int64_t{kWidth};
      if (word == ~uint64_t{0}) {
        std::memcpy(to, from, 64 * kWidth);
        to += 64 * kWidth;
        continue;
      }
      if (word == 0) continue;
      const int64_t count = n - row < 64 ? n - row : 64;
      // Every value is written, those of rows without a value are written over by the next.
      for (int64_t k = 0; k < count; ++k) {
        std::memcpy(to, from + k * int64_t{kWidth}, kWidth);
        to += (word >> k & 1) * kWidth;
      }
    }
    return (to - target) / int64_t{kWidth};
  }
};

#if defined(__x86_64__)
// The same with the instruction that was made for it.
__attribute__((target("avx512f,popcnt"))) inline int64_t Compact8Avx512(const std::byte* source,
                                                                        const uint64_t* valid,
                                                                        int64_t n,
                                                                        std::byte* target) {
  std::byte* to = target;
  for (int64_t row = 0; row < n; row += 8) {
    const auto bits = static_cast<__mmask8>(valid[row / 64] >> (row % 64));
    // Bits beyond the rows are zero, and what they would load is not touched.
    const __m512i values = _mm512_maskz_loadu_epi64(bits, source + row * 8);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(bits, values));
    to += __builtin_popcount(bits) * 8;
  }
  return (to - target) / 8;
}

__attribute__((target("avx512f,popcnt"))) inline int64_t Compact4Avx512(const std::byte* source,
                                                                        const uint64_t* valid,
                                                                        int64_t n,
                                                                        std::byte* target) {
  std::byte* to = target;
  for (int64_t row = 0; row < n; row += 16) {
    const auto bits = static_cast<__mmask16>(valid[row / 64] >> (row % 64));
    const __m512i values = _mm512_maskz_loadu_epi32(bits, source + row * 4);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(bits, values));
    to += __builtin_popcount(bits) * 4;
  }
  return (to - target) / 4;
}
#endif

// The 16 bytes of each value in reverse.
struct ReverseBody {
  COLONNADE_KERNEL void Run(const std::byte* source, int64_t n, std::byte* target) {
    const std::byte* __restrict from = source;
    std::byte* __restrict to = target;
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t high = __builtin_bswap64(LoadLittle<uint64_t>(from + i * 16));
      const uint64_t low = __builtin_bswap64(LoadLittle<uint64_t>(from + i * 16 + 8));
      std::memcpy(to + i * 16, &low, 8);
      std::memcpy(to + i * 16 + 8, &high, 8);
    }
  }
};

}  // namespace kernels

/// Values of one type as values of another, exactly.
template <typename Source, typename Target>
void Convert(CpuLevel level, const std::byte* source, int64_t n, std::byte* target) {
  kernels::Run<kernels::ConvertBody<Source, Target>>(level, source, n, target);
}

/// Integers times `factor`, as 64-bit integers that wrap around.
template <typename Source>
void Multiply(CpuLevel level, const std::byte* source, int64_t n, int64_t factor,
              std::byte* target) {
  kernels::Run<kernels::MultiplyBody<Source>>(level, source, n, static_cast<uint64_t>(factor),
                                              target);
}

/// True if an integer lies outside `low` .. `high`.
template <typename T>
bool AnyOutside(CpuLevel level, const std::byte* source, int64_t n, T low, T high) {
  return kernels::Run<kernels::OutsideBody<T>>(level, source, n, low, high);
}

/// True if an integer is `wanted`.
template <typename T>
bool AnyIs(CpuLevel level, const std::byte* source, int64_t n, T wanted) {
  return kernels::Run<kernels::HasBody<T>>(level, source, n, wanted);
}

/// Puts `filling` where rows have no value. `valid` has a word per 64 rows.
template <typename Word>
void FillMissing(CpuLevel level, std::byte* values, const uint64_t* valid, int64_t n,
                 Word filling) {
  kernels::Run<kernels::FillBody<Word>>(level, values, valid, n, filling);
}

/// Writes the values of the rows that have one, one after the other. Up to kKernelSlack bytes
/// behind them are overwritten. Returns how many there are.
template <size_t kWidth>
int64_t Compact(CpuLevel level, const std::byte* source, const uint64_t* valid, int64_t n,
                std::byte* target) {
#if defined(__x86_64__)
  if constexpr (kWidth == 8) {
    if (level == CpuLevel::kAvx512) return kernels::Compact8Avx512(source, valid, n, target);
  }
  if constexpr (kWidth == 4) {
    if (level == CpuLevel::kAvx512) return kernels::Compact4Avx512(source, valid, n, target);
  }
#endif
  return kernels::Run<kernels::CompactBody<kWidth>>(level, source, valid, n, target);
}

/// 16-byte values with their bytes in reverse.
inline void Reverse16(CpuLevel level, const std::byte* source, int64_t n, std::byte* target) {
  kernels::Run<kernels::ReverseBody>(level, source, n, target);
}

#undef COLONNADE_KERNEL

}  // namespace colonnade::questdb::wire
