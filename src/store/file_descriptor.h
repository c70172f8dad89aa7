// An owned file descriptor, positioned reads, and system errors as Status.

#pragma once

#include <cstdint>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::store {

/// Closes on destruction. Move-only.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Hands the descriptor over.
  int Release();

 private:
  int fd_ = -1;
};

/// The failure that an errno value means: NotFound, PermissionDenied or Io, in the system's words.
Status SystemError(int error);

/// Fills `out` from `offset` on.
///
/// \error Io; InvalidData if the file ends before.
Status ReadFully(int fd, uint64_t offset, MutableBytes out);

/// What kind of file a mode is, e.g. "a FIFO".
const char* FileTypeName(uint32_t mode);

}  // namespace colonnade::store
