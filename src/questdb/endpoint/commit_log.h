// CommitLog: records in a file to which only whole ones are ever added.
//
//   file    "QWPLOG01", then records
//   record  u32 CRC-32C of length and payload, u32 length of the payload, payload, zeros up to a
//           multiple of 8
//
// A record is on the disk before the next one begins, so that a process or machine that stops can
// leave only the last record torn. Heads of eight bytes at multiples of eight are never torn
// themselves by disks that write sectors.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/buffer.h"
#include "base/status.h"

namespace colonnade::questdb::endpoint {

/// Movable; used by one thread at a time. The file is locked against other processes.
class CommitLog {
 public:
  static constexpr size_t kMaxRecordBytes = (size_t{1} << 32) - 16;

  /// Opens or makes the file and gives each record's payload to `replay`, in order. A torn record
  /// at the end is cut off.
  ///
  /// \error Io with the path; InvalidState if another process has it open; InvalidData if it is no
  ///     log, or a record that is not the last one is damaged; what `replay` returns
  static Result<CommitLog> Open(const std::string& path,
                                const std::function<Status(Bytes payload)>& replay);
  ~CommitLog();
  CommitLog(CommitLog&& other) noexcept;
  CommitLog& operator=(CommitLog&& other) noexcept;

  /// Returns when the record is on the disk.
  /// \error Io, LimitExceeded: the log is as before. If even that cannot be had, every later call
  ///     fails too.
  Status Append(Bytes payload);

  /// Bytes of the file.
  uint64_t size() const { return size_; }

 private:
  CommitLog(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Status Replay(const std::function<Status(Bytes)>& replay);
  Status Fail(const char* what, int error) const;

  int descriptor_ = -1;
  std::string path_;
  uint64_t size_ = 0;
  Status broken_;
};

}  // namespace colonnade::questdb::endpoint
