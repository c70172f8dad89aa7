#include "zarr/fill_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "support/status_matchers.h"

namespace colonnade::zarr {
namespace {

using array::ElementKind;
using array::ElementType;
using ::testing::HasSubstr;

ElementType Text(ElementKind kind, uint32_t size) {
  ElementType type;
  type.kind = kind;
  type.size = size;
  return type;
}

template <typename T>
T Value(const FillValue& fill) {
  T value;
  std::memcpy(&value, fill.bytes.data(), sizeof(T));
  return value;
}

template <typename T>
T V3(const char* json, ElementKind kind) {
  auto fill = ParseV3Fill(Json::parse(json), ElementType::Of(kind));
  EXPECT_OK(fill);
  return fill.ok() ? Value<T>(*fill) : T();
}

TEST(FillValue, IntegersKeepAllBits) {
  EXPECT_EQ(V3<uint64_t>("18446744073709551615", ElementKind::kUInt64), UINT64_MAX);
  EXPECT_EQ(V3<int64_t>("-9223372036854775808", ElementKind::kInt64), INT64_MIN);
  EXPECT_EQ(V3<int8_t>("-128", ElementKind::kInt8), -128);
  EXPECT_EQ(V3<uint8_t>("255", ElementKind::kUInt8), 255);
  EXPECT_EQ(V3<int64_t>("\"NaT\"", ElementKind::kDatetime64), INT64_MIN);
}

TEST(FillValue, FloatsMayBeNamesOrBits) {
  EXPECT_EQ(V3<float>("0.1", ElementKind::kFloat32), 0.1f);
  EXPECT_TRUE(std::isnan(V3<double>("\"NaN\"", ElementKind::kFloat64)));
  EXPECT_EQ(V3<double>("\"-Infinity\"", ElementKind::kFloat64), -INFINITY);
  EXPECT_EQ(V3<float>("1e300", ElementKind::kFloat32), INFINITY);
  EXPECT_EQ(V3<uint32_t>("\"0x7fc00001\"", ElementKind::kFloat32), 0x7fc00001);
  EXPECT_EQ(V3<uint16_t>("\"Infinity\"", ElementKind::kFloat16), 0x7C00);
  EXPECT_EQ(V3<uint16_t>("65504", ElementKind::kFloat16), 0x7BFF);
}

// Oracle: the conversion in the other direction.
TEST(FillValueProperty, EveryHalfSurvivesTheWayThroughDouble) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const double value = HalfToFloat(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(HalfFromDouble(value))));
    } else {
      ASSERT_EQ(HalfFromDouble(value), half) << value;
    }
    // Halfway to the next one up: ties go to the even neighbour.
    if (bits < 0x7BFF) {
      const double middle = (value + HalfToFloat(static_cast<uint16_t>(bits + 1))) / 2;
      ASSERT_EQ(HalfFromDouble(middle), bits + (bits & 1)) << middle;
    }
  }
}

TEST(FillValue, RefusesValuesOfAnotherType) {
  const auto refuse = [](const char* json, const ElementType& type) {
    EXPECT_THAT(ParseV3Fill(Json::parse(json), type),
                StatusIs(StatusCode::kInvalidData, HasSubstr("fill value")))
        << json;
  };
  refuse("128", ElementType::Of(ElementKind::kInt8));
  refuse("-129", ElementType::Of(ElementKind::kInt8));
  refuse("-1", ElementType::Of(ElementKind::kUInt64));
  refuse("65536", ElementType::Of(ElementKind::kUInt16));
  refuse("9223372036854775808", ElementType::Of(ElementKind::kInt64));
  refuse("1.0", ElementType::Of(ElementKind::kInt32));
  refuse("0", ElementType::Of(ElementKind::kBool));
  refuse("\"nan\"", ElementType::Of(ElementKind::kFloat64));
  refuse("\"0x7fc0\"", ElementType::Of(ElementKind::kFloat32));
  refuse("true", ElementType::Of(ElementKind::kFloat32));
  refuse("null", ElementType::Of(ElementKind::kFloat32));
  refuse("1", Text(ElementKind::kString, 0));
  refuse("\"abc\"", Text(ElementKind::kFixedUtf32, 8));
  refuse("\"not base64\"", Text(ElementKind::kFixedBytes, 12));
  refuse("\"YWJj\"", Text(ElementKind::kFixedBytes, 2));
  refuse("\"/w==\"", Text(ElementKind::kFixedBytes, 2));
}

TEST(FillValue, TextIsDecodedAndTrimmed) {
  ASSERT_OK_AND_ASSIGN(const auto bytes, ParseV3Fill("YWIA", Text(ElementKind::kFixedBytes, 3)));
  EXPECT_EQ(bytes.text, "ab");
  EXPECT_EQ(bytes.sentinel, Json("ab"));
  ASSERT_OK_AND_ASSIGN(const auto points,
                       ParseV3Fill("h\u00e9", Text(ElementKind::kFixedUtf32, 8)));
  EXPECT_EQ(points.text, "h\u00e9");
}

TEST(FillValue, V2AcceptsOldSpellings) {
  const auto v2 = [](const char* json, const ElementType& type) {
    auto fill = ParseV2Fill(Json::parse(json), type);
    EXPECT_OK(fill) << json;
    return fill.ok() ? *fill : FillValue();
  };
  EXPECT_EQ(Value<int32_t>(v2("7.0", ElementType::Of(ElementKind::kInt32))), 7);
  EXPECT_EQ(Value<uint8_t>(v2("1", ElementType::Of(ElementKind::kBool))), 1);
  EXPECT_EQ(v2("0", Text(ElementKind::kFixedBytes, 3)).text, "");
  EXPECT_EQ(v2("\"\"", Text(ElementKind::kFixedBytes, 3)).text, "");
}

TEST(FillValue, V2NullIsTheDefaultOfEveryTypeAndMarksNothing) {
  for (const ElementKind kind :
       {ElementKind::kBool, ElementKind::kInt8, ElementKind::kInt64, ElementKind::kUInt64,
        ElementKind::kFloat16, ElementKind::kFloat32, ElementKind::kFloat64}) {
    ASSERT_OK_AND_ASSIGN(const FillValue fill, ParseV2Fill(Json(), ElementType::Of(kind)));
    EXPECT_EQ(Value<uint64_t>(fill), 0) << array::ToString(ElementType::Of(kind));
    EXPECT_EQ(fill.sentinel, std::nullopt);
  }
  for (const ElementKind kind :
       {ElementKind::kFixedBytes, ElementKind::kFixedUtf32, ElementKind::kString}) {
    ASSERT_OK_AND_ASSIGN(const FillValue fill, ParseV2Fill(Json(), Text(kind, 8)));
    EXPECT_EQ(fill.text, "");
    EXPECT_EQ(fill.sentinel, std::nullopt);
  }
  for (const ElementKind kind : {ElementKind::kDatetime64, ElementKind::kTimedelta64}) {
    ASSERT_OK_AND_ASSIGN(const FillValue fill, ParseV2Fill(Json(), ElementType::Of(kind)));
    EXPECT_EQ(Value<int64_t>(fill), std::numeric_limits<int64_t>::min());
    EXPECT_EQ(fill.sentinel, std::nullopt);
  }
}

TEST(FillValue, Base64FollowsTheStandard) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("Zg=="), "f");
  EXPECT_EQ(DecodeBase64("Zm8="), "fo");
  EXPECT_EQ(DecodeBase64("Zm9vYmFy"), "foobar");
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm9v!A=="}) {
    EXPECT_EQ(DecodeBase64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace colonnade::zarr
