#include "zarr/consolidated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"

namespace colonnade::zarr {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Paths(const ConsolidatedMetadata& metadata) {
  std::vector<std::string> paths;
  for (const auto& [path, node] : metadata.nodes) paths.push_back(path);
  return paths;
}

Json V2(const char* metadata) {
  return {{"zarr_consolidated_format", 1}, {"metadata", Json::parse(metadata)}};
}

Json V3(const char* metadata) {
  return {{"kind", "inline"}, {"must_understand", false}, {"metadata", Json::parse(metadata)}};
}

TEST(Consolidated, JoinsTheDocumentsOfAV2Node) {
  ASSERT_OK_AND_ASSIGN(
      const auto metadata,
      ParseV2Consolidated(V2(R"({".zgroup":{},".zattrs":{"k":1},"a/.zattrs":{"u":2},"a/.zarray":)"
                             R"({"shape":[]},"g/.zgroup":{},"lost/.zattrs":{}})"),
                          100));
  EXPECT_THAT(Paths(metadata), ElementsAre("", "a", "g"));
  EXPECT_TRUE(metadata.nodes.at("a").is_array);
  EXPECT_EQ(metadata.nodes.at("a").attributes, Json({{"u", 2}}));
  EXPECT_FALSE(metadata.nodes.at("g").is_array);
}

TEST(Consolidated, RefusesNamesThatAreNotNodes) {
  ASSERT_OK_AND_ASSIGN(
      const auto v2,
      ParseV2Consolidated(V2(R"({"../a/.zarray":{},"/a/.zarray":{},"a//b/.zarray":{},)"
                             R"("a\\b/.zarray":{},"./.zarray":{},"a/.zarray/.zarray":{},"x":{}})"),
                          100));
  EXPECT_THAT(v2.nodes, IsEmpty());
  EXPECT_THAT(v2.notes, Contains(HasSubstr("../a/.zarray")));
  EXPECT_EQ(v2.notes.size(), 7);
  ASSERT_OK_AND_ASSIGN(
      const auto v3,
      ParseV3Consolidated(V3(R"({"..":{},"":{},"a/../../b":{},"__x":{},"a\u0000b":{}})"), 100));
  EXPECT_THAT(v3.nodes, IsEmpty());
}

TEST(Consolidated, ReadsNestedV3Groups) {
  ASSERT_OK_AND_ASSIGN(
      const auto metadata,
      ParseV3Consolidated(
          V3(R"({"g":{"node_type":"group","consolidated_metadata":{"kind":"inline","metadata":)"
             R"({"a":{"node_type":"array"}}}},"odd":{}})"),
          100));
  EXPECT_THAT(Paths(metadata), ElementsAre("g", "g/a", "odd"));
  EXPECT_THAT(metadata.nodes.at("odd").problem,
              StatusIs(StatusCode::kInvalidData, HasSubstr("node_type")));
}

TEST(Consolidated, RefusesOtherForms) {
  EXPECT_THAT(ParseV2Consolidated(Json::array(), 9),
              StatusIs(StatusCode::kInvalidData, HasSubstr("zarr_consolidated_format")));
  EXPECT_THAT(ParseV2Consolidated({{"zarr_consolidated_format", 1}}, 9),
              StatusIs(StatusCode::kInvalidData, HasSubstr("metadata")));
  EXPECT_THAT(ParseV3Consolidated({{"kind", "remote"}}, 9),
              StatusIs(StatusCode::kUnsupported, HasSubstr("remote")));
  EXPECT_THAT(ParseV3Consolidated({{"kind", "inline"}}, 9),
              StatusIs(StatusCode::kInvalidData, HasSubstr("metadata")));
}

TEST(Consolidated, LimitsTheNumberOfNodes) {
  EXPECT_THAT(ParseV2Consolidated(V2(R"({"a/.zarray":{},"b/.zarray":{}})"), 1),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("1 nodes")));
  EXPECT_THAT(ParseV3Consolidated(V3(R"({"a":{},"b":{}})"), 1),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("1 nodes")));
}

}  // namespace
}  // namespace colonnade::zarr
