#include "array/decode_mask.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "array/decode_time.h"
#include "array/stored_kinds.h"

namespace colonnade::array {
namespace {

// An unsigned integer as wide as T: comparisons of T accumulate in it without widening.
template <typename T>
using Flag =
    std::conditional_t<sizeof(T) == 1, uint8_t,
                       std::conditional_t<sizeof(T) == 2, uint16_t,
                                          std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

// The numbers that fit into one register of any processor, compared all at once. Left to the
// compiler, the same loop over doubles looks at them one by one.
constexpr size_t kVectorBytes = 16;
template <typename Number>
using Vector [[gnu::vector_size(kVectorBytes)]] = Number;

// 64-bit integers are not: the oldest processors have no instruction for it.
template <typename S>
constexpr bool kHasVectors =
    std::is_same_v<typename S::Raw, typename S::Number> &&
    (std::is_floating_point_v<typename S::Number> || sizeof(typename S::Number) < 8);

// Lane by lane, all bits set if `is_missing` holds in any of the 4 vectors at `rows`.
template <typename Number, typename Predicate>
auto TestVectors(const std::byte* rows, Predicate is_missing) {
  const auto test = [&](size_t i) {
    Vector<Number> vector;
    std::memcpy(&vector, rows + i * kVectorBytes, kVectorBytes);
    return is_missing(vector);
  };
  return (test(0) | test(1)) | (test(2) | test(3));
}

// True if `is_missing` holds for any element. No early exit: nearly every block has nothing missing
// or is looked at again anyway.
template <typename S, typename Predicate>
bool AnyMissing(const std::byte* rows, int64_t count, Predicate is_missing) {
  using Number = typename S::Number;
  int64_t i = 0;
  Flag<Number> found = 0;
  if constexpr (kHasVectors<S>) {
    constexpr int64_t kStep = 4 * kVectorBytes / sizeof(Number);
    decltype(TestVectors<Number>(rows, is_missing)) any = {};
    for (; i + kStep <= count; i += kStep) {
      any |= TestVectors<Number>(rows + i * static_cast<int64_t>(sizeof(Number)), is_missing);
    }
    uint64_t words[kVectorBytes / sizeof(uint64_t)];
    std::memcpy(words, &any, sizeof(words));
    found |= static_cast<Flag<Number>>((words[0] | words[1]) != 0);
  } else {
    constexpr int64_t kStep = 64;  // a fixed trip count vectorises at every optimisation level
    for (; i + kStep <= count; i += kStep) {
      const std::byte* step = rows + i * static_cast<int64_t>(sizeof(typename S::Raw));
      for (int64_t j = 0; j < kStep; ++j) {
        found |= static_cast<Flag<Number>>(is_missing(S::Load(step, j)));
      }
    }
  }
  for (; i < count; ++i) found |= static_cast<Flag<Number>>(is_missing(S::Load(rows, i)));
  return found != 0;
}

// ORs the predicate into one byte per element.
template <typename S, typename Predicate>
void MarkMissing(const std::byte* rows, int64_t count, Predicate is_missing, uint8_t* marks) {
  for (int64_t i = 0; i < count; ++i) {
    marks[i] = static_cast<uint8_t>(marks[i] | (is_missing(S::Load(rows, i)) ? 1 : 0));
  }
}

// Of a number, or of each of a vector.
struct IsNan {
  template <typename Value>
  auto operator()(Value value) const {
    return value != value;  // NOLINT(misc-redundant-expression): only NaN is
  }
};

// Calls `test` with each predicate of the plan until it returns true.
template <typename S, typename Test>
bool ForEachPredicate(const cf::DecodePlan& plan, Test test) {
  using Number = typename S::Number;
  if constexpr (std::is_floating_point_v<Number>) {
    if (plan.nan_is_null && test(IsNan())) return true;
  }
  for (const cf::StoredValue& sentinel : plan.sentinels) {
    Number missing;
    if constexpr (std::is_floating_point_v<Number>) {
      missing = static_cast<Number>(sentinel.f);
    } else if constexpr (std::is_signed_v<Number>) {
      missing = static_cast<Number>(sentinel.i);
    } else {
      missing = static_cast<Number>(sentinel.u);
    }
    if (test([missing](auto v) { return v == missing; })) return true;
  }
  if constexpr (std::is_same_v<Number, int64_t>) {
    if (plan.time && plan.is_identity()) {
      const TimestampRange range = RangeOf(plan.value);
      const auto low = static_cast<uint64_t>(range.low);
      const uint64_t span = static_cast<uint64_t>(range.high) - low;
      if (test([=](int64_t v) { return static_cast<uint64_t>(v) - low > span; })) return true;
    }
  }
  return false;
}

// Writes the validity of the elements that are not marked. `marks` has whole words, zero-padded.
void StoreValidity(const uint8_t* marks, int64_t count, uint64_t* validity) {
  for (int64_t word = 0; word * 64 < count; ++word) {
    uint64_t missing = 0;
    for (int group = 0; group < 8; ++group) {
      uint64_t bytes;
      std::memcpy(&bytes, marks + word * 64 + group * 8, sizeof(bytes));
      // Each byte is 0 or 1. The product puts byte k's bit at 56 + k; no two terms share a bit.
      missing |= (bytes * 0x0102'0408'1020'4080 >> 56) << (group * 8);
    }
    validity[word] = ~missing;
  }
}

int64_t WordCount(int64_t count) { return (count + 63) / 64; }

template <typename S>
bool MaskNumbers(const cf::DecodePlan& plan, const std::byte* rows, int64_t count,
                 uint64_t* validity) {
  const bool any = ForEachPredicate<S>(
      plan, [&](auto is_missing) { return AnyMissing<S>(rows, count, is_missing); });
  if (!any) {
    std::fill_n(validity, WordCount(count), ~uint64_t{0});
    return false;
  }
  alignas(64) uint8_t marks[kBlockRows];
  std::fill_n(marks, WordCount(count) * 64, uint8_t{0});
  ForEachPredicate<S>(plan, [&](auto is_missing) {
    MarkMissing<S>(rows, count, is_missing, marks);
    return false;
  });
  StoreValidity(marks, count, validity);
  return true;
}

bool MaskText(const cf::DecodePlan& plan, const std::byte* rows, int64_t count,
              uint64_t* validity) {
  std::fill_n(validity, WordCount(count), ~uint64_t{0});
  if (plan.text_sentinels.empty()) return false;
  bool any = false;
  for (int64_t i = 0; i < count; ++i) {
    const auto text = Stored<std::string_view>::Load(rows, i);
    for (const std::string& sentinel : plan.text_sentinels) {
      if (text != sentinel) continue;
      validity[i / 64] &= ~(uint64_t{1} << (i % 64));
      any = true;
      break;
    }
  }
  return any;
}

}  // namespace

bool MaskBlock(const cf::DecodePlan& plan, const std::byte* rows, int64_t count,
               uint64_t* validity) {
  bool any = false;
  const bool is_number = VisitStoredNumber(plan.stored.kind, [&](auto stored) {
    any = MaskNumbers<decltype(stored)>(plan, rows, count, validity);
  });
  return is_number ? any : MaskText(plan, rows, count, validity);
}

}  // namespace colonnade::array
