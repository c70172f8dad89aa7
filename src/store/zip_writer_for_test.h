// Writes zip archives, correct ones and ones that lie: not the reader's code, and every field can
// be set.

#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace colonnade {

/// Appends members, then Finish() returns the bytes of the archive.
class ZipWriter {
 public:
  struct Member {
    bool deflate = false;
    bool zip64 = false;  // sizes and offset in the extra field
    uint16_t flags = 0;
    uint16_t method = 0xFFFF;  // 0xFFFF: by `deflate`
    uint32_t crc_change = 0;   // xored to the CRC-32
    int64_t size_change = 0;   // added to the size
    int64_t compressed_change = 0;
    int64_t offset_change = 0;
    uint32_t mode = 0;            // Unix file mode
    std::string local_name = {};  // if it is to differ
    std::string local_extra = {};
    std::string comment = {};
  };
  struct End {
    bool zip64 = false;
    int64_t count_change = 0;
    int64_t offset_change = 0;
    int64_t size_change = 0;
    uint16_t disk = 0;
    std::string comment = {};
    std::string between = {};  // bytes between the directory and its end record
  };

  void Add(std::string_view name, std::string_view value) { Add(name, value, Member()); }
  void Add(std::string_view name, std::string_view value, const Member& member) {
    const std::string data = member.deflate ? Deflate(value) : std::string(value);
    const uint64_t offset = bytes_.size() + static_cast<uint64_t>(member.offset_change);
    const uint64_t size = value.size() + static_cast<uint64_t>(member.size_change);
    const uint64_t compressed = data.size() + static_cast<uint64_t>(member.compressed_change);
    const uint32_t crc = static_cast<uint32_t>(::crc32_z(
                             0, reinterpret_cast<const Bytef*>(value.data()), value.size())) ^
                         member.crc_change;
    const uint16_t method =
        member.method != 0xFFFF ? member.method : static_cast<uint16_t>(member.deflate ? 8 : 0);
    const std::string_view local_name =
        member.local_name.empty() ? name : std::string_view(member.local_name);

    Put32(0x04034b50, &bytes_);
    Put16(20, &bytes_), Put16(member.flags, &bytes_), Put16(method, &bytes_), Put32(0, &bytes_);
    Put32(crc, &bytes_), Put32(static_cast<uint32_t>(compressed), &bytes_);
    Put32(static_cast<uint32_t>(size), &bytes_);
    Put16(local_name.size(), &bytes_), Put16(member.local_extra.size(), &bytes_);
    bytes_ += local_name;
    bytes_ += member.local_extra;
    bytes_ += data;

    std::string extra;
    Put16(0x5455, &extra), Put16(1, &extra), extra += '\0';  // some other field first
    if (member.zip64) {
      Put16(0x0001, &extra), Put16(24, &extra);
      Put64(size, &extra), Put64(compressed, &extra), Put64(offset, &extra);
    }
    const auto field32 = [&](uint64_t value64) {
      return member.zip64 ? 0xFFFFFFFF : static_cast<uint32_t>(value64);
    };
    Put32(0x02014b50, &directory_);
    Put16(3 << 8 | 20, &directory_), Put16(20, &directory_), Put16(member.flags, &directory_);
    Put16(method, &directory_), Put32(0, &directory_), Put32(crc, &directory_);
    Put32(field32(compressed), &directory_), Put32(field32(size), &directory_);
    Put16(name.size(), &directory_), Put16(extra.size(), &directory_);
    Put16(member.comment.size(), &directory_), Put16(0, &directory_), Put16(0, &directory_);
    Put32(member.mode << 16, &directory_), Put32(field32(offset), &directory_);
    directory_ += name;
    directory_ += extra;
    directory_ += member.comment;
    ++count_;
  }

  std::string Finish() && { return std::move(*this).Finish(End()); }
  std::string Finish(const End& end) && {
    const uint64_t offset = bytes_.size() + static_cast<uint64_t>(end.offset_change);
    const uint64_t size = directory_.size() + static_cast<uint64_t>(end.size_change);
    const uint64_t count = count_ + static_cast<uint64_t>(end.count_change);
    bytes_ += directory_;
    bytes_ += end.between;
    if (end.zip64) {
      const uint64_t end_offset = bytes_.size();
      Put32(0x06064b50, &bytes_), Put64(44, &bytes_), Put16(45, &bytes_), Put16(45, &bytes_);
      Put32(0, &bytes_), Put32(0, &bytes_), Put64(count, &bytes_), Put64(count, &bytes_);
      Put64(size, &bytes_), Put64(offset, &bytes_);
      Put32(0x07064b50, &bytes_), Put32(0, &bytes_), Put64(end_offset, &bytes_), Put32(1, &bytes_);
    }
    Put32(0x06054b50, &bytes_), Put16(end.disk, &bytes_), Put16(end.disk, &bytes_);
    Put16(end.zip64 ? 0xFFFF : count, &bytes_), Put16(end.zip64 ? 0xFFFF : count, &bytes_);
    Put32(end.zip64 ? 0xFFFFFFFF : static_cast<uint32_t>(size), &bytes_);
    Put32(end.zip64 ? 0xFFFFFFFF : static_cast<uint32_t>(offset), &bytes_);
    Put16(end.comment.size(), &bytes_);
    return std::move(bytes_ += end.comment);
  }

  /// A raw deflate stream.
  static std::string Deflate(std::string_view value) {
    z_stream stream = {};
    if (::deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
    std::string out(::deflateBound(&stream, value.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(value.data()));
    stream.avail_in = static_cast<uInt>(value.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
  }

 private:
  static void Put(uint64_t value, int bytes, std::string* out) {
    for (int i = 0; i < bytes; ++i) *out += static_cast<char>(value >> (8 * i));
  }
  static void Put16(uint64_t value, std::string* out) { Put(value, 2, out); }
  static void Put32(uint64_t value, std::string* out) { Put(value, 4, out); }
  static void Put64(uint64_t value, std::string* out) { Put(value, 8, out); }

  std::string bytes_;
  std::string directory_;
  uint64_t count_ = 0;
};

}  // namespace colonnade
