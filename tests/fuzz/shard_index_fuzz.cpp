// Shard indexes: what is found lies inside the shard and outside its index.
//
// Input: a byte of options, four bytes of shard size, then the index.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/byte_order.h"
#include "zarr/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5) return 0;
  const uint8_t options = data[0];
  const auto object_size = uint64_t{colonnade::LoadLittle<uint32_t>(data + 1)};
  const colonnade::Bytes bytes(reinterpret_cast<const std::byte*>(data + 5), size - 5);
  colonnade::zarr::ShardIndexFormat format;
  format.checksum = (options & 1) != 0;
  format.at_start = (options & 2) != 0;
  format.endian = (options & 4) != 0 ? std::endian::big : std::endian::little;
  format.grid = {static_cast<int64_t>(bytes.size() / 16)};
  const auto index = colonnade::zarr::ShardIndex::Parse(bytes, format, object_size);
  if (!index.ok() || format.entries() == 0) return 0;
  const uint64_t index_begin = format.at_start ? 0 : object_size - format.bytes();
  for (uint64_t entry = 0; entry < format.entries(); ++entry) {
    const auto span = index->Find(entry);
    if (!span.ok() || !*span) continue;
    const uint64_t begin = (*span)->offset;
    const uint64_t end = begin + (*span)->length;
    if (end <= begin || end > object_size) std::abort();
    if (begin < index_begin + format.bytes() && end > index_begin) std::abort();
  }
  return 0;
}
