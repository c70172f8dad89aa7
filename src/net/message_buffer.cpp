#include "net/message_buffer.h"

#include <algorithm>
#include <limits>
#include <new>

#include "base/checked.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace colonnade::net {
namespace {

// The key repeated to eight bytes, for bytes that begin at `phase`.
uint64_t KeyWord(MaskKey key, size_t phase) {
  const uint64_t word = key | static_cast<uint64_t>(key) << 32;
  const int shift = static_cast<int>(phase % 4) * 8;
  return shift == 0 ? word : word >> shift | word << (64 - shift);
}

template <typename Word>
void MaskOne(std::byte* target, const std::byte* source, uint64_t key) {
  Word word;
  std::memcpy(&word, source, sizeof(Word));
  word = static_cast<Word>(word ^ static_cast<Word>(key));
  std::memcpy(target, &word, sizeof(Word));
}

// What wide steps leave over; `key` is rotated for the first byte.
void MaskTail(std::byte* target, const std::byte* source, size_t count, uint64_t key) {
  for (; count >= 8; count -= 8, target += 8, source += 8) {
    MaskOne<uint64_t>(target, source, key);
  }
  if ((count & 4) != 0) {
    MaskOne<uint32_t>(target, source, key);
    target += 4, source += 4;
  }
  if ((count & 2) != 0) {
    MaskOne<uint16_t>(target, source, key);
    target += 2, source += 2;
    key >>= 16;
  }
  if ((count & 1) != 0) MaskOne<uint8_t>(target, source, key);
}

// Each wide step covers a multiple of eight bytes and so leaves the rotation of the key alone.

#if defined(__x86_64__)

__attribute__((target("avx2"))) void MaskCopyAvx2(std::byte* target, const std::byte* source,
                                                  size_t count, uint64_t key) {
  const __m256i mask = _mm256_set1_epi64x(static_cast<int64_t>(key));
  const auto step = [&](size_t at) __attribute__((target("avx2"), always_inline)) {
    const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + at));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + at), _mm256_xor_si256(value, mask));
  };
  for (; count >= 128; count -= 128, target += 128, source += 128) {
    step(0);
    step(32);
    step(64);
    step(96);
  }
  for (; count >= 32; count -= 32, target += 32, source += 32) step(0);
  MaskTail(target, source, count, key);
}

__attribute__((target("avx512f"))) void MaskCopyAvx512(std::byte* target, const std::byte* source,
                                                       size_t count, uint64_t key) {
  const __m512i mask = _mm512_set1_epi64(static_cast<int64_t>(key));
  const auto step = [&](size_t at) __attribute__((target("avx512f"), always_inline)) {
    const __m512i value = _mm512_loadu_si512(source + at);
    _mm512_storeu_si512(target + at, _mm512_xor_si512(value, mask));
  };
  for (; count >= 256; count -= 256, target += 256, source += 256) {
    step(0);
    step(64);
    step(128);
    step(192);
  }
  for (; count >= 64; count -= 64, target += 64, source += 64) step(0);
  MaskTail(target, source, count, key);
}

#endif

// Sixteen bytes at a time: every 64-bit machine has such registers.
void MaskCopyPlain(std::byte* target, const std::byte* source, size_t count, uint64_t key) {
  using Pair = uint64_t __attribute__((vector_size(16)));
  const Pair mask = {key, key};
  const auto step = [&](size_t at) {
    Pair value;
    std::memcpy(&value, source + at, sizeof(value));
    value ^= mask;
    std::memcpy(target + at, &value, sizeof(value));
  };
  for (; count >= 64; count -= 64, target += 64, source += 64) {
    step(0);
    step(16);
    step(32);
    step(48);
  }
  MaskTail(target, source, count, key);
}

using MaskFunction = void (*)(std::byte*, const std::byte*, size_t, uint64_t);

MaskFunction BestMaskFunction() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return MaskCopyAvx512;
  if (__builtin_cpu_supports("avx2")) return MaskCopyAvx2;
#endif
  return MaskCopyPlain;
}

}  // namespace

void MaskCopy(std::byte* target, const std::byte* source, size_t count, MaskKey key, size_t phase) {
  const uint64_t word = KeyWord(key, phase);
  if (count < 32) return MaskTail(target, source, count, word);
  if (key == 0) {
    if (target != source) std::memcpy(target, source, count);
    return;
  }
  static const MaskFunction mask = BestMaskFunction();
  mask(target, source, count, word);
}

std::vector<std::byte> MessageBuffer::Unmasked() const {
  std::vector<std::byte> copy(size_);
  if (size_ != 0) MaskCopy(copy.data(), payload_, size_, key_, 0);
  return copy;
}

void MessageBuffer::Remask(MaskKey key) {
  if (size_ != 0) MaskCopy(payload_, payload_, size_, key_ ^ key, 0);
  key_ = key;
}

void MessageBuffer::Grow(size_t count) {
  constexpr size_t kSmallest = 4096 - kPadding;
  const auto wanted = CheckedAdd(size_, count);
  const auto doubled = CheckedMultiply<size_t>(capacity_, 2);
  constexpr auto kLargest = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max()) - kPadding;
  if (!wanted || *wanted > kLargest) throw std::bad_alloc();
  const size_t capacity =
      std::max({*wanted, std::min(doubled.value_or(kLargest), kLargest), kSmallest});
  // malloc aligns to 16, and the padding keeps that.
  auto* memory = static_cast<std::byte*>(std::malloc(capacity + kPadding));
  if (memory == nullptr) throw std::bad_alloc();
  if (size_ != 0) std::memcpy(memory + kPadding, payload_, size_);
  memory_.reset(memory);
  payload_ = memory + kPadding;
  capacity_ = capacity;
}

}  // namespace colonnade::net
