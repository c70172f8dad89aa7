#include "store/zip_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "store/zip_writer_for_test.h"
#include "support/counting_budget.h"
#include "support/random.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::store {
namespace {

using std::string_literals::operator""s;
using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kLimit = 1 << 20;

std::string Get(const Store& store, const std::string& key, ByteRange range = ByteRange::Whole()) {
  Buffer out;
  const Result<ReadResult> result = store.Read(key, range, kLimit, &out);
  if (!result.ok()) return result.status().ToString();
  if (!result->found) return "absent";
  return "=" + std::string(reinterpret_cast<const char*>(out.data()), out.size());
}

std::string Names(const Store& store, const std::string& prefix) {
  const auto entries = store.List(prefix, 100);
  if (!entries.ok()) return entries.status().ToString();
  std::string names;
  for (const ListEntry& entry : *entries) names += entry.name + (entry.is_directory ? "/ " : " ");
  return names;
}

class ZipStoreTest : public testing::Test {
 protected:
  Result<std::shared_ptr<const Store>> Open(std::string_view bytes, size_t max_members = 1000) {
    directory_.Write("a.zip", bytes);
    return OpenZipStore(directory_ / "a.zip", max_members);
  }
  std::string ReadOne(const ZipWriter::Member& member) {
    ZipWriter zip;
    zip.Add("first", "1");
    zip.Add("x", "payload payload payload", member);
    const auto store = Open(std::move(zip).Finish());
    return store.ok() ? Get(**store, "x") : store.status().ToString();
  }
  TemporaryDirectory directory_;
};

TEST_F(ZipStoreTest, ReadsZip64SizesAndOffsets) {
  for (const bool end64 : {false, true}) {
    ZipWriter zip;
    zip.Add("a", "first", {.zip64 = true});
    zip.Add("b", std::string(1000, 'b'),
            {.deflate = true, .zip64 = true, .local_extra = "\7\0\1\0z"s});
    ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish({.zip64 = end64})));
    EXPECT_EQ(Get(*store, "a"), "=first");
    EXPECT_EQ(Get(*store, "b"), "=" + std::string(1000, 'b'));
  }
}

TEST_F(ZipStoreTest, ReadsAnArchiveWithoutMembers) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open(ZipWriter().Finish()));
  EXPECT_EQ(Get(*store, "a"), "absent");
  EXPECT_EQ(Names(*store, ""), "");
}

TEST_F(ZipStoreTest, ReadsMoreMembersThanFitASixteenBitCount) {
  ZipWriter zip;
  constexpr int kCount = 70'000;
  for (int i = 0; i < kCount; ++i) zip.Add("c/" + std::to_string(i), std::to_string(i));
  const std::string bytes = std::move(zip).Finish();  // the count wraps, as old writers let it
  ASSERT_OK_AND_ASSIGN(const auto store, Open(bytes, kCount));
  for (const int i : {0, 1, 9, 10, 65'535, 65'536, kCount - 1}) {
    EXPECT_EQ(Get(*store, "c/" + std::to_string(i)), "=" + std::to_string(i));
  }
  EXPECT_EQ(store->List("c", kCount)->size(), size_t{kCount});
  EXPECT_THAT(Open(bytes, kCount - 1),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("69999 members")));
}

TEST_F(ZipStoreTest, ACommentMayLookLikeAnEndRecord) {
  ZipWriter zip;
  zip.Add("a", "1", {.comment = "PK\5\6"});
  ASSERT_OK_AND_ASSIGN(
      const auto store,
      Open(std::move(zip).Finish({.comment = "PK\5\6 " + std::string(65'000, 'c')})));
  EXPECT_EQ(Get(*store, "a"), "=1");
}

TEST_F(ZipStoreTest, SkipsADigitalSignature) {
  ZipWriter zip;
  zip.Add("a", "1");
  ASSERT_OK_AND_ASSIGN(const auto store,
                       Open(std::move(zip).Finish({.size_change = 8, .between = "PK\5\5\2\0ab"s})));
  EXPECT_EQ(Get(*store, "a"), "=1");
}

TEST_F(ZipStoreTest, TheLastOfSeveralMembersWithOneNameCounts) {
  ZipWriter zip;
  for (const char* value : {"old", "newer", "newest"}) {
    zip.Add("b", value);
    zip.Add("a", value);
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  EXPECT_EQ(Get(*store, "a"), "=newest");
  EXPECT_EQ(Get(*store, "b"), "=newest");
  EXPECT_EQ(Names(*store, ""), "a b ");
}

TEST_F(ZipStoreTest, IgnoresNamesThatAreNotKeys) {
  ZipWriter zip;
  for (const std::string& name :
       {"../up"s, "/absolute"s, "a/../b"s, "a//b"s, "back\\slash"s, "zero\0byte"s, ""s,
        "directory/"s, "."s, std::string(5000, 'x')}) {
    zip.Add(name, "bad");
  }
  zip.Add("top/good", "1");
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  EXPECT_EQ(Names(*store, ""), "top/ ");
  EXPECT_EQ(Get(*store, "top/good"), "=1");
}

TEST_F(ZipStoreTest, KeepsACommonTopLevelFolder) {
  ZipWriter zip;
  zip.Add("a/zarr.json", "{}");
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  EXPECT_EQ(Names(*store, ""), "a/ ");
}

TEST_F(ZipStoreTest, VerifiesTheChecksumOfWholeValues) {
  for (const bool deflate : {false, true}) {
    EXPECT_THAT(ReadOne({.deflate = deflate, .crc_change = 1}),
                AllOf(StartsWith("InvalidData: a.zip: x: "), HasSubstr("CRC-32")));
  }
}

TEST_F(ZipStoreTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(ReadOne({}), "=payload payload payload");
  EXPECT_THAT(ReadOne({.flags = 1}),
              AllOf(StartsWith("Unsupported: a.zip: x: "), HasSubstr("encrypted")));
  EXPECT_THAT(ReadOne({.flags = 1 << 6}), HasSubstr("encrypted"));
  EXPECT_THAT(ReadOne({.method = 93}),
              AllOf(StartsWith("Unsupported"), HasSubstr("93 (Zstandard)")));
  EXPECT_THAT(ReadOne({.method = 77}), HasSubstr("77 (unknown)"));
  EXPECT_THAT(ReadOne({.mode = 0120777}), HasSubstr("symbolic link"));
  EXPECT_EQ(ReadOne({.mode = 0100644}), "=payload payload payload");
}

TEST_F(ZipStoreTest, RefusesMembersThatLie) {
  for (const ZipWriter::Member& member :
       std::vector<ZipWriter::Member>{{.size_change = 1},
                                      {.size_change = -1},
                                      {.compressed_change = 1},
                                      {.compressed_change = -1},
                                      {.compressed_change = 100'000},
                                      {.offset_change = 1},
                                      {.offset_change = -1},
                                      {.offset_change = 100'000},
                                      {.zip64 = true, .offset_change = int64_t{1} << 62},
                                      {.zip64 = true, .offset_change = -1000},
                                      {.zip64 = true, .compressed_change = -1000},
                                      {.deflate = true, .size_change = 1},
                                      {.deflate = true, .size_change = -1},
                                      {.deflate = true, .compressed_change = -1},
                                      {.deflate = true, .compressed_change = 1},
                                      {.method = 8},
                                      {.local_name = "y"},
                                      {.local_name = "xx"}}) {
    EXPECT_THAT(ReadOne(member), StartsWith("InvalidData: a.zip: x: "));
  }
}

TEST_F(ZipStoreTest, ReadsNoMemberFromInsideTheDirectory) {
  for (const int64_t change : {int64_t{20}, int64_t{100'000}}) {
    EXPECT_THAT(ReadOne({.size_change = change, .compressed_change = change}),
                HasSubstr("reaches beyond the directory"));
  }
  EXPECT_THAT(ReadOne({.deflate = true, .zip64 = true, .compressed_change = -1000}),
              HasSubstr("reaches beyond the directory"));
  EXPECT_THAT(ReadOne({.offset_change = 1000}), HasSubstr("lies beyond the directory"));
}

TEST_F(ZipStoreTest, AClaimedSizeIsCheckedBeforeAnythingIsReserved) {
  for (const bool deflate : {false, true}) {
    ZipWriter zip;
    zip.Add("x", "small", {.deflate = deflate, .zip64 = true, .size_change = int64_t{1} << 50});
    ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
    CountingBudget budget(1 << 20);
    Buffer out(budget);
    EXPECT_THAT(store->Read("x", ByteRange::Whole(), kLimit, &out),
                StatusIs(StatusCode::kLimitExceeded, _));
    EXPECT_THAT(store->Read("x", ByteRange::Whole(), ~uint64_t{0}, &out),
                StatusIs(StatusCode::kInvalidData, _));
    EXPECT_THAT(store->Read("x", ByteRange::Suffix(10), kLimit, &out),
                StatusIs(StatusCode::kInvalidData, _));
    EXPECT_EQ(budget.reserves(), 0u);
  }
}

TEST_F(ZipStoreTest, ABombIsStoppedAtItsClaimedSize) {
  ZipWriter zip;
  zip.Add("x", std::string(50 << 20, '\0'), {.deflate = true, .size_change = 1000 - (50 << 20)});
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  EXPECT_THAT(Get(*store, "x"), HasSubstr("longer than its entry says"));
  EXPECT_EQ(Get(*store, "x", ByteRange::Span(999, 1)), "=\0"s);
}

TEST_F(ZipStoreTest, RefusesArchivesWhoseEndRecordLies) {
  const auto open = [&](const ZipWriter::End& end) {
    ZipWriter zip;
    zip.Add("a", "1");
    zip.Add("b", "2");
    return Open(std::move(zip).Finish(end));
  };
  EXPECT_OK(open({}));
  for (const bool zip64 : {false, true}) {
    for (const int64_t change :
         {int64_t{-1}, int64_t{1}, int64_t{1} << 30, int64_t{1} << 40, int64_t{-1000}}) {
      EXPECT_THAT(open({.zip64 = zip64, .count_change = zip64 ? change : change % 1000 - 7}),
                  StatusIs(StatusCode::kInvalidData, HasSubstr("a.zip")));
      if (!zip64 && change > int64_t{1} << 31) continue;  // would wrap to no change
      EXPECT_THAT(open({.zip64 = zip64, .offset_change = change}),
                  StatusIs(StatusCode::kInvalidData, _));
      EXPECT_THAT(open({.zip64 = zip64, .size_change = change}),
                  StatusIs(StatusCode::kInvalidData, _));
    }
  }
  for (const bool zip64 : {false, true}) {
    EXPECT_THAT(open({.zip64 = zip64, .size_change = 1}),
                StatusIs(StatusCode::kInvalidData, HasSubstr("reaches beyond its end record")));
    EXPECT_THAT(open({.zip64 = zip64, .offset_change = 1}),
                StatusIs(StatusCode::kInvalidData, HasSubstr("reaches beyond its end record")));
  }
  EXPECT_THAT(open({.disk = 1}), StatusIs(StatusCode::kUnsupported, HasSubstr("several files")));
}

TEST_F(ZipStoreTest, RefusesWhatIsNoArchive) {
  for (const std::string& bytes :
       {""s, "PK"s, "PK\5\6"s, "PK\3\4"s, std::string(100'000, 'x'), std::string(21, '\0')}) {
    EXPECT_THAT(Open(bytes),
                StatusIs(StatusCode::kInvalidData, HasSubstr("not a zip archive, or cut short")));
  }
  EXPECT_THAT(OpenZipStore(directory_ / "absent.zip"),
              StatusIs(StatusCode::kNotFound, HasSubstr("absent.zip")));
  EXPECT_THAT(OpenZipStore(directory_.path()),
              StatusIs(StatusCode::kInvalidData, HasSubstr("a directory")));
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0666), 0);
  EXPECT_THAT(OpenZipStore(directory_ / "fifo"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("a FIFO")));
}

TEST_F(ZipStoreTest, AnArchiveCutShortWhileOpenIsAnError) {
  ZipWriter zip;
  zip.Add("x", std::string(1000, 'x'));
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  ASSERT_EQ(::truncate((directory_ / "a.zip").c_str(), 500), 0);
  EXPECT_THAT(Get(*store, "x"), AllOf(StartsWith("InvalidData: a.zip: x: "), HasSubstr("shorter")));
}

TEST_F(ZipStoreTest, ManyThreadsReadOneArchive) {
  ZipWriter zip;
  for (int i = 0; i < 50; ++i)
    zip.Add(std::to_string(i), std::string(10'000, static_cast<char>(i)), {.deflate = i % 2 == 0});
  ASSERT_OK_AND_ASSIGN(const auto store, Open(std::move(zip).Finish()));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const int key = (i * 7 + t) % 50;
        EXPECT_EQ(Get(*store, std::to_string(key)),
                  "=" + std::string(10'000, static_cast<char>(key)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Every cut and every flipped byte gives the right value, an absent key or an error: never another
// value, and nothing for the sanitizers to find.
TEST_F(ZipStoreTest, SurvivesEveryCutAndFlippedByte) {
  SeededRandom random;
  ZipWriter zip;
  const std::string stored = "stored value";
  const std::string deflated(300, 'd');
  zip.Add("s", stored, {.zip64 = true});
  zip.Add("g/d", deflated, {.deflate = true});
  const std::string good = std::move(zip).Finish({.zip64 = true, .comment = "c"});
  const auto check = [&](const std::string& bytes) {
    const auto store = Open(bytes);
    if (!store.ok()) return;
    static_cast<void>(Names(**store, ""));
    Buffer out;
    for (const auto& [key, want] : {std::pair("s", stored), std::pair("g/d", deflated)}) {
      const auto result = (*store)->Read(key, ByteRange::Whole(), kLimit, &out);
      if (!result.ok() || !result->found) continue;
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()), out.size()), want);
    }
  };
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(Open(good.substr(0, length)).ok()) << length;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.Uniform(0, 7)));
    check(bytes);
    bytes[at] = '\xFF';
    check(bytes);
  }
}

}  // namespace
}  // namespace colonnade::store
