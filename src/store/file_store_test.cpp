#include "store/file_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::store {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The value, or what went wrong.
std::string Get(const Store& store, const std::string& key) {
  Buffer out;
  const Result<ReadResult> result = store.Read(key, ByteRange::Whole(), 1 << 20, &out);
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

// Runs `body` in a child process; true if it has no failed expectation. What the child gives up
// (its user, a system call) is not lost to the other tests.
template <typename Body>
bool PassesInChild(Body body) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    std::cout.flush();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Makes openat2 fail as it does on old kernels and in some sandboxes.
void ForbidOpenat2(unsigned error) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {.len = 4, .filter = filter};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  ASSERT_EQ(::syscall(SYS_openat2, AT_FDCWD, ".", nullptr, 0), -1);
  ASSERT_EQ(errno, static_cast<int>(error));
}

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    directory_.Write("air.zarr/zarr.json", "{}");
    directory_.Write("air.zarr/t/c/0", "zero");
    directory_.Write("secret/key", "secret");
  }
  std::shared_ptr<const Store> Open(LinkPolicy links = LinkPolicy::kRefuseLeavingRoot) {
    auto store = OpenFileStore(directory_ / "air.zarr", links);
    EXPECT_OK(store);
    return *store;
  }

  void CheckLinks() {
    const auto store = Open();
    EXPECT_EQ(Get(*store, "t/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "t/c/1"), "absent");
    EXPECT_EQ(Get(*store, "zarr.json/x"), "absent");
    EXPECT_EQ(Get(*store, "relative"), "=zero");
    EXPECT_EQ(Get(*store, "absolute"), "=zero");
    EXPECT_EQ(Get(*store, "chain"), "=zero");
    EXPECT_EQ(Get(*store, "directory/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "absolute_directory/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "absolute_directory/c/1"), "absent");
    EXPECT_EQ(Get(*store, "self/self/t/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "absolute_self/t/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "absolute_self"), "absent");
    for (const char* key :
         {"out", "out_absolute", "out_directory/key", "neighbour/x", "back/key"}) {
      EXPECT_THAT(Get(*store, key),
                  AllOf(StartsWith("PermissionDenied: air.zarr: " + std::string(key)),
                        HasSubstr("leads out of the store")));
    }
    for (const char* key : {"cycle", "cycle/x", "cycle_a/x", "absolute_cycle"}) {
      EXPECT_THAT(Get(*store, key), AllOf(StartsWith("Io: air.zarr: "), HasSubstr("cycle"))) << key;
    }
    EXPECT_THAT(Get(*store, "dangling"), HasSubstr("link to a file that does not exist"));
    EXPECT_EQ(Names(*store, "directory"), "c/ ");
    EXPECT_EQ(Names(*store, "absolute_directory/c"), "0 ");
    EXPECT_THAT(Names(*store, "out_directory"), StartsWith("PermissionDenied: air.zarr: "));
    EXPECT_EQ(Names(*store, ""),
              "absolute absolute_cycle absolute_directory/ absolute_self/ back chain cycle cycle_a "
              "dangling directory/ neighbour out out_absolute out_directory relative self/ t/ "
              "zarr.json ");
  }

  void MakeLinks() {
    directory_.Link("air.zarr/relative", "t/c/0");
    directory_.Link("air.zarr/absolute", directory_ / "air.zarr/t/c/0");
    directory_.Link("air.zarr/chain", "absolute");
    directory_.Link("air.zarr/directory", "t/../t");
    directory_.Link("air.zarr/absolute_directory", directory_ / "air.zarr/t");
    directory_.Link("air.zarr/self", ".");
    directory_.Link("air.zarr/absolute_self", directory_ / "air.zarr");
    directory_.Link("air.zarr/out", "../secret/key");
    directory_.Link("air.zarr/out_absolute", directory_ / "secret/key");
    directory_.Link("air.zarr/out_directory", "../secret");
    // A sibling whose path starts with the root's.
    directory_.Write("air.zarr-other/x", "other");
    directory_.Link("air.zarr/neighbour", directory_ / "air.zarr-other");
    // In by way of out: what it finally leads to is outside.
    directory_.Link("secret/in", directory_ / "air.zarr/out_directory");
    directory_.Link("air.zarr/back", directory_ / "secret/in");
    directory_.Link("air.zarr/cycle", "cycle");
    directory_.Link("air.zarr/cycle_a", "cycle_a/b");
    directory_.Link("air.zarr/absolute_cycle", directory_ / "air.zarr/absolute_cycle");
    directory_.Link("air.zarr/dangling", "t/c/9");
  }

  TemporaryDirectory directory_;
};

TEST_F(FileStoreTest, FollowsLinksInsideTheRootOnly) {
  MakeLinks();
  CheckLinks();
}

TEST_F(FileStoreTest, FollowsTheSameLinksWhereTheKernelCannotCheckThem) {
  MakeLinks();
  for (const int error : {ENOSYS, EPERM}) {
    EXPECT_TRUE(PassesInChild([&] {
      ForbidOpenat2(static_cast<unsigned>(error));
      CheckLinks();
    })) << error;
  }
}

TEST_F(FileStoreTest, ListsWhereLinkedDirectoriesLead) {
  MakeLinks();
  const auto targets = [](const Store& store, std::string_view prefix) {
    std::string text;
    auto entries = store.List(prefix, 100);
    EXPECT_OK(entries);
    for (const ListEntry& entry : *entries) {
      if (entry.link_target) text += entry.name + "=" + *entry.link_target + " ";
    }
    return text;
  };
  const auto store = Open();
  EXPECT_EQ(targets(*store, ""), "absolute_directory=t absolute_self= directory=t self= ");
  EXPECT_EQ(targets(*store, "self"), "absolute_directory=t absolute_self= directory=t self= ");
  directory_.Link("air.zarr/t/c/below", "../../directory/c");
  EXPECT_EQ(targets(*store, "directory/c"), "below=t/c ");
  const auto following = Open(LinkPolicy::kFollow);
  EXPECT_THAT(targets(*following, ""),
              HasSubstr("neighbour=" + (directory_ / "air.zarr-other") +
                        " out_directory=" + (directory_ / "secret") + " self= "));
}

TEST_F(FileStoreTest, FollowsEveryLinkIfTold) {
  MakeLinks();
  const auto store = Open(LinkPolicy::kFollow);
  EXPECT_EQ(Get(*store, "out"), "=secret");
  EXPECT_EQ(Get(*store, "out_absolute"), "=secret");
  EXPECT_EQ(Get(*store, "out_directory/key"), "=secret");
  EXPECT_EQ(Names(*store, "out_directory"), "in/ key ");
  EXPECT_THAT(Get(*store, "cycle"), HasSubstr("cycle"));
  EXPECT_THAT(Get(*store, "dangling"), StartsWith("Io"));
}

TEST_F(FileStoreTest, TheRootItselfMayBeALink) {
  directory_.Link("latest", "air.zarr");
  ASSERT_OK_AND_ASSIGN(const auto store, OpenFileStore(directory_ / "latest/"));
  EXPECT_EQ(store->name(), "latest");
  EXPECT_EQ(Get(*store, "t/c/0"), "=zero");
}

TEST_F(FileStoreTest, RefusesAFifoWithoutWaitingForItsWriter) {
  ASSERT_EQ(::mkfifo((directory_ / "air.zarr/t/c/1").c_str(), 0666), 0);
  EXPECT_THAT(Get(*Open(), "t/c/1"),
              AllOf(StartsWith("Io: air.zarr: t/c/1: "), HasSubstr("a FIFO")));
  EXPECT_EQ(Names(*Open(), "t/c"), "0 1 ");
}

TEST_F(FileStoreTest, RefusesSocketsAndDevices) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = directory_ / "air.zarr/socket";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  EXPECT_THAT(Get(*Open(), "socket"),
              AllOf(StartsWith("Io: air.zarr: socket: "), HasSubstr("not a regular file")));
  directory_.Link("air.zarr/zero", "/dev/zero");
  EXPECT_THAT(Get(*Open(LinkPolicy::kFollow), "zero"), HasSubstr("a device, not a regular file"));
  EXPECT_THAT(Get(*Open(), "zero"), HasSubstr("leads out"));
}

TEST_F(FileStoreTest, ReportsPermissionDeniedAndNeverAbsent) {
  directory_.Write("air.zarr/locked", "x");
  ASSERT_EQ(::chmod((directory_ / "air.zarr/locked").c_str(), 0), 0);
  directory_.Write("air.zarr/closed/x", "x");
  ASSERT_EQ(::chmod((directory_ / "air.zarr/closed").c_str(), 0), 0);
  directory_.Write("barred/air.zarr/x", "x");
  ASSERT_EQ(::chmod((directory_ / "barred").c_str(), 0), 0);
  EXPECT_TRUE(PassesInChild([&] {
    constexpr uid_t kNobody = 65534;  // root reads everything
    if (::geteuid() == 0) {
      ASSERT_EQ(::setgid(kNobody), 0);
      ASSERT_EQ(::setuid(kNobody), 0);
    }
    const auto store = Open();
    EXPECT_EQ(Get(*store, "t/c/0"), "=zero");
    EXPECT_EQ(Get(*store, "locked"), "PermissionDenied: air.zarr: locked: Permission denied");
    EXPECT_EQ(Get(*store, "closed/x"), "PermissionDenied: air.zarr: closed/x: Permission denied");
    EXPECT_EQ(Get(*store, "closed/absent"),
              "PermissionDenied: air.zarr: closed/absent: Permission denied");
    EXPECT_EQ(Names(*store, "closed"), "PermissionDenied: air.zarr: closed: Permission denied");
    EXPECT_EQ(Names(*store, ""), "closed/ locked t/ zarr.json ");
    EXPECT_THAT(OpenFileStore(directory_ / "barred/air.zarr"),
                StatusIs(StatusCode::kPermissionDenied, HasSubstr("barred/air.zarr")));
  }));
  ASSERT_EQ(::chmod((directory_ / "air.zarr/closed").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((directory_ / "barred").c_str(), 0755), 0);
}

TEST_F(FileStoreTest, SeesAFileThatBecameShorterSinceTheLastRead) {
  const auto store = Open();
  Buffer out;
  ASSERT_OK(store->Read("t/c/0", ByteRange::Span(2, 2), 10, &out));
  directory_.Write("air.zarr/t/c/0", "zer");
  EXPECT_THAT(store->Read("t/c/0", ByteRange::Span(2, 2), 10, &out),
              StatusIs(StatusCode::kInvalidData, HasSubstr("3 bytes")));
  directory_.Write("air.zarr/t/c/0", "");
  EXPECT_EQ(Get(*store, "t/c/0"), "=");
}

TEST_F(FileStoreTest, AFileThatShrinksUnderTheReadIsAnErrorOrACompleteValue) {
  const auto store = Open();
  const std::string path = directory_ / "air.zarr/t/c/0";
  const std::string big(1 << 20, 'x');
  directory_.Write("air.zarr/t/c/0", big);
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(::truncate(path.c_str(), 1000), 0);
      EXPECT_EQ(::truncate(path.c_str(), 1 << 20), 0);
    }
  });
  for (int i = 0; i < 300; ++i) {
    Buffer out;
    const auto result = store->Read("t/c/0", ByteRange::Whole(), 1 << 20, &out);
    if (result.ok()) {
      EXPECT_EQ(out.size(), result->value_size);
    } else {
      EXPECT_THAT(result, StatusIs(StatusCode::kInvalidData, HasSubstr("became shorter")));
    }
  }
  writer.join();
}

TEST_F(FileStoreTest, ARemovedStoreIsAnErrorAndNotAnEmptyOne) {
  const auto store = Open();
  std::filesystem::remove_all(directory_ / "air.zarr");
  directory_.Write("air.zarr/t/c/0", "new");
  EXPECT_THAT(Get(*store, "t/c/0"), AllOf(StartsWith("Io"), HasSubstr("removed")));
}

TEST_F(FileStoreTest, NamesTooLongForAFileAreRefused) {
  EXPECT_THAT(Get(*Open(), std::string(300, 'x')), StartsWith("InvalidArgument: air.zarr: xxx"));
}

TEST_F(FileStoreTest, EscapesKeysInMessages) {
  ASSERT_EQ(::mkfifo((directory_ / "air.zarr/\x1b[31m").c_str(), 0666), 0);
  EXPECT_THAT(Get(*Open(), "\x1b[31m"), StartsWith("Io: air.zarr: \\x1b[31m: "));
}

TEST_F(FileStoreTest, ReadsWithoutAnyAllocationButTheBuffers) {
  const auto store = Open();
  Buffer out;
  ASSERT_OK(store->Read("t/c/0", ByteRange::Whole(), 10, &out));
  const std::byte* data = out.data();
  ASSERT_OK(store->Read("zarr.json", ByteRange::Whole(), 10, &out));
  EXPECT_EQ(out.data(), data);
}

TEST_F(FileStoreTest, ClosesWhatItOpens) {
  MakeLinks();
  const auto descriptors = [] {
    ptrdiff_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      count += entry.path().empty() ? 0 : 1;
    }
    return count;
  };
  const ptrdiff_t before = descriptors();
  for (int i = 0; i < 3; ++i) CheckLinks();
  EXPECT_EQ(descriptors(), before);
}

TEST_F(FileStoreTest, IsNamedByWhatTheUserWrote) {
  directory_.MakeDirectory("air.zarr/group/sub");
  EXPECT_EQ((*OpenFileStore(directory_ / "air.zarr//"))->name(), "air.zarr");
  EXPECT_EQ((*OpenFileStore(directory_ / "air.zarr/group/sub"))->name(), "air.zarr/group/sub");
  EXPECT_EQ((*OpenFileStore(directory_ / "secret"))->name(), "secret");
  EXPECT_EQ((*OpenFileStore("/"))->name(), "/");
  EXPECT_TRUE(PassesInChild([&] {
    ASSERT_EQ(::chdir((directory_ / "air.zarr").c_str()), 0);
    EXPECT_EQ((*OpenFileStore("."))->name(), "air.zarr");
    EXPECT_EQ(Get(**OpenFileStore("."), "t/c/0"), "=zero");
    EXPECT_EQ((*OpenFileStore("t"))->name(), "t");
  }));
}

TEST_F(FileStoreTest, OpeningSomethingElseSaysWhatItIs) {
  EXPECT_THAT(OpenFileStore(directory_ / "nothing"),
              StatusIs(StatusCode::kNotFound, HasSubstr("nothing'")));
  EXPECT_THAT(
      OpenFileStore(directory_ / "secret/key"),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("not a directory: it is a text file")));
  EXPECT_THAT(OpenFileStore(""), StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(OpenFileStore(std::string("a\0b", 3)), StatusIs(StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace colonnade::store
