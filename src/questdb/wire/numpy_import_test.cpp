#include "questdb/wire/numpy_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "questdb/wire/columns_for_test.h"
#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NumpyImport : public ::testing::Test {
 protected:
  template <typename T>
  NumpyArray Of(NumpyType type, const std::vector<T>& values) {
    NumpyArray array;
    array.name = "x";
    array.type = static_cast<uint32_t>(type);
    array.data = memory_.KeepAll(values, 1);
    array.bytes = values.size() * sizeof(T);
    array.rows = static_cast<int64_t>(values.size());
    return array;
  }

  // The type's byte and the body, in hexadecimal.
  std::string Sent(const NumpyArray& array) {
    auto imported = ImportNumpy(array);
    EXPECT_OK(imported);
    if (!imported.ok()) return "";
    const NumpyColumn column = *std::move(imported);  // moved: the column's memory moves along
    net::MessageBuffer message;
    message.Begin(0);
    message.AppendLittle(static_cast<uint8_t>(column.column.type));
    BlockEncoder encoder;
    SymbolMap map;
    EXPECT_OK(encoder.AppendColumn(column.column, {0, array.rows}, map, message));
    return HexOf(message.Unmasked());
  }

  void Refuses(const NumpyArray& array, StatusCode code, const std::string& what) {
    EXPECT_THAT(ImportNumpy(array),
                StatusIs(code, AllOf(HasSubstr("column 'x'"), HasSubstr(what))));
  }

  TestMemory memory_;
};

TEST_F(NumpyImport, NumbersAreWidened) {
  EXPECT_EQ(Sent(Of<int8_t>(NumpyType::kInt8, {-1})), "0400ffffffff");
  EXPECT_EQ(Sent(Of<int16_t>(NumpyType::kInt16, {-2})), "0400feffffff");
  EXPECT_EQ(Sent(Of<int32_t>(NumpyType::kInt32, {-3})), "0500fdffffffffffffff");
  EXPECT_EQ(Sent(Of<int64_t>(NumpyType::kInt64, {4})), "05000400000000000000");
  EXPECT_EQ(Sent(Of<uint8_t>(NumpyType::kUInt8, {255})), "0400ff000000");
  EXPECT_EQ(Sent(Of<uint16_t>(NumpyType::kUInt16, {65'535})), "0400ffff0000");
  EXPECT_EQ(Sent(Of<uint32_t>(NumpyType::kUInt32, {UINT32_MAX})), "0500ffffffff00000000");
  EXPECT_EQ(Sent(Of<uint64_t>(NumpyType::kUInt64, {5})), "05000500000000000000");
  EXPECT_EQ(Sent(Of<float>(NumpyType::kFloat32, {1.5F})), "06000000c03f");
  EXPECT_EQ(Sent(Of<double>(NumpyType::kFloat64, {1.5})), "0700000000000000f83f");
  EXPECT_EQ(Sent(Of<uint8_t>(NumpyType::kBool, {0, 1, 7})), "010006");
  EXPECT_EQ(Sent(Of<uint16_t>(NumpyType::kFloat16, {0x3E00})), "06000000c03f");
}

TEST_F(NumpyImport, TimesAreMicrosecondsMillisecondsOrNanosecondsAndNatIsMissing) {
  const std::vector<int64_t> one{1, INT64_MIN};
  const auto timestamp = [](const char* hex) { return std::string("0a0102") + hex; };
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeSeconds, one)), timestamp("40420f0000000000"));
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeMillis, one)), "0b01020100000000000000");
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeMicros, one)), timestamp("0100000000000000"));
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeNanos, one)), "1001020100000000000000");
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeMinutes, one)), timestamp("0087930300000000"));
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeHours, one)), timestamp("00a493d600000000"));
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeDays, one)), timestamp("0060b71d14000000"));
  EXPECT_EQ(Sent(Of(NumpyType::kDatetimeWeeks, one)), timestamp("00a003cf8c000000"));
  for (const NumpyType type :
       {NumpyType::kTimedeltaSeconds, NumpyType::kTimedeltaMillis, NumpyType::kTimedeltaMicros,
        NumpyType::kTimedeltaNanos, NumpyType::kTimedeltaMinutes, NumpyType::kTimedeltaHours,
        NumpyType::kTimedeltaDays}) {
    EXPECT_EQ(Sent(Of(type, one)), "050001000000000000000000000000000080");
  }
}

std::string Micros(int64_t days) {
  net::MessageBuffer message;
  message.Begin(0);
  message.AppendLittle(days * 86'400'000'000);
  return HexOf(message.Unmasked());
}

// Days between dates: those of the Gregorian calendar, which repeats after 146,097.
TEST_F(NumpyImport, MonthsAndYearsAreThoseOfTheCalendar) {
  const std::pair<int64_t, int64_t> kMonths[] = {{0, 0},
                                                 {1, 31},
                                                 {-1, -31},
                                                 {12, 365},
                                                 {-12, -365},
                                                 {26, 790},
                                                 {30 * 12 + 2, 11'016},
                                                 {-1970 * 12, -719'528},
                                                 {4800, 146'097},
                                                 {-4800, -146'097},
                                                 {(9999 - 1970) * 12 + 11, 2'932'865}};
  for (const auto& [months, days] : kMonths)
    EXPECT_EQ(Sent(Of<int64_t>(NumpyType::kDatetimeMonths, {months})), "0a00" + Micros(days))
        << months;
  const std::pair<int64_t, int64_t> kYears[] = {
      {0, 0},       {1, 365},       {-1, -365},        {3, 1096},
      {30, 10'957}, {400, 146'097}, {-1970, -719'528}, {292'000, 106'650'810 - 0}};
  for (const auto& [years, days] : kYears) {
    if (years == 292'000) {  // 730 cycles of 400 years
      EXPECT_EQ(Sent(Of<int64_t>(NumpyType::kDatetimeYears, {years})),
                "0a00" + Micros(730 * 146'097));
      continue;
    }
    EXPECT_EQ(Sent(Of<int64_t>(NumpyType::kDatetimeYears, {years})), "0a00" + Micros(days))
        << years;
  }
  EXPECT_EQ(Sent(Of<int64_t>(NumpyType::kDatetimeYears, {1, INT64_MIN})), "0a0102" + Micros(365));
}

TEST_F(NumpyImport, MonthsAndYearsBeyondATimestampNameTheRow) {
  for (const int64_t years : {int64_t{292'300}, int64_t{-292'300}, INT64_MAX, INT64_MIN + 1})
    Refuses(Of<int64_t>(NumpyType::kDatetimeYears, {0, years}), StatusCode::kInvalidArgument,
            "row 1");
  Refuses(Of<int64_t>(NumpyType::kDatetimeMonths, {0, 0, INT64_MAX}), StatusCode::kInvalidArgument,
          "row 2");
  // A row that has no value may have anything.
  NumpyArray array = Of<int64_t>(NumpyType::kDatetimeYears, {1, INT64_MAX});
  array.validity = {memory_.KeepBits({true, false}, 3), 3};
  EXPECT_EQ(Sent(array), "0a0102" + Micros(365));
}

TEST_F(NumpyImport, BytesAreUuidsNumbersAndDecimals) {
  const auto bytes = BytesOfHex("123e4567e89b12d3a456426614174000");
  NumpyArray array = Of(NumpyType::kUuid, bytes);
  array.rows = 1;
  EXPECT_EQ(Sent(array), "0c0000401714664256a4d3129be867453e12");
  array = Of(NumpyType::kDecimal128, bytes);
  array.rows = 1;
  array.extras.decimal_scale = 38;
  EXPECT_EQ(Sent(array), "140026123e4567e89b12d3a456426614174000");
  for (const auto& [type, prefix] :
       {std::pair(NumpyType::kLong256, "0d00"), std::pair(NumpyType::kDecimal256, "150000")}) {
    array = Of(type, std::vector<uint8_t>(32, 0xAB));
    array.rows = 1;
    std::string want = prefix;
    for (int i = 0; i < 32; ++i) want += "ab";
    std::string got = Sent(array);
    std::erase(got, '\n');
    EXPECT_EQ(got, want);
  }
  array = Of<int64_t>(NumpyType::kDecimal64, {-1});
  array.extras.decimal_scale = 18;
  EXPECT_EQ(Sent(array), "130012ffffffffffffffff");
  EXPECT_EQ(Sent(Of<uint32_t>(NumpyType::kIpv4, {0xC0A80101})), "18000101a8c0");
  EXPECT_EQ(Sent(Of<uint16_t>(NumpyType::kChar, {0x20AC})), "1600ac20");
}

TEST_F(NumpyImport, GeohashesComeInFourWidths) {
  const auto geohash = [](NumpyArray array, uint8_t bits) {
    array.extras.geohash_bits = bits;
    return array;
  };
  EXPECT_EQ(Sent(geohash(Of<int8_t>(NumpyType::kGeohash8, {3}), 5)), "0e000503");
  EXPECT_EQ(Sent(geohash(Of<int16_t>(NumpyType::kGeohash16, {3}), 16)),
            "0e010010"
            "0300");
  EXPECT_EQ(Sent(geohash(Of<int32_t>(NumpyType::kGeohash32, {0xABCDE}), 20)), "0e0014debc0a");
  EXPECT_EQ(Sent(geohash(Of<int64_t>(NumpyType::kGeohash64, {1}), 60)), "0e003c0100000000000000");
  const std::pair<NumpyType, uint8_t> kTooMany[] = {{NumpyType::kGeohash8, 9},
                                                    {NumpyType::kGeohash16, 17},
                                                    {NumpyType::kGeohash32, 33},
                                                    {NumpyType::kGeohash64, 61},
                                                    {NumpyType::kGeohash64, 0}};
  for (const auto& [type, bits] : kTooMany)
    Refuses(geohash(Of<int64_t>(type, {1}), bits), StatusCode::kInvalidArgument, "bits");
}

TEST_F(NumpyImport, TensorsAreArrays) {
  NumpyArray array = Of<double>(NumpyType::kFloat64Arrays, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const uint32_t shape[] = {2, 3, 0};
  array.extras = {.array_ndim = 2, .array_shape = shape};
  array.rows = 2;
  std::string got = Sent(array);
  std::erase(got, '\n');
  EXPECT_TRUE(
      got.starts_with("110002"
                      "02000000"
                      "03000000"
                      "000000000000f03f"))
      << got;
  EXPECT_EQ(got.size(), 2 * (2 + 2 * (1 + 8 + 48)));
  array.rows = 3;
  Refuses(array, StatusCode::kInvalidArgument, "96 bytes are not enough for 3 rows of 6 values");
  array.extras.array_ndim = 3;
  Refuses(array, StatusCode::kInvalidArgument, "dimension 2 of the arrays has 0 elements");
  array.extras.array_ndim = 0;
  Refuses(array, StatusCode::kInvalidArgument, "0 dimensions");
  array.extras.array_ndim = 33;
  Refuses(array, StatusCode::kInvalidArgument, "33 dimensions");
  array.extras = {.array_ndim = 1};
  Refuses(array, StatusCode::kInvalidArgument, "no shape");
  const std::vector<uint32_t> huge(32, UINT32_MAX);
  array.extras = {.array_ndim = 32, .array_shape = huge.data()};
  Refuses(array, StatusCode::kInvalidArgument, "too many");
}

TEST_F(NumpyImport, EveryNumberFromOutsideIsChecked) {
  for (const uint32_t type : {43U, 255U, UINT32_MAX}) {
    NumpyArray array = Of<int64_t>(NumpyType::kInt64, {1});
    array.type = type;
    Refuses(array, StatusCode::kInvalidArgument, "type " + std::to_string(type) + " is not known");
  }
  for (const NumpyType type : {NumpyType::kTimedeltaMonths, NumpyType::kTimedeltaYears})
    Refuses(Of<int64_t>(type, {1}), StatusCode::kUnsupported, "length");
  NumpyArray array = Of<int64_t>(NumpyType::kInt64, {1, 2});
  array.bytes = 15;
  Refuses(array, StatusCode::kInvalidArgument, "15 bytes are not enough for 2 rows");
  array.rows = -1;
  Refuses(array, StatusCode::kInvalidArgument, "-1 rows");
  array.rows = 16'777'217;
  Refuses(array, StatusCode::kLimitExceeded, "16777217 rows");
  array = Of<int64_t>(NumpyType::kInt64, {1});
  array.data = nullptr;
  Refuses(array, StatusCode::kInvalidArgument, "null");
  array.rows = 0;
  EXPECT_EQ(Sent(array), "0500");
  for (const int8_t scale : {int8_t{-1}, int8_t{19}}) {
    array = Of<int64_t>(NumpyType::kDecimal64, {1});
    array.extras.decimal_scale = scale;
    Refuses(array, StatusCode::kInvalidArgument, "scale of " + std::to_string(scale));
  }
  array = Of<int64_t>(NumpyType::kInt64, {1});
  array.name = "a.b";
  EXPECT_THAT(ImportNumpy(array), StatusIs(StatusCode::kInvalidArgument, HasSubstr("'a.b'")));
}

}  // namespace
}  // namespace colonnade::questdb::wire
