#include "store/file_descriptor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace colonnade::store {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

int FileDescriptor::Release() { return std::exchange(fd_, -1); }

Status SystemError(int error) {
  // std::strerror is not thread-safe.
  const std::string text = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR: return NotFound(text);
    case EACCES:
    case EPERM: return PermissionDenied(text);
    default: return Io(text);
  }
}

Status ReadFully(int fd, uint64_t offset, MutableBytes out) {
  if (offset > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return InvalidData("offset ", offset, " is beyond any file");
  }
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno).WithContext("read");
    }
    if (got == 0) {
      return InvalidData("the file became shorter while it was read: ", done, " of ", out.size(),
                         " bytes from offset ", offset);
    }
    done += static_cast<size_t>(got);
  }
  return {};
}

const char* FileTypeName(uint32_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a special file";
}

}  // namespace colonnade::store
