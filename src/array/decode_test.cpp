#include "array/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/half.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::array {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::byte* AsBytes(const void* data) { return static_cast<const std::byte*>(data); }

cf::DecodePlan Plan(ElementKind kind, const Json& attributes = Json::object(),
                    cf::NanPolicy nan = cf::NanPolicy::kNull) {
  cf::DecodeOptions options;
  options.nan = nan;
  return cf::MakeDecodePlan(ElementType::Of(kind), attributes, options);
}

bool IsValid(const std::vector<uint64_t>& validity, int64_t i) {
  return (validity[static_cast<size_t>(i / 64)] >> (i % 64) & 1) != 0;
}

// What Gather makes of contiguous elements.
template <typename Value>
struct Decoded {
  std::vector<Value> values;
  std::vector<bool> valid;
  bool any_missing = false;
};

template <typename Value, typename Raw>
Decoded<Value> DecodeAll(const cf::DecodePlan& plan, const std::vector<Raw>& stored) {
  const GatherDimension dimension = {std::ssize(stored), nullptr, sizeof(Raw)};
  Decoded<Value> decoded;
  decoded.values.resize(stored.size());
  std::vector<uint64_t> validity((stored.size() + 63) / 64);
  const Result<bool> missing = Gather(plan, AsBytes(stored.data()), {&dimension, 1}, 0,
                                      std::ssize(stored), decoded.values.data(), validity.data());
  EXPECT_OK(missing);
  decoded.any_missing = missing.ok() && *missing;
  for (int64_t i = 0; i < std::ssize(stored); ++i) decoded.valid.push_back(IsValid(validity, i));
  return decoded;
}

TEST(Decode, CopiesASlabOfAnArray) {
  // Rows 1 and 2, columns 1 to 3 of a 4 x 5 array, from the second row of the slab on.
  std::vector<int32_t> stored(20);
  std::iota(stored.begin(), stored.end(), 0);
  const GatherDimension dimensions[] = {{2, nullptr, 20}, {3, nullptr, 4}};
  std::vector<int32_t> out(4);
  uint64_t validity = 0;
  ASSERT_OK_AND_ASSIGN(const bool missing,
                       Gather(Plan(ElementKind::kInt32), AsBytes(stored.data() + 6), dimensions, 2,
                              4, out.data(), &validity));
  EXPECT_FALSE(missing);
  EXPECT_EQ(validity, ~uint64_t{0});
  EXPECT_THAT(out, ElementsAre(8, 11, 12, 13));
}

TEST(Decode, RepeatsAlongADimensionThatTheVariableLacks) {
  const std::vector<int16_t> stored = {7, 8};
  const GatherDimension dimensions[] = {{2, nullptr, 0}, {2, nullptr, 2}, {3, nullptr, 0}};
  std::vector<int16_t> out(12);
  uint64_t validity = 0;
  ASSERT_OK(Gather(Plan(ElementKind::kInt16), AsBytes(stored.data()), dimensions, 0, 12, out.data(),
                   &validity));
  EXPECT_THAT(out, ElementsAre(7, 7, 7, 8, 8, 8, 7, 7, 7, 8, 8, 8));
}

TEST(Decode, FollowsPositions) {
  std::vector<int8_t> stored(12);
  std::iota(stored.begin(), stored.end(), int8_t{0});
  const int64_t rows[] = {2, 0};
  const int64_t columns[] = {3, 1, 1};
  const GatherDimension dimensions[] = {{2, rows, 4}, {3, columns, 1}};
  std::vector<int8_t> out(6);
  uint64_t validity = 0;
  ASSERT_OK(Gather(Plan(ElementKind::kInt8), AsBytes(stored.data()), dimensions, 0, 6, out.data(),
                   &validity));
  EXPECT_THAT(out, ElementsAre(11, 9, 9, 3, 1, 1));
}

TEST(Decode, AScalarIsOneRow) {
  const double stored = 2.5;
  double out = 0;
  uint64_t validity = 0;
  ASSERT_OK_AND_ASSIGN(const bool missing, Gather(Plan(ElementKind::kFloat64), AsBytes(&stored), {},
                                                  0, 1, &out, &validity));
  EXPECT_FALSE(missing);
  EXPECT_EQ(out, 2.5);
}

TEST(Decode, NoRowsTouchNothing) {
  const GatherDimension dimension = {0, nullptr, 8};
  ASSERT_OK_AND_ASSIGN(const bool missing, Gather(Plan(ElementKind::kFloat64), nullptr,
                                                  {&dimension, 1}, 0, 0, nullptr, nullptr));
  EXPECT_FALSE(missing);
  EXPECT_EQ(ContiguousRows(Plan(ElementKind::kFloat64), nullptr, {&dimension, 1}, 0, 0), nullptr);
}

TEST(Decode, RefusesMoreDimensionsThanAnyArrayMayHave) {
  const std::vector<GatherDimension> dimensions(65, {1, nullptr, 0});
  const double stored = 1;
  double out = 0;
  uint64_t validity = 0;
  EXPECT_THAT(
      Gather(Plan(ElementKind::kFloat64), AsBytes(&stored), dimensions, 0, 1, &out, &validity),
      StatusIs(StatusCode::kInvalidData, HasSubstr("65 dimensions; the limit is 64")));
  EXPECT_EQ(ContiguousRows(Plan(ElementKind::kFloat64), AsBytes(&stored), dimensions, 0, 1),
            nullptr);
}

TEST(Decode, APlanThatFitsNoConversionIsAnError) {
  cf::DecodePlan plan = Plan(ElementKind::kFloat64);
  plan.value = ValueType::kInt8;
  const double stored = 1;
  double out = 0;
  uint64_t validity = 0;
  EXPECT_THAT(Gather(plan, AsBytes(&stored), {}, 0, 1, &out, &validity),
              StatusIs(StatusCode::kInvalidData, HasSubstr("float64 does not decode to")));
}

TEST(Decode, EverySentinelIsMissing) {
  const auto decoded =
      DecodeAll<int16_t>(Plan(ElementKind::kInt16, {{"_FillValue", -1}, {"missing_value", {5, 7}}}),
                         std::vector<int16_t>{-1, 5, 6, 7, 0});
  EXPECT_THAT(decoded.valid, ElementsAre(false, false, true, false, true));
  EXPECT_TRUE(decoded.any_missing);
  EXPECT_EQ(decoded.values[2], 6);
}

TEST(Decode, MasksAreTestedBeforeScaling) {
  const auto decoded = DecodeAll<double>(
      Plan(ElementKind::kInt16, {{"_FillValue", 200}, {"scale_factor", 2}, {"add_offset", 0.5}}),
      std::vector<int16_t>{100, 200});
  EXPECT_THAT(decoded.valid, ElementsAre(true, false));
  EXPECT_EQ(decoded.values[0], 200.5);
}

TEST(Decode, ScalingRoundsTwice) {
  // The fused result differs in the last digit.
  const double product = 0.1 * 3.0;
  const auto decoded =
      DecodeAll<double>(Plan(ElementKind::kInt8, {{"scale_factor", 0.1}, {"add_offset", -0.3}}),
                        std::vector<int8_t>{3});
  EXPECT_EQ(decoded.values[0], product - 0.3);
  EXPECT_NE(decoded.values[0], std::fma(3.0, 0.1, -0.3));
}

TEST(Decode, AFloatSentinelIsComparedAsAFloat) {
  const auto decoded = DecodeAll<float>(Plan(ElementKind::kFloat32, {{"_FillValue", 1e20}}),
                                        std::vector<float>{1e20F, -1e20F, 0});
  EXPECT_THAT(decoded.valid, ElementsAre(false, true, true));
}

TEST(Decode, NanIsMissingUnlessKept) {
  const float nan = std::bit_cast<float>(0xFFC12345U);
  const std::vector<float> stored = {nan, 1, std::numeric_limits<float>::infinity()};
  EXPECT_THAT(DecodeAll<float>(Plan(ElementKind::kFloat32), stored).valid,
              ElementsAre(false, true, true));
  const auto kept =
      DecodeAll<float>(Plan(ElementKind::kFloat32, Json::object(), cf::NanPolicy::kKeep), stored);
  EXPECT_THAT(kept.valid, Each(true));
  EXPECT_FALSE(kept.any_missing);
  EXPECT_EQ(std::bit_cast<uint32_t>(kept.values[0]), 0xFFC12345U);
  const auto scaled = DecodeAll<double>(
      Plan(ElementKind::kFloat32, {{"scale_factor", 2}}, cf::NanPolicy::kKeep), stored);
  EXPECT_THAT(scaled.valid, Each(true));
  EXPECT_TRUE(std::isnan(scaled.values[0]));
}

// Elements of one value, at every offset from an aligned address, one of them missing.
template <typename Raw>
void ExpectFoundAnywhere(const cf::DecodePlan& plan, Raw present, Raw missing) {
  for (int64_t count = 0; count <= 130; ++count) {
    const size_t offset = static_cast<size_t>(count) % 17;
    std::vector<std::byte> memory(offset + static_cast<size_t>(count + 2) * sizeof(Raw));
    // What is missing before the first and after the last is none of our business.
    for (int64_t i = 0; i < count + 2; ++i) {
      const Raw value = i == 0 || i == count + 1 ? missing : present;
      std::memcpy(memory.data() + offset + static_cast<size_t>(i) * sizeof(Raw), &value,
                  sizeof(Raw));
    }
    std::byte* rows = memory.data() + offset + sizeof(Raw);
    std::vector<uint64_t> validity(static_cast<size_t>((count + 63) / 64), 0);
    ASSERT_FALSE(FindMissing(plan, rows, count, validity.data())) << count;
    ASSERT_THAT(validity, Each(~uint64_t{0})) << count;
    for (int64_t at = 0; at < count; ++at) {
      std::byte* element = rows + static_cast<size_t>(at) * sizeof(Raw);
      std::memcpy(element, &missing, sizeof(Raw));
      ASSERT_TRUE(FindMissing(plan, rows, count, validity.data())) << count << " " << at;
      std::vector<uint64_t> want(validity.size(), ~uint64_t{0});
      want[static_cast<size_t>(at / 64)] &= ~(uint64_t{1} << (at % 64));
      ASSERT_EQ(validity, want) << count << " " << at;
      std::memcpy(element, &present, sizeof(Raw));
    }
  }
}

TEST(Decode, OneMissingElementIsFoundWhereverItIs) {
  const double infinity = std::numeric_limits<double>::infinity();
  const cf::DecodePlan floats = Plan(ElementKind::kFloat32);
  const cf::DecodePlan doubles = Plan(ElementKind::kFloat64);
  for (const double present : {0.0, -1.5, infinity, -infinity}) {
    ExpectFoundAnywhere(floats, static_cast<float>(present), std::bit_cast<float>(0xFFC12345U));
    ExpectFoundAnywhere(floats, static_cast<float>(present), std::bit_cast<float>(0x7F800001U));
    ExpectFoundAnywhere(doubles, present, std::numeric_limits<double>::quiet_NaN());
    ExpectFoundAnywhere(doubles, present, std::bit_cast<double>(0xFFF0'0000'0000'0001U));
  }
  const auto sentinel = [](ElementKind kind, Json value) {
    return Plan(kind, {{"_FillValue", std::move(value)}}, cf::NanPolicy::kKeep);
  };
  ExpectFoundAnywhere(sentinel(ElementKind::kFloat32, 1e20), 0x1p120F, 1e20F);
  ExpectFoundAnywhere(sentinel(ElementKind::kFloat64, 1e20), 0x1p120, 1e20);
  ExpectFoundAnywhere(sentinel(ElementKind::kFloat64, 0), 0x1p-1074, -0.0);
  ExpectFoundAnywhere<int8_t>(sentinel(ElementKind::kInt8, -1), 127, -1);
  ExpectFoundAnywhere<uint8_t>(sentinel(ElementKind::kUInt8, 255), 127, 255);
  ExpectFoundAnywhere<int16_t>(sentinel(ElementKind::kInt16, -32'768), 0, -32'768);
  ExpectFoundAnywhere<uint16_t>(sentinel(ElementKind::kUInt16, 65'535), 0, 65'535);
  ExpectFoundAnywhere<int32_t>(sentinel(ElementKind::kInt32, -1), 0, -1);
  ExpectFoundAnywhere<uint32_t>(sentinel(ElementKind::kUInt32, 0x8000'0000), 0, 0x8000'0000);
  ExpectFoundAnywhere<int64_t>(sentinel(ElementKind::kInt64, int64_t{1} << 32), 0,
                               int64_t{1} << 32);
  ExpectFoundAnywhere<uint64_t>(sentinel(ElementKind::kUInt64, 1), uint64_t{1} << 32, 1);
}

TEST(Decode, NanOfAnyPositionInABlockIsFound) {
  for (const size_t count : {200, 2'048, 2'049, 4'100}) {
    for (size_t at = 0; at < count; at += at < 140 ? 1 : 61) {
      std::vector<double> stored(count, 1.0);
      stored[at] = std::numeric_limits<double>::quiet_NaN();
      std::vector<uint64_t> validity((count + 63) / 64);
      ASSERT_TRUE(FindMissing(Plan(ElementKind::kFloat64), AsBytes(stored.data()),
                              static_cast<int64_t>(count), validity.data()));
      std::vector<uint64_t> want(validity.size(), ~uint64_t{0});
      want[at / 64] &= ~(uint64_t{1} << (at % 64));
      ASSERT_EQ(validity, want) << count << " " << at;
    }
  }
}

TEST(Decode, HalvesBecomeFloats) {
  const auto decoded = DecodeAll<float>(Plan(ElementKind::kFloat16, {{"_FillValue", -2}}),
                                        std::vector<uint16_t>{0x3C00, 0xC000, 0x7E00, 0x0001});
  EXPECT_THAT(decoded.valid, ElementsAre(true, false, false, true));
  EXPECT_EQ(decoded.values[0], 1.0F);
  EXPECT_EQ(decoded.values[3], 0x1p-24F);
}

TEST(Decode, Int8BecomesBooleans) {
  const auto decoded = DecodeAll<uint8_t>(Plan(ElementKind::kInt8, {{"dtype", "bool"}}),
                                          std::vector<int8_t>{0, 1, -1, 2});
  EXPECT_THAT(decoded.values, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(decoded.valid, Each(true));
}

TEST(Decode, UnsignedValuesUseAllBits) {
  const auto decoded =
      DecodeAll<uint8_t>(Plan(ElementKind::kInt8, {{"_Unsigned", "true"}, {"_FillValue", -1}}),
                         std::vector<int8_t>{-1, -2, 3});
  EXPECT_THAT(decoded.valid, ElementsAre(false, true, true));
  EXPECT_EQ(decoded.values[1], 254);
  EXPECT_EQ(
      DecodeAll<double>(Plan(ElementKind::kInt16, {{"_Unsigned", "true"}, {"scale_factor", 0.5}}),
                        std::vector<int16_t>{-1})
          .values[0],
      32'767.5);
}

TEST(Decode, TextIsComparedByValue) {
  const std::string missing = "n/a";  // not the bytes of the attribute
  const auto decoded =
      DecodeAll<std::string_view>(Plan(ElementKind::kString, {{"_FillValue", "n/a"}}),
                                  std::vector<std::string_view>{"a", missing, "", "n/a "});
  EXPECT_THAT(decoded.valid, ElementsAre(true, false, true, true));
  EXPECT_EQ(decoded.values[3], "n/a ");
}

TEST(Decode, ElementsNeedNotBeAligned) {
  const std::vector<double> aligned = {1, 2, 3};
  std::vector<std::byte> stored(25);
  std::memcpy(stored.data() + 1, aligned.data(), 24);
  const GatherDimension dimension = {3, nullptr, 8};
  std::vector<double> out(3);
  uint64_t validity = 0;
  ASSERT_OK(Gather(Plan(ElementKind::kFloat64, {{"add_offset", 1}}), stored.data() + 1,
                   {&dimension, 1}, 0, 3, out.data(), &validity));
  EXPECT_THAT(out, ElementsAre(2, 3, 4));
}

TEST(Decode, SaysWhetherValuesMayBeMissing) {
  EXPECT_FALSE(MayBeMissing(Plan(ElementKind::kInt32)));
  EXPECT_TRUE(MayBeMissing(Plan(ElementKind::kInt32, {{"_FillValue", 0}})));
  EXPECT_TRUE(MayBeMissing(Plan(ElementKind::kFloat32)));
  EXPECT_FALSE(MayBeMissing(Plan(ElementKind::kFloat32, Json::object(), cf::NanPolicy::kKeep)));
  EXPECT_FALSE(MayBeMissing(Plan(ElementKind::kString)));
  EXPECT_TRUE(MayBeMissing(Plan(ElementKind::kString, {{"_FillValue", ""}})));
  EXPECT_TRUE(MayBeMissing(cf::MakeDecodePlan(
      {ElementKind::kDatetime64, 8, TimeUnit::kMicrosecond, 1}, Json::object(), {})));
}

TEST(ContiguousRows, AreFoundWhereNothingLiesBetween) {
  const std::vector<float> stored(1'000);
  const std::byte* data = AsBytes(stored.data());
  const cf::DecodePlan plan = Plan(ElementKind::kFloat32);
  const auto rows = [&](std::vector<GatherDimension> dimensions, int64_t begin, int64_t count) {
    const std::byte* found = ContiguousRows(plan, data, dimensions, begin, count);
    return found == nullptr ? int64_t{-1} : (found - data) / 4;
  };
  EXPECT_EQ(rows({{10, nullptr, 40}, {10, nullptr, 4}}, 13, 50), 13);
  EXPECT_EQ(rows({{10, nullptr, 400}, {10, nullptr, 4}}, 13, 7), 103);
  EXPECT_EQ(rows({{10, nullptr, 400}, {10, nullptr, 4}}, 13, 8), -1);  // crosses a gap
  EXPECT_EQ(rows({{10, nullptr, 4}, {10, nullptr, 40}}, 0, 2), -1);    // transposed
  EXPECT_EQ(rows({{10, nullptr, 4}, {10, nullptr, 40}}, 13, 1), 31);   // one row always is
  EXPECT_EQ(rows({{10, nullptr, 4}, {1, nullptr, 999}}, 2, 8), 2);
  EXPECT_EQ(rows({{1, nullptr, 4}, {10, nullptr, 0}}, 0, 2), -1);
  const std::vector<int64_t> consecutive = {5, 6, 7};
  const std::vector<int64_t> shuffled = {5, 7, 6, 8};
  EXPECT_EQ(rows({{3, consecutive.data(), 40}, {10, nullptr, 4}}, 5, 25), 55);
  EXPECT_EQ(rows({{4, shuffled.data(), 40}, {10, nullptr, 4}}, 0, 11), -1);
  EXPECT_EQ(rows({{3, nullptr, 40}, {3, consecutive.data(), 4}}, 3, 3), 15);
  EXPECT_EQ(rows({{4, shuffled.data(), 4}}, 0, 4), -1);
  EXPECT_EQ(rows({{4, shuffled.data(), 4}}, 1, 1), 7);
  // Two rows that happen to touch across the end of an uneven run.
  EXPECT_EQ(rows({{2, nullptr, 12}, {2, nullptr, 8}}, 1, 2), 2);
  EXPECT_EQ(ContiguousRows(Plan(ElementKind::kFloat32, {{"scale_factor", 1}}), data,
                           std::vector<GatherDimension>{{10, nullptr, 4}}, 0, 5),
            nullptr);
}

// ---- Property: any layout, type, plan and window against one row at a time. ----

// A random box of an array in memory, and its rows' addresses by the definition.
struct Layout {
  std::vector<GatherDimension> dimensions;
  std::vector<std::vector<int64_t>> positions;
  int64_t rows = 1;
  int64_t bytes = 0;  // that the elements span

  int64_t Offset(int64_t row) const {
    int64_t offset = 0;
    for (size_t d = dimensions.size(); d-- > 0;) {
      const int64_t index = row % dimensions[d].count;
      row /= dimensions[d].count;
      const int64_t position =
          dimensions[d].positions != nullptr ? dimensions[d].positions[index] : index;
      offset += position * dimensions[d].stride;
    }
    return offset;
  }
};

Layout RandomLayout(SeededRandom& random, int64_t element_bytes) {
  const int64_t rank = random.Uniform(0, 4);
  Layout layout;
  layout.positions.resize(static_cast<size_t>(rank));
  std::vector<int64_t> extents;
  for (int64_t d = 0; d < rank; ++d) {
    extents.push_back(random.Chance(0.15) ? 1 : random.Uniform(2, d + 1 == rank ? 90 : 9));
  }
  // Dense strides of a random order of the dimensions, some with a gap or none at all.
  std::vector<size_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), size_t{0});
  if (random.Chance(0.4)) std::shuffle(order.begin(), order.end(), random.engine());
  std::vector<int64_t> strides(order.size());
  int64_t stride = element_bytes;
  for (size_t i = order.size(); i-- > 0;) {
    if (random.Chance(0.15)) continue;
    strides[order[i]] = stride;
    stride *= extents[order[i]] + (random.Chance(0.2) ? 1 : 0);
  }
  layout.bytes = stride;
  for (size_t d = 0; d < order.size(); ++d) {
    GatherDimension dimension = {extents[d], nullptr, strides[d]};
    if (random.Chance(0.3)) {
      std::vector<int64_t>& positions = layout.positions[d];
      const bool consecutive = random.Chance(0.4);
      const int64_t first = random.Uniform(0, extents[d] - 1);
      for (int64_t i = first; i < extents[d]; ++i) {
        positions.push_back(consecutive ? i : random.Uniform(0, extents[d] - 1));
      }
      dimension.count = std::ssize(positions);
      dimension.positions = positions.data();
    }
    layout.rows *= dimension.count;
    layout.dimensions.push_back(dimension);
  }
  return layout;
}

struct StoredNumber {
  bool is_nan = false;
  long double value = 0;  // holds every stored number exactly
};

StoredNumber LoadStored(ElementKind kind, const std::byte* at) {
  const auto load = [&]<typename T>(T value) {
    std::memcpy(&value, at, sizeof(T));
    if constexpr (std::is_floating_point_v<T>) return StoredNumber{std::isnan(value), value};
    return StoredNumber{false, static_cast<long double>(value)};
  };
  switch (kind) {
    case ElementKind::kInt8: return load(int8_t{});
    case ElementKind::kInt16: return load(int16_t{});
    case ElementKind::kInt32: return load(int32_t{});
    case ElementKind::kInt64: return load(int64_t{});
    case ElementKind::kBool:
    case ElementKind::kUInt8: return load(uint8_t{});
    case ElementKind::kUInt16: return load(uint16_t{});
    case ElementKind::kUInt32: return load(uint32_t{});
    case ElementKind::kUInt64: return load(uint64_t{});
    case ElementKind::kFloat32: return load(float{});
    case ElementKind::kFloat64: return load(double{});
    default: break;
  }
  uint16_t half;
  std::memcpy(&half, at, sizeof(half));
  return {std::isnan(HalfToFloat(half)), HalfToFloat(half)};
}

constexpr ElementKind kNumberKinds[] = {
    ElementKind::kBool,   ElementKind::kInt8,    ElementKind::kInt16,   ElementKind::kInt32,
    ElementKind::kInt64,  ElementKind::kUInt8,   ElementKind::kUInt16,  ElementKind::kUInt32,
    ElementKind::kUInt64, ElementKind::kFloat16, ElementKind::kFloat32, ElementKind::kFloat64};

// Small numbers, so that sentinels and NaN are hit often.
void FillStored(SeededRandom& random, ElementKind kind, std::vector<std::byte>& bytes) {
  const auto fill = [&]<typename T>(T) {
    for (size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
      T value = static_cast<T>(random.Uniform(0, 6));
      if constexpr (std::is_floating_point_v<T>) {
        if (random.Chance(0.05)) value = std::numeric_limits<T>::quiet_NaN();
        if (random.Chance(0.05)) value = -std::numeric_limits<T>::infinity();
      } else if (random.Chance(0.1)) {
        value = random.Chance(0.5) ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min();
      }
      std::memcpy(bytes.data() + i, &value, sizeof(T));
    }
  };
  switch (kind) {
    case ElementKind::kBool:
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Uniform(0, 1));
      return;
    case ElementKind::kInt8: return fill(int8_t{});
    case ElementKind::kInt16: return fill(int16_t{});
    case ElementKind::kInt32: return fill(int32_t{});
    case ElementKind::kInt64: return fill(int64_t{});
    case ElementKind::kUInt8: return fill(uint8_t{});
    case ElementKind::kUInt16: return fill(uint16_t{});
    case ElementKind::kUInt32: return fill(uint32_t{});
    case ElementKind::kUInt64: return fill(uint64_t{});
    case ElementKind::kFloat32: return fill(float{});
    case ElementKind::kFloat64: return fill(double{});
    default: break;
  }
  constexpr uint16_t kHalves[] = {0x0000, 0x3C00, 0x4000, 0x4200, 0x7E00, 0xFC00, 0x0001};
  for (size_t i = 0; i + 2 <= bytes.size(); i += 2) {
    std::memcpy(bytes.data() + i, &kHalves[random.Uniform(0, 6)], 2);
  }
}

TEST(DecodeProperty, AgreesWithDecodingRowByRow) {
  SeededRandom random;
  for (int round = 0; round < 3'000; ++round) {
    const ElementKind kind = kNumberKinds[random.Uniform(0, std::ssize(kNumberKinds) - 1)];
    const ElementType type = ElementType::Of(kind);
    Json attributes = Json::object();
    std::vector<long double> sentinels;
    for (int64_t i = random.Uniform(0, 3); i > 0 && kind != ElementKind::kBool; --i) {
      sentinels.push_back(static_cast<long double>(random.Uniform(0, 6)));
      attributes["missing_value"].push_back(static_cast<int>(sentinels.back()));
    }
    const bool scaled = kind != ElementKind::kBool && random.Chance(0.3);
    if (scaled) attributes["scale_factor"] = 0.1;
    if (scaled && random.Chance(0.5)) attributes["add_offset"] = 7.3;
    const bool to_bool = kind == ElementKind::kInt8 && !scaled && random.Chance(0.5);
    if (to_bool) attributes["dtype"] = "bool";
    const bool keep_nan = random.Chance(0.5);
    const cf::DecodePlan plan =
        Plan(kind, attributes, keep_nan ? cf::NanPolicy::kKeep : cf::NanPolicy::kNull);

    const Layout layout = RandomLayout(random, type.size);
    std::vector<std::byte> stored(static_cast<size_t>(layout.bytes));
    FillStored(random, kind, stored);
    const int64_t begin = random.Uniform(0, layout.rows - 1);
    const int64_t count = random.Uniform(1, layout.rows - begin);
    const int64_t value_size = ValueSize(plan.value);
    std::vector<std::byte> out(static_cast<size_t>(count * value_size));
    std::vector<uint64_t> validity(static_cast<size_t>((count + 63) / 64));
    ASSERT_OK_AND_ASSIGN(const bool any_missing, Gather(plan, stored.data(), layout.dimensions,
                                                        begin, count, out.data(), validity.data()));

    bool want_any = false;
    bool consecutive = plan.is_identity();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t offset = layout.Offset(begin + i);
      consecutive = consecutive && offset == layout.Offset(begin) + i * int64_t{type.size};
      const StoredNumber number = LoadStored(kind, stored.data() + offset);
      const bool missing =
          number.is_nan ? !keep_nan : std::ranges::count(sentinels, number.value) > 0;
      want_any = want_any || missing;
      ASSERT_EQ(IsValid(validity, i), !missing) << attributes << " row " << begin + i;
      if (missing) continue;
      const std::byte* value = out.data() + i * value_size;
      if (plan.is_identity()) {
        ASSERT_EQ(std::memcmp(value, stored.data() + offset, type.size), 0) << attributes;
      } else if (to_bool) {
        ASSERT_EQ(*value == std::byte{1}, number.value != 0);
      } else if (number.is_nan) {
        ASSERT_TRUE(std::isnan(static_cast<double>(
            LoadStored(scaled ? ElementKind::kFloat64 : ElementKind::kFloat32, value).value)));
      } else if (scaled) {
        double decoded;
        std::memcpy(&decoded, value, sizeof(decoded));
        volatile double want = static_cast<double>(number.value) * 0.1;
        if (attributes.contains("add_offset")) want = want + 7.3;
        ASSERT_EQ(decoded, want) << attributes;
      } else {
        ASSERT_EQ(LoadStored(ElementKind::kFloat32, value).value, number.value);
      }
    }
    ASSERT_EQ(any_missing, want_any) << attributes;

    const std::byte* contiguous =
        ContiguousRows(plan, stored.data(), layout.dimensions, begin, count);
    ASSERT_EQ(contiguous, consecutive ? stored.data() + layout.Offset(begin) : nullptr);
    if (contiguous != nullptr) {
      std::vector<uint64_t> found(validity.size());
      ASSERT_EQ(FindMissing(plan, contiguous, count, found.data()), want_any);
      ASSERT_EQ(found, validity);
    }
    if (want_any) {
      ASSERT_TRUE(MayBeMissing(plan));
    }
  }
}

TEST(DecodeProperty, TextAgreesWithDecodingRowByRow) {
  SeededRandom random;
  const std::vector<std::string> words = {"", "a", "n/a", "bb", "missing"};
  for (int round = 0; round < 300; ++round) {
    const cf::DecodePlan plan = Plan(
        ElementKind::kString, random.Chance(0.5) ? Json{{"missing_value", {"n/a", ""}}} : Json());
    const Layout layout = RandomLayout(random, sizeof(std::string_view));
    std::vector<std::string_view> stored(static_cast<size_t>(layout.bytes) /
                                         sizeof(std::string_view));
    for (std::string_view& text : stored) text = words[static_cast<size_t>(random.Uniform(0, 4))];
    const int64_t begin = random.Uniform(0, layout.rows - 1);
    const int64_t count = random.Uniform(1, layout.rows - begin);
    std::vector<std::string_view> out(static_cast<size_t>(count));
    std::vector<uint64_t> validity(static_cast<size_t>((count + 63) / 64));
    ASSERT_OK(Gather(plan, AsBytes(stored.data()), layout.dimensions, begin, count, out.data(),
                     validity.data()));
    for (int64_t i = 0; i < count; ++i) {
      const std::string_view want =
          stored[static_cast<size_t>(layout.Offset(begin + i)) / sizeof(std::string_view)];
      ASSERT_EQ(out[static_cast<size_t>(i)], want);
      ASSERT_EQ(IsValid(validity, i),
                plan.text_sentinels.empty() || (want != "n/a" && !want.empty()));
    }
  }
}

}  // namespace
}  // namespace colonnade::array
