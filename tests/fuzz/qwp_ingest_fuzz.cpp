// What a client sends to the ingest endpoint, message after message of one connection.
//
// Input: messages, each behind two bytes of length (little-endian).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/byte_order.h"
#include "questdb/wire/block_decoder.h"
#include "questdb/wire/frame.h"
#include "qwp_block_check.h"

namespace {

using namespace colonnade;
using namespace colonnade::questdb::wire;

void ReadFrame(Bytes message, SymbolTable& symbols, BufferPool& pool) {
  const Result<FrameHeader> header = ParseFrameHeader(message);
  if (!header.ok()) return;
  DecodeOptions options;
  options.ingest = true;
  options.gorilla = (header->flags & kGorilla) != 0;
  options.delta_dictionary = (header->flags & kDeltaDictionary) != 0;
  options.limits = {.max_rows = 4'096, .max_list_nodes = 1 << 16, .max_decoded_bytes = 1 << 22};
  ByteReader reader(message, kFrameHeaderBytes);
  if (options.delta_dictionary) {
    const size_t before = symbols.size();
    if (!DecodeDictionarySection(reader, true, symbols).ok()) {
      if (symbols.size() != before) std::abort();
      return;
    }
  }
  for (int i = 0; i < header->table_count; ++i) {
    const Result<DecodedBlock> block =
        DecodeBlock(reader, nullptr, nullptr, symbols, options, pool);
    if (!block.ok()) return;
    CheckDecodedBlock(*block);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SymbolTable symbols({.max_entries = 10'000, .max_bytes = 1 << 20});
  BufferPool pool(1 << 20);
  while (size >= 2) {
    const size_t length = std::min<size_t>(LoadLittle<uint16_t>(data), size - 2);
    // A copy of the exact size, so that a read past the end is seen.
    std::vector<std::byte> message(length);
    if (length != 0) std::memcpy(message.data(), data + 2, length);
    ReadFrame(message, symbols, pool);
    data += 2 + length;
    size -= 2 + length;
  }
  return 0;
}
