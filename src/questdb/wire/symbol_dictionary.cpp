#include "questdb/wire/symbol_dictionary.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/byte_order.h"
#include "base/quote.h"
#include "base/utf8.h"

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kFirstSlots = 256;
// Texts that are looked up together.
constexpr size_t kGroup = 32;

// The two halves of a 128-bit product, folded: every bit of the factors reaches every bit of it.
uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Odd, with as many ones as zeros (digits of pi and e).
constexpr uint64_t kFirst = 0x243F6A8885A308D3;
constexpr uint64_t kSecond = 0xB7E151628AED2A6B;
constexpr uint64_t kThird = 0x13198A2E03707345;

}  // namespace

SymbolDictionary::SymbolDictionary(SymbolLimits limits, uint64_t seed)
    : limits_(limits), seed_(seed) {
  constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
  limits_.max_entries =
      std::min(limits_.max_entries, kMost - 2);  // slots and maps hold id + 1 or 2
  limits_.max_bytes = std::min(limits_.max_bytes, kMost);
}

// Multiply and fold: 16 bytes a step, the last of them overlapping what came before.
uint32_t SymbolDictionary::Hash(std::string_view text) const {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t state = seed_ ^ Mix(left ^ kFirst, kSecond);
  uint64_t low = 0;
  uint64_t high = 0;
  if (left >= 8) {
    for (; left > 16; at += 16, left -= 16)
      state = Mix(LoadLittle<uint64_t>(at) ^ kThird, LoadLittle<uint64_t>(at + 8) ^ state);
    const char* const end = at + left;
    // 16 bytes or less are left, and eight or more lie before the end.
    low = LoadLittle<uint64_t>(end - 8);
    high = left > 8 ? LoadLittle<uint64_t>(at) : low;
  } else if (left >= 4) {
    low = LoadLittle<uint32_t>(at);
    high = LoadLittle<uint32_t>(at + left - 4);
  } else if (left > 0) {
    low = static_cast<uint8_t>(at[0]) |
          static_cast<uint32_t>(static_cast<uint8_t>(at[left / 2])) << 8 |
          static_cast<uint32_t>(static_cast<uint8_t>(at[left - 1])) << 16;
  }
  const uint64_t hash = Mix(low ^ kSecond, high ^ state);
  return static_cast<uint32_t>(Mix(hash ^ kFirst, kThird));
}

Status SymbolDictionary::CheckNew(std::string_view text) const {
  if (text.size() > limits_.max_entry_bytes) {
    return InvalidArgument("a symbol of ", text.size(), " bytes is longer than ",
                           limits_.max_entry_bytes);
  }
  if (!IsUtf8MostlyAscii(text)) return InvalidArgument("symbol ", Quote(text, 60), " is not UTF-8");
  if (size() >= limits_.max_entries)
    return LimitExceeded("the connection has its ", limits_.max_entries, " symbols already");
  if (text.size() > limits_.max_bytes - std::min(limits_.max_bytes, bytes())) {
    return LimitExceeded("the connection's symbols have ", bytes(), " bytes; ", text.size(),
                         " more are above ", limits_.max_bytes);
  }
  return Status();
}

void SymbolDictionary::Grow() {
  std::vector<uint64_t> larger(std::max(kFirstSlots, slots_.size() * 2));
  const size_t mask = larger.size() - 1;
  // In the order of ids, so that taking the newest away gives the table without it: see Rollback.
  std::vector<uint32_t> hashes(size());
  for (const uint64_t slot : slots_) {
    if (slot != 0) hashes[(slot & 0xFFFFFFFF) - 1] = static_cast<uint32_t>(slot >> 32);
  }
  for (size_t id = 0; id < hashes.size(); ++id) {
    size_t at = hashes[id] & mask;
    while (larger[at] != 0) at = (at + 1) & mask;
    larger[at] = uint64_t{hashes[id]} << 32 | (id + 1);
  }
  slots_ = std::move(larger);
}

Result<uint32_t> SymbolDictionary::InternHashed(std::string_view text, uint32_t hash) {
  if (slots_.empty()) Grow();
  const auto find = [&] {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      const uint64_t slot = slots_[at];
      if (slot >> 32 == hash && entry((slot & 0xFFFFFFFF) - 1) == text) break;
    }
    return at;
  };
  size_t at = find();
  if (slots_[at] != 0) return static_cast<uint32_t>((slots_[at] & 0xFFFFFFFF) - 1);
  COLONNADE_RETURN_IF_ERROR(CheckNew(text));
  if ((size() + 1) * 2 > slots_.size()) {
    Grow();
    at = find();
  }
  // What may throw comes first.
  ends_.reserve(ends_.size() == ends_.capacity() ? ends_.size() * 2 + 64 : 0);
  arena_.insert(arena_.end(), text.begin(), text.end());
  ends_.push_back(static_cast<uint32_t>(arena_.size()));
  slots_[at] = uint64_t{hash} << 32 | ends_.size();
  return static_cast<uint32_t>(ends_.size() - 1);
}

Result<uint32_t> SymbolDictionary::Intern(std::string_view text) {
  return InternHashed(text, Hash(text));
}

Status SymbolDictionary::InternAll(std::span<const std::string_view> texts, uint32_t* ids,
                                   size_t* failed) {
  uint32_t hashes[kGroup];
  for (size_t begin = 0; begin < texts.size(); begin += kGroup) {
    const size_t count = std::min(kGroup, texts.size() - begin);
    // Three steps towards the bytes of each entry, and each step waits for memory. A slot that is
    // taken for the text's own and is not, or new slots in between, cost only time.
    const size_t mask = slots_.empty() ? 0 : slots_.size() - 1;
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = Hash(texts[begin + i]);
      if (mask != 0) __builtin_prefetch(&slots_[hashes[i] & mask]);
    }
    const auto end_of = [&](size_t i) -> const uint32_t* {
      const uint64_t slot = mask != 0 ? slots_[hashes[i] & mask] : 0;
      return slot >> 32 == hashes[i] && slot != 0 ? &ends_[(slot & 0xFFFFFFFF) - 1] : nullptr;
    };
    for (size_t i = 0; i < count; ++i) {
      if (const uint32_t* end = end_of(i)) __builtin_prefetch(end);
    }
    for (size_t i = 0; i < count; ++i) {
      if (const uint32_t* end = end_of(i))
        __builtin_prefetch(arena_.data() + *end - std::min<size_t>(*end, texts[begin + i].size()));
    }
    for (size_t i = 0; i < count; ++i) {
      auto id = InternHashed(texts[begin + i], hashes[i]);
      if (!id.ok()) {
        *failed = begin + i;
        return std::move(id).status();
      }
      ids[begin + i] = *id;
    }
  }
  return Status();
}

void SymbolDictionary::Rollback(size_t size) {
  assert(size <= this->size());
  if (size == this->size()) return;
  ++generation_;
  if (size == 0) {
    std::fill(slots_.begin(), slots_.end(), 0);
  } else {
    // Newest first: with linear probing, no other entry was ever placed because of the newest.
    const size_t mask = slots_.size() - 1;
    for (size_t id = this->size(); id-- > size;) {
      size_t at = Hash(entry(id)) & mask;
      while ((slots_[at] & 0xFFFFFFFF) != id + 1) at = (at + 1) & mask;
      slots_[at] = 0;
    }
  }
  arena_.resize(size == 0 ? 0 : ends_[size - 1]);
  ends_.resize(size);
}

}  // namespace colonnade::questdb::wire
