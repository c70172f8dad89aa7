#include "zarr/hierarchy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/file_store.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"
#include "zarr/fill_value.h"
#include "zarr/golden_stores.h"
#include "zarr/store_for_tests.h"

namespace colonnade::zarr {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr char kV3Group[] = R"({"zarr_format":3,"node_type":"group"})";
constexpr char kV2Group[] = R"({"zarr_format":2})";
constexpr char kLittle[] = R"([{"name":"bytes","configuration":{"endian":"little"}}])";

template <size_t kFiles>
std::shared_ptr<store::MemoryStore> GoldenStore(const GoldenFile (&files)[kFiles]) {
  auto store = std::make_shared<store::MemoryStore>("golden.zarr");
  for (const GoldenFile& file : files) {
    const bool document = file.content.starts_with("{");
    store->Put(std::string(file.key),
               document ? std::string(file.content) : DecodeBase64(file.content).value());
  }
  return store;
}

std::vector<std::string> Names(const array::Dataset& dataset) {
  std::vector<std::string> names;
  for (const array::Variable& variable : dataset.variables()) names.push_back(variable.name);
  return names;
}

void ExpectGoldenValues(const std::shared_ptr<const store::Store>& store,
                        const OpenOptions& options) {
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store, options));
  EXPECT_EQ(dataset->attributes(), Json({{"title", "golden"}}));
  TestReader reader;
  EXPECT_THAT(*ReadAll<double>(*dataset, "x", &reader), ElementsAre(0.5, 1.5, -2.5));
  EXPECT_THAT(*ReadAll<int16_t>(*dataset, "t", &reader),
              ElementsAre(-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(*ReadAll<int64_t>(*dataset, "w", &reader), ElementsAre(18262, INT64_MIN, 18628));
  const auto text = [&](const char* name, std::vector<std::string> want) {
    ASSERT_OK_AND_ASSIGN(const auto view, dataset->Read(VariableIndex(*dataset, name), {{0, 3}},
                                                        false, reader.context));
    const auto got = Elements<std::string_view>(view, {3});
    EXPECT_EQ(std::vector<std::string>(got.begin(), got.end()), want);
  };
  text("s", {"a", "", "h\u00e9llo"});
  text("u", {"ab", "c", ""});
  const array::Variable& t = dataset->variables()[VariableIndex(*dataset, "t")];
  EXPECT_THAT(t.dims, ElementsAre("y", "x"));
  EXPECT_THAT(t.chunk_shape, ElementsAre(3, 2));
  EXPECT_THAT(t.attributes, IsEmpty());
}

TEST(Hierarchy, ReadsAV2StoreOfZarrPython) {
  const auto store = GoldenStore(kV2Store);
  ExpectGoldenValues(store, {});
  ExpectGoldenValues(store, {.consolidated = UseConsolidated::kNever});
  ExpectGoldenValues(store, {.consolidated = UseConsolidated::kAlways});
}

TEST(Hierarchy, ReadsAV3StoreOfZarrPython) {
  const auto store = GoldenStore(kV3Store);
  ExpectGoldenValues(store, {});
  ExpectGoldenValues(store, {.consolidated = UseConsolidated::kNever});
  ExpectGoldenValues(store, {.consolidated = UseConsolidated::kAlways});
}

TEST(Hierarchy, ReadsAShardOfZarrPython) {
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(GoldenStore(kV3Store)));
  TestReader reader;
  ASSERT_OK_AND_ASSIGN(const auto values, ReadAll<int32_t>(*dataset, "sh", &reader));
  std::vector<int32_t> want(20);
  for (int32_t i = 0; i < 20; ++i) want[static_cast<size_t>(i)] = i;
  EXPECT_EQ(values, want);
  const array::Variable& variable = dataset->variables()[VariableIndex(*dataset, "sh")];
  EXPECT_THAT(variable.chunk_shape, ElementsAre(2, 2));
  EXPECT_THAT(variable.shard_shape, ElementsAre(4, 4));
  EXPECT_EQ(variable.codecs, "sharding_indexed[2, 2](bytes(little), zstd)");
}

TEST(Hierarchy, AConsolidatedStoreOpensWithItsRootDocumentOnly) {
  const auto golden = GoldenStore(kV3Store);
  const auto store = std::make_shared<RecordingStore>(*golden);
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  ASSERT_OK(hierarchy->OpenGroup(""));
  ASSERT_OK(hierarchy->GroupPaths());
  EXPECT_THAT(store->found, ElementsAre("zarr.json"));
  EXPECT_THAT(store->listed, IsEmpty());
}

TEST(Hierarchy, NeverListsChunks) {
  auto inner = NewStore();
  inner->Put("g/zarr.json", kV3Group);
  inner->Put("g/a/zarr.json", V3Document({4}, {2}, kLittle));
  inner->Put("g/a/c/0", "12345678");
  const auto store = std::make_shared<RecordingStore>(*inner);
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  ASSERT_OK_AND_ASSIGN(const auto paths, hierarchy->GroupPaths());
  EXPECT_THAT(paths, ElementsAre("", "g"));
  ASSERT_OK(hierarchy->OpenGroup("g"));
  EXPECT_THAT(store->listed, Not(Contains(HasSubstr("a"))));
}

TEST(Hierarchy, WalksNestedGroups) {
  auto store = std::make_shared<store::MemoryStore>("v2.zarr");
  store->Put(".zgroup", kV2Group);
  store->Put("b/.zgroup", kV2Group);
  store->Put("b/inner/.zgroup", kV2Group);
  store->Put("b/inner/.zattrs", R"({"k":1,"_nc3":2})");
  store->Put("b/inner/x/.zarray", V2Document({1}, {1}));
  store->Put("a/.zgroup", kV2Group);
  store->Put("litter/file", "");
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  EXPECT_EQ(hierarchy->zarr_version(), 2);
  EXPECT_THAT(*hierarchy->GroupPaths(), ElementsAre("", "a", "b", "b/inner"));
  ASSERT_OK_AND_ASSIGN(auto dataset, hierarchy->OpenGroup("/b/inner/"));
  EXPECT_EQ(dataset->name(), "v2.zarr/b/inner");
  EXPECT_EQ(dataset->attributes(), Json({{"k", 1}}));
  EXPECT_THAT(Names(*dataset), ElementsAre("x"));
  EXPECT_EQ(dataset->variables()[0].path, "b/inner/x");
  EXPECT_EQ(*hierarchy->OpenGroup("b/inner"), dataset);
}

TEST(Hierarchy, OpensAtAPrefix) {
  auto store = NewStore("outer.zarr");
  store->Put("g/zarr.json", kV3Group);
  store->Put("g/a/zarr.json", V3Document({2}, {2}, kLittle));
  store->Put("g/a/c/0", std::string("\5\0\0\0\6\0\0\0", 8));
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "g", {}));
  EXPECT_EQ(hierarchy->name(), "outer.zarr/g");
  ASSERT_OK_AND_ASSIGN(auto dataset, hierarchy->OpenGroup(""));
  TestReader reader;
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "a", &reader), ElementsAre(5, 6));
}

TEST(Hierarchy, AnArrayAtTheRootIsADatasetOfOneVariable) {
  auto store = std::make_shared<store::MemoryStore>("t2m.zarr");
  store->Put("zarr.json", V3Document({2}, {2}, kLittle));
  store->Put("c/0", std::string("\5\0\0\0\6\0\0\0", 8));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(Names(*dataset), ElementsAre("t2m"));
  TestReader reader;
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "t2m", &reader), ElementsAre(5, 6));
  auto v2 = std::make_shared<store::MemoryStore>("dir/t2m.zarr.zip");
  v2->Put(".zarray", V2Document({}, {}, ""));
  v2->Put("0", std::string("\7\0\0\0", 4));
  ASSERT_OK_AND_ASSIGN(auto scalar, OpenRoot(v2));
  EXPECT_THAT(*ReadAll<int32_t>(*scalar, "t2m", &reader), ElementsAre(7));
}

TEST(Hierarchy, SaysWhatItLookedFor) {
  auto store = std::make_shared<store::MemoryStore>("notes");
  store->Put("readme.txt", "hello");
  EXPECT_THAT(Hierarchy::Open(store, "", {}),
              StatusIs(StatusCode::kNotFound,
                       AllOf(HasSubstr("'notes'"), HasSubstr("zarr.json, .zarray, .zgroup"))));
}

TEST(Hierarchy, AcceptsAGroupThatIsOnlyImplied) {
  auto store = std::make_shared<store::MemoryStore>("implied");
  store->Put("a/zarr.json", V3Document({2}, {2}, kLittle));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(Names(*dataset), ElementsAre("a"));
  EXPECT_THAT(dataset->notes(), Contains(HasSubstr("no metadata document")));
}

TEST(Hierarchy, AnUnknownGroupGetsTheNearestName) {
  auto store = NewStore();
  store->Put("surface/zarr.json", kV3Group);
  store->Put("a/zarr.json", V3Document({2}, {2}, kLittle));
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  EXPECT_THAT(hierarchy->OpenGroup("surfaec"),
              StatusIs(StatusCode::kNotFound, HasSubstr("'surface'")));
  EXPECT_THAT(hierarchy->OpenGroup("a"), StatusIs(StatusCode::kNotFound, HasSubstr("is an array")));
  EXPECT_THAT(hierarchy->OpenGroup("../x"), StatusIs(StatusCode::kNotFound, HasSubstr("no group")));
}

TEST(Hierarchy, PrefersV3WhereANodeHasBoth) {
  auto store = NewStore();
  store->Put(".zgroup", kV2Group);
  store->Put("a/zarr.json", V3Document({2}, {2}, kLittle));
  store->Put("b/.zarray", V2Document({1}, {1}));
  ASSERT_OK_AND_ASSIGN(auto v3, OpenRoot(store));
  EXPECT_THAT(Names(*v3), ElementsAre("a"));
  EXPECT_THAT(v3->notes(), Contains(HasSubstr("v2")));
  ASSERT_OK_AND_ASSIGN(auto v2, OpenRoot(store, {.zarr_version = 2}));
  EXPECT_THAT(Names(*v2), ElementsAre("b"));
  EXPECT_THAT(OpenRoot(store, {.zarr_version = 4}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("4")));
}

TEST(Hierarchy, NamesUnnamedDimensionsPerArray) {
  auto store = NewStore();
  std::string named = V3Document({3}, {3}, kLittle);
  named.insert(1, R"("dimension_names":["a_dim_0"],)");
  store->Put("a/zarr.json", V3Document({3}, {3}, kLittle));
  store->Put("b/zarr.json", V3Document({3}, {3}, kLittle));
  store->Put("c/zarr.json", named);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(dataset->variables()[0].dims, ElementsAre("a_dim_0_"));
  EXPECT_THAT(dataset->variables()[1].dims, ElementsAre("b_dim_0"));
  EXPECT_THAT(dataset->variables()[2].dims, ElementsAre("a_dim_0"));
}

TEST(Hierarchy, ABrokenArrayLeavesItsSiblingsUsable) {
  auto store = NewStore();
  store->Put("good/zarr.json", V3Document({1}, {1}, kLittle));
  store->Put("good/c/0", std::string("\1\0\0\0", 4));
  store->Put("broken/zarr.json", "{\"zarr_format\":3,");
  store->Put("codec/zarr.json", V3Document({1}, {1}, R"(["bytes","zfp"])", "\"int8\""));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(Names(*dataset), ElementsAre("broken", "codec", "good"));
  EXPECT_THAT(dataset->variables()[0].unavailable,
              StatusIs(StatusCode::kInvalidData, HasSubstr("broken/zarr.json")));
  EXPECT_THAT(dataset->variables()[1].unavailable,
              StatusIs(StatusCode::kUnsupported, HasSubstr(R"(codec "zfp" is not supported)")));
  EXPECT_THAT(dataset->variables()[1].shape, ElementsAre(1));
  TestReader reader;
  EXPECT_THAT(*ReadAll<int32_t>(*dataset, "good", &reader), ElementsAre(1));
  EXPECT_THAT(dataset->Read(1, {{0, 1}}, false, reader.context),
              StatusIs(StatusCode::kUnsupported, HasSubstr(R"(variable "codec": codec "zfp")")));
}

TEST(Hierarchy, AStaleShapeFailsTheReadAndSaysWhatToDo) {
  auto store = GoldenStore(kV2Store);
  store->Put("x/.zarray", V2Document({6}, {3}, "", "<f8", "0.0"));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(ReadAll<double>(*dataset, "x", &reader),
              StatusIs(StatusCode::kInvalidData,
                       AllOf(HasSubstr("stale"), HasSubstr("[3]"), HasSubstr("[6]"),
                             HasSubstr("consolidated := 'never'"))));
  EXPECT_OK(ReadAll<int16_t>(*dataset, "t", &reader));
  ASSERT_OK_AND_ASSIGN(auto fresh, OpenRoot(store, {.consolidated = UseConsolidated::kNever}));
  EXPECT_THAT(fresh->variables()[VariableIndex(*fresh, "x")].shape, ElementsAre(6));
}

TEST(Hierarchy, AnArrayThatWasDeletedAfterConsolidationIsNotAllFill) {
  auto store = std::make_shared<store::MemoryStore>("stale.zarr");
  store->Put("zarr.json",
             R"({"zarr_format":3,"node_type":"group","consolidated_metadata":{"kind":"inline",)"
             R"("must_understand":false,"metadata":{"a":)" +
                 V3Document({2}, {2}, kLittle) + "}}}");
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  TestReader reader;
  EXPECT_THAT(ReadAll<int32_t>(*dataset, "a", &reader),
              StatusIs(StatusCode::kInvalidData, HasSubstr("does not exist")));
  ASSERT_OK_AND_ASSIGN(auto trusted, OpenRoot(store, {.consolidated = UseConsolidated::kAlways}));
  EXPECT_THAT(*ReadAll<int32_t>(*trusted, "a", &reader), ElementsAre(-1, -1));
}

TEST(Hierarchy, FallsBackWhenConsolidatedMetadataIsBroken) {
  auto store = std::make_shared<store::MemoryStore>("v2.zarr");
  store->Put(".zgroup", kV2Group);
  store->Put(".zmetadata", "{not json");
  store->Put("a/.zarray", V2Document({1}, {1}));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(Names(*dataset), ElementsAre("a"));
  EXPECT_THAT(dataset->notes(), Contains(HasSubstr("consolidated metadata not used")));
  EXPECT_THAT(OpenRoot(store, {.consolidated = UseConsolidated::kAlways}),
              StatusIs(StatusCode::kInvalidData, HasSubstr(".zmetadata")));
}

TEST(Hierarchy, AcceptsANullConsolidatedMetadata) {
  auto store = std::make_shared<store::MemoryStore>("early.zarr");
  store->Put("zarr.json", R"({"zarr_format":3,"node_type":"group","consolidated_metadata":null})");
  store->Put("a/zarr.json", V3Document({1}, {1}, kLittle));
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_THAT(Names(*dataset), ElementsAre("a"));
  EXPECT_THAT(OpenRoot(store, {.consolidated = UseConsolidated::kAlways}),
              StatusIs(StatusCode::kNotFound, HasSubstr("consolidated")));
}

TEST(Hierarchy, ConsolidatedPathsImplyGroupsAndHideWhatIsInsideArrays) {
  auto store = std::make_shared<store::MemoryStore>("c.zarr");
  const std::string array = V3Document({1}, {1}, kLittle);
  store->Put("zarr.json",
             R"({"zarr_format":3,"node_type":"group","consolidated_metadata":{"kind":"inline",)"
             R"("must_understand":false,"metadata":{"g/h/a":)" +
                 array + R"(,"b":)" + array + R"(,"b/inside":)" + array + R"(,"../evil":)" + array +
                 "}}}");
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  EXPECT_THAT(*hierarchy->GroupPaths(), ElementsAre("", "g", "g/h"));
  ASSERT_OK_AND_ASSIGN(auto dataset, hierarchy->OpenGroup("g/h"));
  EXPECT_THAT(Names(*dataset), ElementsAre("a"));
  EXPECT_THAT(dataset->notes(),
              IsSupersetOf({HasSubstr("../evil"), HasSubstr("lies inside an array")}));
}

TEST(Hierarchy, AKeyThatOccursTwiceMakesItsArrayUnavailable) {
  const auto with = [](std::string document, std::string_view member) {
    return document.insert(1, std::string(member) + ",");
  };
  auto v3 = NewStore();
  const std::string array = V3Document({2}, {2}, kLittle);
  v3->Put("a/zarr.json", with(array, R"("shape":[9])"));
  v3->Put("b/zarr.json", with(array, R"("codecs":[{"name":"bytes","name":"bytes"}])"));
  v3->Put("c/zarr.json", with(array, R"("attributes":{"k":1,"k":2,"deep":{"k":1,"k":2}})"));
  v3->Put("d/zarr.json", with(array, R"("attributes":{},"attributes":{})"));
  auto v2 = std::make_shared<store::MemoryStore>("v2.zarr");
  v2->Put(".zgroup", kV2Group);
  v2->Put("a/.zarray", with(V2Document({2}, {2}), R"("shape":[9])"));
  v2->Put("c/.zarray", V2Document({2}, {2}));
  v2->Put("c/.zattrs", R"({"k":1,"k":2})");
  for (const auto& store : {v3, v2}) {
    ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
    const auto unavailable = [&](const char* name) {
      return dataset->variables()[VariableIndex(*dataset, name)].unavailable;
    };
    EXPECT_THAT(unavailable("a"),
                StatusIs(StatusCode::kInvalidData, HasSubstr("the key \"/shape\" occurs twice")));
    EXPECT_OK(unavailable("c"));
    EXPECT_EQ(dataset->variables()[VariableIndex(*dataset, "c")].attributes["k"], 2);
    if (store == v2) continue;
    EXPECT_THAT(unavailable("b"), StatusIs(StatusCode::kInvalidData, HasSubstr("codecs")));
    EXPECT_THAT(unavailable("d"), StatusIs(StatusCode::kInvalidData, HasSubstr("/attributes")));
  }
}

// Links to groups above form 2^64 paths up to the depth limit.
TEST(Hierarchy, LinksBackToAGroupAboveAreNotFollowed) {
  const TemporaryDirectory directory;
  directory.Write("s.zarr/zarr.json", kV3Group);
  directory.Write("s.zarr/inner/zarr.json", kV3Group);
  directory.Write("s.zarr/inner/deep/zarr.json", kV3Group);
  directory.Write("s.zarr/inner/deep/a/zarr.json", V3Document({2}, {2}, kLittle));
  directory.Link("s.zarr/inner/loop", directory / "s.zarr");
  directory.Link("s.zarr/inner/self", ".");
  directory.Link("s.zarr/inner/deep/up", "../../inner");
  directory.Link("s.zarr/latest", "inner/deep");  // another name, and no cycle by itself
  ASSERT_OK_AND_ASSIGN(auto store, store::OpenFileStore(directory / "s.zarr"));
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  // "latest/up" is the group "inner", whose "deep" is "latest" again.
  EXPECT_THAT(*hierarchy->GroupPaths(),
              ElementsAre("", "inner", "inner/deep", "latest", "latest/up"));
  ASSERT_OK(hierarchy->GroupPaths());
  ASSERT_OK_AND_ASSIGN(auto dataset, hierarchy->OpenGroup("latest"));
  EXPECT_THAT(Names(*dataset), ElementsAre("a"));
  EXPECT_THAT(dataset->notes(),
              ElementsAre("links between groups form cycles: left out 6 groups that lie above "
                          "themselves, the first is '/inner/loop'"));
  // Who names such a path gets it.
  EXPECT_THAT(Names(**hierarchy->OpenGroup("inner/self/loop/inner/deep")), ElementsAre("a"));
}

TEST(Hierarchy, LinksBackAreSeenFromAPrefixBelowThem) {
  const TemporaryDirectory directory;
  directory.Write("zarr.json", kV3Group);
  directory.Write("g/zarr.json", kV3Group);
  directory.Write("g/sub/zarr.json", kV3Group);
  directory.Link("g/sub/up", "../../g");
  ASSERT_OK_AND_ASSIGN(auto store, store::OpenFileStore(directory.path()));
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "g/sub", {}));
  // "up/sub" is no link, and still where the walk began.
  EXPECT_THAT(*hierarchy->GroupPaths(), ElementsAre("", "up"));
}

TEST(Hierarchy, CyclesOutsideTheRootEndToo) {
  const TemporaryDirectory directory;
  directory.Write("s.zarr/zarr.json", kV3Group);
  directory.Write("other/zarr.json", kV3Group);
  directory.Link("s.zarr/out", "../other");
  directory.Link("other/self", ".");
  directory.Link("other/back", "../s.zarr");
  ASSERT_OK_AND_ASSIGN(auto store,
                       store::OpenFileStore(directory / "s.zarr", store::LinkPolicy::kFollow));
  ASSERT_OK_AND_ASSIGN(auto hierarchy, Hierarchy::Open(store, "", {}));
  EXPECT_THAT(*hierarchy->GroupPaths(), ElementsAre("", "out"));
}

TEST(Hierarchy, LimitsNodesAndDepth) {
  auto store = NewStore();
  std::string path;
  for (int i = 0; i < 5; ++i) {
    path += path.empty() ? "g" : "/g";
    store->Put(path + "/zarr.json", kV3Group);
  }
  ASSERT_OK_AND_ASSIGN(auto deep, Hierarchy::Open(store, "", {.max_group_depth = 4}));
  EXPECT_THAT(deep->GroupPaths(), StatusIs(StatusCode::kLimitExceeded, HasSubstr("4 levels")));
  EXPECT_OK(deep->OpenGroup(""));
  ASSERT_OK_AND_ASSIGN(auto many, Hierarchy::Open(store, "", {.max_nodes = 4}));
  EXPECT_THAT(many->GroupPaths(), StatusIs(StatusCode::kLimitExceeded, HasSubstr("more than 4")));
}

TEST(Hierarchy, TheFillValueIsASentinelInV2AndNotInV3) {
  auto v2 = std::make_shared<store::MemoryStore>("v2.zarr");
  v2->Put(".zgroup", kV2Group);
  v2->Put("a/.zarray", V2Document({1}, {1}, "", "<i4", "-9"));
  auto v3 = NewStore();
  v3->Put("a/zarr.json", V3Document({1}, {1}, kLittle));
  const auto sentinels = [](const std::shared_ptr<const store::Store>& store, MaskFill mask) {
    auto dataset = OpenRoot(store, {.mask_fill = mask});
    return dataset.ok() ? (*dataset)->variables()[0].plan.sentinels.size() : 99;
  };
  EXPECT_EQ(sentinels(v2, MaskFill::kAuto), 1);
  EXPECT_EQ(sentinels(v2, MaskFill::kNever), 0);
  EXPECT_EQ(sentinels(v3, MaskFill::kAuto), 0);
  EXPECT_EQ(sentinels(v3, MaskFill::kAlways), 1);
}

TEST(Hierarchy, NanIsALabelOnAnAxisAndNothingInData) {
  auto store = NewStore();
  std::string document = V3Document({1}, {1}, kLittle, "\"float32\"", "\"NaN\"");
  document.insert(1, R"("dimension_names":["x"],)");
  store->Put("x/zarr.json", document);
  store->Put("t/zarr.json", document);
  ASSERT_OK_AND_ASSIGN(auto dataset, OpenRoot(store));
  EXPECT_TRUE(dataset->variables()[0].plan.nan_is_null);   // t
  EXPECT_FALSE(dataset->variables()[1].plan.nan_is_null);  // x
}

TEST(Hierarchy, BrokenRootDocumentsAreErrors) {
  const auto open = [](const char* key, const char* document) {
    auto store = std::make_shared<store::MemoryStore>("root.zarr");
    store->Put(key, document);
    return Hierarchy::Open(store, "", {}).status();
  };
  EXPECT_THAT(open("zarr.json", "{"), StatusIs(StatusCode::kInvalidData, HasSubstr("zarr.json")));
  EXPECT_THAT(open("zarr.json", R"({"zarr_format":4,"node_type":"group"})"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("zarr_format 4")));
  EXPECT_THAT(open("zarr.json", R"({"zarr_format":3})"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("node_type")));
  EXPECT_THAT(open("zarr.json", R"({"zarr_format":3,"node_type":"group","zarr_format":3})"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("twice")));
  EXPECT_THAT(open("zarr.json", R"({"zarr_format":3,"node_type":"group","magic":1})"),
              StatusIs(StatusCode::kUnsupported, HasSubstr("magic")));
  EXPECT_THAT(open(".zgroup", R"({"zarr_format":"2"})"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("zarr_format")));
}

}  // namespace
}  // namespace colonnade::zarr
