#include "questdb/wire/gorilla.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/byte_order.h"

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kPlainBytes = sizeof(int64_t);

// The prefix of a change is a number of ones, at most four, and, if they are fewer, a zero; it
// tells how many bits of two's complement follow. By number of ones:
constexpr uint8_t kPrefixBits[] = {1, 2, 3, 4, 4};
constexpr uint8_t kValueBits[] = {0, 7, 9, 12, 32};
constexpr size_t kMostBits = 36;

// The class of a change; 5 if it has none.
size_t ClassOf(int64_t change) {
  if (change == 0) return 0;
  const auto fits = [change](int bits) {
    return change >= -(int64_t{1} << (bits - 1)) && change < int64_t{1} << (bits - 1);
  };
  return fits(7) ? 1 : fits(9) ? 2 : fits(12) ? 3 : fits(32) ? 4 : 5;
}

// How a change is read: the bits of all of it, and the shifts that bring its highest bit to the top
// of a word and the value back down, which copies the sign.
struct Change {
  uint8_t bits = 0;
  uint8_t left = 0;
  uint8_t right = 0;

  uint64_t Value(uint64_t window) const {
    return static_cast<uint64_t>(static_cast<int64_t>(window << left) >> right);
  }
};

struct ChangeTable {
  Change by_next_bits[16];  // the four bits that come next tell the class
};

constexpr ChangeTable MakeChangeTable() {
  ChangeTable table;
  for (unsigned next = 0; next < 16; ++next) {
    const auto ones = static_cast<size_t>(std::countr_one(next));  // at most 4
    const int total = kPrefixBits[ones] + kValueBits[ones];
    // Without value bits the zero of the prefix is what comes down.
    const int right = 64 - std::max<int>(kValueBits[ones], 1);
    table.by_next_bits[next] = {static_cast<uint8_t>(total), static_cast<uint8_t>(64 - total),
                                static_cast<uint8_t>(right)};
  }
  return table;
}

constexpr ChangeTable kChanges = MakeChangeTable();

const Change& NextChange(uint64_t window) { return kChanges.by_next_bits[window & 15]; }
bool IsLongest(uint64_t window) { return (window & 15) == 15; }

// Bits of a word that were not used before, wherever in its first byte they begin.
constexpr size_t kWindowBits = 57;
static_assert(kMostBits <= kWindowBits);

int64_t Wrap(uint64_t value) { return static_cast<int64_t>(value); }

}  // namespace

std::optional<std::vector<std::byte>> GorillaEncode(const int64_t* values, size_t count) {
  if (count < 3) return std::nullopt;
  const size_t plain = count * kPlainBytes;
  // A change takes less than eight bytes, and is written as eight.
  std::vector<std::byte> coded(plain + kPlainBytes);
  std::memcpy(coded.data(), values, 2 * kPlainBytes);
  size_t written = 2 * kPlainBytes;
  uint64_t pending = 0;
  size_t pending_bits = 0;
  int64_t previous = 0;
  if (__builtin_sub_overflow(values[1], values[0], &previous)) return std::nullopt;
  for (size_t i = 2; i < count; ++i) {
    int64_t delta = 0;
    int64_t change = 0;
    if (__builtin_sub_overflow(values[i], values[i - 1], &delta) ||
        __builtin_sub_overflow(delta, previous, &change)) {
      return std::nullopt;
    }
    previous = delta;
    const size_t ones = ClassOf(change);
    if (ones > 4) return std::nullopt;
    const size_t prefix = kPrefixBits[ones];
    const size_t total = prefix + kValueBits[ones];
    const uint64_t value_mask = (uint64_t{1} << kValueBits[ones]) - 1;
    const uint64_t code = ((uint64_t{1} << ones) - 1) | (static_cast<uint64_t>(change) & value_mask)
                                                            << prefix;
    pending |= code << pending_bits;  // at most 7 + 36 bits
    pending_bits += total;
    if (written >= plain) return std::nullopt;
    std::memcpy(coded.data() + written, &pending, sizeof(pending));
    written += pending_bits / 8;
    pending >>= pending_bits / 8 * 8;
    pending_bits %= 8;
  }
  if (pending_bits > 0) ++written;  // its byte has been written
  if (written >= plain) return std::nullopt;
  coded.resize(written);
  return coded;
}

Result<size_t> GorillaDecode(Bytes coded, size_t count, int64_t* values) {
  const size_t plain = std::min<size_t>(count, 2);
  if (coded.size() / kPlainBytes < plain) {
    return ProtocolError("delta-of-delta timestamps end after ", coded.size(), " bytes, before ",
                         plain, " plain values");
  }
  if (plain > 0) std::memcpy(values, coded.data(), plain * kPlainBytes);
  if (count <= 2) return plain * kPlainBytes;

  const Bytes stream = coded.subspan(2 * kPlainBytes);
  const auto ends_early = [&](size_t i) {
    return ProtocolError("delta-of-delta timestamps end after ", stream.size(),
                         " bytes of changes, at value ", i, " of ", count);
  };
  // A change takes a bit or more.
  if ((count - 2 + 7) / 8 > stream.size()) return ends_early(count);

  // Differences wrap, as they must have done at the side that coded them.
  auto value = static_cast<uint64_t>(values[1]);
  uint64_t delta = value - static_cast<uint64_t>(values[0]);
  size_t position = 0;  // in bits
  size_t i = 2;
  const auto step = [&](uint64_t change) {
    delta += change;
    value += delta;
    values[i++] = Wrap(value);
  };
  // The time that this takes is the way from the length of one change to the next change. So up to
  // three are taken from one load, which has the bits for three of the shorter classes; the longest
  // is told by a branch, because timestamps that have it have little else and the branch is then
  // known in advance. Every load has its 64 bits: nothing is checked per change.
  while (count - i >= kWindowBits && position / 8 + sizeof(uint64_t) <= stream.size()) {
    uint64_t window = LoadLittle<uint64_t>(stream.data() + position / 8) >> (position % 8);
    if ((window & ((uint64_t{1} << kWindowBits) - 1)) == 0) {
      // Timestamps at equal distances are runs of zero bits.
      for (size_t k = 0; k < kWindowBits; ++k) values[i + k] = Wrap(value + (k + 1) * delta);
      value += kWindowBits * delta;
      i += kWindowBits;
      position += kWindowBits;
      continue;
    }
    if (IsLongest(window)) {
      step(static_cast<uint64_t>(int64_t{static_cast<int32_t>(window >> 4)}));
      position += kMostBits;
      continue;
    }
    const Change& first = NextChange(window);
    step(first.Value(window));
    position += first.bits;
    window >>= first.bits;  // at least 41 bits are left
    if (IsLongest(window)) continue;
    const Change& second = NextChange(window);
    step(second.Value(window));
    position += second.bits;
    window >>= second.bits;  // at least 25
    if (IsLongest(window)) continue;
    const Change& third = NextChange(window);
    step(third.Value(window));
    position += third.bits;
  }
  // The last ones, with zeros behind the stream.
  for (const size_t bits = stream.size() * 8; i < count;) {
    uint64_t window = 0;
    if (position < bits) {
      const size_t byte = position / 8;
      std::memcpy(&window, stream.data() + byte, std::min(sizeof(window), stream.size() - byte));
      window >>= position % 8;
    }
    const Change& change = NextChange(window);
    if (change.bits > bits - position) return ends_early(i);
    step(change.Value(window));
    position += change.bits;
  }
  return 2 * kPlainBytes + (position + 7) / 8;
}

}  // namespace colonnade::questdb::wire
