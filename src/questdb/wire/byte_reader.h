// ByteReader: a cursor over the bytes of a message. Every read checks that the bytes are there.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/byte_order.h"
#include "base/status.h"

namespace colonnade::questdb::wire {

/// Borrows the bytes. `what` names what is read, for messages. Not thread-safe.
class ByteReader {
 public:
  /// \pre position <= bytes.size()
  explicit ByteReader(Bytes bytes, size_t position = 0) : bytes_(bytes), position_(position) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return position_ == bytes_.size(); }
  /// What has not been read.
  Bytes rest() const { return bytes_.subspan(position_); }
  /// \pre count <= remaining()
  void Skip(size_t count) { position_ += count; }

  /// \error ProtocolError naming `what` and the position, for the bytes that are missing
  Result<Bytes> Take(size_t count, const char* what) {
    if (count > remaining()) return Missing(count, what);
    const Bytes taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  template <typename T>
  Result<T> TakeLittle(const char* what) {
    if (sizeof(T) > remaining()) return Missing(sizeof(T), what);
    const T value = LoadLittle<T>(bytes_.data() + position_);
    position_ += sizeof(T);
    return value;
  }

  /// An unsigned LEB128 number; also one that is not in its shortest form.
  /// \error ProtocolError: more than ten bytes or 64 bits
  Result<uint64_t> TakeVarint(const char* what) {
    if (position_ < bytes_.size()) {
      const auto first = static_cast<uint8_t>(bytes_[position_]);
      if (first < 0x80) {
        ++position_;
        return uint64_t{first};
      }
    }
    return TakeLongVarint(what);
  }

  /// A varint length and that many bytes of UTF-8.
  /// \error ProtocolError: more than `max_bytes`, or not UTF-8
  Result<std::string_view> TakeString(size_t max_bytes, const char* what);

  /// \error ProtocolError if bytes are left
  Status CheckEnd(const char* what) const;

 private:
  Status Missing(size_t count, const char* what) const;
  Result<uint64_t> TakeLongVarint(const char* what);

  Bytes bytes_;
  size_t position_;
};

/// Bytes as text.
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace colonnade::questdb::wire
