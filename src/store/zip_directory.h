// The central directory of a zip archive: which members it has and where (PKWARE APPNOTE 6.3, zip64
// included). Everything in it is a claim: offsets are checked against the file before use.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace colonnade::store {

/// One member, as the central directory describes it.
struct ZipMember {
  uint64_t name_offset = 0;  // in the directory's names
  uint64_t header_offset = 0;
  uint64_t compressed_size = 0;
  uint64_t size = 0;
  uint32_t crc32 = 0;
  uint16_t name_length = 0;
  uint16_t method = 0;
  bool is_encrypted = false;
  bool is_link = false;
};

/// Immutable; safe to share between threads.
class ZipDirectory {
 public:
  /// Reads the directory of an open file of `file_size` bytes. Members whose name is not a valid
  /// key (directories among them) are left out; of several with one name the last is kept.
  ///
  /// \error InvalidData if there is no directory or it contradicts itself or the file;
  ///     LimitExceeded above `max_members`; Unsupported if it spans several files; Io.
  static Result<ZipDirectory> Read(int fd, uint64_t file_size, size_t max_members);

  /// Null if there is no such member.
  const ZipMember* Find(std::string_view name) const;
  /// The first name, in byte order, that is not less than `name`.
  std::optional<std::string_view> FirstFrom(std::string_view name) const;
  /// Where the central directory starts: the data of all members ends before.
  uint64_t offset() const { return offset_; }

 private:
  std::string_view NameOf(const ZipMember& member) const {
    return std::string_view(names_).substr(member.name_offset, member.name_length);
  }
  std::vector<ZipMember>::const_iterator LowerBound(std::string_view name) const;
  void SortAndDropDuplicates();

  uint64_t offset_ = 0;
  std::string names_;               // one after the other
  std::vector<ZipMember> members_;  // sorted by name, unique
};

}  // namespace colonnade::store
