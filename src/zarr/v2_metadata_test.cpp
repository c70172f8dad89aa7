#include "zarr/v2_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"
#include "zarr/store_for_tests.h"

namespace colonnade::zarr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr auto kData = StatusCode::kInvalidData;
constexpr auto kNo = StatusCode::kUnsupported;

Json Document() { return Json::parse(V2Document({6, 4}, {2, 4}, "")); }

ArrayMetadata Parse(const Json& document, const Json& attributes = Json::object()) {
  return ParseV2Array(document, attributes, {});
}

ArrayMetadata With(const char* key, const char* value) {
  return Parse(WithMember(Document(), key, value));
}

class V2Hostile : public ::testing::TestWithParam<BrokenMember> {};

TEST_P(V2Hostile, MakesTheArrayUnavailableAndSaysWhy) {
  const ArrayMetadata metadata = With(GetParam().key, GetParam().value);
  EXPECT_THAT(metadata.unavailable, StatusIs(GetParam().code, HasSubstr(GetParam().message)));
  EXPECT_EQ(metadata.dimension_names.size(), metadata.shape.size());
}

INSTANTIATE_TEST_SUITE_P(
    Documents, V2Hostile,
    ::testing::Values(
        BrokenMember{"Format", "zarr_format", "3", kData, "zarr_format 3"},
        BrokenMember{"Shape", "shape", "[6, -4]", kData, "dimension 1: -4"},
        BrokenMember{"InexactFloat", "shape", "[6, 9007199254740993.0]", kData, "dimension 1"},
        BrokenMember{"Chunks", "chunks", "[2]", kData, "rank"},
        BrokenMember{"ZeroChunk", "chunks", "[2, 0]", kData, "dimension 1"},
        BrokenMember{"Order", "order", "\"K\"", kData, "order"},
        BrokenMember{"Separator", "dimension_separator", "\"-\"", kData, "dimension_separator"},
        BrokenMember{"NativeOrder", "dtype", "\"=i4\"", kData, "\"=i4\""},
        BrokenMember{"NoUnit", "dtype", "\"<M8\"", kData, "unit"},
        BrokenMember{"Complex", "dtype", "\"<c8\"", kNo, "\"<c8\""},
        BrokenMember{"Void", "dtype", "\"|V4\"", kNo, "\"|V4\""},
        BrokenMember{"Structured", "dtype", R"([["a","<i4"]])", kNo, "structured"},
        BrokenMember{"LongDouble", "dtype", "\"<f16\"", kNo, "\"<f16\""},
        BrokenMember{"HugeText", "dtype", "\"|S99999999999\"", kData, "width"},
        BrokenMember{"OverflowingText", "dtype", "\"<U4611686018427387905\"", kData, "width"},
        BrokenMember{"Object", "dtype", "\"|O\"", kData, "object codec"},
        BrokenMember{"Compressor", "compressor", R"({"id":"bz2"})", kNo, "codec \"bz2\""},
        BrokenMember{"CompressorWithoutId", "compressor", "{}", kData, "no id"},
        BrokenMember{"Filter", "filters", R"([{"id":"delta","dtype":"<i4"}])", kNo,
                     "codec \"delta\""},
        BrokenMember{"FiltersNotAList", "filters", R"({"id":"delta"})", kData, "list"},
        BrokenMember{"TextFilterOfNumbers", "filters", R"([{"id":"vlen-utf8"}])", kData,
                     "vlen-utf8"}),
    [](const auto& broken) { return std::string(broken.param.name); });

TEST(V2Metadata, RefusesPickledObjects) {
  Json document = Document();
  document["dtype"] = "|O";
  document["filters"] = Json::parse(R"([{"id":"pickle"}])");
  EXPECT_THAT(Parse(document).unavailable, StatusIs(kNo, HasSubstr("would run code")));
  document["filters"] = Json::parse(R"([{"id":"json2"}])");
  EXPECT_THAT(Parse(document).unavailable, StatusIs(kNo, HasSubstr("json2")));
}

TEST(V2Metadata, ObjectsWithVlenUtf8AreStrings) {
  Json document = Document();
  document["dtype"] = "|O";
  document["fill_value"] = 0;
  document["filters"] = Json::parse(R"([{"id":"vlen-utf8"}])");
  document["compressor"] = Json::parse(R"({"id":"zstd","level":1})");
  const ArrayMetadata metadata = Parse(document);
  ASSERT_OK(metadata.unavailable);
  EXPECT_EQ(metadata.type.kind, array::ElementKind::kString);
  EXPECT_EQ(metadata.codec_text, "vlen-utf8, zstd");
  EXPECT_EQ(metadata.fill.text, "");
  EXPECT_EQ(metadata.fill.sentinel, Json(""));
}

TEST(V2Metadata, FortranOrderIsATransposition) {
  const ArrayMetadata metadata = With("order", "\"F\"");
  EXPECT_THAT(metadata.codecs.order, ElementsAre(1, 0));
}

TEST(V2Metadata, AcceptsWhatOldWritersWrote) {
  Json document = Document();
  document["shape"] = Json::parse("[6.0, 4]");
  document["filters"] = Json::array();
  document["unknown"] = 1;
  const ArrayMetadata metadata = Parse(document);
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.shape, ElementsAre(6, 4));
  EXPECT_TRUE(metadata.keys.separator_assumed);
  document["shape"] = Json::parse("[0, 4]");
  document["chunks"] = Json::parse("[0, 4]");
  const ArrayMetadata empty = Parse(document);
  ASSERT_OK(empty.unavailable);
  EXPECT_THAT(empty.chunk_shape, ElementsAre(1, 4));
}

TEST(V2Metadata, DimensionNamesComeFromXarrayThenNetcdf) {
  Json document = Document();
  document["_NCZARR_ARRAY"] = Json::parse(R"({"dimrefs":["/g/lat","/lon"],"storage":"chunked"})");
  EXPECT_THAT(Parse(document).dimension_names,
              ElementsAre(Optional(std::string("lat")), Optional(std::string("lon"))));
  const ArrayMetadata xarray = Parse(
      document, Json::parse(R"({"_ARRAY_DIMENSIONS":["y","x"],"_nczarr_attr":{},"units":"K"})"));
  EXPECT_THAT(xarray.dimension_names,
              ElementsAre(Optional(std::string("y")), Optional(std::string("x"))));
  EXPECT_EQ(xarray.attributes, Json({{"units", "K"}}));
  EXPECT_THAT(Parse(Document()).dimension_names, ElementsAre(std::nullopt, std::nullopt));
}

TEST(V2Metadata, BadDimensionNamesMakeTheArrayUnusableAsATable) {
  for (const char* names : {R"("yx")", R"(["y"])", R"(["y",1])", R"(["y","y"])"}) {
    Json attributes;
    attributes["_ARRAY_DIMENSIONS"] = Json::parse(names);
    EXPECT_THAT(Parse(Document(), attributes).unavailable, StatusIs(kData, HasSubstr("")));
  }
}

TEST(V2Metadata, AFillValueOfAnotherTypeIsAProblemOnlyForReads) {
  const ArrayMetadata metadata = With("fill_value", "\"NaN\"");
  EXPECT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.fill_problem, StatusIs(kData, HasSubstr("fill value")));
}

TEST(V2Metadata, SaysThatANullFillValueReadsAsZeros) {
  Json absent = Document();
  absent.erase("fill_value");
  for (const ArrayMetadata& metadata : {With("fill_value", "null"), Parse(absent)}) {
    ASSERT_OK(metadata.unavailable);
    EXPECT_OK(metadata.fill_problem);
    EXPECT_EQ(metadata.fill.sentinel, std::nullopt);
    EXPECT_THAT(metadata.notes, ElementsAre("fill_value null: absent chunks read as zeros"));
  }
  EXPECT_THAT(With("fill_value", "0").notes, IsEmpty());
}

}  // namespace
}  // namespace colonnade::zarr
