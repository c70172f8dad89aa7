#include "zarr/v3_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"
#include "zarr/store_for_tests.h"

namespace colonnade::zarr {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

Json Document(const std::string& codecs = R"(["bytes"])", const std::string& type = "\"int8\"",
              const std::string& fill = "0") {
  return Json::parse(V3Document({6, 4}, {2, 4}, codecs, type, fill));
}

ArrayMetadata Parse(const Json& document) { return ParseV3Array(document, {}); }

ArrayMetadata With(const char* key, const char* value) {
  return Parse(WithMember(Document(), key, value));
}

class V3Hostile : public ::testing::TestWithParam<BrokenMember> {};

TEST_P(V3Hostile, MakesTheArrayUnavailableAndSaysWhy) {
  const ArrayMetadata metadata = With(GetParam().key, GetParam().value);
  EXPECT_THAT(metadata.unavailable, StatusIs(GetParam().code, HasSubstr(GetParam().message)));
  EXPECT_EQ(metadata.dimension_names.size(), metadata.shape.size());
  EXPECT_EQ(metadata.inner_chunk_shape.size(), metadata.shape.size());
}

constexpr auto kData = StatusCode::kInvalidData;
constexpr auto kNo = StatusCode::kUnsupported;
constexpr auto kLimit = StatusCode::kLimitExceeded;

INSTANTIATE_TEST_SUITE_P(
    Documents, V3Hostile,
    ::testing::Values(
        BrokenMember{"NegativeShape", "shape", "[-1, 4]", kData, "shape, dimension 0: -1"},
        BrokenMember{"FractionalShape", "shape", "[6, 4.5]", kData, "dimension 1: 4.5"},
        BrokenMember{"FloatShape", "shape", "[6, 4.0]", kData, "dimension 1: 4.0"},
        BrokenMember{"TextShape", "shape", "[\"6\", 4]", kData, "dimension 0"},
        BrokenMember{"HugeExtent", "shape", "[9223372036854775808, 4]", kData, "dimension 0"},
        BrokenMember{"ShapeNotAList", "shape", "6", kData, "shape must be a list"},
        BrokenMember{"OverflowingShape", "shape", "[4294967296, 4294967296]", kData,
                     "[4294967296, 4294967296]"},
        BrokenMember{"RankOfChunks", "shape", "[6]", kData, "rank"},
        BrokenMember{"ZeroChunk", "chunk_grid",
                     R"({"name":"regular","configuration":{"chunk_shape":[0,4]}})", kData,
                     "dimension 0"},
        BrokenMember{"NegativeChunk", "chunk_grid",
                     R"({"name":"regular","configuration":{"chunk_shape":[-2,4]}})", kData, "-2"},
        BrokenMember{"HugeChunk", "chunk_grid",
                     R"({"name":"regular","configuration":{"chunk_shape":[3000000000,4]}})", kLimit,
                     "12000000000"},
        BrokenMember{
            "OverflowingChunk", "chunk_grid",
            R"({"name":"regular","configuration":{"chunk_shape":[4611686018427387904,8]}})", kLimit,
            "2^64"},
        BrokenMember{"GridWithoutShape", "chunk_grid", R"("regular")", kData, "chunk_shape"},
        BrokenMember{"Rectilinear", "chunk_grid", R"({"name":"rectilinear","configuration":{}})",
                     kNo, "chunk grid \"rectilinear\""},
        BrokenMember{"GridNotAnObject", "chunk_grid", "[1]", kData, "chunk grid"},
        BrokenMember{"KeyEncoding", "chunk_key_encoding", R"("morton")", kNo, "\"morton\""},
        BrokenMember{"Separator", "chunk_key_encoding",
                     R"({"name":"default","configuration":{"separator":"-"}})", kData, "separator"},
        BrokenMember{"DataType", "data_type", R"("complex64")", kNo, "data type \"complex64\""},
        BrokenMember{"DataTypeObject", "data_type", R"({"configuration":{}})", kData, "no name"},
        BrokenMember{"OptionalDataType", "data_type", R"({"name":"r8","must_understand":false})",
                     kNo, "\"r8\""},
        BrokenMember{"FillRange", "fill_value", "300", kData, "fill value 300"},
        BrokenMember{"FillType", "fill_value", "\"NaN\"", kData, "fill value"},
        BrokenMember{"FillNull", "fill_value", "null", kData, "fill value null"},
        BrokenMember{"NoCodecs", "codecs", "[]", kData, "at least one"},
        BrokenMember{"CodecsNotAList", "codecs", R"({"name":"bytes"})", kData, "list"},
        BrokenMember{"NoSerializer", "codecs",
                     R"([{"name":"transpose","configuration":{"order":[0,1]}}])", kData,
                     "no array to bytes codec"},
        BrokenMember{"TwoSerializers", "codecs", R"(["bytes","bytes"])", kData, "second"},
        BrokenMember{"WrongOrder", "codecs", R"(["zstd","bytes"])", kData, "stands before"},
        BrokenMember{"LateTranspose", "codecs",
                     R"(["bytes",{"name":"transpose","configuration":{"order":[0,1]}}])", kData,
                     "stands after"},
        BrokenMember{"UnknownCodec", "codecs", R"(["bytes","zfp"])", kNo, "codec \"zfp\""},
        BrokenMember{"NotAPermutation", "codecs",
                     R"([{"name":"transpose","configuration":{"order":[1,1]}},"bytes"])", kData,
                     "permutation"},
        BrokenMember{"OrderTooShort", "codecs",
                     R"([{"name":"transpose","configuration":{"order":[0]}},"bytes"])", kData,
                     "permutation"},
        BrokenMember{"OrderOutOfRange", "codecs",
                     R"([{"name":"transpose","configuration":{"order":[0,2]}},"bytes"])", kData,
                     "permutation"},
        BrokenMember{"TextCodecOfNumbers", "codecs", R"(["vlen-utf8"])", kData, "vlen-utf8"},
        BrokenMember{"UnknownSerializerMarkedOptional", "codecs",
                     R"([{"name":"odd","must_understand":false}])", kData,
                     "no array to bytes codec"},
        BrokenMember{"StorageTransformer", "storage_transformers", R"([{"name":"x"}])", kNo,
                     "storage transformer"},
        BrokenMember{"TopLevelField", "novelty", "1", kNo, "\"novelty\""},
        BrokenMember{"Format", "zarr_format", "1", kData, "zarr_format 1"},
        BrokenMember{"TextFormat", "zarr_format", "\"3\"", kData, "zarr_format"},
        BrokenMember{"NodeType", "node_type", "\"group\"", kData, "node_type"},
        BrokenMember{"NamesOfWrongRank", "dimension_names", R"(["x"])", kData, "dimension_names"},
        BrokenMember{"NameNotText", "dimension_names", R"(["x", 1])", kData, "must be a string"},
        BrokenMember{"DuplicateNames", "dimension_names", R"(["x", "x"])", kData, "occurs twice"},
        BrokenMember{"Attributes", "attributes", "[1]", kData, "attributes"}),
    [](const auto& broken) { return std::string(broken.param.name); });

constexpr char kShardStart[] =
    R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[1,2],"codecs":["bytes"],)";
constexpr char kIndexCodecs[] =
    R"("index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},"crc32c"])";

std::string Sharding(const std::string& rest) { return kShardStart + rest + "}}]"; }

TEST(V3Metadata, ReadsSharding) {
  const ArrayMetadata metadata =
      Parse(Document(Sharding(std::string(kIndexCodecs) + R"(,"index_location":"start")")));
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.chunk_shape, ElementsAre(2, 4));
  EXPECT_THAT(metadata.inner_chunk_shape, ElementsAre(1, 2));
  ASSERT_TRUE(metadata.shard_index);
  EXPECT_THAT(metadata.shard_index->grid, ElementsAre(2, 2));
  EXPECT_TRUE(metadata.shard_index->at_start);
  EXPECT_EQ(metadata.shard_index->bytes(), 68);
}

TEST(V3Metadata, ReadsCodecsAroundSharding) {
  using array::BytesCodec;
  Json document = Json::parse(V3Document({20, 20, 20}, {8, 12, 20}, "[]", "\"int8\"", "0"));
  const auto list = [](const std::string& inner) {
    return Json::parse(
        R"([{"name":"transpose","configuration":{"order":[2,0,1]}},)"
        R"({"name":"sharding_indexed","configuration":{"chunk_shape":[5,4,3],"codecs":[)" +
        inner + R"("bytes","zstd"],)" + kIndexCodecs + R"(}},"gzip","crc32c"])");
  };
  document["codecs"] = list("");
  const ArrayMetadata metadata = Parse(document);
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.inner_chunk_shape, ElementsAre(4, 3, 5));
  EXPECT_THAT(metadata.shard_index->grid, ElementsAre(2, 4, 4));
  EXPECT_THAT(metadata.shard_index->order, ElementsAre(2, 0, 1));
  EXPECT_THAT(metadata.shard_index->compressors,
              ElementsAre(BytesCodec::kGzip, BytesCodec::kCrc32c));
  EXPECT_THAT(metadata.codecs.compressors, ElementsAre(BytesCodec::kZstd));
  EXPECT_THAT(metadata.codecs.order, ElementsAre(2, 0, 1));
  EXPECT_EQ(metadata.codec_text,
            "transpose[2, 0, 1], sharding_indexed[5, 4, 3](bytes, zstd), gzip, crc32c");

  document["codecs"] = list(R"({"name":"transpose","configuration":{"order":[1,0,2]}},)");
  const ArrayMetadata twice = Parse(document);
  ASSERT_OK(twice.unavailable);
  EXPECT_THAT(twice.inner_chunk_shape, ElementsAre(4, 3, 5));
  EXPECT_THAT(twice.codecs.order, ElementsAre(0, 2, 1));
  EXPECT_EQ(twice.codec_text,
            "transpose[2, 0, 1], sharding_indexed[5, 4, 3](transpose[1, 0, 2], bytes, zstd), gzip, "
            "crc32c");

  document["codecs"][1]["configuration"]["chunk_shape"] = {5, 4};
  EXPECT_THAT(Parse(document).unavailable, StatusIs(kData, HasSubstr("rank")));
}

TEST(V3Metadata, RefusesShardsItCannotRead) {
  const auto refuse = [](const std::string& codecs, StatusCode code, const char* message) {
    EXPECT_THAT(Parse(Document(codecs)).unavailable, StatusIs(code, HasSubstr(message)));
  };
  refuse(
      Sharding(R"("index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},"gzip"])"),
      kNo, "index codec \"gzip\"");
  refuse(Sharding(R"("index_codecs":[])"), kData, "index_codecs");
  refuse(Sharding(std::string(kIndexCodecs) + R"(,"index_location":"middle")"), kData, "middle");
  const std::string nested =
      R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[2,4],"codecs":)" +
      Sharding(kIndexCodecs) + "," + kIndexCodecs + "}}]";
  refuse(nested, kNo, "inside itself");
  Json uneven = Document(Sharding(kIndexCodecs));
  uneven["codecs"][0]["configuration"]["chunk_shape"] = {1, 3};
  EXPECT_THAT(Parse(uneven).unavailable, StatusIs(kData, HasSubstr("do not divide")));
  Json huge = Document(Sharding(kIndexCodecs));
  huge["chunk_grid"]["configuration"]["chunk_shape"] = {1'000'000'000, 1'000'000'000};
  huge["codecs"][0]["configuration"]["chunk_shape"] = {1, 1};
  EXPECT_THAT(Parse(huge).unavailable, StatusIs(kLimit, HasSubstr("index")));
}

TEST(V3Metadata, RefusesMoreDimensionsThanTheLimit) {
  Json document = Document();
  document["shape"] = std::vector<int>(65, 1);
  EXPECT_THAT(Parse(document).unavailable, StatusIs(kData, HasSubstr("at most 64")));
}

TEST(V3Metadata, EveryRequiredMemberIsMissedByName) {
  for (const char* key : {"shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value",
                          "codecs", "zarr_format", "node_type"}) {
    Json document = Document();
    document.erase(key);
    EXPECT_THAT(Parse(document).unavailable, StatusIs(kData, HasSubstr(key)));
  }
  EXPECT_THAT(Parse(Json::array()).unavailable, StatusIs(kData, HasSubstr("object")));
}

TEST(V3Metadata, KeepsWhatItUnderstoodOfAnUnavailableArray) {
  const ArrayMetadata metadata = With("data_type", "\"complex64\"");
  EXPECT_THAT(metadata.shape, ElementsAre(6, 4));
  EXPECT_THAT(metadata.chunk_shape, ElementsAre(2, 4));
  EXPECT_EQ(metadata.stored_type, "complex64");
}

TEST(V3Metadata, SkipsWhatNeedNotBeUnderstood) {
  const ArrayMetadata metadata =
      Parse(Document(R"(["bytes",{"name":"novel","must_understand":false}])"));
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.notes, Contains(HasSubstr("novel")));
  EXPECT_THAT(metadata.codecs.compressors, IsEmpty());
  EXPECT_OK(With("novelty", R"({"must_understand":false})").unavailable);
  EXPECT_OK(With("storage_transformers", "[]").unavailable);
}

TEST(V3Metadata, ComposesTranspositions) {
  Json document = Json::parse(V3Document({2, 3, 4}, {2, 3, 4}, R"(["bytes"])", "\"int8\"", "0"));
  document["codecs"] =
      Json::parse(R"([{"name":"transpose","configuration":{"order":[1,2,0]}},)"
                  R"({"name":"transpose","configuration":{"order":[0,2,1]}},"bytes"])");
  EXPECT_THAT(Parse(document).codecs.order, ElementsAre(1, 0, 2));
  document["codecs"] =
      Json::parse(R"([{"name":"transpose","configuration":{"order":"F"}},{"name":"endian"}])");
  EXPECT_THAT(Parse(document).codecs.order, ElementsAre(2, 1, 0));
}

TEST(V3Metadata, WideElementsNeedAByteOrder) {
  EXPECT_THAT(Parse(Document(R"(["bytes"])", "\"int16\"")).unavailable,
              StatusIs(kData, HasSubstr("endian")));
  EXPECT_OK(Parse(Document(R"([{"name":"endian","configuration":{"endian":"big"}}])", "\"int16\""))
                .unavailable);
}

TEST(V3Metadata, NamesOfDimensionsMayBeNull) {
  const ArrayMetadata metadata = With("dimension_names", R"(["y", null])");
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.dimension_names, ElementsAre(Optional(std::string("y")), std::nullopt));
}

TEST(V3Metadata, NumcodecsNamesAreTheSameCodecs) {
  using array::BytesCodec;
  const ArrayMetadata metadata = Parse(
      Document(R"(["bytes","numcodecs.zlib","numcodecs.lz4","numcodecs.gzip","numcodecs.zstd",)"
               R"({"name":"numcodecs.blosc","configuration":{}},"numcodecs.crc32c"])"));
  ASSERT_OK(metadata.unavailable);
  EXPECT_THAT(metadata.codecs.compressors,
              ElementsAre(BytesCodec::kZlib, BytesCodec::kLz4, BytesCodec::kGzip, BytesCodec::kZstd,
                          BytesCodec::kBlosc, BytesCodec::kCrc32c));
  EXPECT_THAT(
      Parse(Document(R"([{"name":"numcodecs.delta","configuration":{}},"bytes"])")).unavailable,
      StatusIs(kNo, HasSubstr("numcodecs.delta")));
}

TEST(V3Metadata, ScalarsAndEmptyArraysAreLegal) {
  EXPECT_OK(Parse(Json::parse(V3Document({}, {}, R"(["bytes"])", "\"int8\"", "0"))).unavailable);
  EXPECT_OK(With("shape", "[0, 4]").unavailable);
}

}  // namespace
}  // namespace colonnade::zarr
