// MessageBuffer: a WebSocket message in the making, masked while it is written.
//
// A client must XOR everything it sends with a key (RFC 6455, section 5.3). Doing that in the copy
// that moves values out of the caller's memory makes it almost free; doing it in a pass of its own
// costs as much as the copy.

#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/buffer.h"

namespace colonnade::net {

/// The masking key of a message as the four bytes on the wire, in memory order. Zero masks nothing:
/// what servers send, and what tests look at.
using MaskKey = uint32_t;

/// XORs `count` bytes of `source`, which stand at position `phase` of a message, into `target`. The
/// two may be the same memory and need no alignment; partial overlap is not allowed.
void MaskCopy(std::byte* target, const std::byte* source, size_t count, MaskKey key, size_t phase);

/// Growable bytes with room for a frame header in front. Reused: Begin keeps the allocation. Not
/// thread-safe. Sizes and offsets are in bytes of the payload. std::bad_alloc may be thrown.
class MessageBuffer {
 public:
  /// The longest frame header: two bytes, a 64-bit length, a key.
  static constexpr size_t kHeaderRoom = 14;

  MessageBuffer() = default;
  /// A moved-from buffer is empty and has no allocation.
  MessageBuffer(MessageBuffer&& other) noexcept { *this = std::move(other); }
  MessageBuffer& operator=(MessageBuffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    payload_ = std::exchange(other.payload_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    size_ = std::exchange(other.size_, 0);
    key_ = other.key_;
    return *this;
  }

  /// Empties the buffer; what is appended from now on is masked with `key`.
  void Begin(MaskKey key) {
    key_ = key;
    size_ = 0;
  }

  MaskKey key() const { return key_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t capacity() const { return capacity_; }

  void Append(Bytes bytes) {
    std::byte* target = Extend(bytes.size());
    MaskCopy(target, bytes.data(), bytes.size(), key_, size_ - bytes.size());
  }
  void Append(std::string_view text) { Append(std::as_bytes(std::span(text))); }

  /// Appends the little-endian bytes of a number.
  template <typename T>
  void AppendLittle(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::byte raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    Append(Bytes(raw));
  }

  /// Appends an unsigned LEB128 number in its shortest form.
  void AppendVarint(uint64_t value) {
    std::byte raw[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) raw[count++] = static_cast<std::byte>(value | 0x80);
    raw[count++] = static_cast<std::byte>(value);
    Append(Bytes(raw, count));
  }

  /// Makes the payload `count` bytes longer. The caller writes them, masked: each byte XORed with
  /// the byte of the key that its position in the payload selects; MaskWord gives the key in place.
  std::byte* Extend(size_t count) {
    if (count > capacity_ - size_) Grow(count);
    std::byte* target = payload_ + size_;
    size_ += count;
    return target;
  }

  /// The key repeated to eight bytes, rotated for values that begin at `offset`: a value of four or
  /// eight bytes there is written as `value ^ MaskWord(offset)`.
  uint64_t MaskWord(size_t offset) const {
    const uint64_t word = key_ | static_cast<uint64_t>(key_) << 32;
    const int shift = static_cast<int>(offset % 4) * 8;
    return shift == 0 ? word : word >> shift | word << (64 - shift);
  }

  /// Writes a number over what stands at `offset`.
  template <typename T>
  void OverwriteLittle(size_t offset, T value) {
    assert(offset + sizeof(T) <= size_);
    MaskCopy(payload_ + offset, reinterpret_cast<const std::byte*>(&value), sizeof(T), key_,
             offset);
  }

  /// Drops what stands after the first `size` bytes.
  void Truncate(size_t size) {
    assert(size <= size_);
    size_ = size;
  }

  /// The payload as it travels, masked.
  Bytes masked() const { return {payload_, size_}; }
  /// The room in front of the payload: a header of n bytes is written into its last n.
  std::byte* header_end() {
    if (payload_ == nullptr) Grow(0);
    return payload_;
  }

  /// A copy of the payload without its mask.
  std::vector<std::byte> Unmasked() const;
  /// Changes the key in place, for sending the same payload again.
  void Remask(MaskKey key);

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  void Grow(size_t count);  // room for at least `count` more

  // The payload begins at a multiple of 16, so that values in it are as aligned as their offsets.
  static constexpr size_t kPadding = 16;
  static_assert(kPadding >= kHeaderRoom);

  std::unique_ptr<std::byte, Free> memory_;
  std::byte* payload_ = nullptr;
  size_t capacity_ = 0;  // of the payload
  size_t size_ = 0;
  MaskKey key_ = 0;
};

}  // namespace colonnade::net
