// What a server sends on the query endpoint, message after message, with the state that they build
// up: schema, dictionary, sequence.
//
// Input: messages, each behind two bytes of length (little-endian).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_order.h"
#include "questdb/wire/result_message.h"
#include "qwp_block_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace colonnade;
  using namespace colonnade::questdb::wire;
  const DecodeLimits limits = {.max_rows = 4'096,
                               .max_list_nodes = 1 << 16,
                               .max_decoded_bytes = 1 << 22,
                               .max_decompressed_bytes = 1 << 20};
  ResultState state;
  SymbolTable symbols({.max_entries = 10'000, .max_bytes = 1 << 20});
  Decompressor decompressor;
  BufferPool pool(1 << 20);
  DecodedBlock kept;
  std::string kept_text;
  while (size >= 2) {
    const size_t length = std::min<size_t>(LoadLittle<uint16_t>(data), size - 2);
    // A copy of the exact size, so that a read past the end is seen.
    const auto message = std::make_shared<std::vector<std::byte>>(length);
    if (length != 0) std::memcpy(message->data(), data + 2, length);
    data += 2 + length;
    size -= 2 + length;
    const Result<ResultMessage> parsed = ParseResultMessage(*message);
    if (!parsed.ok()) continue;
    if (const auto* reset = std::get_if<CacheReset>(&*parsed)) {
      if (reset->dictionary) symbols.Clear();
    } else if (const auto* end = std::get_if<ResultEnd>(&*parsed)) {
      (void)CheckResultEnd(*end, state).ok();
      state = {};
    } else if (const auto* batch = std::get_if<ResultBatch>(&*parsed)) {
      Result<DecodedBlock> block =
          DecodeResultBatch(*batch, {message, message->data(), message->size()}, state, symbols,
                            decompressor, pool, limits);
      if (!block.ok()) continue;
      CheckDecodedBlock(*block);
      if (!kept_text.empty() || block->columns.empty()) continue;
      bool has_long_lists = false;
      for (const DecodedColumn& column : block->columns)
        has_long_lists = has_long_lists || column.list_offsets.size() > 1;
      if (has_long_lists) continue;
      kept = *std::move(block);
      kept_text = BlockText(kept);
    } else {
      net::MessageBuffer encoded;
      encoded.Begin(0);
      EncodeResultMessage(*parsed, encoded);
      if (!ParseResultMessage(encoded.Unmasked()).ok()) std::abort();
    }
  }
  // Nothing that came later has changed what was handed out.
  if (!kept_text.empty() && BlockText(kept) != kept_text) std::abort();
  return 0;
}
