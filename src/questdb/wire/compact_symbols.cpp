#include "questdb/wire/compact_symbols.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_order.h"

namespace colonnade::questdb::wire {
namespace {

// From old codes to new ones, by open addressing: its size goes with the rows, because a dictionary
// may have a thousand times as many entries.
class CodeMap {
 public:
  explicit CodeMap(size_t most) : slots_(std::bit_ceil(std::max<size_t>(most * 2, 16))) {}

  // The new code of `old`: the next one if it has none.
  uint32_t NewCode(uint32_t old) {
    size_t at = static_cast<size_t>((old * uint64_t{0x9E3779B97F4A7C15}) >> 32) & mask();
    for (;; at = (at + 1) & mask()) {
      Slot& slot = slots_[at];
      if (slot.new_code_plus_1 == 0) {
        old_codes_.push_back(old);
        slot = {old, static_cast<uint32_t>(old_codes_.size())};
      }
      if (slot.old_code == old) return slot.new_code_plus_1 - 1;
    }
  }

  const std::vector<uint32_t>& old_codes() const { return old_codes_; }

 private:
  struct Slot {
    uint32_t old_code = 0;
    uint32_t new_code_plus_1 = 0;  // 0: empty
  };
  size_t mask() const { return slots_.size() - 1; }

  std::vector<Slot> slots_;
  std::vector<uint32_t> old_codes_;  // by new code
};

}  // namespace

void CompactSymbols(int64_t rows, DecodedColumn* column) {
  const auto count = static_cast<size_t>(rows);
  const SymbolSnapshot& from = column->symbols;
  CodeMap map(std::min(count, from.size));
  auto codes = std::make_shared<std::vector<uint32_t>>(std::max<size_t>(count, 1));
  for (size_t row = 0; row < count; ++row) {
    const bool is_valid =
        column->null_count == 0 ||
        (static_cast<uint8_t>(column->validity.data[row / 8]) >> (row % 8) & 1) != 0;
    if (!is_valid) continue;
    (*codes)[row] = map.NewCode(LoadLittle<uint32_t>(column->values.data + row * sizeof(uint32_t)));
  }
  std::vector<std::string_view> texts;
  size_t bytes = 0;
  for (const uint32_t code : map.old_codes()) {
    texts.push_back(from.text(code));
    bytes += texts.back().size();
  }
  // They fitted their old table, and no text is in the new one twice.
  SymbolTable table({.max_entries = texts.size(), .max_bytes = bytes});
  const Status status = table.Append(texts);
  if (!status.ok()) return;
  column->symbols = table.Snapshot();
  const auto* const data = reinterpret_cast<const std::byte*>(codes->data());
  column->values = {std::move(codes), data, count * sizeof(uint32_t)};
}

}  // namespace colonnade::questdb::wire
