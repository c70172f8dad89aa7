#include "array/codecs/blosc.h"

#include <blosc.h>

#include <limits>

#include "base/byte_order.h"
#include "base/memory_budget.h"

namespace colonnade::array::codecs {
namespace {

struct Header {
  uint8_t version;
  uint8_t codec;
  bool stored;    // the data follow uncompressed
  bool extended;  // a container of c-blosc 2
  uint8_t typesize;
  uint64_t decoded_bytes;
  uint64_t block_bytes;
  uint64_t encoded_bytes;
};

constexpr size_t kHeaderBytes = BLOSC_MIN_HEADER_LENGTH;

Header ReadHeader(const std::byte* data) {
  const auto flags = std::to_integer<uint8_t>(data[2]);
  Header header = {};
  header.version = std::to_integer<uint8_t>(data[0]);
  header.codec = flags >> 5;
  header.stored = (flags & BLOSC_MEMCPYED) != 0;
  header.extended = (flags & 0x08) != 0;
  header.typesize = std::to_integer<uint8_t>(data[3]);
  header.decoded_bytes = LoadLittle<uint32_t>(data + 4);
  header.block_bytes = LoadLittle<uint32_t>(data + 8);
  header.encoded_bytes = LoadLittle<uint32_t>(data + 12);
  return header;
}

// The library checks its input too, but trusts the header with allocations, with reading
// `encoded_bytes`, and with where tables lie. Nothing of that is left to it.
Status CheckHeader(const Header& header, Bytes encoded, DecodedSize expected) {
  if (header.version != BLOSC_VERSION_FORMAT) {
    return InvalidData("blosc: container version ", int{header.version}, ", expected ",
                       BLOSC_VERSION_FORMAT);
  }
  if (header.extended) return InvalidData("blosc: a c-blosc 2 container, expected c-blosc 1");
  if (header.codec > BLOSC_ZSTD_FORMAT) {
    return InvalidData("blosc: unknown inner codec ", int{header.codec});
  }
  if (header.encoded_bytes != encoded.size()) {
    return InvalidData("blosc: the header says ", header.encoded_bytes, " encoded bytes, got ",
                       encoded.size());
  }
  COLONNADE_RETURN_IF_ERROR(CheckDecodedSize("blosc", expected, header.decoded_bytes));
  if (header.decoded_bytes > BLOSC_MAX_BUFFERSIZE) {
    return InvalidData("blosc: ", header.decoded_bytes,
                       " decoded bytes are more than the format allows");
  }
  if (header.typesize == 0) return InvalidData("blosc: element size 0");
  if (header.decoded_bytes == 0) return {};
  if (header.block_bytes == 0 || header.block_bytes > header.decoded_bytes) {
    return InvalidData("blosc: block size ", header.block_bytes, ", decoded size ",
                       header.decoded_bytes);
  }
  if (header.stored) {
    if (encoded.size() != kHeaderBytes + header.decoded_bytes) {
      return InvalidData("blosc: ", encoded.size() - kHeaderBytes, " uncompressed bytes, expected ",
                         header.decoded_bytes);
    }
    return {};
  }
  // A table of block offsets follows the header; each block has at least a length.
  const uint64_t blocks = (header.decoded_bytes - 1) / header.block_bytes + 1;
  const uint64_t least = kHeaderBytes + blocks * 2 * sizeof(uint32_t);
  if (encoded.size() < least) {
    return InvalidData("blosc: ", encoded.size(), " encoded bytes cannot hold ", blocks, " blocks");
  }
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t begin =
        LoadLittle<uint32_t>(encoded.data() + kHeaderBytes + block * sizeof(uint32_t));
    if (begin < kHeaderBytes + blocks * sizeof(uint32_t) ||
        begin > encoded.size() - sizeof(uint32_t)) {
      return InvalidData("blosc: block ", block, " begins at byte ", begin, " of ", encoded.size());
    }
  }
  return {};
}

}  // namespace

Status DecodeBlosc(Bytes encoded, DecodedSize expected, MemoryBudget& budget, Buffer* out) {
  if (encoded.size() < kHeaderBytes) {
    return InvalidData("blosc: ", encoded.size(), " encoded bytes, too short for the header");
  }
  const Header header = ReadHeader(encoded.data());
  COLONNADE_RETURN_IF_ERROR(CheckHeader(header, encoded, expected));
  if (header.decoded_bytes == 0) {
    if (encoded.size() == kHeaderBytes) return PrepareOutput(out, 0);
    return InvalidData("blosc: ", encoded.size() - kHeaderBytes, " bytes after an empty container");
  }
  // The library allocates two blocks. Usual ones are some hundred KiB and not worth a round trip to
  // the budget; a hostile header can make them as large as the chunk.
  constexpr uint64_t kUsualBlock = uint64_t{4} << 20;
  MemoryReservation work(budget);
  if (header.block_bytes > kUsualBlock && !header.stored) {
    COLONNADE_RETURN_IF_ERROR(work.Resize(static_cast<size_t>(header.block_bytes * 2)));
  }
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(out, header.decoded_bytes));
  const int decoded = blosc_decompress_ctx(encoded.data(), out->data(), out->size(), 1);
  if (decoded < 0 || static_cast<uint64_t>(decoded) != header.decoded_bytes) {
    return InvalidData("blosc: corrupt data, in ", encoded.size(), " encoded bytes");
  }
  return {};
}

}  // namespace colonnade::array::codecs
