#include "questdb/wire/fixed_pass.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/byte_order.h"
#include "base/utf8.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 says of its own intrinsics that they use what they leave undefined (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#endif

namespace colonnade::questdb::wire {

#if defined(__x86_64__)
namespace {

#define COLONNADE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt,f16c")))

// Loads of eight or sixteen elements, widened to lanes of 64 or 32 bits.
// Eight bytes, by way of a register: GCC 12 breaks down over what it makes of a load into one.
COLONNADE_AVX512 inline __m128i LoadEight(const std::byte* at) {
  int64_t bytes = LoadLittle<int64_t>(at);
  asm("" : "+r"(bytes));
  return _mm_cvtsi64_si128(bytes);
}

template <Element kElement>
COLONNADE_AVX512 inline __m512i Load64(const std::byte* at) {
  const auto* p = reinterpret_cast<const __m128i*>(at);
  const auto* q = reinterpret_cast<const __m256i*>(at);
  if constexpr (kElement == Element::kInt8) return _mm512_cvtepi8_epi64(LoadEight(at));
  if constexpr (kElement == Element::kUInt8) return _mm512_cvtepu8_epi64(LoadEight(at));
  if constexpr (kElement == Element::kInt16) return _mm512_cvtepi16_epi64(_mm_loadu_si128(p));
  if constexpr (kElement == Element::kUInt16) return _mm512_cvtepu16_epi64(_mm_loadu_si128(p));
  if constexpr (kElement == Element::kInt32) return _mm512_cvtepi32_epi64(_mm256_loadu_si256(q));
  if constexpr (kElement == Element::kUInt32) return _mm512_cvtepu32_epi64(_mm256_loadu_si256(q));
  if constexpr (kElement == Element::kFloat32) {
    return _mm512_castpd_si512(
        _mm512_cvtps_pd(_mm256_loadu_ps(reinterpret_cast<const float*>(at))));
  }
  if constexpr (kElement == Element::kFloat16)
    return _mm512_castpd_si512(_mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(p))));
  return _mm512_loadu_si512(at);
}

template <Element kElement>
COLONNADE_AVX512 inline __m512i Load32(const std::byte* at) {
  const auto* p = reinterpret_cast<const __m128i*>(at);
  const auto* q = reinterpret_cast<const __m256i*>(at);
  if constexpr (kElement == Element::kInt8) return _mm512_cvtepi8_epi32(_mm_loadu_si128(p));
  if constexpr (kElement == Element::kUInt8) return _mm512_cvtepu8_epi32(_mm_loadu_si128(p));
  if constexpr (kElement == Element::kInt16) return _mm512_cvtepi16_epi32(_mm256_loadu_si256(q));
  if constexpr (kElement == Element::kUInt16) return _mm512_cvtepu16_epi32(_mm256_loadu_si256(q));
  if constexpr (kElement == Element::kFloat16)
    return _mm512_castps_si512(_mm512_cvtph_ps(_mm256_loadu_si256(q)));
  return _mm512_loadu_si512(at);
}

#define COLONNADE_STEP COLONNADE_AVX512 __attribute__((always_inline))

// Calls `step(from, bits)` for `kLanes` rows after `kLanes` rows: where their values lie and which
// of them have one; `step<true>` where all have. Words of 64 rows are taken apart without a branch.
template <int64_t kLanes, int64_t kWidth, typename Step>
COLONNADE_STEP inline void ForEachStep(const FixedPass& pass, const Step& step) {
  int64_t row = 0;
  for (; row + 64 <= pass.rows; row += 64) {
    const uint64_t word = pass.valid == nullptr ? ~uint64_t{0} : pass.valid[row / 64];
    const std::byte* from = pass.source + row * kWidth;
    if (word == ~uint64_t{0}) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < 64; i += kLanes)
        step.template operator()<true>(from + i * kWidth, word);
      continue;
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < 64; i += kLanes)
      step.template operator()<false>(from + i * kWidth, word >> i);
  }
  if (row == pass.rows) return;
  // The rest, with zeros behind it.
  alignas(64) std::byte tail[64 * kWidth] = {};
  const int64_t left = pass.rows - row;
  std::memcpy(tail, pass.source + row * kWidth, static_cast<size_t>(left * kWidth));
  const uint64_t rows = (uint64_t{1} << left) - 1;
  const uint64_t word = rows & (pass.valid == nullptr ? rows : pass.valid[row / 64]);
  for (int64_t i = 0; i < left; i += kLanes)
    step.template operator()<false>(tail + i * kWidth, word >> i);
}

template <Element kElement>
constexpr int64_t WidthOf() {
  switch (kElement) {
    case Element::kInt8:
    case Element::kUInt8: return 1;
    case Element::kInt16:
    case Element::kUInt16:
    case Element::kFloat16: return 2;
    case Element::kInt32:
    case Element::kUInt32:
    case Element::kFloat32: return 4;
    default: return 8;
  }
}

template <Element kElement, bool kHasFactor, bool kIsChecked, bool kIsCompact>
COLONNADE_AVX512 void Run64(FixedPass& pass) {
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(pass.mask));
  const __m512i filling = _mm512_set1_epi64(static_cast<int64_t>(pass.filling));
  const __m512i factor = _mm512_set1_epi64(static_cast<int64_t>(pass.factor));
  // Less than the low end wraps around to more than the span.
  const __m512i low = _mm512_set1_epi64(pass.low);
  const __m512i span = _mm512_set1_epi64(
      static_cast<int64_t>(static_cast<uint64_t>(pass.high) - static_cast<uint64_t>(pass.low)));
  uint32_t outside = 0;
  std::byte* target = pass.target;
  ForEachStep<8, WidthOf<kElement>()>(
      pass, [&]<bool kAll>(const std::byte* from, uint64_t rows) COLONNADE_STEP {
        const auto bits = static_cast<__mmask8>(rows);
        __m512i value = Load64<kElement>(from);
        if constexpr (kIsChecked)
          outside |= _mm512_mask_cmpgt_epu64_mask(bits, _mm512_sub_epi64(value, low), span);
        if constexpr (kHasFactor) value = _mm512_mullo_epi64(value, factor);
        if constexpr (!kAll && kIsCompact) value = _mm512_maskz_compress_epi64(bits, value);
        if constexpr (!kAll && !kIsCompact) value = _mm512_mask_mov_epi64(filling, bits, value);
        _mm512_storeu_si512(target, _mm512_xor_si512(value, key));
        target += !kAll && kIsCompact ? static_cast<ptrdiff_t>(__builtin_popcount(bits)) * 8 : 64;
      });
  pass.is_outside = outside != 0;
}

template <Element kElement, bool kHasFactor, bool kIsChecked>
void Start64As(FixedPass& pass) {
  if (pass.is_compact) {
    Run64<kElement, kHasFactor, kIsChecked, true>(pass);
  } else {
    Run64<kElement, kHasFactor, kIsChecked, false>(pass);
  }
}

template <Element kElement>
bool Start64(FixedPass& pass) {
  const bool is_checked = pass.has_bounds;
  if constexpr (kElement == Element::kFloat16 || kElement == Element::kFloat32) {
    Start64As<kElement, false, false>(pass);
  } else if (pass.factor != 1) {
    is_checked ? Start64As<kElement, true, true>(pass) : Start64As<kElement, true, false>(pass);
  } else {
    is_checked ? Start64As<kElement, false, true>(pass) : Start64As<kElement, false, false>(pass);
  }
  return true;
}

template <Element kElement, bool kIsCompact>
COLONNADE_AVX512 void Run32(FixedPass& pass) {
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(pass.mask));
  const __m512i filling = _mm512_set1_epi32(static_cast<int32_t>(pass.filling));
  std::byte* target = pass.target;
  ForEachStep<16, WidthOf<kElement>()>(
      pass, [&]<bool kAll>(const std::byte* from, uint64_t rows) COLONNADE_STEP {
        const auto bits = static_cast<__mmask16>(rows);
        __m512i value = Load32<kElement>(from);
        if constexpr (!kAll && kIsCompact) value = _mm512_maskz_compress_epi32(bits, value);
        if constexpr (!kAll && !kIsCompact) value = _mm512_mask_mov_epi32(filling, bits, value);
        _mm512_storeu_si512(target, _mm512_xor_si512(value, key));
        target += !kAll && kIsCompact ? static_cast<ptrdiff_t>(__builtin_popcount(bits)) * 4 : 64;
      });
}

template <Element kElement>
bool Start32As(FixedPass& pass) {
  // Everything that becomes 32 bits fits, but for uint32 in an INT.
  if (pass.has_bounds || pass.factor != 1) return false;
  pass.is_compact ? Run32<kElement, true>(pass) : Run32<kElement, false>(pass);
  return true;
}

// Types of one and two bytes have no bitmap: gaps are filled.
template <size_t kWidth, Element kElement>
COLONNADE_AVX512 bool RunNarrow(FixedPass& pass) {
  if (pass.has_bounds || pass.is_compact) return false;
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(pass.mask));
  std::byte* target = pass.target;
  ForEachStep<64 / kWidth, WidthOf<kElement>()>(pass, [&]<bool>(const std::byte* from,
                                                                uint64_t bits) COLONNADE_STEP {
    const auto* half = reinterpret_cast<const __m256i*>(from);
    __m512i value;
    if constexpr (kWidth == 1) {
      value = _mm512_maskz_mov_epi8(bits, _mm512_loadu_si512(from));
    } else if constexpr (kElement == Element::kInt8) {
      value = _mm512_maskz_cvtepi8_epi16(static_cast<__mmask32>(bits), _mm256_loadu_si256(half));
    } else if constexpr (kElement == Element::kUInt8) {
      value = _mm512_maskz_cvtepu8_epi16(static_cast<__mmask32>(bits), _mm256_loadu_si256(half));
    } else {
      value = _mm512_maskz_mov_epi16(static_cast<__mmask32>(bits), _mm512_loadu_si512(from));
    }
    _mm512_storeu_si512(target, _mm512_xor_si512(value, key));
    target += 64;
  });
  return true;
}

bool StartNarrow(Element element, size_t width, FixedPass& pass) {
  if (width == 1) return element == Element::kInt8 && RunNarrow<1, Element::kInt8>(pass);
  switch (element) {
    case Element::kInt8: return RunNarrow<2, Element::kInt8>(pass);
    case Element::kUInt8: return RunNarrow<2, Element::kUInt8>(pass);
    case Element::kInt16:
    case Element::kUInt16: return RunNarrow<2, Element::kInt16>(pass);
    default: return false;
  }
}

// Values of 16 or 32 bytes, which are several lanes of 64 bits each.
template <size_t kWidth, bool kIsReversed>
COLONNADE_AVX512 bool RunWide(FixedPass& pass) {
  constexpr int64_t kValues = 64 / kWidth;
  // A row's bit as the bits of its lanes.
  static constexpr uint8_t kTwice[] = {0x00, 0x03, 0x0C, 0x0F, 0x30, 0x33, 0x3C, 0x3F,
                                       0xC0, 0xC3, 0xCC, 0xCF, 0xF0, 0xF3, 0xFC, 0xFF};
  static constexpr uint8_t kFourTimes[] = {0x00, 0x0F, 0xF0, 0xFF};
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(pass.mask));
  const __m512i backwards =
      _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  std::byte* target = pass.target;
  ForEachStep<kValues, int64_t{kWidth}>(
      pass, [&]<bool kAll>(const std::byte* from, uint64_t rows) COLONNADE_STEP {
        __m512i value = _mm512_loadu_si512(from);
        if constexpr (kIsReversed) value = _mm512_shuffle_epi8(value, backwards);
        ptrdiff_t written = 64;
        if constexpr (!kAll) {
          const auto bits =
              static_cast<__mmask8>(kWidth == 16 ? kTwice[rows & 15] : kFourTimes[rows & 3]);
          value = _mm512_maskz_compress_epi64(bits, value);
          written = static_cast<ptrdiff_t>(__builtin_popcount(bits)) * 8;
        }
        _mm512_storeu_si512(target, _mm512_xor_si512(value, key));
        target += written;
      });
  return true;
}

bool Start32(Element element, FixedPass& pass) {
  switch (element) {
    case Element::kInt8: return Start32As<Element::kInt8>(pass);
    case Element::kUInt8: return Start32As<Element::kUInt8>(pass);
    case Element::kInt16: return Start32As<Element::kInt16>(pass);
    case Element::kUInt16: return Start32As<Element::kUInt16>(pass);
    case Element::kFloat16: return Start32As<Element::kFloat16>(pass);
    case Element::kInt32:
    case Element::kUInt32:
    case Element::kFloat32: return Start32As<Element::kInt32>(pass);
    default: return false;
  }
}

bool Start64Of(Element element, FixedPass& pass) {
  switch (element) {
    case Element::kInt8: return Start64<Element::kInt8>(pass);
    case Element::kUInt8: return Start64<Element::kUInt8>(pass);
    case Element::kInt16: return Start64<Element::kInt16>(pass);
    case Element::kUInt16: return Start64<Element::kUInt16>(pass);
    case Element::kInt32: return Start64<Element::kInt32>(pass);
    case Element::kUInt32: return Start64<Element::kUInt32>(pass);
    case Element::kUInt64: return Start64<Element::kUInt64>(pass);
    case Element::kFloat16: return Start64<Element::kFloat16>(pass);
    case Element::kFloat32: return Start64<Element::kFloat32>(pass);
    case Element::kInt64:
    case Element::kFloat64: return Start64<Element::kInt64>(pass);
    default: return false;
  }
}

COLONNADE_AVX512 bool IsAsciiAvx512(const std::byte* at, size_t size) {
  __m512i seen = _mm512_setzero_si512();
  for (; size >= 256; size -= 256, at += 256) {
    const __m512i left = _mm512_or_si512(_mm512_loadu_si512(at), _mm512_loadu_si512(at + 64));
    const __m512i right =
        _mm512_or_si512(_mm512_loadu_si512(at + 128), _mm512_loadu_si512(at + 192));
    seen = _mm512_or_si512(seen, _mm512_or_si512(left, right));
  }
  for (; size >= 64; size -= 64, at += 64) seen = _mm512_or_si512(seen, _mm512_loadu_si512(at));
  return _mm512_movepi8_mask(seen) == 0 && IsAscii(at, size);
}

template <bool kIsWide>
COLONNADE_AVX512 bool OffsetsAvx512(const std::byte* offsets, int64_t rows, uint64_t mask,
                                    std::byte* target) {
  constexpr int64_t kLanes = kIsWide ? 8 : 16;
  constexpr int64_t kWidth = kIsWide ? 8 : 4;
  const int64_t begin = kIsWide ? LoadLittle<int64_t>(offsets) : LoadLittle<int32_t>(offsets);
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(mask));
  const __m512i first =
      kIsWide ? _mm512_set1_epi64(begin) : _mm512_set1_epi32(static_cast<int32_t>(begin));
  uint32_t descents = 0;
  int64_t row = 0;
  // The offset behind the last lane is one of the array's too.
  for (; row + kLanes <= rows; row += kLanes, target += kLanes * 4) {
    const __m512i here = _mm512_loadu_si512(offsets + row * kWidth);
    const __m512i next = _mm512_loadu_si512(offsets + (row + 1) * kWidth);
    if constexpr (kIsWide) {
      descents |= _mm512_cmplt_epi64_mask(next, here);
      const __m256i narrow = _mm512_cvtepi64_epi32(_mm512_sub_epi64(here, first));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(target),
                          _mm256_xor_si256(narrow, _mm512_castsi512_si256(key)));
    } else {
      descents |= _mm512_cmplt_epi32_mask(next, here);
      _mm512_storeu_si512(target, _mm512_xor_si512(_mm512_sub_epi32(here, first), key));
    }
  }
  const auto at = [&](int64_t i) {
    return kIsWide ? LoadLittle<int64_t>(offsets + i * 8)
                   : int64_t{LoadLittle<int32_t>(offsets + i * 4)};
  };
  for (; row <= rows; ++row, target += 4) {
    if (row < rows && at(row + 1) < at(row)) descents = 1;
    const auto value = static_cast<uint32_t>(at(row) - begin) ^ static_cast<uint32_t>(mask);
    std::memcpy(target, &value, sizeof(value));
  }
  return descents == 0;
}

COLONNADE_AVX512 uint64_t PackAvx512(const std::byte* bytes) {
  const __m512i value = _mm512_loadu_si512(bytes);
  return _mm512_test_epi8_mask(value, value);
}

#undef COLONNADE_STEP
#undef COLONNADE_AVX512

}  // namespace

bool RunFixedPass(CpuLevel level, Element element, size_t width, bool is_reversed,
                  FixedPass& pass) {
  if (level != CpuLevel::kAvx512) return false;
  switch (width) {
    case 1:
    case 2: return StartNarrow(element, width, pass);
    case 4: return Start32(element, pass);
    case 8: return Start64Of(element, pass);
    case 16: return is_reversed ? RunWide<16, true>(pass) : RunWide<16, false>(pass);
    case 32: return RunWide<32, false>(pass);
    default: return false;
  }
}

bool PackBooleans(CpuLevel level, const std::byte* bytes, uint64_t* bits) {
  if (level != CpuLevel::kAvx512) return false;
  *bits = PackAvx512(bytes);
  return true;
}

bool IsAsciiFast(CpuLevel level, const void* data, size_t size) {
  if (size >= 64 && level == CpuLevel::kAvx512)
    return IsAsciiAvx512(static_cast<const std::byte*>(data), size);
  return IsAscii(data, size);
}

bool RunOffsetPass(CpuLevel level, VaryingValues::Layout layout, const std::byte* offsets,
                   int64_t rows, uint64_t mask, std::byte* target, bool* in_order) {
  if (level != CpuLevel::kAvx512) return false;
  *in_order = layout == VaryingValues::Layout::kOffsets64
                  ? OffsetsAvx512<true>(offsets, rows, mask, target)
                  : OffsetsAvx512<false>(offsets, rows, mask, target);
  return true;
}

#else

bool RunFixedPass(CpuLevel, Element, size_t, bool, FixedPass&) { return false; }
bool PackBooleans(CpuLevel, const std::byte*, uint64_t*) { return false; }
bool IsAsciiFast(CpuLevel, const void* data, size_t size) { return IsAscii(data, size); }
bool RunOffsetPass(CpuLevel, VaryingValues::Layout, const std::byte*, int64_t, uint64_t, std::byte*,
                   bool*) {
  return false;
}

#endif

}  // namespace colonnade::questdb::wire
