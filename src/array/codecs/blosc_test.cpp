#include "array/codecs/blosc.h"

#include "array/codecs/blosc_vectors.h"
#include "array/codecs/encode_for_test.h"

namespace colonnade::array::codecs {
namespace {

using ::testing::HasSubstr;

constexpr BytesCodec kBlosc = BytesCodec::kBlosc;

ByteVector VectorContent(size_t typesize) {
  ByteVector content;
  for (size_t i = 0; i < 1040 / typesize; ++i) {
    const uint64_t value = i / 9;
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    content.insert(content.end(), bytes, bytes + typesize);
  }
  return content;
}

ByteVector Patched(ByteVector container, size_t at, uint32_t value) {
  std::memcpy(container.data() + at, &value, sizeof(value));
  return container;
}

TEST(Blosc, DecodesWhatNumcodecsWrote) {
  Decoder decoder;
  for (const BloscVector& vector : kBloscVectors) {
    SCOPED_TRACE(std::string(vector.codec) + " shuffle " + std::to_string(vector.shuffle) +
                 " typesize " + std::to_string(vector.typesize));
    ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kBlosc, FromHex(vector.hex), 1040));
    EXPECT_EQ(got, VectorContent(vector.typesize));
  }
}

TEST(Blosc, DecodesAnEmptyContainer) {
  const ByteVector empty = FromHex("02013301000000000100000010000000");
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kBlosc, empty, 0));
  EXPECT_TRUE(got.empty());
  EXPECT_FALSE(decoder.Exactly(kBlosc, empty, 1).ok());
}

TEST(Blosc, DecodesDataThatWereStoredUncompressed) {
  SeededRandom random;
  ByteVector noise(5'000);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random.Uniform(0, 255));
  const ByteVector encoded = EncodeBlosc(noise, "lz4", BLOSC_NOSHUFFLE, 1, 0);
  ASSERT_EQ(encoded.size(), noise.size() + 16);
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kBlosc, encoded, noise.size()));
  EXPECT_EQ(got, noise);
}

TEST(Blosc, ChecksEveryFieldOfTheHeader) {
  const ByteVector good = EncodeBlosc(ByteVector(1'000, std::byte{3}), "lz4", BLOSC_SHUFFLE, 4);
  Decoder decoder;
  ASSERT_OK(decoder.Exactly(kBlosc, good, 1'000));
  const auto with_byte = [&](size_t at, int value) {
    ByteVector bad = good;
    bad[at] = static_cast<std::byte>(value);
    return bad;
  };
  const auto expect = [&](const ByteVector& bad, const char* message) {
    EXPECT_THAT(decoder.Exactly(kBlosc, bad, 1'000),
                StatusIs(StatusCode::kInvalidData, HasSubstr(message)));
  };
  expect(with_byte(0, 0), "container version 0");
  expect(with_byte(0, 3), "container version 3");
  expect(with_byte(2, 0x08 | 0x21), "c-blosc 2");
  expect(with_byte(2, 0xA1), "unknown inner codec 5");
  expect(with_byte(2, 0xE1), "unknown inner codec 7");
  expect(with_byte(2, 0x23), "uncompressed bytes, expected 1000");
  expect(with_byte(3, 0), "element size 0");
  expect(Patched(good, 4, 999), "decoded to 999 bytes, expected 1000");
  expect(Patched(good, 4, 0xFFFFFFFF), "decoded to 4294967295 bytes, expected 1000");
  expect(Patched(good, 8, 0), "block size 0, decoded size 1000");
  expect(Patched(good, 8, 1'001), "block size 1001, decoded size 1000");
  expect(Patched(good, 8, 0xFFFFFFFF), "block size 4294967295");
  expect(Patched(good, 8, 1), "cannot hold 1000 blocks");
  expect(Patched(good, 12, 12), "the header says 12 encoded bytes");
  expect(Patched(good, 16, 0), "block 0 begins at byte 0");
  expect(Patched(good, 16, static_cast<uint32_t>(good.size() - 3)), "block 0 begins at byte");
  expect(Patched(good, 16, 0x80000000), "block 0 begins at byte 2147483648");
  expect({good.begin(), good.begin() + 15}, "too short for the header");
}

TEST(Blosc, ClaimsBeyondTheLimitAreRefusedBeforeDecoding) {
  const ByteVector good = EncodeBlosc(ByteVector(1'000, std::byte{3}));
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.AtMost(kBlosc, good, 5'000));
  EXPECT_EQ(got.size(), 1'000u);
  EXPECT_THAT(decoder.AtMost(kBlosc, good, 999),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("1000 bytes, limit 999")));
}

TEST(Blosc, WorkSpaceOfLargeBlocksCountsAgainstTheBudget) {
  class Budget final : public MemoryBudget {
   public:
    Status Reserve(size_t bytes) override {
      held += bytes;
      peak = std::max(peak, held);
      return {};
    }
    void Release(size_t bytes) noexcept override { held -= bytes; }
    size_t held = 0;
    size_t peak = 0;
  };
  constexpr size_t kBytes = size_t{6} << 20;
  Budget budget;
  {
    Decoder decoder(budget);
    const ByteVector encoded = EncodeBlosc(ByteVector(kBytes), "zstd", BLOSC_SHUFFLE, 8, 9, kBytes);
    ASSERT_EQ(LoadLittle<uint32_t>(encoded.data() + 8), kBytes);
    ASSERT_OK(decoder.Exactly(kBlosc, encoded, kBytes));
    EXPECT_GE(budget.peak, kBytes * 3);
    EXPECT_LT(budget.held, kBytes + 1000);
  }
  EXPECT_EQ(budget.held, 0u);
}

TEST(BloscProperty, EveryInnerCodecShuffleAndElementSizeDecodes) {
  SeededRandom random;
  Decoder decoder;
  for (const char* codec : {"blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"}) {
    for (const int shuffle : {BLOSC_NOSHUFFLE, BLOSC_SHUFFLE, BLOSC_BITSHUFFLE}) {
      for (const size_t typesize : {1, 2, 3, 4, 8, 16, 17, 255}) {
        const auto size = static_cast<size_t>(random.Uniform(1, 20'000));
        const ByteVector content = RandomBytes(random, size);
        const size_t blocksize = random.Chance(0.5) ? 0 : 4096;
        SCOPED_TRACE(std::string(codec) + " shuffle " + std::to_string(shuffle) + " typesize " +
                     std::to_string(typesize) + " size " + std::to_string(size));
        const ByteVector encoded = EncodeBlosc(content, codec, shuffle, typesize, 5, blocksize);
        ASSERT_OK_AND_ASSIGN(const ByteVector got, decoder.Exactly(kBlosc, encoded, size));
        ASSERT_EQ(got, content);
      }
    }
  }
}

TEST(BloscProperty, CorruptionIsAnErrorOrKeepsTheLength) {
  SeededRandom random;
  for (const char* codec : {"blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"}) {
    for (const int shuffle : {BLOSC_NOSHUFFLE, BLOSC_SHUFFLE, BLOSC_BITSHUFFLE}) {
      SCOPED_TRACE(std::string(codec) + " shuffle " + std::to_string(shuffle));
      ByteVector content = RandomBytes(random, 300);
      for (size_t i = 0; i < 260; ++i) content[i] = static_cast<std::byte>(i / 40);
      const ByteVector encoded = EncodeBlosc(content, codec, shuffle, 2);
      ASSERT_LT(encoded.size(), content.size());
      ExpectHostileInputIsContained(kBlosc, encoded, content, Integrity::kLength);
    }
  }
  ExpectHostileInputIsContained(kBlosc, EncodeBlosc(AsBytes("short")), Join({AsBytes("short")}),
                                Integrity::kLength);
}

}  // namespace
}  // namespace colonnade::array::codecs
