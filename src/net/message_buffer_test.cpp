#include "net/message_buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/random.h"

namespace colonnade::net {
namespace {

constexpr MaskKey kKey = 0x3d21fa37;  // 37 fa 21 3d on the wire

std::string Text(Bytes bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::vector<std::byte> RandomBytes(SeededRandom& random, size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Uniform(0, 255));
  return bytes;
}

// The oracle: one byte at a time, as the specification puts it.
std::vector<std::byte> MaskedSlowly(Bytes bytes, MaskKey key, size_t phase) {
  const Bytes octets = std::as_bytes(std::span(&key, 1));
  std::vector<std::byte> masked(bytes.begin(), bytes.end());
  for (size_t i = 0; i < masked.size(); ++i) masked[i] ^= octets[(phase + i) % 4];
  return masked;
}

TEST(MaskCopyProperty, AgreesWithMaskingByteByByteForEveryLengthAlignmentAndPhase) {
  SeededRandom random;
  const std::vector<std::byte> source = RandomBytes(random, 2048);
  for (int round = 0; round < 4'000; ++round) {
    const auto count = static_cast<size_t>(random.Uniform(0, random.Chance(0.5) ? 70 : 1200));
    const auto from = static_cast<size_t>(random.Uniform(0, 70));
    const auto to = static_cast<size_t>(random.Uniform(1, 70));
    const auto phase = static_cast<size_t>(random.Uniform(0, 9));
    const auto key = static_cast<MaskKey>(random.engine()());
    std::vector<std::byte> target(to + count + 1, std::byte{0x5A});
    MaskCopy(target.data() + to, source.data() + from, count, key, phase);
    const Bytes written(target.data() + to, count);
    ASSERT_EQ(Text(written), Text(MaskedSlowly(Bytes(source).subspan(from, count), key, phase)))
        << count << " bytes from " << from << " to " << to << ", phase " << phase;
    ASSERT_EQ(target[to - 1], std::byte{0x5A});
    ASSERT_EQ(target[to + count], std::byte{0x5A});
  }
}

TEST(MaskCopyProperty, MasksInPlace) {
  SeededRandom random;
  for (int round = 0; round < 500; ++round) {
    const auto count = static_cast<size_t>(random.Uniform(0, 1200));
    const auto phase = static_cast<size_t>(random.Uniform(0, 3));
    std::vector<std::byte> bytes = RandomBytes(random, count + 1);
    const std::vector<std::byte> want = MaskedSlowly(Bytes(bytes).subspan(1), kKey, phase);
    MaskCopy(bytes.data() + 1, bytes.data() + 1, count, kKey, phase);
    ASSERT_EQ(Text(Bytes(bytes).subspan(1)), Text(want));
  }
}

TEST(MaskCopy, CopiesWithTheKeyZero) {
  const std::string source(100, 'x');
  std::string target(100, ' ');
  MaskCopy(reinterpret_cast<std::byte*>(target.data()),
           reinterpret_cast<const std::byte*>(source.data()), 100, 0, 3);
  EXPECT_EQ(target, source);
}

TEST(MessageBuffer, MasksTheCommitFrameAsOnTheWire) {
  MessageBuffer buffer;
  buffer.Begin(kKey);
  buffer.Append(std::string_view("QWP1\x01\x08\x00\x00\x02\x00\x00\x00\x00\x00", 14));
  EXPECT_EQ(Text(buffer.masked()), "\x66\xad\x71\x0c\x36\xf2\x21\x3d\x35\xfa\x21\x3d\x37\xfa");
}

TEST(MessageBuffer, GivesBackWhatWasAppendedPieceByPiece) {
  MessageBuffer buffer;
  buffer.Begin(kKey);
  buffer.Append("ab");
  buffer.AppendLittle<uint32_t>(0x04030201);
  buffer.AppendVarint(300);
  buffer.AppendVarint(0);
  buffer.AppendVarint(UINT64_MAX);
  EXPECT_EQ(
      Text(buffer.Unmasked()),
      std::string("ab\x01\x02\x03\x04\xAC\x02\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 19));
  buffer.OverwriteLittle<uint16_t>(1, 0x4443);
  EXPECT_EQ(Text(buffer.Unmasked()).substr(0, 4), "aCD\x02");
  buffer.Truncate(3);
  EXPECT_EQ(Text(buffer.Unmasked()), "aCD");
}

TEST(MessageBuffer, TheKeyInPlaceMasksWordsAtEveryOffset) {
  for (size_t offset = 0; offset < 9; ++offset) {
    MessageBuffer buffer;
    buffer.Begin(kKey);
    buffer.Append(std::string(offset, '.'));
    const uint64_t value = 0x0807060504030201;
    const uint64_t masked = value ^ buffer.MaskWord(buffer.size());
    std::memcpy(buffer.Extend(8), &masked, 8);
    EXPECT_EQ(Text(buffer.Unmasked()).substr(offset), "\x01\x02\x03\x04\x05\x06\x07\x08");
  }
}

TEST(MessageBuffer, KeepsItsBytesWhileItGrows) {
  SeededRandom random;
  MessageBuffer buffer;
  buffer.Begin(kKey);
  std::string want;
  while (want.size() < 300'000) {
    const std::vector<std::byte> piece =
        RandomBytes(random, static_cast<size_t>(random.Uniform(0, 9000)));
    buffer.Append(Bytes(piece));
    want += Text(piece);
    ASSERT_GE(buffer.capacity(), buffer.size());
  }
  EXPECT_EQ(Text(buffer.Unmasked()), want);
}

TEST(MessageBuffer, KeepsItsAllocationWhenItBeginsAgain) {
  MessageBuffer buffer;
  buffer.Begin(kKey);
  buffer.Append(std::string(100'000, 'x'));
  const std::byte* const memory = buffer.masked().data();
  const size_t capacity = buffer.capacity();
  buffer.Begin(1);
  EXPECT_TRUE(buffer.empty());
  buffer.Append(std::string(100'000, 'y'));
  EXPECT_EQ(buffer.masked().data(), memory);
  EXPECT_EQ(buffer.capacity(), capacity);
}

TEST(MessageBuffer, ThePayloadIsAlignedAndHasRoomForAHeader) {
  MessageBuffer buffer;
  EXPECT_TRUE(buffer.masked().empty());
  EXPECT_TRUE(buffer.Unmasked().empty());
  std::memset(buffer.header_end() - MessageBuffer::kHeaderRoom, 0x7E, MessageBuffer::kHeaderRoom);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.header_end()) % 16, 0u);
  buffer.Begin(0);
  buffer.Append("payload");
  EXPECT_EQ(Text(buffer.masked()), "payload");
}

TEST(MessageBuffer, ChangesItsKeyInPlace) {
  MessageBuffer buffer;
  buffer.Begin(kKey);
  const std::string text = "the same payload, sent a second time under another key";
  buffer.Append(text);
  buffer.Remask(0x01020304);
  EXPECT_EQ(buffer.key(), 0x01020304u);
  EXPECT_EQ(Text(buffer.Unmasked()), text);
  buffer.Remask(0);
  EXPECT_EQ(Text(buffer.masked()), text);
}

TEST(MessageBuffer, AMovedFromBufferIsEmptyAndUsable) {
  MessageBuffer first;
  first.Begin(kKey);
  first.Append("first");
  MessageBuffer second = std::move(first);
  EXPECT_EQ(Text(second.Unmasked()), "first");
  EXPECT_EQ(first.capacity(), 0u);  // NOLINT(bugprone-use-after-move)
  first.Begin(0);
  first.Append("again");
  EXPECT_EQ(Text(first.masked()), "again");
  EXPECT_EQ(Text(second.Unmasked()), "first");
}

TEST(MessageBuffer, RefusesASizeThatCannotBe) {
  MessageBuffer buffer;
  buffer.Begin(0);
  buffer.Append("x");
  EXPECT_THROW(buffer.Extend(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW(buffer.Extend(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_EQ(Text(buffer.masked()), "x");
}

}  // namespace
}  // namespace colonnade::net
