#include "store/zip_directory.h"

#include <algorithm>
#include <cstring>

#include "base/buffer.h"
#include "base/byte_order.h"
#include "store/file_descriptor.h"
#include "store/store.h"

namespace colonnade::store {
namespace {

constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint32_t kDigitalSignature = 0x05054b50;
constexpr size_t kEntryBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kLocator64Bytes = 20;
constexpr size_t kMaxCommentBytes = 0xFFFF;
constexpr uint16_t kMax16 = 0xFFFF;
constexpr uint32_t kMax32 = 0xFFFFFFFF;
constexpr uint16_t kExtra64 = 0x0001;
constexpr uint16_t kEncryptedFlags = 1 | 1 << 6 | 1 << 13;

// Where the central directory lies, by the records at the end of the file.
struct Extent {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t count = 0;
  uint64_t end = 0;  // where the first of the end records starts
  bool is_64 = false;
};

Result<Extent> FindDirectory64(int fd, uint64_t locator_offset, const std::byte* locator) {
  const auto end_offset = LoadLittle<uint64_t>(locator + 8);
  if (LoadLittle<uint32_t>(locator + 4) != 0 || LoadLittle<uint32_t>(locator + 16) > 1) {
    return Unsupported("the zip archive spans several files");
  }
  if (locator_offset < kEnd64Bytes || end_offset > locator_offset - kEnd64Bytes) {
    return InvalidData("corrupt zip archive: zip64 end record at ", end_offset, ", its locator at ",
                       locator_offset);
  }
  std::byte end[kEnd64Bytes];
  COLONNADE_RETURN_IF_ERROR(ReadFully(fd, end_offset, end));
  if (LoadLittle<uint32_t>(end) != kEnd64Signature) {
    return InvalidData("corrupt zip archive: no zip64 end record at ", end_offset);
  }
  if (LoadLittle<uint32_t>(end + 16) != 0 || LoadLittle<uint32_t>(end + 20) != 0) {
    return Unsupported("the zip archive spans several files");
  }
  return Extent{.offset = LoadLittle<uint64_t>(end + 48),
                .bytes = LoadLittle<uint64_t>(end + 40),
                .count = LoadLittle<uint64_t>(end + 32),
                .end = end_offset,
                .is_64 = true};
}

Result<Extent> FindDirectory(int fd, uint64_t file_size) {
  Buffer tail;
  const auto tail_bytes = static_cast<size_t>(
      std::min<uint64_t>(file_size, kLocator64Bytes + kEndBytes + kMaxCommentBytes));
  COLONNADE_RETURN_IF_ERROR(tail.Resize(tail_bytes));
  const uint64_t tail_offset = file_size - tail_bytes;
  COLONNADE_RETURN_IF_ERROR(ReadFully(fd, tail_offset, tail.mutable_bytes()));
  for (size_t at = tail_bytes < kEndBytes ? 0 : tail_bytes - kEndBytes + 1; at-- > 0;) {
    const std::byte* end = tail.data() + at;
    if (LoadLittle<uint32_t>(end) != kEndSignature) continue;
    // Its comment must reach exactly to the end of the file.
    if (at + kEndBytes + LoadLittle<uint16_t>(end + 20) != tail_bytes) continue;
    Extent extent{.offset = LoadLittle<uint32_t>(end + 16),
                  .bytes = LoadLittle<uint32_t>(end + 12),
                  .count = LoadLittle<uint16_t>(end + 10),
                  .end = tail_offset + at};
    const auto disk = LoadLittle<uint16_t>(end + 4);
    const auto directory_disk = LoadLittle<uint16_t>(end + 6);
    const bool may_be_64 = extent.count == kMax16 || extent.bytes == kMax32 ||
                           extent.offset == kMax32 || disk == kMax16 || directory_disk == kMax16;
    if (may_be_64 && at >= kLocator64Bytes &&
        LoadLittle<uint32_t>(end - kLocator64Bytes) == kLocator64Signature) {
      COLONNADE_ASSIGN_OR_RETURN(
          extent, FindDirectory64(fd, extent.end - kLocator64Bytes, end - kLocator64Bytes));
    } else if (disk != 0 || directory_disk != 0) {
      return Unsupported("the zip archive spans several files");
    }
    if (extent.offset > extent.end || extent.bytes > extent.end - extent.offset) {
      return InvalidData("corrupt zip archive: directory at ", extent.offset, "+", extent.bytes,
                         " reaches beyond its end record at ", extent.end);
    }
    return extent;
  }
  return InvalidData("not a zip archive, or cut short: no end of central directory in ", file_size,
                     " bytes");
}

// Reads a stretch of a file in order, through a buffer larger than any one directory entry.
class SequentialReader {
 public:
  SequentialReader(int fd, uint64_t offset, uint64_t bytes)
      : fd_(fd), offset_(offset), unread_(bytes) {}

  uint64_t remaining() const { return unread_ + (buffer_.size() - position_); }

  /// The next `bytes` bytes, without passing over them; valid until the next call.
  Result<const std::byte*> Peek(size_t bytes) {
    if (bytes > remaining()) {
      return InvalidData("corrupt zip archive: the directory ends inside an entry");
    }
    const size_t held = buffer_.size() - position_;
    if (bytes > held) {
      constexpr uint64_t kReadBytes = 256 << 10;
      static_assert(kReadBytes > kEntryBytes + 3 * kMax16);
      const auto wanted = static_cast<size_t>(std::min<uint64_t>(kReadBytes - held, unread_));
      if (held != 0) std::memmove(buffer_.data(), buffer_.data() + position_, held);
      COLONNADE_RETURN_IF_ERROR(buffer_.Resize(held + wanted));
      position_ = 0;
      COLONNADE_RETURN_IF_ERROR(
          ReadFully(fd_, offset_, buffer_.mutable_bytes().subspan(held, wanted)));
      offset_ += wanted;
      unread_ -= wanted;
    }
    return buffer_.data() + position_;
  }

  /// \pre Peek(bytes) was OK.
  void Skip(size_t bytes) { position_ += bytes; }

 private:
  const int fd_;
  uint64_t offset_;  // of what was not read yet
  uint64_t unread_;
  Buffer buffer_;
  size_t position_ = 0;
};

// Fills in what the 32-bit fields left to the zip64 extra field.
Status ApplyExtra64(Bytes extra, ZipMember* member) {
  while (extra.size() >= 4) {
    const auto id = LoadLittle<uint16_t>(extra.data());
    const size_t size = LoadLittle<uint16_t>(extra.data() + 2);
    if (size > extra.size() - 4) break;  // padding: only what is needed must be well formed
    if (id == kExtra64) {
      Bytes values = extra.subspan(4, size);
      for (uint64_t* field : {&member->size, &member->compressed_size, &member->header_offset}) {
        if (*field != kMax32) continue;
        if (values.size() < sizeof(uint64_t)) {
          return InvalidData("corrupt zip archive: short zip64 field of an entry");
        }
        *field = LoadLittle<uint64_t>(values.data());
        values = values.subspan(sizeof(uint64_t));
      }
      return {};
    }
    extra = extra.subspan(4 + size);
  }
  return {};  // without the field the 32-bit values are meant as they are
}

}  // namespace

Result<ZipDirectory> ZipDirectory::Read(int fd, uint64_t file_size, size_t max_members) {
  COLONNADE_ASSIGN_OR_RETURN(const Extent extent, FindDirectory(fd, file_size));
  if (extent.count > extent.bytes / kEntryBytes) {
    return InvalidData("corrupt zip archive: ", extent.count, " entries in a directory of ",
                       extent.bytes, " bytes");
  }
  if (extent.count > max_members) {
    return LimitExceeded("zip archive of ", extent.count, " members, the limit is ", max_members);
  }
  ZipDirectory directory;
  directory.offset_ = extent.offset;
  directory.members_.reserve(extent.count);
  SequentialReader reader(fd, extent.offset, extent.bytes);
  uint64_t count = 0;
  while (reader.remaining() > 0) {
    if (reader.remaining() >= 4) {
      COLONNADE_ASSIGN_OR_RETURN(const std::byte* signature, reader.Peek(4));
      if (LoadLittle<uint32_t>(signature) == kDigitalSignature) break;
    }
    COLONNADE_ASSIGN_OR_RETURN(const std::byte* entry, reader.Peek(kEntryBytes));
    if (LoadLittle<uint32_t>(entry) != kEntrySignature) {
      return InvalidData("corrupt zip archive: entry ", count,
                         " of the directory does not start like one");
    }
    if (++count > max_members) {
      return LimitExceeded("zip archive of more than ", max_members, " members");
    }
    const size_t name_length = LoadLittle<uint16_t>(entry + 28);
    const size_t extra_length = LoadLittle<uint16_t>(entry + 30);
    const size_t comment_length = LoadLittle<uint16_t>(entry + 32);
    COLONNADE_ASSIGN_OR_RETURN(
        entry, reader.Peek(kEntryBytes + name_length + extra_length + comment_length));
    const std::string_view name(reinterpret_cast<const char*>(entry + kEntryBytes), name_length);
    if (IsValidKey(name)) {
      constexpr uint16_t kUnix = 3;
      constexpr uint32_t kTypeMask = 0170000;
      constexpr uint32_t kLinkType = 0120000;
      const bool is_unix = LoadLittle<uint16_t>(entry + 4) >> 8 == kUnix;
      const uint32_t mode = LoadLittle<uint32_t>(entry + 38) >> 16;
      ZipMember member{.name_offset = directory.names_.size(),
                       .header_offset = LoadLittle<uint32_t>(entry + 42),
                       .compressed_size = LoadLittle<uint32_t>(entry + 20),
                       .size = LoadLittle<uint32_t>(entry + 24),
                       .crc32 = LoadLittle<uint32_t>(entry + 16),
                       .name_length = static_cast<uint16_t>(name_length),
                       .method = LoadLittle<uint16_t>(entry + 10),
                       .is_encrypted = (LoadLittle<uint16_t>(entry + 8) & kEncryptedFlags) != 0,
                       .is_link = is_unix && (mode & kTypeMask) == kLinkType};
      COLONNADE_RETURN_IF_ERROR(
          ApplyExtra64(Bytes(entry + kEntryBytes + name_length, extra_length), &member));
      directory.names_ += name;
      directory.members_.push_back(member);
    }
    reader.Skip(kEntryBytes + name_length + extra_length + comment_length);
  }
  // Old writers of more than 65,535 members let the 16-bit count wrap.
  if (extent.is_64 ? count != extent.count : (count & kMax16) != extent.count) {
    return InvalidData("corrupt zip archive: ", count, " entries in the directory, ", extent.count,
                       " by its end record");
  }
  directory.SortAndDropDuplicates();
  return directory;
}

void ZipDirectory::SortAndDropDuplicates() {
  // Names lie in the order of writing: of equal ones, the one written last stays last. Writers
  // mostly sort already.
  const auto less = [this](const ZipMember& a, const ZipMember& b) {
    const int order = NameOf(a).compare(NameOf(b));
    return order != 0 ? order < 0 : a.name_offset < b.name_offset;
  };
  if (!std::is_sorted(members_.begin(), members_.end(), less)) {
    std::sort(members_.begin(), members_.end(), less);
  }
  size_t kept = 0;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i + 1 < members_.size() && NameOf(members_[i]) == NameOf(members_[i + 1])) continue;
    members_[kept++] = members_[i];
  }
  members_.resize(kept);
}

std::vector<ZipMember>::const_iterator ZipDirectory::LowerBound(std::string_view name) const {
  return std::lower_bound(
      members_.begin(), members_.end(), name,
      [this](const ZipMember& member, std::string_view want) { return NameOf(member) < want; });
}

const ZipMember* ZipDirectory::Find(std::string_view name) const {
  const auto found = LowerBound(name);
  return found != members_.end() && NameOf(*found) == name ? &*found : nullptr;
}

std::optional<std::string_view> ZipDirectory::FirstFrom(std::string_view name) const {
  const auto found = LowerBound(name);
  if (found == members_.end()) return std::nullopt;
  return NameOf(*found);
}

}  // namespace colonnade::store
