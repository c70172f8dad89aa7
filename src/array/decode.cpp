#include "array/decode.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>

#include "array/decode_mask.h"
#include "array/decode_time.h"
#include "array/stored_kinds.h"

namespace colonnade::array {
namespace {

constexpr size_t kMaxRank = 64;

bool AreConsecutive(const int64_t* positions, int64_t count) {
  // Almost every list that is not consecutive fails the first test.
  if (positions[count - 1] - positions[0] != count - 1) return false;
  const int64_t first = positions[0];
  int64_t difference = 0;  // without comparisons, which vectorise badly for 64 bits
  for (int64_t i = 0; i < count; ++i) difference |= positions[i] ^ (first + i);
  return difference == 0;
}

// A GatherDimension that is not set when it is made: a cursor has room for many and is made once a
// vector.
struct Dimension {
  int64_t count;
  const int64_t* positions;
  int64_t stride;
};

template <typename T>
void CopyRun(std::byte* out, const std::byte* base, const Dimension& dimension, int64_t first,
             int64_t count) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  const int64_t stride = dimension.stride;
  const auto copy_one = [&](int64_t i, const std::byte* source) {
    T value;
    std::memcpy(&value, source, sizeof(T));
    std::memcpy(out + i * kSize, &value, sizeof(T));
  };
  if (dimension.positions != nullptr) {
    const int64_t* positions = dimension.positions + first;
    for (int64_t i = 0; i < count; ++i) copy_one(i, base + positions[i] * stride);
    return;
  }
  const std::byte* source = base + first * stride;
  if (stride == kSize && count >= 8) {
    std::memcpy(out, source, static_cast<size_t>(count * kSize));
  } else {
    for (int64_t i = 0; i < count; ++i) copy_one(i, source + i * stride);
  }
}

// Walks the rows of a product of dimensions in C order, run by run along the innermost one.
class RowCursor {
 public:
  /// \pre dimensions.size() <= kMaxRank
  RowCursor(const std::byte* data, std::span<const GatherDimension> dimensions, int64_t begin)
      : base_(data) {
    for (const GatherDimension& dimension : dimensions) {
      Push({dimension.count, dimension.positions, dimension.stride});
    }
    if (rank_ == 0) Push({.count = 1, .positions = nullptr, .stride = 0}, /*keep_single=*/true);
    inner_ = &dimensions_[rank_ - 1];
    for (size_t d = rank_; d-- > 0;) {
      index_[d] = begin % dimensions_[d].count;
      begin /= dimensions_[d].count;
    }
    for (size_t d = 0; d + 1 < rank_; ++d) base_ += Offset(d, index_[d]);
  }

  /// The next run: at most `limit` rows along the innermost dimension.
  struct Run {
    const std::byte* base;
    int64_t first;
    int64_t count;
  };
  Run Next(int64_t limit) {
    int64_t& index = index_[rank_ - 1];
    const Run run = {base_, index, std::min(limit, inner_->count - index)};
    index += run.count;
    if (index == inner_->count) NextOuter();
    return run;
  }

  /// The address of the next `count` rows if they are one run without gaps; moves past them. Null
  /// otherwise; does not move.
  const std::byte* TakeContiguous(int64_t count, int64_t size) {
    const int64_t index = index_[rank_ - 1];
    if (inner_->positions != nullptr || inner_->stride != size || inner_->count - index < count) {
      return nullptr;
    }
    const Run run = Next(count);
    return run.base + run.first * size;
  }

  template <typename T>
  void Copy(std::byte* out, int64_t count) {
    while (count > 0) {
      const Run run = Next(count);
      CopyRun<T>(out, run.base, *inner_, run.first, run.count);
      out += run.count * static_cast<int64_t>(sizeof(T));
      count -= run.count;
    }
  }

  void Copy(std::byte* out, int64_t count, uint32_t size) {
    switch (size) {
      case 1: return Copy<uint8_t>(out, count);
      case 2: return Copy<uint16_t>(out, count);
      case 4: return Copy<uint32_t>(out, count);
      case 8: return Copy<uint64_t>(out, count);
      default: return Copy<std::string_view>(out, count);
    }
  }

  const Dimension& inner() const { return *inner_; }

 private:
  int64_t Offset(size_t d, int64_t index) const {
    const Dimension& dimension = dimensions_[d];
    return (dimension.positions != nullptr ? dimension.positions[index] : index) * dimension.stride;
  }

  // Adds an inner dimension; merges it into the last one if together they are evenly spaced.
  void Push(Dimension dimension, bool keep_single = false) {
    if (dimension.stride == 0) dimension.positions = nullptr;
    if (dimension.count == 1 && !keep_single) {
      if (dimension.positions != nullptr) base_ += dimension.positions[0] * dimension.stride;
      return;
    }
    if (rank_ > 0 && dimension.positions == nullptr) {
      Dimension& outer = dimensions_[rank_ - 1];
      int64_t extent;
      int64_t rows;
      if (outer.positions == nullptr &&
          !__builtin_mul_overflow(dimension.stride, dimension.count, &extent) &&
          extent == outer.stride && !__builtin_mul_overflow(outer.count, dimension.count, &rows)) {
        outer = {.count = rows, .positions = nullptr, .stride = dimension.stride};
        return;
      }
    }
    dimensions_[rank_++] = dimension;
  }

  void NextOuter() {
    index_[rank_ - 1] = 0;
    for (size_t d = rank_ - 1; d-- > 0;) {
      base_ -= Offset(d, index_[d]);
      if (++index_[d] < dimensions_[d].count) {
        base_ += Offset(d, index_[d]);
        return;
      }
      index_[d] = 0;
      base_ += Offset(d, 0);
    }
  }

  const std::byte* base_;  // of the row whose innermost position is 0
  size_t rank_ = 0;
  const Dimension* inner_ = nullptr;
  // Only the first rank_ entries are set.
  std::array<Dimension, kMaxRank> dimensions_;
  std::array<int64_t, kMaxRank> index_;
};

// Converts a block of contiguous stored elements; the block's validity is already set from the
// mask. Returns true if the conversion itself found missing values, and clears their bits.
struct BlockConverter {
  const cf::DecodePlan& plan;
  const TimeDecoder* time;  // null unless the plan has one
};
using ConvertBlock = bool (*)(const BlockConverter&, const std::byte* rows, int64_t count,
                              std::byte* out, uint64_t* validity);

template <typename T>
void Store(std::byte* out, int64_t i, T value) {
  std::memcpy(out + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

void ClearBit(uint64_t* validity, int64_t i) { validity[i / 64] &= ~(uint64_t{1} << (i % 64)); }

// Multiplication and addition are separate passes so that no compiler fuses them: a fused result
// differs in the last digit from what every other reader of the file computes.
template <typename S>
void ScaleInto(const cf::DecodePlan& plan, const std::byte* rows, int64_t count, std::byte* out) {
  const double scale = plan.scale;
  const double offset = plan.offset;
  for (int64_t i = 0; i < count; ++i) {
    Store(out, i, static_cast<double>(S::Load(rows, i)) * scale);
  }
  if (offset == 0) return;
  for (int64_t i = 0; i < count; ++i) Store(out, i, Stored<double>::Load(out, i) + offset);
}

template <typename S>
bool ConvertScaled(const BlockConverter& converter, const std::byte* rows, int64_t count,
                   std::byte* out, uint64_t*) {
  ScaleInto<S>(converter.plan, rows, count, out);
  return false;
}

bool ConvertHalf(const BlockConverter&, const std::byte* rows, int64_t count, std::byte* out,
                 uint64_t*) {
  for (int64_t i = 0; i < count; ++i) Store(out, i, StoredHalf::Load(rows, i));
  return false;
}

bool ConvertToBool(const BlockConverter&, const std::byte* rows, int64_t count, std::byte* out,
                   uint64_t*) {
  for (int64_t i = 0; i < count; ++i) {
    Store(out, i, static_cast<uint8_t>(Stored<uint8_t>::Load(rows, i) != 0));
  }
  return false;
}

template <typename S>
bool ConvertIntegerTime(const BlockConverter& converter, const std::byte* rows, int64_t count,
                        std::byte* out, uint64_t* validity) {
  using Number = typename S::Number;
  TimeDecoder::Linear linear = converter.time->linear();
  // Unsigned numbers above INT64_MAX look negative in the loop.
  if constexpr (std::is_same_v<Number, uint64_t>) linear.low = std::max<int64_t>(linear.low, 0);
  bool outside = false;
  for (int64_t i = 0; i < count; ++i) {
    const auto number = static_cast<int64_t>(S::Load(rows, i));
    outside |= (number < linear.low) | (number > linear.high);
    Store(out, i, static_cast<uint64_t>(number) * linear.factor + linear.base);
  }
  if (!outside) return false;
  bool missing = false;
  for (int64_t i = 0; i < count; ++i) {
    const Number stored = S::Load(rows, i);
    const auto number = static_cast<int64_t>(stored);
    if (number >= linear.low && number <= linear.high) continue;
    int64_t ticks = 0;
    if (!converter.time->FromInteger(stored, &ticks)) {
      ClearBit(validity, i);
      missing = true;
    }
    Store(out, i, ticks);
  }
  return missing;
}

// Times from doubles in `rows`, which may be `out`.
bool ConvertDoubleTime(const TimeDecoder& time, const std::byte* rows, int64_t count,
                       std::byte* out, uint64_t* validity) {
  constexpr double kLimit = 0x1p62;
  const TimeDecoder::Linear& linear = time.linear();
  bool missing = false;
  for (int64_t i = 0; i < count; ++i) {
    const auto number = Stored<double>::Load(rows, i);
    int64_t ticks = 0;
    if (number > -kLimit && number < kLimit) {
      const auto whole = static_cast<int64_t>(number);
      // One unit inside the range, so that the fraction stays inside too.
      if (whole > linear.low && whole < linear.high) {
        const double fraction = (number - static_cast<double>(whole)) * linear.factor_as_double;
        const auto rounded = static_cast<int64_t>(fraction + (fraction < 0 ? -0.5 : 0.5));
        Store(out, i,
              static_cast<uint64_t>(whole) * linear.factor + linear.base +
                  static_cast<uint64_t>(rounded));
        continue;
      }
    }
    if (!time.FromDouble(number, &ticks)) {
      ClearBit(validity, i);
      missing = true;
    }
    Store(out, i, ticks);
  }
  return missing;
}

template <typename S>
bool ConvertFloatTime(const BlockConverter& converter, const std::byte* rows, int64_t count,
                      std::byte* out, uint64_t* validity) {
  ScaleInto<S>(converter.plan, rows, count, out);  // by 1 unless the plan is packed
  return ConvertDoubleTime(*converter.time, out, count, out, validity);
}

// The conversion of a plan that is not the identity, or null if there is none.
ConvertBlock ConverterOf(const cf::DecodePlan& plan) {
  const ElementKind kind = plan.stored.kind;
  ConvertBlock convert = nullptr;
  VisitStoredNumber(kind, [&](auto stored) {
    using S = decltype(stored);
    if (plan.time) {
      if constexpr (std::is_integral_v<typename S::Number>) {
        convert = plan.scaled ? ConvertFloatTime<S> : ConvertIntegerTime<S>;
      } else {
        convert = ConvertFloatTime<S>;
      }
    } else if (plan.scaled && plan.value == ValueType::kFloat64) {
      convert = ConvertScaled<S>;
    } else if (kind == ElementKind::kFloat16 && plan.value == ValueType::kFloat32) {
      convert = ConvertHalf;
    } else if (kind == ElementKind::kInt8 && plan.value == ValueType::kBool) {
      convert = ConvertToBool;
    }
  });
  return convert;
}

// Masks and converts block by block.
bool GatherConverted(const cf::DecodePlan& plan, ConvertBlock convert, RowCursor& cursor,
                     int64_t count, std::byte* out, uint64_t* validity) {
  alignas(64) std::byte block[kBlockRows * sizeof(uint64_t)];
  std::optional<TimeDecoder> time;
  if (plan.time) time.emplace(*plan.time, plan.value);
  const BlockConverter converter = {plan, time ? &*time : nullptr};
  const uint32_t stored_size = plan.stored.memory_size();
  const int64_t value_size = ValueSize(plan.value);
  bool missing = false;
  for (int64_t done = 0; done < count; done += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, count - done);
    const std::byte* source = cursor.TakeContiguous(rows, stored_size);
    if (source == nullptr) {
      cursor.Copy(block, rows, stored_size);
      source = block;
    }
    uint64_t* block_validity = validity + done / 64;
    missing |= MaskBlock(plan, source, rows, block_validity);
    missing |= convert(converter, source, rows, out + done * value_size, block_validity);
  }
  return missing;
}

// True if some number of the stored type has no instant.
bool TimeMayBeMissing(const cf::DecodePlan& plan) {
  if (plan.scaled || !plan.stored.is_integer()) return true;
  const TimeDecoder decoder(*plan.time, plan.value);
  const TimeDecoder::Linear& linear = decoder.linear();
  bool may_be = true;
  VisitStoredNumber(plan.stored.kind, [&](auto stored) {
    using Number = typename decltype(stored)::Number;
    if constexpr (std::is_integral_v<Number>) {
      may_be = Int128{std::numeric_limits<Number>::min()} < linear.low ||
               Int128{std::numeric_limits<Number>::max()} > linear.high;
    }
  });
  return may_be;
}

}  // namespace

Result<bool> Gather(const cf::DecodePlan& plan, const std::byte* data,
                    std::span<const GatherDimension> dimensions, int64_t begin, int64_t count,
                    void* out, uint64_t* validity) {
  if (count <= 0) return false;
  if (dimensions.size() > kMaxRank) {
    return InvalidData("an array of ", dimensions.size(), " dimensions; the limit is ", kMaxRank);
  }
  RowCursor cursor(data, dimensions, begin);
  auto* values = static_cast<std::byte*>(out);
  if (!plan.is_identity()) {
    const ConvertBlock convert = ConverterOf(plan);
    if (convert == nullptr) {
      return InvalidData(ToString(plan.stored), " does not decode to ", ToString(plan.value));
    }
    return GatherConverted(plan, convert, cursor, count, values, validity);
  }
  const uint32_t size = plan.stored.memory_size();
  bool missing = false;
  for (int64_t done = 0; done < count; done += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, count - done);
    std::byte* block = values + done * size;
    cursor.Copy(block, rows, size);
    missing |= MaskBlock(plan, block, rows, validity + done / 64);
  }
  return missing;
}

const std::byte* ContiguousRows(const cf::DecodePlan& plan, const std::byte* data,
                                std::span<const GatherDimension> dimensions, int64_t begin,
                                int64_t count) {
  if (count <= 0 || dimensions.size() > kMaxRank || !plan.is_identity()) return nullptr;
  const int64_t size = plan.stored.memory_size();
  RowCursor cursor(data, dimensions, begin);
  const Dimension& inner = cursor.inner();
  const std::byte* start = nullptr;
  for (int64_t done = 0; done < count;) {
    const RowCursor::Run run = cursor.Next(count - done);
    int64_t first = run.first;
    if (inner.positions != nullptr) {
      const int64_t* positions = inner.positions + run.first;
      if (run.count > 1 && (inner.stride != size || !AreConsecutive(positions, run.count))) {
        return nullptr;
      }
      first = positions[0];
    } else if (run.count > 1 && inner.stride != size) {
      return nullptr;
    }
    const std::byte* address = run.base + first * inner.stride;
    if (start == nullptr) start = address;
    if (address != start + done * size) return nullptr;
    done += run.count;
  }
  return start;
}

bool FindMissing(const cf::DecodePlan& plan, const std::byte* data, int64_t count,
                 uint64_t* validity) {
  const int64_t size = plan.stored.memory_size();
  bool missing = false;
  for (int64_t done = 0; done < count; done += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, count - done);
    missing |= MaskBlock(plan, data + done * size, rows, validity + done / 64);
  }
  return missing;
}

bool MayBeMissing(const cf::DecodePlan& plan) {
  if (!plan.sentinels.empty() || !plan.text_sentinels.empty() || plan.nan_is_null) return true;
  return plan.time && TimeMayBeMissing(plan);
}

}  // namespace colonnade::array
