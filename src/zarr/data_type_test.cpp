#include "zarr/data_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"

namespace colonnade::zarr {
namespace {

using ::testing::HasSubstr;

std::string V2(const char* dtype) {
  auto type = ParseV2DataType(dtype);
  if (!type.ok()) return type.status().ToString();
  return array::ToString(type->type) + (type->endian == std::endian::big ? " big" : "");
}

std::string V3(const char* json) {
  auto type = ParseV3DataType(Json::parse(json));
  return type.ok() ? array::ToString(*type) : type.status().ToString();
}

TEST(DataType, ReadsNumpyTypeStrings) {
  EXPECT_EQ(V2("|b1"), "bool");
  EXPECT_EQ(V2("<i1"), "int8");
  EXPECT_EQ(V2(">i4"), "int32 big");
  EXPECT_EQ(V2("<u8"), "uint64");
  EXPECT_EQ(V2("<f2"), "float16");
  EXPECT_EQ(V2("<M8[25s]"), "datetime64[25s]");
  EXPECT_EQ(V2("<m8[D]"), "timedelta64[D]");
  EXPECT_EQ(V2("<M8[generic]"), "datetime64[generic]");
  EXPECT_EQ(V2("|S0"), "fixed_bytes[0]");
  EXPECT_EQ(V2(">U3"), "fixed_utf32[12] big");
}

TEST(DataType, RefusesWhatNumpyWouldNotWrite) {
  for (const char* dtype : {"", "<", "i4", "=i4", "<i3", "<q8", "<i", "<i4x", "<i-4", "|Ox",
                            "<M8[0s]", "<M8[3000000000s]", "<M8[fortnight]", "<M8[]", "<M4[s]"}) {
    EXPECT_FALSE(ParseV2DataType(dtype).ok()) << dtype;
  }
  EXPECT_FALSE(ParseV2DataType(Json(4)).ok());
}

TEST(DataType, ReadsV3NamesAndConfigurations) {
  EXPECT_EQ(V3(R"("bool")"), "bool");
  EXPECT_EQ(V3(R"({"name":"float64"})"), "float64");
  EXPECT_EQ(V3(R"("string")"), "string");
  EXPECT_EQ(V3(R"({"name":"numpy.datetime64","configuration":{"unit":"s","scale_factor":25}})"),
            "datetime64[25s]");
  EXPECT_EQ(V3("{\"name\":\"numpy.timedelta64\",\"configuration\":{\"unit\":\"\u03bcs\"}}"),
            "timedelta64[us]");
  EXPECT_EQ(V3(R"({"name":"fixed_length_utf32","configuration":{"length_bytes":12}})"),
            "fixed_utf32[12]");
  EXPECT_EQ(V3(R"({"name":"null_terminated_bytes","configuration":{"length_bytes":5}})"),
            "fixed_bytes[5]");
}

TEST(DataType, RefusesBadConfigurations) {
  EXPECT_THAT(V3(R"({"name":"fixed_length_utf32","configuration":{"length_bytes":5}})"),
              HasSubstr("multiple of 4"));
  EXPECT_THAT(V3(R"("null_terminated_bytes")"), HasSubstr("width"));
  EXPECT_THAT(V3(R"({"name":"null_terminated_bytes","configuration":{"length_bytes":-1}})"),
              HasSubstr("width"));
  EXPECT_THAT(V3(R"({"name":"numpy.datetime64"})"), HasSubstr("unit"));
  EXPECT_THAT(V3(R"({"name":"numpy.datetime64","configuration":{"unit":"s","scale_factor":0}})"),
              HasSubstr("scale_factor"));
  EXPECT_THAT(V3(R"("r16")"), HasSubstr("Unsupported"));
}

}  // namespace
}  // namespace colonnade::zarr
