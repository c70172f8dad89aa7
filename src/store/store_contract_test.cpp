// What every store promises, checked for the three of them with the same values in each, and
// against a plain map.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "store/file_store.h"
#include "store/memory_store.h"
#include "store/zip_store.h"
#include "store/zip_writer_for_test.h"
#include "support/counting_budget.h"
#include "support/random.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::store {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Values = std::map<std::string, std::string>;

std::string Text(const Buffer& buffer) {
  return std::string(reinterpret_cast<const char*>(buffer.data()), buffer.size());
}

std::string Names(const std::vector<ListEntry>& entries) {
  std::string names;
  for (const ListEntry& entry : entries) names += entry.name + (entry.is_directory ? "/ " : " ");
  return names;
}

std::shared_ptr<const Store> MakeMemoryStore(const Values& values, const TemporaryDirectory&) {
  auto store = std::make_shared<MemoryStore>("air.zarr");
  for (const auto& [key, value] : values) store->Put(key, value);
  return store;
}

std::shared_ptr<const Store> MakeFileStore(const Values& values,
                                           const TemporaryDirectory& directory) {
  directory.MakeDirectory("air.zarr");
  for (const auto& [key, value] : values) directory.Write("air.zarr/" + key, value);
  auto store = OpenFileStore(directory / "air.zarr");
  EXPECT_OK(store);
  return *store;
}

std::shared_ptr<const Store> MakeZipStore(const Values& values, const TemporaryDirectory& directory,
                                          bool deflate) {
  ZipWriter zip;
  for (const auto& [key, value] : values) zip.Add(key, value, {.deflate = deflate});
  directory.Write("air.zarr.zip", std::move(zip).Finish());
  auto store = OpenZipStore(directory / "air.zarr.zip");
  EXPECT_OK(store);
  return *store;
}

struct Kind {
  const char* name;
  std::function<std::shared_ptr<const Store>(const Values&, const TemporaryDirectory&)> make;
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  std::shared_ptr<const Store> Make(const Values& values) {
    return GetParam().make(values, directory_);
  }
  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    testing::Values(Kind{"Memory", MakeMemoryStore}, Kind{"File", MakeFileStore},
                    Kind{"StoredZip",
                         [](const Values& values, const TemporaryDirectory& directory) {
                           return MakeZipStore(values, directory, false);
                         }},
                    Kind{"DeflatedZip",
                         [](const Values& values, const TemporaryDirectory& directory) {
                           return MakeZipStore(values, directory, true);
                         }}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(StoreContract, ReadsWholeValuesAndRanges) {
  const auto store = Make({{"t/c/0", "0123456789"}});
  EXPECT_THAT(store->name(), StartsWith("air.zarr"));
  Buffer out;
  for (const auto& [range, want] :
       {std::pair(ByteRange::Whole(), "0123456789"),
        std::pair(ByteRange::Span(0, 10), "0123456789"), std::pair(ByteRange::Span(3, 4), "3456"),
        std::pair(ByteRange::Span(10, 0), ""), std::pair(ByteRange::Suffix(3), "789"),
        std::pair(ByteRange::Suffix(0), "")}) {
    ASSERT_OK_AND_ASSIGN(const ReadResult result, store->Read("t/c/0", range, 10, &out));
    EXPECT_TRUE(result.found);
    EXPECT_EQ(result.value_size, 10u);
    EXPECT_EQ(Text(out), want);
  }
}

TEST_P(StoreContract, AnAbsentKeyIsNotAnErrorAndNotAnEmptyValue) {
  const auto store = Make({{"empty", ""}, {"t/c/0", "x"}});
  Buffer out;
  ASSERT_OK(out.Resize(3));
  for (const char* key :
       {"absent", "t/c/1", "t/c", "t", "t/c/0/below", "empty/below", "emp", "t/c/00"}) {
    ASSERT_OK_AND_ASSIGN(const ReadResult absent, store->Read(key, ByteRange::Whole(), 10, &out));
    EXPECT_FALSE(absent.found) << key;
    EXPECT_EQ(out.size(), 3u) << "written to for " << key;
  }
  ASSERT_OK_AND_ASSIGN(const ReadResult empty, store->Read("empty", ByteRange::Whole(), 0, &out));
  EXPECT_TRUE(empty.found);
  EXPECT_EQ(empty.value_size, 0u);
  EXPECT_EQ(out.size(), 0u);
}

TEST_P(StoreContract, RefusesRangesOutsideTheValueNamingStoreAndKey) {
  const auto store = Make({{"t/c/0", "0123456789"}});
  Buffer out;
  for (const ByteRange range : {ByteRange::Span(3, 8), ByteRange::Span(11, 0),
                                ByteRange::Suffix(11), ByteRange::Span(~uint64_t{0}, 2)}) {
    EXPECT_THAT(store->Read("t/c/0", range, 100, &out),
                StatusIs(StatusCode::kInvalidData, StartsWith(store->name() + ": t/c/0: ")));
  }
}

TEST_P(StoreContract, RefusesMoreThanTheLimitBeforeReserving) {
  const auto store = Make({{"big", std::string(100'000, 'x')}});
  CountingBudget budget(1 << 20);
  Buffer out(budget);
  EXPECT_THAT(store->Read("big", ByteRange::Whole(), 99'999, &out),
              StatusIs(StatusCode::kLimitExceeded, StartsWith(store->name() + ": big: ")));
  EXPECT_EQ(budget.reserves(), 0u);
  ASSERT_OK(store->Read("big", ByteRange::Suffix(5), 5, &out));
  EXPECT_EQ(Text(out), "xxxxx");
}

TEST_P(StoreContract, PassesOnWhatTheBudgetSays) {
  const auto store = Make({{"big", std::string(100'000, 'x')}});
  CountingBudget budget(1000);
  Buffer out(budget);
  EXPECT_THAT(store->Read("big", ByteRange::Whole(), 1 << 20, &out),
              StatusIs(StatusCode::kLimitExceeded, StartsWith(store->name() + ": big: ")));
}

TEST_P(StoreContract, RefusesInvalidKeys) {
  const auto store = Make({{"a", "x"}});
  Buffer out;
  for (const char* key : {"", "../air.zarr/a", "/a", "a/", "a//b", "./a", "a\\b"}) {
    EXPECT_THAT(store->Read(key, ByteRange::Whole(), 10, &out),
                StatusIs(StatusCode::kInvalidArgument, StartsWith(store->name())))
        << key;
    if (*key != '\0') {
      EXPECT_THAT(store->List(key, 10), StatusIs(StatusCode::kInvalidArgument, _)) << key;
    }
  }
}

TEST_P(StoreContract, ListsNamesSortedWithNothingLeftOut) {
  const auto store = Make({{"a/c/0", ""},
                           {"a-b", ""},
                           {"a.z/x", ""},
                           {".zattrs", ""},
                           {"__x", ""},
                           {"B/1", ""},
                           {"a/zarr.json", ""},
                           {"zarr.json", ""},
                           {"\xc3\xa9/1", ""}});
  ASSERT_OK_AND_ASSIGN(const auto root, store->List("", 100));
  EXPECT_EQ(Names(root), ".zattrs B/ __x a/ a-b a.z/ zarr.json \xc3\xa9/ ");
  ASSERT_OK_AND_ASSIGN(const auto below, store->List("a", 100));
  EXPECT_EQ(Names(below), "c/ zarr.json ");
}

TEST_P(StoreContract, ListsNothingUnderAnAbsentPrefixOrAValue) {
  const auto store = Make({{"a/b", ""}, {"ab/c", ""}});
  for (const char* prefix : {"x", "a/b", "a/b/c", "a/x", "a/bb"}) {
    EXPECT_THAT(*store->List(prefix, 100), IsEmpty()) << prefix;
  }
}

TEST_P(StoreContract, ListsUpToTheLimit) {
  Values values;
  for (int i = 0; i < 20; ++i) values["d/" + std::to_string(i) + "/x"] = "";
  const auto store = Make(values);
  EXPECT_EQ(store->List("d", 20)->size(), 20u);
  EXPECT_THAT(store->List("d", 19),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("more than 19")));
}

// Oracle: a std::map and std::string::substr.
TEST_P(StoreContract, AgreesWithAMapOnRandomKeysAndRanges) {
  SeededRandom random;
  const auto segment = [&] {
    constexpr std::string_view kLetters = "ab-.0Z";
    std::string text(1, 'k');
    while (random.Chance(0.4)) text += kLetters[static_cast<size_t>(random.Uniform(0, 5))];
    return text;
  };
  Values values;
  std::set<std::string> directories = {""};
  for (int i = 0; i < 60; ++i) {
    std::string key;
    for (int64_t depth = random.Uniform(0, 3); depth > 0; --depth) key += segment() + "d/";
    std::string value(static_cast<size_t>(random.Chance(0.1) ? 200'000 : random.Uniform(0, 50)),
                      ' ');
    for (char& c : value) c = static_cast<char>(random.Uniform(0, 20));
    key += segment() + "v";  // never the name of a directory
    for (size_t slash = key.find('/'); slash != std::string::npos;
         slash = key.find('/', slash + 1)) {
      directories.insert(key.substr(0, slash));
    }
    values[key] = value;
  }
  const auto store = Make(values);
  Buffer out;
  for (const auto& [key, value] : values) {
    for (int round = 0; round < 10; ++round) {
      const auto offset =
          static_cast<uint64_t>(random.Uniform(0, static_cast<int64_t>(value.size()) + 1));
      const auto length =
          static_cast<uint64_t>(random.Uniform(0, static_cast<int64_t>(value.size()) + 1));
      const int kind = static_cast<int>(random.Uniform(0, 2));
      const ByteRange range = kind == 0   ? ByteRange::Whole()
                              : kind == 1 ? ByteRange::Span(offset, length)
                                          : ByteRange::Suffix(length);
      const bool is_inside = kind == 0 || (kind == 1 ? offset + length : length) <= value.size();
      const auto result = store->Read(key, range, 1 << 20, &out);
      ASSERT_EQ(result.ok(), is_inside) << result.status();
      if (!is_inside) continue;
      ASSERT_EQ(result->value_size, value.size());
      ASSERT_EQ(Text(out), kind == 0   ? value
                           : kind == 1 ? value.substr(offset, length)
                                       : value.substr(value.size() - length));
    }
  }
  for (const std::string& directory : directories) {
    const std::string base = directory.empty() ? "" : directory + "/";
    std::map<std::string, bool> want;
    for (const auto& [key, value] : values) {
      if (!key.starts_with(base)) continue;
      const size_t slash = key.find('/', base.size());
      want[key.substr(base.size(), slash - base.size())] |= slash != std::string::npos;
    }
    std::string want_names;
    for (const auto& [name, is_directory] : want) want_names += name + (is_directory ? "/ " : " ");
    ASSERT_OK_AND_ASSIGN(const auto entries, store->List(directory, 1000));
    EXPECT_EQ(Names(entries), want_names);
  }
}

TEST(MemoryStore, ANameThatIsBothIsListedOnceAsADirectory) {
  MemoryStore store("m");
  store.Put("a", "value");
  store.Put("a-b", "");
  store.Put("a/b", "");
  EXPECT_EQ(Names(*store.List("", 2)), "a/ a-b ");
}

}  // namespace
}  // namespace colonnade::store
