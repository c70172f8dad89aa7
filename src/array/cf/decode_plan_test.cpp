#include "array/cf/decode_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "array/cf/calendar.h"

namespace colonnade::array::cf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DecodePlan Plan(ElementKind kind, const Json& attributes, const DecodeOptions& options = {}) {
  return MakeDecodePlan(ElementType::Of(kind), attributes, options);
}

DecodeOptions Version3() {
  DecodeOptions options;
  options.base64_float_fill = true;
  return options;
}

DecodeOptions KeepNan() {
  DecodeOptions options;
  options.nan = NanPolicy::kKeep;
  return options;
}

std::vector<int64_t> Signed(const DecodePlan& plan) {
  std::vector<int64_t> values;
  for (const StoredValue& value : plan.sentinels) values.push_back(value.i);
  return values;
}

std::vector<uint64_t> Unsigned(const DecodePlan& plan) {
  std::vector<uint64_t> values;
  for (const StoredValue& value : plan.sentinels) values.push_back(value.u);
  return values;
}

std::vector<double> Floats(const DecodePlan& plan) {
  std::vector<double> values;
  for (const StoredValue& value : plan.sentinels) values.push_back(value.f);
  return values;
}

TEST(DecodePlan, WithoutAttributesNumbersKeepTheirTypes) {
  const std::pair<ElementKind, ValueType> kCases[] = {
      {ElementKind::kBool, ValueType::kBool},       {ElementKind::kInt8, ValueType::kInt8},
      {ElementKind::kInt16, ValueType::kInt16},     {ElementKind::kInt32, ValueType::kInt32},
      {ElementKind::kInt64, ValueType::kInt64},     {ElementKind::kUInt8, ValueType::kUInt8},
      {ElementKind::kUInt16, ValueType::kUInt16},   {ElementKind::kUInt32, ValueType::kUInt32},
      {ElementKind::kUInt64, ValueType::kUInt64},   {ElementKind::kFloat32, ValueType::kFloat32},
      {ElementKind::kFloat64, ValueType::kFloat64}, {ElementKind::kString, ValueType::kString}};
  for (const auto& [kind, value] : kCases) {
    const DecodePlan plan = Plan(kind, Json::object());
    EXPECT_EQ(plan.value, value);
    EXPECT_TRUE(plan.is_identity()) << ToString(plan.stored);
    EXPECT_THAT(plan.notes, IsEmpty());
    EXPECT_EQ(plan.nan_is_null, plan.stored.is_float());
  }
  const DecodePlan half = Plan(ElementKind::kFloat16, Json::object());
  EXPECT_EQ(half.value, ValueType::kFloat32);
  EXPECT_FALSE(half.is_identity());
}

TEST(DecodePlan, AttributesThatAreNoObjectAreNone) {
  for (const Json& attributes : {Json(), Json(3), Json("units"), Json::array({1})}) {
    const DecodePlan plan = Plan(ElementKind::kInt16, attributes);
    EXPECT_TRUE(plan.is_identity());
    EXPECT_THAT(plan.notes, IsEmpty());
  }
}

TEST(DecodePlan, BothSentinelAttributesApplyAndMayBeLists) {
  const DecodePlan plan = Plan(
      ElementKind::kInt16, {{"_FillValue", -999}, {"missing_value", Json::array({-1, -999, -2})}});
  EXPECT_THAT(Signed(plan), ElementsAre(-999, -1, -2));
  EXPECT_TRUE(plan.is_identity());
  EXPECT_EQ(plan.value, ValueType::kInt16);
}

TEST(DecodePlan, TheStoresFillCountsIfGiven) {
  DecodeOptions options;
  options.fill_sentinel = 0;
  EXPECT_THAT(Signed(Plan(ElementKind::kInt32, {{"_FillValue", 5}}, options)), ElementsAre(5, 0));
  options.fill_sentinel = Json();
  EXPECT_THAT(Plan(ElementKind::kInt32, Json::object(), options).sentinels, IsEmpty());
  options.fill_sentinel = "NaN";
  const DecodePlan plan = Plan(ElementKind::kInt32, Json::object(), options);
  EXPECT_THAT(plan.sentinels, IsEmpty());
  EXPECT_THAT(plan.notes, ElementsAre("fill_value 'NaN': ignored, int32 has no such value"));
}

TEST(DecodePlan, IntegerSentinelsKeepAllDigits) {
  EXPECT_THAT(Signed(Plan(ElementKind::kInt64, {{"_FillValue", INT64_MIN}})),
              ElementsAre(INT64_MIN));
  EXPECT_THAT(Unsigned(Plan(ElementKind::kUInt64, {{"_FillValue", UINT64_MAX}})),
              ElementsAre(UINT64_MAX));
  EXPECT_THAT(Signed(Plan(ElementKind::kInt16, {{"_FillValue", -999.0}})), ElementsAre(-999));
}

TEST(DecodePlan, SentinelsThatTheTypeLacksAreDropped) {
  const Json kBad[] = {Json(40'000), Json(-32'769),      Json(-999.9),    Json(1e20),
                       Json("NaN"),  Json("-999"),       Json(true),      Json::object(),
                       Json(1e300),  Json::array({"x"}), Json(UINT64_MAX)};
  for (const Json& bad : kBad) {
    const DecodePlan plan = Plan(ElementKind::kInt16, {{"_FillValue", bad}});
    EXPECT_THAT(plan.sentinels, IsEmpty()) << bad;
    ASSERT_THAT(plan.notes, SizeIs(1)) << bad;
    EXPECT_THAT(plan.notes[0], HasSubstr("_FillValue")) << bad;
  }
  EXPECT_THAT(Plan(ElementKind::kUInt8, {{"_FillValue", 256}}).sentinels, IsEmpty());
  EXPECT_THAT(Plan(ElementKind::kUInt64, {{"_FillValue", 0x1p64}}).sentinels, IsEmpty());
  EXPECT_THAT(Plan(ElementKind::kFloat32, {{"_FillValue", 1e300}}).sentinels, IsEmpty());
  EXPECT_THAT(Plan(ElementKind::kFloat16, {{"_FillValue", 1e20}}).sentinels, IsEmpty());
}

TEST(DecodePlan, FloatSentinelsAreRoundedToTheStoredType) {
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", 1e20}})),
              ElementsAre(double{1e20F}));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", -999.9}})),
              ElementsAre(double{-999.9F}));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat64, {{"_FillValue", -999.9}})), ElementsAre(-999.9));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat16, {{"_FillValue", 1e4 + 3}})), ElementsAre(10'000));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", -32'767}})), ElementsAre(-32'767));
}

TEST(DecodePlan, FloatSentinelsMayBeNamesBitsOrBase64) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", "Infinity"}})),
              ElementsAre(infinity));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", "-Infinity"}})),
              ElementsAre(-infinity));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", "0x42280000"}})), ElementsAre(42));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat64, {{"_FillValue", "0x4045000000000000"}})),
              ElementsAre(42));
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat16, {{"_FillValue", "0x5140"}})), ElementsAre(42));
  // 1e20 as a double, for an array of floats.
  EXPECT_THAT(Floats(Plan(ElementKind::kFloat32, {{"_FillValue", "QIy1eB2vFUQ="}}, Version3())),
              ElementsAre(double{1e20F}));
  for (const char* bad : {"QIy1eB2vFUQ=", "0x1422800000", "0x", "0xyz", "minus one", "Zm9v"}) {
    const DecodePlan plan = Plan(ElementKind::kFloat32, {{"_FillValue", bad}});
    EXPECT_THAT(plan.sentinels, IsEmpty()) << bad;
    EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("not a number"))) << bad;
  }
}

TEST(DecodePlan, ANanSentinelMatchesAnyNan) {
  EXPECT_FALSE(Plan(ElementKind::kFloat32, Json::object(), KeepNan()).nan_is_null);
  EXPECT_TRUE(Plan(ElementKind::kFloat32, {{"_FillValue", "NaN"}}, KeepNan()).nan_is_null);
  EXPECT_TRUE(Plan(ElementKind::kFloat32, {{"_FillValue", "0x7fc00000"}}, KeepNan()).nan_is_null);
  EXPECT_TRUE(Plan(ElementKind::kFloat64, {{"_FillValue", std::nan("")}}, KeepNan()).nan_is_null);
  DecodeOptions options = KeepNan();
  options.base64_float_fill = true;
  EXPECT_TRUE(Plan(ElementKind::kFloat32, {{"_FillValue", "AAAAAAAA+H8="}}, options).nan_is_null);
}

TEST(DecodePlan, UnsignedReinterpretsTheTypeAndTheSentinels) {
  const DecodePlan plan =
      Plan(ElementKind::kInt16, {{"_Unsigned", "true"}, {"_FillValue", -32'768}});
  EXPECT_EQ(plan.stored.kind, ElementKind::kUInt16);
  EXPECT_EQ(plan.value, ValueType::kUInt16);
  EXPECT_THAT(Unsigned(plan), ElementsAre(32'768));

  EXPECT_THAT(Unsigned(Plan(ElementKind::kInt8, {{"_Unsigned", "true"}, {"_FillValue", 255}})),
              ElementsAre(255));
  EXPECT_THAT(Unsigned(Plan(ElementKind::kInt8, {{"_Unsigned", "true"}, {"_FillValue", -1}})),
              ElementsAre(255));
  EXPECT_THAT(Unsigned(Plan(ElementKind::kInt64, {{"_Unsigned", true}, {"_FillValue", -1}})),
              ElementsAre(UINT64_MAX));
  EXPECT_THAT(Plan(ElementKind::kInt8, {{"_Unsigned", "true"}, {"_FillValue", 256}}).sentinels,
              IsEmpty());

  const DecodePlan narrowed =
      Plan(ElementKind::kUInt8, {{"_Unsigned", "false"}, {"_FillValue", 255}});
  EXPECT_EQ(narrowed.value, ValueType::kInt8);
  EXPECT_THAT(Signed(narrowed), ElementsAre(-1));
  EXPECT_EQ(Plan(ElementKind::kUInt8, {{"_Unsigned", "true"}}).value, ValueType::kUInt8);
  EXPECT_EQ(Plan(ElementKind::kInt8, {{"_Unsigned", "false"}}).value, ValueType::kInt8);
}

TEST(DecodePlan, UnsignedThatMakesNoSenseIsIgnored) {
  EXPECT_THAT(Plan(ElementKind::kInt16, {{"_Unsigned", "maybe"}}).notes,
              ElementsAre(HasSubstr("'maybe'")));
  const DecodePlan plan = Plan(ElementKind::kFloat32, {{"_Unsigned", "true"}});
  EXPECT_EQ(plan.value, ValueType::kFloat32);
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("not an integer type")));
}

TEST(DecodePlan, ScaleOrOffsetMakesDoubles) {
  const DecodePlan both =
      Plan(ElementKind::kInt16, {{"scale_factor", 0.01}, {"add_offset", Json::array({273})}});
  EXPECT_TRUE(both.scaled);
  EXPECT_EQ(both.scale, 0.01);
  EXPECT_EQ(both.offset, 273);
  EXPECT_EQ(both.value, ValueType::kFloat64);
  EXPECT_FALSE(both.is_identity());
  for (const ElementKind kind :
       {ElementKind::kFloat16, ElementKind::kFloat32, ElementKind::kFloat64, ElementKind::kUInt8}) {
    const DecodePlan plan = Plan(kind, {{"scale_factor", 1}, {"add_offset", 0}});
    EXPECT_EQ(plan.value, ValueType::kFloat64);
    EXPECT_FALSE(plan.is_identity());
  }
  EXPECT_EQ(Plan(ElementKind::kInt8, {{"add_offset", 5}}).offset, 5);
}

TEST(DecodePlan, PackingThatMakesNoSenseIsIgnoredWhole) {
  const Json kBad[] = {
      Json(0),        Json(0.0),  Json("0.1"),   Json("NaN"),         Json(std::nan("")),
      Json(HUGE_VAL), Json(true), Json::array(), Json::array({1, 2}), Json::object()};
  for (const Json& bad : kBad) {
    const DecodePlan plan = Plan(ElementKind::kInt16, {{"scale_factor", bad}, {"add_offset", 1}});
    EXPECT_FALSE(plan.scaled) << bad;
    EXPECT_EQ(plan.value, ValueType::kInt16) << bad;
    EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("scale_factor"), HasSubstr("as stored"))) << bad;
  }
  const DecodePlan plan = Plan(ElementKind::kInt16, {{"scale_factor", 2}, {"add_offset", "warm"}});
  EXPECT_FALSE(plan.scaled);
  EXPECT_THAT(plan.notes, ElementsAre("add_offset 'warm': ignored, not a finite number",
                                      HasSubstr("as stored")));
  EXPECT_FALSE(Plan(ElementKind::kString, {{"scale_factor", 2}}).scaled);
  EXPECT_FALSE(Plan(ElementKind::kBool, {{"scale_factor", 2}}).scaled);
}

TEST(DecodePlan, DtypeBoolMakesBooleansOfInt8) {
  const DecodePlan plan = Plan(ElementKind::kInt8, {{"dtype", "bool"}, {"_FillValue", -1}});
  EXPECT_EQ(plan.value, ValueType::kBool);
  EXPECT_FALSE(plan.is_identity());
  EXPECT_THAT(Signed(plan), ElementsAre(-1));
  EXPECT_EQ(Plan(ElementKind::kInt16, {{"dtype", "bool"}}).value, ValueType::kInt16);
  EXPECT_THAT(Plan(ElementKind::kInt16, {{"dtype", "bool"}}).notes, SizeIs(1));
  EXPECT_EQ(Plan(ElementKind::kInt8, {{"dtype", "int8"}}).value, ValueType::kInt8);
  EXPECT_EQ(Plan(ElementKind::kInt8, {{"dtype", "bool"}, {"scale_factor", 2}}).value,
            ValueType::kFloat64);
  EXPECT_THAT(Unsigned(Plan(ElementKind::kBool, {{"_FillValue", true}})), ElementsAre(1));
}

TEST(DecodePlan, TextSentinelsAreTexts) {
  EXPECT_THAT(
      Plan(ElementKind::kString, {{"_FillValue", "n/a"}, {"missing_value", ""}}).text_sentinels,
      ElementsAre("n/a", ""));
  EXPECT_THAT(Plan(ElementKind::kString, {{"_FillValue", 0}}).notes,
              ElementsAre("_FillValue 0: ignored, not text"));
  const ElementType bytes = {.kind = ElementKind::kFixedBytes, .size = 4};
  DecodeOptions options;
  options.fill_sentinel = "TkEAAA==";  // "NA\0\0"
  EXPECT_THAT(MakeDecodePlan(bytes, Json::object(), options).text_sentinels, ElementsAre("NA"));
  options.fill_sentinel = "none";  // base64, but not of four bytes
  EXPECT_THAT(MakeDecodePlan(bytes, Json::object(), options).text_sentinels, ElementsAre("none"));
  EXPECT_THAT(MakeDecodePlan(bytes, {{"_FillValue", "TkE="}}, Version3()).text_sentinels,
              ElementsAre("NA", "TkE="));
  EXPECT_THAT(MakeDecodePlan(bytes, {{"_FillValue", "TkE="}}, {}).text_sentinels,
              ElementsAre("TkE="));
}

TEST(DecodePlan, TimesBecomeTimestamps) {
  const DecodePlan hours =
      Plan(ElementKind::kInt32, {{"units", "hours since 1900-01-01"}, {"_FillValue", -1}});
  EXPECT_EQ(hours.value, ValueType::kTimestampMicros);
  ASSERT_TRUE(hours.time.has_value());
  EXPECT_EQ(hours.time->unit_nanos, 3'600'000'000'000);
  EXPECT_TRUE(hours.time->julian_before_1582);
  EXPECT_THAT(Signed(hours), ElementsAre(-1));
  EXPECT_EQ(Plan(ElementKind::kInt64, {{"units", "ns since 1970-01-01"}}).value,
            ValueType::kTimestampNanos);
  EXPECT_EQ(Plan(ElementKind::kFloat64, {{"units", "days since 0001-01-01"}}).value,
            ValueType::kTimestampMicros);
  EXPECT_FALSE(Plan(ElementKind::kInt32, {{"units", "hours"}}).time.has_value());
  EXPECT_THAT(Plan(ElementKind::kInt32, {{"units", "K"}, {"calendar", 3}}).notes, IsEmpty());
  EXPECT_FALSE(Plan(ElementKind::kInt32, {{"units", 3}}).time.has_value());
}

TEST(DecodePlan, TimesThatAreNotDecodedStayNumbersWithANote) {
  const Json kAttributes[] = {
      {{"units", "months since 1900-01-01"}},
      {{"units", "Years SINCE 1900-01-01"}},
      {{"units", "days since 2000-01-01"}, {"calendar", "noleap"}},
      {{"units", "days since 2000-01-01"}, {"calendar", "360_day"}},
      {{"units", "days since 2000-01-01"}, {"calendar", 7}},
      {{"units", "days since the flood"}},
      {{"units", "hour since 0000-01-01 00:00:00"}},
      {{"units", "days since 2000-01-01 \x1B[31m\n\xFF"}},
  };
  for (const Json& attributes : kAttributes) {
    const DecodePlan plan = Plan(ElementKind::kInt32, attributes);
    EXPECT_FALSE(plan.time.has_value());
    EXPECT_EQ(plan.value, ValueType::kInt32);
    ASSERT_THAT(plan.notes, SizeIs(1));
    EXPECT_THAT(plan.notes[0], HasSubstr("values are as stored"));
    for (const char c : plan.notes[0]) EXPECT_TRUE(c >= ' ' && c <= '~') << plan.notes[0];
  }
  EXPECT_THAT(Plan(ElementKind::kString, {{"units", "days since 2000-01-01"}}).notes,
              ElementsAre(HasSubstr("not a number")));
}

DecodePlan Datetime(TimeUnit unit, int32_t multiplier = 1) {
  return MakeDecodePlan({ElementKind::kDatetime64, 8, unit, multiplier}, Json::object(), {});
}

TEST(DecodePlan, DatetimesUseMicrosecondsOrFiner) {
  for (const TimeUnit unit :
       {TimeUnit::kYear, TimeUnit::kMonth, TimeUnit::kWeek, TimeUnit::kDay, TimeUnit::kHour,
        TimeUnit::kMinute, TimeUnit::kSecond, TimeUnit::kMillisecond, TimeUnit::kMicrosecond}) {
    EXPECT_EQ(Datetime(unit).value, ValueType::kTimestampMicros);
    EXPECT_EQ(Datetime(unit).is_identity(), unit == TimeUnit::kMicrosecond);
    EXPECT_FALSE(Datetime(unit, 25).is_identity());
  }
  for (const TimeUnit unit : {TimeUnit::kNanosecond, TimeUnit::kPicosecond, TimeUnit::kFemtosecond,
                              TimeUnit::kAttosecond}) {
    EXPECT_EQ(Datetime(unit).value, ValueType::kTimestampNanos);
    EXPECT_EQ(Datetime(unit).is_identity(), unit == TimeUnit::kNanosecond);
  }
  const DecodePlan generic = Datetime(TimeUnit::kGeneric);
  EXPECT_EQ(generic.value, ValueType::kInt64);
  EXPECT_TRUE(generic.is_identity());
  EXPECT_THAT(Signed(generic), ElementsAre(INT64_MIN));
  EXPECT_THAT(generic.notes, SizeIs(1));
}

TEST(DecodePlan, TimedeltasAreIntegersAndNotATimeIsMissing) {
  const ElementType type = {ElementKind::kTimedelta64, 8, TimeUnit::kSecond, 1};
  const DecodePlan plan = MakeDecodePlan(type, {{"_FillValue", "NaT"}, {"missing_value", 7}}, {});
  EXPECT_EQ(plan.value, ValueType::kInt64);
  EXPECT_TRUE(plan.is_identity());
  EXPECT_THAT(Signed(plan), ElementsAre(INT64_MIN, 7));
}

TEST(DecodePlan, AMicrosecondCountMayBeTheIdentityOnlyInTheProlepticCalendar) {
  const Json units = "microseconds since 1970-01-01";
  EXPECT_TRUE(Plan(ElementKind::kInt64, {{"units", units}, {"calendar", "proleptic_gregorian"}})
                  .is_identity());
  EXPECT_FALSE(Plan(ElementKind::kInt64, {{"units", units}}).is_identity());
  EXPECT_FALSE(Plan(ElementKind::kFloat64, {{"units", units}, {"calendar", "proleptic_gregorian"}})
                   .is_identity());
}

TEST(DecodePlan, HostileListsAreBounded) {
  Json good = Json::array();
  Json bad = Json::array();
  for (int i = 0; i < 100'000; ++i) {
    good.push_back(i);
    bad.push_back("x");
  }
  const DecodePlan plan = Plan(ElementKind::kInt32, {{"_FillValue", good}, {"missing_value", bad}});
  EXPECT_THAT(plan.sentinels, SizeIs(64));
  EXPECT_LE(plan.notes.size(), 66u);
  const DecodePlan text =
      Plan(ElementKind::kFloat32, {{"_FillValue", std::string(1 << 20, '\x1B')}});
  ASSERT_THAT(text.notes, SizeIs(1));
  EXPECT_LT(text.notes[0].size(), 500u);
}

}  // namespace
}  // namespace colonnade::array::cf
