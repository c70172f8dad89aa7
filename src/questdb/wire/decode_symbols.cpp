// Columns of symbols: varint codes, most of one or two bytes.

#include <bit>
#include <limits>
#include <vector>

#include "questdb/wire/column_decoder.h"

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kBlock = 64;

// Which bytes of a block say "more follows": bit i is byte i.
uint64_t MoreBits(const std::byte* block) {
  uint64_t more = 0;
  for (size_t i = 0; i < kBlock; i += 8) {
    const uint64_t high = LoadLittle<uint64_t>(block + i) & 0x8080808080808080;
    // The product brings the eight bits together in the highest byte.
    more |= ((high * 0x0002040810204081) >> 56) << i;
  }
  return more;
}

// Widens a block of one-byte numbers; returns the largest.
uint32_t WidenBlock(const std::byte* __restrict block, uint32_t* __restrict values) {
  uint8_t largest = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const auto value = static_cast<uint8_t>(block[i]);
    values[i] = value;
    largest = std::max(largest, value);
  }
  return largest;
}

// Reads the numbers of one and two bytes that begin in a block, the last of which may end in the
// byte behind it. \pre a number begins with the block; none has more than two bytes
// \returns how many they are
size_t ReadPairs(const std::byte* block, uint64_t more, uint32_t* values, uint32_t* largest) {
  // The number that would begin at every byte: this vectorises, and taking out those that do begin
  // there is then one load and one store each.
  uint16_t numbers[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    const uint16_t first = static_cast<uint8_t>(block[i]);
    const uint16_t second = static_cast<uint8_t>(block[i + 1]);
    const auto has_second = static_cast<uint16_t>(-(first >> 7));
    numbers[i] = static_cast<uint16_t>((first & 0x7F) | ((second << 7) & has_second));
  }
  uint64_t begins = ~(more << 1);
  const auto count = static_cast<size_t>(std::popcount(begins));
  uint32_t most = 0;
  for (size_t i = 0; i < count; ++i, begins &= begins - 1) {
    values[i] = numbers[std::countr_zero(begins)];
    most = std::max(most, values[i]);
  }
  *largest = std::max(*largest, most);
  return count;
}

Status DecodeLocalDictionary(BlockContext& context, SymbolTable* table) {
  const size_t begin = context.reader.position();
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t count,
                             context.reader.TakeVarint("size of the dictionary"));
  if (count > context.reader.remaining()) {
    return ProtocolError("dictionary at byte ", begin, ": ", count, " entries in ",
                         context.reader.remaining(), " bytes");
  }
  std::vector<std::string_view> texts;
  texts.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) {
    COLONNADE_ASSIGN_OR_RETURN(
        const std::string_view text,
        context.reader.TakeString(std::numeric_limits<size_t>::max(), "entry of the dictionary"));
    texts.push_back(text);
  }
  return table->Append(texts);
}

}  // namespace

Result<VarintRun> DecodeVarints(Bytes bytes, size_t origin, size_t count, uint32_t* values) {
  VarintRun run;
  size_t& at = run.bytes;
  size_t done = 0;
  while (done < count) {
    // A byte more: the last number that begins in the block may end behind it.
    if (count - done >= kBlock && bytes.size() - at > kBlock) {
      const std::byte* const block = bytes.data() + at;
      const uint64_t more = MoreBits(block);
      if (more == 0) {
        run.largest = std::max(run.largest, WidenBlock(block, values + done));
        done += kBlock;
        at += kBlock;
        continue;
      }
      const bool ends_behind = (more >> 63) != 0;
      const bool has_longer =
          (more & (more << 1)) != 0 || (ends_behind && static_cast<uint8_t>(block[kBlock]) >= 0x80);
      if (!has_longer) {
        done += ReadPairs(block, more, values + done, &run.largest);
        at += kBlock + (ends_behind ? 1 : 0);
        continue;
      }
    }
    // A number of any length, then what fits a block again; near the end all are read here.
    for (size_t n = std::min<size_t>(count - done, 16); n > 0; --n) {
      ByteReader reader(bytes, at);
      Result<uint64_t> value = reader.TakeVarint("code");
      if (!value.ok() || *value > std::numeric_limits<uint32_t>::max()) {
        return ProtocolError("code of value ", done, " at byte ", origin + at,
                             value.ok() ? ": more than 32 bits" : ": not a whole varint");
      }
      at = reader.position();
      values[done++] = static_cast<uint32_t>(*value);
      run.largest = std::max(run.largest, static_cast<uint32_t>(*value));
    }
  }
  return run;
}

Status DecodeSymbolColumn(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  if (context.options.delta_dictionary) {
    column->symbols = context.symbols.Snapshot();
  } else {
    SymbolTable local;
    COLONNADE_RETURN_IF_ERROR(DecodeLocalDictionary(context, &local));
    column->symbols = local.Snapshot();
  }
  const size_t begin = context.reader.position();
  // A code has at least a byte: no memory for what cannot be there.
  if (presence.value_count() > context.reader.remaining()) {
    return ProtocolError("codes at byte ", begin, ": ", presence.values, " codes in ",
                         context.reader.remaining(), " bytes");
  }
  const size_t bytes = presence.row_count() * sizeof(uint32_t);
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(bytes));
  auto* const codes = reinterpret_cast<uint32_t*>(piece.data);
  uint32_t* const packed = codes + (presence.rows - presence.values);
  COLONNADE_ASSIGN_OR_RETURN(const VarintRun run, DecodeVarints(context.reader.rest(), begin,
                                                                presence.value_count(), packed));
  if (presence.values != 0 && run.largest >= column->symbols.size) {
    return ProtocolError("codes at byte ", begin, ": code ", run.largest,
                         ", but the dictionary has ", column->symbols.size, " entries");
  }
  context.reader.Skip(run.bytes);
  if (!presence.all())
    Spread(reinterpret_cast<const std::byte*>(packed), presence, uint32_t{0}, codes);
  column->values = {std::move(piece.owner), piece.data, bytes};
  return {};
}

}  // namespace colonnade::questdb::wire
