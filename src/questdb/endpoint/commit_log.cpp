#include "questdb/endpoint/commit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "base/byte_order.h"
#include "base/crc32c.h"

namespace colonnade::questdb::endpoint {
namespace {

constexpr char kMagic[8] = {'Q', 'W', 'P', 'L', 'O', 'G', '0', '1'};
constexpr size_t kHeadBytes = 8;
constexpr size_t kLengthOffset = 4;
constexpr uint64_t kAlignment = 8;

std::string ErrorText(int error) { return std::generic_category().message(error); }

uint64_t RecordBytes(uint64_t payload) {
  return (kHeadBytes + payload + kAlignment - 1) / kAlignment * kAlignment;
}

// A file's bytes, to be read in place.
class Mapping {
 public:
  Mapping(int descriptor, size_t size) : size_(size) {
    if (size > 0) memory_ = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  ~Mapping() {
    if (size_ > 0 && memory_ != MAP_FAILED) munmap(memory_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool ok() const { return memory_ != MAP_FAILED; }
  Bytes bytes() const { return {static_cast<const std::byte*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  size_t size_;
};

// Makes a new name in a directory last.
Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Io(directory, ": cannot open: ", ErrorText(errno));
  const int failed = fsync(descriptor) != 0 ? errno : 0;
  close(descriptor);
  if (failed != 0) return Io(directory, ": cannot sync: ", ErrorText(failed));
  return {};
}

int WriteAll(int descriptor, Bytes bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    at += static_cast<uint64_t>(count);
  }
  return 0;
}

}  // namespace

CommitLog::~CommitLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

CommitLog::CommitLog(CommitLog&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      broken_(std::move(other.broken_)) {}

CommitLog& CommitLog::operator=(CommitLog&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(size_, other.size_);
  std::swap(broken_, other.broken_);
  return *this;
}

Status CommitLog::Fail(const char* what, int error) const {
  return Io(path_, ": cannot ", what, ": ", ErrorText(error));
}

Result<CommitLog> CommitLog::Open(const std::string& path,
                                  const std::function<Status(Bytes)>& replay) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return Io(path, ": cannot open: ", ErrorText(errno));
  CommitLog log(descriptor, path);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return InvalidState(path, ": another process has it open");
    return log.Fail("lock", errno);
  }
  COLONNADE_RETURN_IF_ERROR(log.Replay(replay));
  return log;
}

Status CommitLog::Replay(const std::function<Status(Bytes)>& replay) {
  struct stat status = {};
  if (fstat(descriptor_, &status) != 0) return Fail("look at", errno);
  const auto file_bytes = static_cast<uint64_t>(status.st_size);
  if (file_bytes < sizeof(kMagic)) {
    // New, or torn when it was made.
    if (ftruncate(descriptor_, 0) != 0) return Fail("truncate", errno);
    const int error = WriteAll(descriptor_, std::as_bytes(std::span(kMagic)), 0);
    if (error != 0) return Fail("write", error);
    if (fsync(descriptor_) != 0) return Fail("sync", errno);
    COLONNADE_RETURN_IF_ERROR(SyncDirectoryOf(path_));
    size_ = sizeof(kMagic);
    return {};
  }
  const Mapping mapping(descriptor_, file_bytes);
  if (!mapping.ok()) return Fail("map", errno);
  const Bytes file = mapping.bytes();
  if (std::memcmp(file.data(), kMagic, sizeof(kMagic)) != 0) {
    return InvalidData(path_, ": is no log of commits");
  }
  uint64_t at = sizeof(kMagic);
  while (file_bytes - at >= kHeadBytes) {
    const auto checksum = LoadLittle<uint32_t>(file.data() + at);
    const auto length = LoadLittle<uint32_t>(file.data() + at + kLengthOffset);
    if (length == 0 || RecordBytes(length) > file_bytes - at) break;  // torn
    const Bytes payload = file.subspan(at + kHeadBytes, length);
    const uint64_t end = at + RecordBytes(length);
    if (Crc32c(file.subspan(at + kLengthOffset, 4 + size_t{length})) != checksum) {
      if (end == file_bytes) break;  // torn
      return InvalidData(path_, ": the record at byte ", at, " is damaged, and others follow it");
    }
    const Status replayed = replay(payload);
    if (!replayed.ok()) {
      return replayed.WithContext(internal::Concat(path_, ": record at byte ", at));
    }
    at = end;
  }
  size_ = at;
  if (at == file_bytes) return {};
  if (ftruncate(descriptor_, static_cast<off_t>(at)) != 0) return Fail("truncate", errno);
  if (fsync(descriptor_) != 0) return Fail("sync", errno);
  return {};
}

Status CommitLog::Append(Bytes payload) {
  COLONNADE_RETURN_IF_ERROR(broken_);
  if (payload.empty() || payload.size() > kMaxRecordBytes) {
    return LimitExceeded(path_, ": a record of ", payload.size(), " bytes, must be 1 to ",
                         kMaxRecordBytes);
  }
  const auto length = static_cast<uint32_t>(payload.size());
  std::vector<std::byte> record(RecordBytes(length));
  std::memcpy(record.data() + kLengthOffset, &length, sizeof(length));
  std::memcpy(record.data() + kHeadBytes, payload.data(), payload.size());
  const uint32_t checksum = Crc32c(Bytes(record).subspan(kLengthOffset, 4 + payload.size()));
  std::memcpy(record.data(), &checksum, sizeof(checksum));
  int error = WriteAll(descriptor_, record, size_);
  if (error == 0 && fdatasync(descriptor_) != 0) error = errno;
  if (error == 0) {
    size_ += record.size();
    return {};
  }
  const Status failure = Fail("write a record", error);
  // Whether any of it is on the disk is unknown: it must not be taken for a commit later.
  if (ftruncate(descriptor_, static_cast<off_t>(size_)) != 0 || fdatasync(descriptor_) != 0) {
    broken_ = failure;
  }
  return failure;
}

}  // namespace colonnade::questdb::endpoint
