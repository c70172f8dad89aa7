// The encode side, for tests: chunks as writers make them, and checks that every codec must pass.

#pragma once

#include <blosc.h>
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "array/codec.h"
#include "base/byte_order.h"
#include "base/crc32c.h"
#include "base/memory_budget.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::array::codecs {

using ByteVector = std::vector<std::byte>;

inline Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline ByteVector FromHex(std::string_view hex) {
  ByteVector bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline ByteVector Join(std::initializer_list<Bytes> parts) {
  ByteVector all;
  for (const Bytes part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

template <typename T>
void AppendLittle(T value, ByteVector* to) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  to->insert(to->end(), bytes, bytes + sizeof(T));
}

inline ByteVector EncodeDeflate(Bytes bytes, bool gzip) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  ByteVector out(bytes.size() * 2 + 100);
  const auto compress = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  out.resize(compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}
inline ByteVector EncodeGzip(Bytes bytes) { return EncodeDeflate(bytes, true); }
inline ByteVector EncodeZlib(Bytes bytes) { return EncodeDeflate(bytes, false); }

struct ZstdOptions {
  int level = 3;
  bool checksum = false;
  bool content_size = true;
};

inline ByteVector EncodeZstd(Bytes bytes, ZstdOptions options = {}) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, options.level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, options.checksum ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, options.content_size ? 1 : 0);
  ByteVector out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return out;
}

inline ByteVector EncodeBlosc(Bytes bytes, const char* codec = "lz4", int shuffle = BLOSC_SHUFFLE,
                              size_t typesize = 4, int level = 5, size_t blocksize = 0) {
  ByteVector out(bytes.size() + BLOSC_MAX_OVERHEAD);
  const int size = blosc_compress_ctx(level, shuffle, typesize, bytes.size(), bytes.data(),
                                      out.data(), out.size(), codec, blocksize, 1);
  EXPECT_GT(size, 0);
  out.resize(static_cast<size_t>(size));
  return out;
}

inline ByteVector EncodeLz4(Bytes bytes) {
  ByteVector out;
  AppendLittle(static_cast<uint32_t>(bytes.size()), &out);
  const auto source_size = static_cast<int>(bytes.size());
  out.resize(4 + static_cast<size_t>(LZ4_compressBound(source_size)));
  const int size = LZ4_compress_default(reinterpret_cast<const char*>(bytes.data()),
                                        reinterpret_cast<char*>(out.data() + 4), source_size,
                                        static_cast<int>(out.size() - 4));
  out.resize(4 + static_cast<size_t>(size));
  return out;
}

inline ByteVector EncodeCrc32c(Bytes bytes) {
  ByteVector out(bytes.begin(), bytes.end());
  // Bit by bit, so that the tests do not check the checksum against itself.
  uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  AppendLittle(~crc, &out);
  return out;
}

inline ByteVector EncodeVlenUtf8(std::span<const std::string> items) {
  ByteVector out;
  AppendLittle(static_cast<uint32_t>(items.size()), &out);
  for (const std::string& item : items) {
    AppendLittle(static_cast<uint32_t>(item.size()), &out);
    const Bytes bytes = AsBytes(item);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

inline ByteVector Encode(BytesCodec codec, Bytes bytes) {
  switch (codec) {
    case BytesCodec::kGzip: return EncodeGzip(bytes);
    case BytesCodec::kZlib: return EncodeZlib(bytes);
    case BytesCodec::kZstd: return EncodeZstd(bytes);
    case BytesCodec::kBlosc: return EncodeBlosc(bytes);
    case BytesCodec::kLz4: return EncodeLz4(bytes);
    case BytesCodec::kCrc32c: return EncodeCrc32c(bytes);
  }
  return {};
}

/// Bytes that compress: short runs of small numbers.
inline ByteVector RandomBytes(SeededRandom& random, size_t size) {
  ByteVector bytes(size);
  int64_t value = 0;
  for (std::byte& byte : bytes) {
    if (random.Chance(0.2)) value = random.Uniform(0, 255);
    byte = static_cast<std::byte>(value);
  }
  return bytes;
}

/// One codec with its own work space.
class Decoder {
 public:
  explicit Decoder(MemoryBudget& budget = UnlimitedMemory()) : scratch_(budget), out_(budget) {}

  /// The decoded bytes.
  Result<ByteVector> Exactly(BytesCodec codec, Bytes encoded, uint64_t expected) {
    return Run(codec, encoded, expected, true);
  }
  Result<ByteVector> AtMost(BytesCodec codec, Bytes encoded, uint64_t limit) {
    return Run(codec, encoded, limit, false);
  }

 private:
  Result<ByteVector> Run(BytesCodec codec, Bytes encoded, uint64_t expected, bool exact) {
    // An exact copy on the heap: a read past the end is seen by the address sanitizer.
    const ByteVector copy(encoded.begin(), encoded.end());
    COLONNADE_RETURN_IF_ERROR(DecodeBytes(codec, copy, expected, exact, scratch_, &out_));
    return ByteVector(out_.bytes().begin(), out_.bytes().end());
  }

  CodecScratch scratch_;
  Buffer out_;
};

/// What corruption of `encoded`, which holds `decoded`, may lead to.
enum class Integrity : uint8_t {
  kLength,    // an error or the right length
  kChecksum,  // an error or the right bytes
};

inline void ExpectHostileInputIsContained(BytesCodec codec, const ByteVector& encoded,
                                          const ByteVector& decoded, Integrity integrity) {
  Decoder decoder;
  ASSERT_OK_AND_ASSIGN(const ByteVector clean, decoder.Exactly(codec, encoded, decoded.size()));
  ASSERT_EQ(clean, decoded);
  for (size_t size = 0; size < encoded.size(); ++size) {
    const Bytes truncated = Bytes(encoded).first(size);
    EXPECT_FALSE(decoder.Exactly(codec, truncated, decoded.size()).ok()) << "cut to " << size;
    EXPECT_FALSE(decoder.AtMost(codec, truncated, decoded.size() * 2).ok()) << "cut to " << size;
  }
  const ByteVector longer = Join({encoded, AsBytes("x")});
  EXPECT_FALSE(decoder.Exactly(codec, longer, decoded.size()).ok());
  EXPECT_FALSE(decoder.Exactly(codec, encoded, decoded.size() + 1).ok());
  if (!decoded.empty()) {
    EXPECT_FALSE(decoder.Exactly(codec, encoded, decoded.size() - 1).ok());
    EXPECT_FALSE(decoder.AtMost(codec, encoded, decoded.size() - 1).ok());
  }
  ByteVector flipped = encoded;
  for (size_t i = 0; i < encoded.size(); ++i) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}) {
      flipped[i] = encoded[i] ^ static_cast<std::byte>(mask);
      const auto got = decoder.Exactly(codec, flipped, decoded.size());
      if (got.ok()) {
        EXPECT_EQ(got->size(), decoded.size());
        if (integrity == Integrity::kChecksum) {
          EXPECT_EQ(*got, decoded) << "byte " << i << " mask " << mask;
        }
      } else {
        EXPECT_EQ(got.status().code(), StatusCode::kInvalidData) << got.status();
      }
      const auto bounded = decoder.AtMost(codec, flipped, decoded.size() + 7);
      if (bounded.ok()) {
        EXPECT_LE(bounded->size(), decoded.size() + 7);
      }
    }
    flipped[i] = encoded[i];
  }
}

}  // namespace colonnade::array::codecs
