#include "questdb/endpoint/disk_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "questdb/endpoint/commit_log.h"
#include "questdb/endpoint/sessions_for_test.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using wire::ColumnType;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  ASSERT_TRUE(file.flush().good());
}

class DiskStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryStore> Open() {
    auto store = OpenDiskStore(directory_ / "store");
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::string log() const { return directory_ / "store/commits.log"; }

  TemporaryDirectory directory_;
  wire::TestColumns memory_;
};

TEST_F(DiskStoreTest, EverythingIsThereAfterwards) {
  std::string all_types;
  std::string upserted;
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-all-types"), "OK 0 all_types@1");
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-all-types"), "OK 0 all_types@2");
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@1");
    EXPECT_EQ(AnswerOf(*store, "CREATE TABLE gone (ts TIMESTAMP) TIMESTAMP(ts)"), "DONE -1");
    EXPECT_EQ(AnswerOf(*store, "DROP TABLE gone"), "DONE -1");
    EXPECT_EQ(AnswerOf(*store,
                       "CREATE TABLE k (a LONG, m DOUBLE[][], ts TIMESTAMP) TIMESTAMP(ts) "
                       "DEDUP UPSERT KEYS(ts)"),
              "DONE -1");
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_THAT(
          TestWriter(*store).SendRows("k",
                                      {memory_.Fixed<int64_t>("a", ColumnType::kLong, {i, i + 10}),
                                       memory_.Fixed<int64_t>("", ColumnType::kTimestamp, {7, i})},
                                      2),
          HasSubstr("OK"));
    }
    all_types = AnswerOf(*store, "SELECT * FROM all_types");
    upserted = AnswerOf(*store, "SELECT * FROM k");
    EXPECT_THAT(upserted, HasSubstr("a long: 2 10 11 12\n"));
  }
  const auto store = Open();
  EXPECT_EQ(AnswerOf(*store, "SHOW TABLES"), "table_name varchar: 'all_types' 'k' 'trades'\n");
  EXPECT_EQ(AnswerOf(*store, "SELECT * FROM all_types"), all_types);
  EXPECT_EQ(AnswerOf(*store, "SELECT * FROM k"), upserted);
  EXPECT_EQ(store->transaction("k"), 3);
  EXPECT_EQ(TestWriter(*store).SendGolden("ingress-all-types"), "OK 0 all_types@3");
  EXPECT_EQ(TestWriter(*store).SendRows(
                "k", {memory_.Fixed<int64_t>("", ColumnType::kTimestamp, {7})}, 1),
            "OK 0 k@4");
  EXPECT_EQ(store->rows("k"), 4);
}

TEST_F(DiskStoreTest, WhatIsNotCommittedIsNotThere) {
  {
    const auto store = Open();
    TestWriter writer(*store);
    EXPECT_EQ(writer.SendGolden("ingress-symbols-1"), "OK 0 trades@1");
    EXPECT_EQ(writer.SendGolden("ingress-symbols-2"), "");
  }
  EXPECT_EQ(Open()->rows("trades"), 2);
}

TEST_F(DiskStoreTest, ATornLastCommitIsCutOffWhereverItIsTorn) {
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@1");
  }
  const size_t before = ReadFile(log()).size();
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@2");
  }
  const std::string whole = ReadFile(log());
  ASSERT_GT(whole.size(), before);
  ASSERT_EQ(whole.size() % 8, 0U);
  for (size_t size = before; size < whole.size(); ++size) {
    WriteFile(log(), whole.substr(0, size));
    const auto store = Open();
    ASSERT_NE(store, nullptr) << size;
    ASSERT_EQ(store->rows("trades"), 10) << size;
    ASSERT_EQ(std::filesystem::file_size(log()), before) << size;
  }
  // Room that the disk had given and nobody had written to.
  WriteFile(log(), whole.substr(0, before) + std::string(whole.size() - before, '\0'));
  EXPECT_EQ(Open()->rows("trades"), 10);
  WriteFile(log(), whole);
  EXPECT_EQ(Open()->rows("trades"), 20);
}

TEST_F(DiskStoreTest, ADamagedByteOfTheLastCommitCutsItOff) {
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@1");
  }
  const size_t before = ReadFile(log()).size();
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-symbols-1"), "OK 0 trades@2");
  }
  const std::string whole = ReadFile(log());
  for (size_t at = before + 8; at < whole.size() - 8; at += 3) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    WriteFile(log(), damaged);
    const auto store = Open();
    ASSERT_NE(store, nullptr) << at;
    ASSERT_EQ(store->rows("trades"), 10) << at;
  }
}

TEST_F(DiskStoreTest, DamageThatIsNoTearIsAnError) {
  {
    const auto store = Open();
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@1");
    EXPECT_EQ(TestWriter(*store).SendGolden("ingress-quotes"), "OK 0 trades@2");
  }
  std::string bytes = ReadFile(log());
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  WriteFile(log(), bytes);
  EXPECT_THAT(OpenDiskStore(directory_ / "store"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("is damaged, and others follow it")));
  EXPECT_EQ(ReadFile(log()), bytes) << "nothing is thrown away";
  WriteFile(log(), "something else entirely");
  EXPECT_THAT(OpenDiskStore(directory_ / "store"),
              StatusIs(StatusCode::kInvalidData, HasSubstr("is no log of commits")));
}

TEST_F(DiskStoreTest, OnlyOneProcessHasAStoreOpen) {
  const auto store = Open();
  EXPECT_THAT(OpenDiskStore(directory_ / "store"),
              StatusIs(StatusCode::kInvalidState, HasSubstr("another process has it open")));
  EXPECT_THAT(OpenDiskStore(directory_ / "no/such"),
              StatusIs(StatusCode::kIo, HasSubstr("cannot make the directory")));
}

TEST_F(DiskStoreTest, AProcessThatIsKilledLosesNothingThatItAcknowledged) {
  // The child writes the number of each acknowledged commit to a pipe, until it is killed.
  constexpr int kRowsPerCommit = 50;
  int64_t expected = 0;
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = OpenDiskStore(directory_ / "store");
      if (!store.ok()) _exit(1);
      TestWriter writer(**store);
      std::vector<std::optional<int64_t>> values(kRowsPerCommit, 1);
      wire::TestColumns memory;
      const std::vector<wire::Column> columns = {
          memory.Fixed<int64_t>("a", ColumnType::kLong, values)};
      while (true) {
        if (writer.SendRows("t", columns, kRowsPerCommit).rfind("OK ", 0) != 0) _exit(2);
        if (write(ends[1], "x", 1) != 1) _exit(3);
      }
    }
    close(ends[1]);
    char byte = 0;
    int64_t acknowledged = 0;
    for (; acknowledged < 5 + round * 7; ++acknowledged) ASSERT_EQ(read(ends[0], &byte, 1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (read(ends[0], &byte, 1) == 1) ++acknowledged;
    close(ends[0]);
    const int64_t rows = Open()->rows("t");
    EXPECT_EQ(rows % kRowsPerCommit, 0) << "half a commit";
    EXPECT_GE(rows, expected + acknowledged * kRowsPerCommit);
    EXPECT_LE(rows, expected + (acknowledged + 1) * kRowsPerCommit)
        << "one may have been on the disk that was not acknowledged yet";
    expected = rows;
  }
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
