#include "store/zip_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/byte_order.h"
#include "base/quote.h"
#include "store/file_descriptor.h"
#include "store/key_listing.h"
#include "store/path_name.h"
#include "store/zip_directory.h"

namespace colonnade::store {
namespace {

constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;

const char* MethodName(uint16_t method) {
  switch (method) {
    case 9: return "deflate64";
    case 12: return "bzip2";
    case 14: return "LZMA";
    case 93: return "Zstandard";
    case 95: return "xz";
    case 99: return "AES encryption";
    default: return "unknown";
  }
}

// Inflates one raw deflate stream that lies in a file, in pieces, into memory whose size was
// decided before: neither the stream nor the archive chooses how much is allocated.
class Inflater {
 public:
  Inflater(int fd, uint64_t offset, uint64_t bytes) : fd_(fd), offset_(offset), unread_(bytes) {}
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Status Start() {
    COLONNADE_RETURN_IF_ERROR(
        input_.Resize(static_cast<size_t>(std::min<uint64_t>(unread_, kInputBytes))));
    constexpr int kRawDeflate = -MAX_WBITS;
    if (::inflateInit2(&stream_, kRawDeflate) != Z_OK) {
      return LimitExceeded("no memory to inflate");
    }
    return {};
  }

  /// Inflates until `out` is full or the stream ends; returns how much came out.
  Result<size_t> Read(MutableBytes out) {
    size_t done = 0;
    while (done < out.size() && !ended_) {
      constexpr size_t kMaxStep = size_t{1} << 30;  // zlib counts in 32 bits
      const size_t step = std::min(out.size() - done, kMaxStep);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(step);
      if (stream_.avail_in == 0 && unread_ > 0) COLONNADE_RETURN_IF_ERROR(Refill());
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      done += step - stream_.avail_out;
      if (code == Z_STREAM_END) {
        ended_ = true;
      } else if (code == Z_MEM_ERROR) {
        return LimitExceeded("no memory to inflate");
      } else if (code == Z_BUF_ERROR && stream_.avail_in == 0 && unread_ == 0) {
        return InvalidData("the deflated data ends too early");
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return InvalidData("the deflated data is corrupt",
                           stream_.msg == nullptr ? "" : std::string(": ") + stream_.msg);
      }
    }
    return done;
  }

  /// Passes over `bytes` bytes.
  Status Skip(uint64_t bytes) {
    std::array<std::byte, 16 << 10> scratch;
    while (bytes > 0) {
      const auto step = static_cast<size_t>(std::min<uint64_t>(bytes, scratch.size()));
      COLONNADE_ASSIGN_OR_RETURN(const size_t got, Read(MutableBytes(scratch.data(), step)));
      if (got != step) return InvalidData("the deflated data is shorter than its entry says");
      bytes -= step;
    }
    return {};
  }

  /// Checks that nothing is left on either side.
  Status Finish() {
    std::byte extra;
    COLONNADE_ASSIGN_OR_RETURN(const size_t got, Read(MutableBytes(&extra, 1)));
    if (got != 0) return InvalidData("the deflated data is longer than its entry says");
    if (stream_.avail_in != 0 || unread_ != 0) {
      return InvalidData("the deflated data is followed by ", stream_.avail_in + unread_,
                         " other bytes");
    }
    return {};
  }

 private:
  static constexpr uint64_t kInputBytes = 64 << 10;

  Status Refill() {
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(unread_, input_.size()));
    COLONNADE_RETURN_IF_ERROR(ReadFully(fd_, offset_, input_.mutable_bytes().first(bytes)));
    offset_ += bytes;
    unread_ -= bytes;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(bytes);
    return {};
  }

  const int fd_;
  uint64_t offset_;
  uint64_t unread_;
  bool ended_ = false;
  Buffer input_;
  z_stream stream_ = {};
};

class ZipStore final : public Store {
 public:
  ZipStore(std::string name, FileDescriptor file, ZipDirectory directory)
      : name_(std::move(name)), file_(std::move(file)), directory_(std::move(directory)) {}

  const std::string& name() const override { return name_; }

  Result<ReadResult> Read(std::string_view key, ByteRange range, uint64_t max_bytes,
                          Buffer* out) const override {
    if (Status valid = ValidateKey(key); !valid.ok()) return std::move(valid).WithContext(name_);
    const ZipMember* member = directory_.Find(key);
    if (member == nullptr) return ReadResult{};
    Status status = ReadMember(*member, key, range, max_bytes, out);
    if (!status.ok()) return std::move(status).WithContext(name_ + ": " + EscapeControls(key));
    return ReadResult{true, member->size};
  }

  Result<std::vector<ListEntry>> List(std::string_view prefix, size_t max_entries) const override {
    Status status = prefix.empty() ? Status() : ValidateKey(prefix);
    if (status.ok()) {
      auto entries = ListKeys(prefix, max_entries,
                              [this](std::string_view key) { return directory_.FirstFrom(key); });
      if (entries.ok()) return entries;
      status = std::move(entries).status();
    }
    return std::move(status).WithContext(name_);
  }

 private:
  Status ReadMember(const ZipMember& member, std::string_view key, ByteRange range,
                    uint64_t max_bytes, Buffer* out) const {
    if (member.is_encrypted) return Unsupported("the zip member is encrypted");
    if (member.is_link) return Unsupported("the zip member is a symbolic link");
    if (member.method != kStored && member.method != kDeflated) {
      return Unsupported("the zip member is compressed by method ", member.method, " (",
                         MethodName(member.method), "); stored and deflated can be read");
    }
    COLONNADE_ASSIGN_OR_RETURN(const ByteSpan span, ResolveRange(range, member.size, max_bytes));
    COLONNADE_ASSIGN_OR_RETURN(const uint64_t data, FindData(member, key));
    if (member.method == kStored) {
      if (member.size != member.compressed_size) {
        return InvalidData("corrupt zip archive: a stored member of ", member.size, " bytes takes ",
                           member.compressed_size);
      }
    } else {
      constexpr uint64_t kMaxExpansion = 1032;  // what deflate can reach at best
      if (member.size / kMaxExpansion > member.compressed_size) {
        return InvalidData("corrupt zip archive: ", member.compressed_size,
                           " bytes cannot inflate to ", member.size);
      }
    }
    COLONNADE_RETURN_IF_ERROR(out->Resize(span.length));
    const bool is_whole = span.length == member.size;
    if (member.method == kStored) {
      COLONNADE_RETURN_IF_ERROR(ReadFully(file_.get(), data + span.offset, out->mutable_bytes()));
    } else {
      Inflater inflater(file_.get(), data, member.compressed_size);
      COLONNADE_RETURN_IF_ERROR(inflater.Start());
      COLONNADE_RETURN_IF_ERROR(inflater.Skip(span.offset));
      COLONNADE_ASSIGN_OR_RETURN(const size_t got, inflater.Read(out->mutable_bytes()));
      if (got != span.length)
        return InvalidData("the deflated data is shorter than its entry says");
      if (is_whole) COLONNADE_RETURN_IF_ERROR(inflater.Finish());
    }
    if (!is_whole) return {};
    const auto crc = static_cast<uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(out->data()), out->size()));
    if (crc != member.crc32) {
      return InvalidData("its CRC-32 is ", crc, ", the archive says ", member.crc32);
    }
    return {};
  }

  // Where the data of a member starts: after its local header, whose name must agree and whose
  // length only it knows.
  Result<uint64_t> FindData(const ZipMember& member, std::string_view key) const {
    constexpr uint32_t kLocalSignature = 0x04034b50;
    constexpr size_t kLocalBytes = 30;
    const uint64_t limit = directory_.offset();
    const uint64_t header_bytes = kLocalBytes + key.size();
    if (member.header_offset > limit || header_bytes > limit - member.header_offset) {
      return InvalidData("corrupt zip archive: member at ", member.header_offset,
                         " lies beyond the directory at ", limit);
    }
    std::byte header[kLocalBytes + kMaxKeyBytes];
    COLONNADE_RETURN_IF_ERROR(
        ReadFully(file_.get(), member.header_offset, MutableBytes(header, header_bytes)));
    if (LoadLittle<uint32_t>(header) != kLocalSignature ||
        LoadLittle<uint16_t>(header + 26) != key.size() ||
        std::memcmp(header + kLocalBytes, key.data(), key.size()) != 0) {
      return InvalidData("corrupt zip archive: no header of this member at ", member.header_offset);
    }
    const uint64_t data = member.header_offset + header_bytes + LoadLittle<uint16_t>(header + 28);
    if (data > limit || member.compressed_size > limit - data) {
      return InvalidData("corrupt zip archive: data at ", data, "+", member.compressed_size,
                         " reaches beyond the directory at ", limit);
    }
    return data;
  }

  const std::string name_;
  const FileDescriptor file_;
  const ZipDirectory directory_;
};

}  // namespace

Result<std::shared_ptr<const Store>> OpenZipStore(const std::string& path, size_t max_members) {
  COLONNADE_RETURN_IF_ERROR(ValidatePath(path));
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return SystemError(errno).WithContext(Quote(path));
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return SystemError(errno).WithContext(Quote(path));
  if (!S_ISREG(info.st_mode)) {
    return InvalidData(Quote(path), " is not a zip archive: it is ", FileTypeName(info.st_mode));
  }
  Result<ZipDirectory> directory =
      ZipDirectory::Read(file.get(), static_cast<uint64_t>(info.st_size), max_members);
  if (!directory.ok()) return std::move(directory).status().WithContext(Quote(path));
  return std::make_shared<ZipStore>(EscapeControls(StoreName(path)), std::move(file),
                                    *std::move(directory));
}

}  // namespace colonnade::store
