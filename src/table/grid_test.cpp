#include "table/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "support/fake_dataset.h"
#include "support/status_matchers.h"

namespace colonnade::table {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GridsTest : public ::testing::Test {
 protected:
  array::Variable& Add(const std::string& name, std::vector<std::string> dims, array::Shape shape,
                       Json attributes = Json::object()) {
    return dataset_->AddShape(name, std::move(dims), std::move(shape), {}, std::move(attributes));
  }

  // Plans the tables of what has been added.
  const Grids& Plan(const GridOptions& options = {}) {
    auto grids = Grids::Create(dataset_, options);
    EXPECT_OK(grids);
    grids_ = *std::move(grids);
    return *grids_;
  }

  std::vector<std::string> ColumnNames(size_t table, bool hidden = false) const {
    std::vector<std::string> names;
    for (const Column& column : grids_->table(table)->columns()) {
      if (column.hidden == hidden) names.push_back(column.name);
    }
    return names;
  }

  const Column& ColumnOf(size_t table, const std::string& name) const {
    for (const Column& column : grids_->table(table)->columns()) {
      if (column.name == name) return column;
    }
    ADD_FAILURE() << "no column " << name;
    static const Column kNone;
    return kNone;
  }

  const VariableRole& RoleOf(const std::string& name) const {
    for (size_t v = 0; v < dataset_->variables().size(); ++v) {
      if (dataset_->variables()[v].name == name) return grids_->roles()[v];
    }
    ADD_FAILURE() << "no variable " << name;
    static const VariableRole kNone;
    return kNone;
  }

  std::shared_ptr<FakeDataset> dataset_ = std::make_shared<FakeDataset>("air.zarr");
  std::shared_ptr<const Grids> grids_;
};

TEST_F(GridsTest, MakesOneTableOfVariablesThatShareTheirDimensions) {
  Add("lat", {"lat"}, {3});
  Add("lon", {"lon"}, {4});
  Add("v", {"time", "lat", "lon"}, {2, 3, 4});
  Add("u", {"time", "lat", "lon"}, {2, 3, 4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("time_lat_lon"));
  EXPECT_THAT(grids_->dims(0), ElementsAre("time", "lat", "lon"));
  EXPECT_EQ(grids_->table(0)->name(), "air.zarr time_lat_lon");
  EXPECT_THAT(ColumnNames(0), ElementsAre("time", "lat", "lon", "u", "v"));
  EXPECT_THAT(ColumnNames(0, true), ElementsAre("time_idx", "lat_idx", "lon_idx"));
  EXPECT_EQ(grids_->table(0), grids_->table(0));
}

TEST_F(GridsTest, GroupsByTheSetOfDimensionsInTheOrderOfMostBytes) {
  Add("a", {"x", "y"}, {3, 4});
  Add("b", {"y", "x"}, {4, 3});
  Add("c", {"y", "x"}, {4, 3});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("y_x"));
  EXPECT_THAT(ColumnNames(0), ElementsAre("y", "x", "a", "b", "c"));
}

TEST_F(GridsTest, BreaksATieOfOrdersByTheFirstName) {
  Add("b", {"y", "x"}, {4, 3});
  Add("a", {"x", "y"}, {3, 4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("x_y"));
}

TEST_F(GridsTest, OrdersTablesByRankThenName) {
  Add("s", {}, {});
  Add("b", {"b"}, {1}).is_coordinate.reset();
  Add("in_b", {"b"}, {1});
  Add("in_a", {"a"}, {2});
  Add("in_ba", {"b", "a"}, {1, 2});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("b_a", "a", "b", "scalar"));
}

TEST_F(GridsTest, NamesAnAxisWithoutCoordinateByPosition) {
  Add("v", {"station"}, {5});
  Plan();
  const Column& station = ColumnOf(0, "station");
  EXPECT_EQ(station.kind, ColumnKind::kAxis);
  EXPECT_EQ(station.type, array::ValueType::kInt64);
  ASSERT_OK_AND_ASSIGN(auto values, grids_->table(0)->LoadAxis(0, {}));
  EXPECT_TRUE(values->is_sequence());
  EXPECT_EQ(values->length, 5);
  EXPECT_EQ(ColumnOf(0, "v").kind, ColumnKind::kValues);
}

TEST_F(GridsTest, PromotesVariablesNamedByCoordinatesAttributes) {
  dataset_->mutable_attributes()["coordinates"] = "height absent";
  Add("height", {}, {});
  Add("name", {"station"}, {5});
  Add("lat2d", {"y", "x"}, {2, 3});
  Add("v", {"station", "y", "x"}, {5, 2, 3}, {{"coordinates", "name  lat2d"}});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("station_y_x"));
  EXPECT_THAT(ColumnNames(0), ElementsAre("station", "y", "x", "height", "lat2d", "name", "v"));
  EXPECT_EQ(ColumnOf(0, "height").kind, ColumnKind::kConstant);
  EXPECT_EQ(ColumnOf(0, "name").kind, ColumnKind::kAxis);
  EXPECT_EQ(ColumnOf(0, "name").axis, 0u);
  EXPECT_EQ(ColumnOf(0, "lat2d").kind, ColumnKind::kValues);
  EXPECT_EQ(RoleOf("lat2d").role, Role::kCoordinate);
  EXPECT_EQ(RoleOf("lat2d").table, "station_y_x");
}

TEST_F(GridsTest, IgnoresReferencesOfAVariableToItself) {
  Add("u", {"x"}, {5}, {{"ancillary_variables", "u"}});
  Add("v", {"x"}, {5}, {{"coordinates", "v"}});
  Add("w", {"x"}, {5}, {{"bounds", "w"}});
  Add("z", {"x"}, {5});
  Plan();
  for (const char* name : {"u", "v", "w"}) EXPECT_EQ(RoleOf(name).role, Role::kData) << name;
}

TEST_F(GridsTest, IgnoresAttributesOfTheWrongType) {
  Add("w", {}, {});
  Add("v", {"x"}, {5}, {{"coordinates", 7}, {"bounds", {"w"}}, {"grid_mapping", nullptr}});
  dataset_->mutable_attributes() = Json::array();
  Plan();
  EXPECT_EQ(RoleOf("w").role, Role::kData);
}

TEST_F(GridsTest, KeepsBoundsOutByAttributeAndByName) {
  Add("time", {"time"}, {3}, {{"bounds", "tb"}, {"climatology", "cb"}});
  Add("tb", {"time", "nv"}, {3, 2});
  Add("cb", {"time", "nv"}, {3, 2});
  Add("lat_bnds", {"lat", "bnds"}, {4, 2});
  Add("lat_bounds", {"lat", "bnds"}, {4, 2});
  Add("v", {"time", "lat"}, {3, 4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("time_lat"));
  for (const char* name : {"tb", "cb", "lat_bnds", "lat_bounds"}) {
    EXPECT_EQ(RoleOf(name).role, Role::kBounds) << name;
    EXPECT_EQ(RoleOf(name).table, "") << name;
  }
  EXPECT_EQ(RoleOf("tb").reason, "bounds of \"time\"");
}

TEST_F(GridsTest, TakesAVariableNamedLikeBoundsButOfAnotherShapeAsData) {
  Add("lat_bnds", {"lat", "corner"}, {4, 3});
  Add("v", {"lat"}, {4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("lat_corner", "lat"));
}

TEST_F(GridsTest, IsNotDisturbedByEdgesWithADimensionOfTheirOwn) {
  Add("ZAX", {"ZAX"}, {20}, {{"edges", "ZAXedges"}});
  Add("ZAXedges", {"ZAXedges"}, {21});
  Add("TEMP", {"ZAX"}, {20});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("ZAX"));
  EXPECT_EQ(RoleOf("ZAXedges").role, Role::kDimensionCoordinate);
  EXPECT_EQ(RoleOf("ZAXedges").reason, "no table has this dimension");
}

TEST_F(GridsTest, KeepsGridMappingsOutInBothForms) {
  Add("crs", {}, {});
  Add("other", {}, {});
  Add("named", {}, {}, {{"grid_mapping_name", "latitude_longitude"}});
  Add("v", {"y", "x"}, {2, 3}, {{"grid_mapping", "crs"}});
  Add("w", {"y", "x"}, {2, 3}, {{"grid_mapping", "other: x y"}});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("y_x"));
  for (const char* name : {"crs", "other", "named"})
    EXPECT_EQ(RoleOf(name).role, Role::kGridMapping) << name;
}

TEST_F(GridsTest, KeepsAncillaryVariablesOut) {
  Add("area", {"y", "x"}, {2, 3});
  Add("ps", {"y"}, {2});
  Add("flag", {"x"}, {3});
  Add("lev", {"lev"}, {4}, {{"formula_terms", "ps: ps p0: absent"}});
  Add("v", {"lev", "y", "x"}, {4, 2, 3},
      {{"cell_measures", "area: area"}, {"ancillary_variables", "flag"}});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("lev_y_x"));
  EXPECT_EQ(RoleOf("area").role, Role::kAncillary);
  EXPECT_EQ(RoleOf("area").reason, "cell measure of \"v\"");
  EXPECT_EQ(RoleOf("ps").reason, "formula term of \"lev\"");
  EXPECT_EQ(RoleOf("flag").reason, "ancillary variable of \"v\"");
}

TEST_F(GridsTest, PrefersCoordinatesToAncillaryAndBoundsToCoordinates) {
  Add("area", {"y"}, {2});
  Add("yb", {"y", "nv"}, {2, 2});
  Add("y", {"y"}, {2}, {{"bounds", "yb"}});
  Add("v", {"y"}, {2}, {{"cell_measures", "area: area"}, {"coordinates", "area yb"}});
  Plan();
  EXPECT_EQ(RoleOf("area").role, Role::kCoordinate);
  EXPECT_EQ(RoleOf("yb").role, Role::kBounds);
}

TEST_F(GridsTest, FollowsADatasetThatKnowsItsCoordinates) {
  Add("c", {"x"}, {3}).is_coordinate = true;
  Add("d", {"x"}, {3}).is_coordinate = false;
  Add("v", {"x"}, {3}, {{"coordinates", "d"}}).is_coordinate = false;
  Plan();
  EXPECT_EQ(RoleOf("c").role, Role::kCoordinate);
  EXPECT_EQ(RoleOf("d").role, Role::kData);
  EXPECT_EQ(ColumnOf(0, "c").kind, ColumnKind::kAxis);
}

TEST_F(GridsTest, MakesTablesOfADatasetThatHasOnlyCoordinates) {
  Add("time", {"time"}, {3}, {{"bounds", "time_bnds"}});
  Add("time_bnds", {"time", "nv"}, {3, 2});
  Add("lon", {"lon"}, {4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("time_nv", "lon"));
  EXPECT_THAT(ColumnNames(0), ElementsAre("time", "nv", "time_bnds"));
  EXPECT_THAT(ColumnNames(1), ElementsAre("lon"));
  EXPECT_EQ(RoleOf("time_bnds").role, Role::kData);
  EXPECT_EQ(RoleOf("lon").table, "lon");
}

TEST_F(GridsTest, LeavesCoordinatesOutWhenAsked) {
  Add("x", {"x"}, {3});
  Add("c", {"x"}, {3});
  Add("v", {"x"}, {3}, {{"coordinates", "c"}});
  Plan({.coordinates = Coordinates::kIndex});
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "v"));
  EXPECT_EQ(ColumnOf(0, "x").type, array::ValueType::kFloat64);
  EXPECT_THAT(RoleOf("c").reason, HasSubstr("option"));
  Plan({.coordinates = Coordinates::kNone});
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "v"));
  EXPECT_EQ(ColumnOf(0, "x").type, array::ValueType::kInt64);
}

TEST_F(GridsTest, TakesTheLengthOfADimensionFromItsCoordinate) {
  Add("x", {"x"}, {3});
  Add("a", {"x"}, {4});
  Add("b", {"x"}, {4});
  Add("c", {"x"}, {3});
  Plan();
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "a", "b", "c"));
  EXPECT_THAT(ColumnOf(0, "a").unavailable,
              StatusIs(StatusCode::kInvalidData, HasSubstr("length 4 in \"a\" but 3 in \"x\"")));
  EXPECT_OK(ColumnOf(0, "c").unavailable);
  EXPECT_EQ(RoleOf("a").role, Role::kUnusable);
  EXPECT_EQ(RoleOf("a").reason, "dimension \"x\" has length 4 in \"a\" but 3 in \"x\"");
}

TEST_F(GridsTest, TakesTheLengthOfADimensionFromTheMajority) {
  Add("a", {"x"}, {4});
  Add("b", {"x"}, {3});
  Add("c", {"x"}, {3});
  Plan();
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "a", "b", "c"));
  EXPECT_THAT(ColumnOf(0, "a").unavailable, StatusIs(StatusCode::kInvalidData, ::testing::_));
  EXPECT_EQ(RoleOf("a").reason, "dimension \"x\" has length 4 in \"a\" but 3 in \"b\"");
}

TEST_F(GridsTest, DoesNotTakeTheLengthOfADimensionFromWhatCannotBeRead) {
  for (const char* name : {"a", "b"}) {
    Add(name, {"x"}, {4}).unavailable = InvalidData("the key \"/shape\" occurs twice");
  }
  Add("c", {"x"}, {3});
  Add("z", {"z"}, {7}).unavailable = InvalidData("no type");
  Add("d", {"z", "x"}, {5, 3});
  Add("e", {"w"}, {2}).unavailable = InvalidData("no type");
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("z_x", "w", "x"));
  EXPECT_THAT(ColumnNames(2), ElementsAre("x", "a", "b", "c"));
  EXPECT_OK(ColumnOf(2, "c").unavailable);
  EXPECT_THAT(ColumnOf(2, "a").unavailable,
              StatusIs(StatusCode::kInvalidData, HasSubstr("\"/shape\" occurs twice")));
  EXPECT_EQ(RoleOf("a").reason, "the key \"/shape\" occurs twice");
  // The coordinate is lost, the axis keeps the length of its data.
  EXPECT_OK(ColumnOf(0, "d").unavailable);
  EXPECT_EQ(grids_->table(0)->axes()[0].length, 5);
  EXPECT_EQ(RoleOf("z").reason, "no type");
  EXPECT_EQ(grids_->table(1)->axes()[0].length, 2);
}

TEST_F(GridsTest, LeavesOutVariablesWhoseShapeMakesNoSense) {
  Add("twice", {"x", "x"}, {3, 3});
  Add("huge", {"p", "q"}, {int64_t{1} << 32, int64_t{1} << 32});
  array::Variable& names = Add("names", {"x"}, {3});
  names.dims.push_back("y");
  Add(std::string("nul\0", 4), {"x"}, {3});
  Add("good", {"x"}, {3});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("x"));
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "good"));
  EXPECT_THAT(RoleOf("twice").reason, HasSubstr("\"x\" occurs more than once"));
  EXPECT_THAT(RoleOf("huge").reason, HasSubstr("4294967296"));
  EXPECT_THAT(RoleOf("names").reason, HasSubstr("2 dimension names"));
}

TEST_F(GridsTest, ShowsAVariableThatCannotBeReadAsAnUnavailableColumn) {
  Add("bad", {"x"}, {3}).unavailable = Unsupported("codec \"zfp\"");
  Add("good", {"x"}, {3});
  Plan();
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "bad", "good"));
  const auto table = grids_->table(0);
  const auto scan = table->NewScan({{1}, {AxisSelection::All(3)}, {}});
  EXPECT_THAT(scan,
              StatusIs(StatusCode::kUnsupported, AllOf(HasSubstr("\"bad\""), HasSubstr("zfp"))));
  EXPECT_OK(table->NewScan({{2}, {AxisSelection::All(3)}, {}}));
  EXPECT_EQ(RoleOf("bad").reason, "codec \"zfp\"");
}

TEST_F(GridsTest, MakesNoTableOfAVariableOfWhichNothingIsKnown) {
  Add("bad", {}, {}).unavailable = InvalidData("no shape");
  Add("good", {"x"}, {3});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("x"));
  EXPECT_EQ(RoleOf("bad").role, Role::kUnusable);
  EXPECT_EQ(RoleOf("bad").reason, "no shape");
}

TEST_F(GridsTest, DistinguishesColumnsThatDifferOnlyInCase) {
  Add("t", {"x"}, {3});
  Add("T", {"x"}, {3});
  Add("x_IDX", {"x"}, {3});
  Plan();
  EXPECT_THAT(ColumnNames(0), ElementsAre("x", "T_1", "t_2", "x_IDX"));
  EXPECT_THAT(ColumnNames(0, true), ElementsAre("x_idx_1"));
  EXPECT_EQ(RoleOf("t").column, "t_2");
}

TEST_F(GridsTest, DistinguishesAVariableFromADimensionOfItsName) {
  Add("x", {"x", "y"}, {3, 4});
  Plan();
  EXPECT_THAT(ColumnNames(0), ElementsAre("x_1", "y", "x_2"));
  EXPECT_EQ(RoleOf("x").column, "x_2");
}

TEST_F(GridsTest, DistinguishesTablesWhoseJoinedNamesAreEqual) {
  Add("p", {"a_b", "c"}, {1, 2});
  Add("q", {"a", "b_c"}, {3, 4});
  Plan();
  EXPECT_THAT(grids_->table_names(), ElementsAre("a_b_c_1", "a_b_c_2"));
  EXPECT_THAT(grids_->dims(0), ElementsAre("a", "b_c"));
}

TEST_F(GridsTest, RefusesACoordinateAboveTheLimitButAddressesItsPositions) {
  Add("x", {"x"}, {1'000});
  Add("c", {"x"}, {1'000});
  Add("v", {"x"}, {1'000}, {{"coordinates", "c"}});
  Plan({.max_axis_length = 999});
  EXPECT_THAT(grids_->table(0)->LoadAxis(0, {}),
              StatusIs(StatusCode::kLimitExceeded,
                       AllOf(HasSubstr("1000"), HasSubstr("999"), HasSubstr("x_idx"))));
  EXPECT_EQ(ColumnOf(0, "c").kind, ColumnKind::kValues);
  ASSERT_OK_AND_ASSIGN(auto positions, grids_->table(0)->LoadAxis(3, {}));
  EXPECT_TRUE(positions->is_sequence());
}

TEST_F(GridsTest, CommentsColumnsWithLongNameUnitsAndCalendar) {
  Add("time", {"time"}, {3},
      {{"standard_name", "time"}, {"units", "days since 1800-01-01"}, {"calendar", "noleap"}});
  Add("a", {"time"}, {3},
      {{"long_name", "air\ttemperature"}, {"standard_name", "t"}, {"units", "K"}});
  Add("b", {"time"}, {3}, {{"units", 1}});
  Plan();
  EXPECT_EQ(ColumnOf(0, "time").comment, "time [days since 1800-01-01, noleap]");
  EXPECT_EQ(ColumnOf(0, "a").comment, "air temperature [K]");
  EXPECT_EQ(ColumnOf(0, "b").comment, "[1]");
}

TEST_F(GridsTest, BoundsTheNumberOfColumns) {
  for (int i = 0; i < 10; ++i) {
    Add("c" + std::to_string(i), {}, {}).is_coordinate = true;
    Add("v" + std::to_string(i), {"d" + std::to_string(i)}, {1});
  }
  EXPECT_THAT(Grids::Create(dataset_, {.max_columns = 100}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("100")));
  EXPECT_OK(Grids::Create(dataset_, {.max_columns = 130}));
}

TEST_F(GridsTest, OfAnEmptyDatasetAreNone) {
  Plan();
  EXPECT_THAT(grids_->table_names(), IsEmpty());
}

TEST_F(GridsTest, RejectsLimitsThatAreNotPositive) {
  EXPECT_THAT(Grids::Create(dataset_, {.max_block_rows = 0}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("max_block_rows 0")));
}

}  // namespace
}  // namespace colonnade::table
