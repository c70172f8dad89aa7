#include "store/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

#include "base/quote.h"
#include "store/file_descriptor.h"
#include "store/file_kind.h"
#include "store/path_name.h"

namespace colonnade::store {
namespace {

#ifdef O_PATH
constexpr int kSearchOnly = O_PATH;
#else
constexpr int kSearchOnly = O_RDONLY;
#endif
// Without O_NONBLOCK opening a FIFO waits for its writer; without O_NOCTTY opening a terminal may
// take it over.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
constexpr int kListFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// The opening functions below return a descriptor, or -errno. -EXDEV: the path leaves the root.

int OpenAt(int directory, const char* path, int flags) {
  for (;;) {
    const int fd = ::openat(directory, path, flags);
    if (fd >= 0) return fd;
    if (errno != EINTR) return -errno;
  }
}

// As openat, but the kernel keeps the walk below `directory`, whatever links it meets.
int OpenBeneath(int directory, const char* path, int flags) {
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EINTR) return -errno;
  }
#else
  static_cast<void>(directory), static_cast<void>(path), static_cast<void>(flags);
  return -ENOSYS;
#endif
}

// Opens segment by segment and follows no link at all.
int OpenWithoutLinks(int directory, std::string_view path, int flags) {
  FileDescriptor parent;
  for (;;) {
    const size_t slash = path.find('/');
    const std::string segment(path.substr(0, slash));
    const int from = parent.is_open() ? parent.get() : directory;
    if (slash == std::string_view::npos) return OpenAt(from, segment.c_str(), flags | O_NOFOLLOW);
    const int fd =
        OpenAt(from, segment.c_str(), kSearchOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fd;
    parent = FileDescriptor(fd);
    path.remove_prefix(slash + 1);
  }
}

class FileStore final : public Store {
 public:
  FileStore(std::string name, std::string real_path, FileDescriptor root, LinkPolicy links)
      : name_(std::move(name)),
        real_path_(std::move(real_path)),
        root_(std::move(root)),
        links_(links) {
    // Old kernels lack openat2, and some sandboxes forbid it.
    const FileDescriptor probe(
        OpenBeneath(root_.get(), ".", kSearchOnly | O_DIRECTORY | O_CLOEXEC));
    has_open_beneath_ = probe.is_open();
  }

  const std::string& name() const override { return name_; }

  Result<ReadResult> Read(std::string_view key, ByteRange range, uint64_t max_bytes,
                          Buffer* out) const override {
    if (Status valid = ValidateKey(key); !valid.ok()) return std::move(valid).WithContext(name_);
    char path[kMaxKeyBytes + 1];
    std::memcpy(path, key.data(), key.size());
    path[key.size()] = '\0';
    const FileDescriptor file(Open(path, kReadFlags));
    if (!file.is_open()) {
      Status status = OpenFailure(path, -file.get());
      if (status.ok()) return ReadResult{};
      return std::move(status).WithContext(Where(key));
    }
    struct stat info;
    if (::fstat(file.get(), &info) != 0) return SystemError(errno).WithContext(Where(key));
    if (S_ISDIR(info.st_mode)) return ReadResult{};
    if (!S_ISREG(info.st_mode)) {
      return Io(Where(key), ": ", FileTypeName(info.st_mode), ", not a regular file");
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    const Result<ByteSpan> span = ResolveRange(range, size, max_bytes);
    if (!span.ok()) return span.status().WithContext(Where(key));
    Status status = out->Resize(span->length);
    if (status.ok()) status = ReadFully(file.get(), span->offset, out->mutable_bytes());
    if (!status.ok()) return std::move(status).WithContext(Where(key));
    return ReadResult{true, size};
  }

  Result<std::vector<ListEntry>> List(std::string_view prefix, size_t max_entries) const override {
    if (!prefix.empty()) {
      if (Status valid = ValidateKey(prefix); !valid.ok()) {
        return std::move(valid).WithContext(name_);
      }
    }
    const std::string path = prefix.empty() ? "." : std::string(prefix);
    FileDescriptor directory(Open(path.c_str(), kListFlags));
    if (!directory.is_open()) {
      Status status = OpenFailure(path.c_str(), -directory.get());
      if (status.ok()) return std::vector<ListEntry>();
      return std::move(status).WithContext(Where(prefix));
    }
    std::vector<ListEntry> entries;
    Status status = ReadEntries(std::move(directory), prefix, max_entries, &entries);
    if (!status.ok()) return std::move(status).WithContext(Where(prefix));
    std::sort(entries.begin(), entries.end(),
              [](const ListEntry& a, const ListEntry& b) { return a.name < b.name; });
    return entries;
  }

 private:
  std::string Where(std::string_view key) const {
    return key.empty() ? name_ : name_ + ": " + EscapeControls(key);
  }

  int Open(const char* path, int flags) const {
    if (links_ == LinkPolicy::kFollow) return OpenAt(root_.get(), path, flags);
    if (has_open_beneath_) {
      const int fd = OpenBeneath(root_.get(), path, flags);
      // EXDEV is also the answer to an absolute link that may lead back inside, ELOOP to a link
      // that only /proc can follow, EAGAIN to a rename during the walk.
      if (fd >= 0 || (fd != -EXDEV && fd != -ELOOP && fd != -EAGAIN)) return fd;
    } else {
      const int fd = OpenWithoutLinks(root_.get(), path, flags);
      if (fd >= 0 || (fd != -ELOOP && fd != -ENOTDIR)) return fd;
    }
    return OpenResolved(path, flags);
  }

  // Resolves the links first and opens what they lead to without following any more, so that a link
  // planted in between is an error and not an escape.
  int OpenResolved(const char* path, int flags) const {
    const std::optional<std::string> target = Resolve(path);
    if (!target) return -errno;
    if (target->empty()) return OpenAt(root_.get(), ".", flags);
    if (target->starts_with('/')) return -EXDEV;
    return OpenWithoutLinks(root_.get(), *target, flags);
  }

  // What `path` leads to through all links: a key, "" for the root, an absolute path if it is
  // outside the root. Nothing, and errno, if it leads nowhere.
  std::optional<std::string> Resolve(const char* path) const {
    const std::string base = real_path_ == "/" ? "/" : real_path_ + "/";
    char* resolved = ::realpath((base + path).c_str(), nullptr);
    if (resolved == nullptr) return std::nullopt;
    std::string target(resolved);
    std::free(resolved);
    if (target == real_path_) return std::string();
    if (target.starts_with(base)) target.erase(0, base.size());
    return target;
  }

  // OK: nothing is there.
  Status OpenFailure(const char* path, int error) const {
    struct stat info;
    switch (error) {
      case ENOENT:
        // A link whose target is missing (a disk that is not mounted, content that was not fetched)
        // is not an absent value.
        if (::fstatat(root_.get(), path, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(info.st_mode)) {
          return Io("a symbolic link to a file that does not exist");
        }
        if (::fstat(root_.get(), &info) == 0 && info.st_nlink == 0) {
          return Io("the store's directory was removed after it was opened");
        }
        return {};
      case ENOTDIR: return {};
      case EXDEV: return PermissionDenied("a symbolic link leads out of the store");
      case ELOOP: return Io("symbolic links form a cycle");
      case ENXIO: return Io("a socket or a device, not a regular file");
      case ENAMETOOLONG: return InvalidArgument("the name is too long for a file");
      default: return SystemError(error);
    }
  }

  Status ReadEntries(FileDescriptor directory, std::string_view prefix, size_t max_entries,
                     std::vector<ListEntry>* entries) const {
    struct Close {
      void operator()(DIR* open) const { ::closedir(open); }
    };
    const std::unique_ptr<DIR, Close> stream(::fdopendir(directory.get()));
    if (stream == nullptr) return SystemError(errno);
    directory.Release();
    for (;;) {
      errno = 0;
      const struct dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) return errno == 0 ? Status() : SystemError(errno);
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entries->size() == max_entries) {
        return LimitExceeded("more than ", max_entries, " names in the directory");
      }
      entries->push_back(Describe(*entry, ::dirfd(stream.get()), prefix));
    }
  }

  ListEntry Describe(const struct dirent& entry, int directory, std::string_view prefix) const {
    ListEntry described{entry.d_name, entry.d_type == DT_DIR};
    if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return described;
    struct stat info;
    if (::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return described;
    if (!S_ISLNK(info.st_mode)) {
      described.is_directory = S_ISDIR(info.st_mode);
      return described;
    }
    // By the policy for links: what may not be opened is not a directory here.
    const std::string key = JoinKey(prefix, entry.d_name);
    const FileDescriptor target(Open(key.c_str(), kSearchOnly | O_DIRECTORY | O_CLOEXEC));
    if (!target.is_open()) return described;
    described.link_target = Resolve(key.c_str());
    // A link that was removed in between leads nowhere.
    described.is_directory = described.link_target.has_value();
    return described;
  }

  const std::string name_;
  const std::string real_path_;
  const FileDescriptor root_;
  const LinkPolicy links_;
  bool has_open_beneath_ = false;
};

}  // namespace

Result<std::shared_ptr<const Store>> OpenFileStore(const std::string& path, LinkPolicy links) {
  COLONNADE_RETURN_IF_ERROR(ValidatePath(path));
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return SystemError(errno).WithContext(Quote(path));
  std::string real_path(resolved);
  std::free(resolved);
  FileDescriptor root(::open(real_path.c_str(), kSearchOnly | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open() && errno == ENOTDIR) {
    const Result<FileKind> kind = DetectFileKind(real_path);
    if (!kind.ok()) return kind.status().WithContext(Quote(path));
    return InvalidArgument(Quote(path), " is not a directory: it is ", kind->description);
  }
  if (!root.is_open()) return SystemError(errno).WithContext(Quote(path));
  std::string name = StoreName(path);
  if (name.ends_with('.')) name = StoreName(real_path);  // "." and ".." say little
  return std::make_shared<FileStore>(EscapeControls(name), std::move(real_path), std::move(root),
                                     links);
}

}  // namespace colonnade::store
