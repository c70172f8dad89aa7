#include "session/zarr_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::session {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(NamesZarrStore, TakesPathsThatSayZarrAndDirectories) {
  const TemporaryDirectory directory;
  for (const char* name : {"air.zarr", "air.zarr/", "air.zarr/group", "data/AIR.ZARR",
                           "air.zarr.zip", "air.zarr.zip/a"}) {
    EXPECT_TRUE(NamesZarrStore(name)) << name;
  }
  EXPECT_TRUE(NamesZarrStore(directory.path()));
}

TEST(NamesZarrStore, TakesPathsThatAreNotThereToNameTheirNeighbour) {
  EXPECT_TRUE(NamesZarrStore("nowhere/air.zar"));
  EXPECT_TRUE(NamesZarrStore("nowhere/air"));
}

TEST(NamesZarrStore, LeavesOtherFilesToTheirReaders) {
  for (const char* name : {"a.parquet", "data/a.csv", "data/*.parquet", "s3://bucket/a", "orders",
                           ".zarr", "zarr", ""}) {
    EXPECT_FALSE(NamesZarrStore(name)) << name;
  }
}

TEST(ParseZarrOptions, ReadsEveryOption) {
  engine::SourceArguments arguments;
  arguments.options = {{"mask_fill", std::string("never")}, {"nan", std::string("keep")},
                       {"coords", std::string("index")},    {"consolidated", std::string("always")},
                       {"zarr_version", int64_t{2}},        {"group", std::string("a/b")},
                       {"table", std::string("t_x")}};
  ASSERT_OK_AND_ASSIGN(const ZarrOptions options, ParseZarrOptions(arguments));
  EXPECT_EQ(options.open.mask_fill, zarr::MaskFill::kNever);
  EXPECT_EQ(options.open.nan, array::cf::NanPolicy::kKeep);
  EXPECT_EQ(options.grid.coordinates, table::Coordinates::kIndex);
  EXPECT_EQ(options.open.consolidated, zarr::UseConsolidated::kAlways);
  EXPECT_EQ(options.open.zarr_version, 2);
  EXPECT_EQ(options.group, "a/b");
  EXPECT_EQ(options.table, "t_x");
}

TEST(ParseZarrOptions, NamesTheOptionAndItsValues) {
  engine::SourceArguments arguments;
  arguments.options = {{"nan", std::string("drop")}};
  EXPECT_THAT(
      ParseZarrOptions(arguments),
      StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr("nan"), HasSubstr("'null', 'keep'"))));
  arguments.options = {{"zarr_version", int64_t{4}}};
  EXPECT_THAT(ParseZarrOptions(arguments),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2 or 3")));
  arguments.options = {{"table", std::string("a")}, {"dims", std::vector<std::string>{"x"}}};
  EXPECT_THAT(ParseZarrOptions(arguments),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("exclude")));
}

// Two grids, uncompressed, one chunk each.
void WriteStore(const TemporaryDirectory& directory) {
  const auto array = [](const std::string& shape, const std::string& dims) {
    return R"({"zarr_format":3,"node_type":"array","shape":)" + shape +
           R"(,"data_type":"int8","chunk_grid":{"name":"regular","configuration":{"chunk_shape":)" +
           shape +
           R"(}},"chunk_key_encoding":{"name":"default"},"fill_value":7,"codecs":["bytes"],"dimension_names":)" +
           dims + "}";
  };
  directory.Write("s.zarr/zarr.json",
                  R"({"zarr_format":3,"node_type":"group","attributes":{"title":"two"}})");
  directory.Write("s.zarr/a/zarr.json", array("[2,3]", R"(["y","x"])"));
  directory.Write("s.zarr/b/zarr.json", array("[3]", R"(["x"])"));
}

TEST(OpenZarrTable, AsksForAChoiceAmongSeveralTablesAndTakesIt) {
  const TemporaryDirectory directory;
  WriteStore(directory);
  engine::SourceArguments arguments;
  arguments.uri = directory.path() + "/s.zarr";
  EXPECT_THAT(OpenZarrTable(arguments),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("y_x, x"), HasSubstr("\"table\" := 'y_x'"))));
  arguments.options = {{"table", std::string("x")}};
  ASSERT_OK_AND_ASSIGN(const auto by_name, OpenZarrTable(arguments));
  EXPECT_EQ(by_name->axes().size(), 1u);
  arguments.options = {{"dims", std::vector<std::string>{"x", "y"}}};
  ASSERT_OK_AND_ASSIGN(const auto by_dims, OpenZarrTable(arguments));
  EXPECT_EQ(by_dims->axes().size(), 2u);
  arguments.options = {{"table", std::string("y_xx")}};
  EXPECT_THAT(OpenZarrTable(arguments),
              StatusIs(StatusCode::kNotFound, HasSubstr("did you mean 'y_x'")));
  arguments.options = {{"group", std::string("nothing")}};
  EXPECT_THAT(OpenZarrTable(arguments), StatusIs(StatusCode::kNotFound, HasSubstr("nothing")));
}

TEST(OpenZarrCatalog, ListsOneTablePerGrid) {
  const TemporaryDirectory directory;
  WriteStore(directory);
  engine::SourceArguments arguments;
  arguments.uri = directory.path() + "/s.zarr";
  ASSERT_OK_AND_ASSIGN(const auto catalog, OpenZarrCatalog(arguments));
  EXPECT_THAT(*catalog->ListSchemas(), ::testing::ElementsAre("main"));
  EXPECT_THAT(*catalog->ListTables("main"), ::testing::ElementsAre("y_x", "x"));
  ASSERT_OK_AND_ASSIGN(const auto table, catalog->Open("main", "y_x"));
  EXPECT_EQ(*catalog->Open("main", "y_x"), table);
  EXPECT_THAT(catalog->Open("main", "z"), StatusIs(StatusCode::kNotFound, HasSubstr("z")));
}

}  // namespace
}  // namespace colonnade::session
