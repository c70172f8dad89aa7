// Every type of fixed width, with every pattern of missing values, sliced and misaligned in every
// way, against an encoder that takes one value at a time and knows nothing of memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "questdb/wire/arrangements_for_test.h"

namespace colonnade::questdb::wire {
namespace {

// Appends a value as the caller has it and as it travels.
using Draw = std::function<void(SeededRandom&, ByteVector* source, ByteVector* wire)>;

struct FixedCase {
  const char* name;
  ColumnType type;
  Element element;
  Draw draw;
  ByteVector missing = {};  // what stands for a missing value; none: a bitmap
  ByteVector prefix = {};
  int64_t multiplier = 1;
  int scale = 0;
  int geohash_bits = 0;
};

// Integers that travel as integers of the same value.
template <typename Source>
Draw Integers(size_t wire_width, int64_t multiplier = 1) {
  return [=](SeededRandom& random, ByteVector* source, ByteVector* wire) {
    const auto drawn = static_cast<Source>(random.engine()());
    auto value = static_cast<__int128>(drawn);
    if (multiplier != 1) value %= (__int128{1} << 62) / multiplier;  // so that products fit
    if (std::is_same_v<Source, uint64_t>) value &= INT64_MAX;
    PutLittle(static_cast<uint64_t>(value), sizeof(Source), source);
    PutLittle(static_cast<uint64_t>(value * multiplier), wire_width, wire);
  };
}

Draw Same(size_t width) {
  return [width](SeededRandom& random, ByteVector* source, ByteVector* wire) {
    PutRandom(random, width, source);
    wire->insert(wire->end(), source->end() - static_cast<int64_t>(width), source->end());
  };
}

Draw Reversed(size_t width) {
  return [width](SeededRandom& random, ByteVector* source, ByteVector* wire) {
    PutRandom(random, width, source);
    wire->insert(wire->end(), source->rbegin(), source->rbegin() + static_cast<int64_t>(width));
  };
}

Draw Geohashes(size_t source_width, int bits) {
  return [=](SeededRandom& random, ByteVector* source, ByteVector* wire) {
    const uint64_t value = random.engine()() & ((uint64_t{1} << bits) - 1);
    PutLittle(value, source_width, source);
    PutLittle(value, (static_cast<size_t>(bits) + 7) / 8, wire);
  };
}

template <typename Target>
Draw Halves() {
  return [](SeededRandom& random, ByteVector* source, ByteVector* wire) {
    const auto bits = static_cast<uint16_t>(random.Uniform(0, 0x7BFF));  // finite
    const int exponent = bits >> 10;
    const int fraction = (bits & 0x3FF) + (exponent == 0 ? 0 : 0x400);
    const auto value =
        static_cast<Target>(std::ldexp(fraction, (exponent == 0 ? 1 : exponent) - 25));
    PutLittle(bits, 2, source);
    using Word = std::conditional_t<sizeof(Target) == 8, uint64_t, uint32_t>;
    PutLittle(std::bit_cast<Word>(value), sizeof(Target), wire);
  };
}

void DrawWideDecimal(SeededRandom& random, ByteVector* source, ByteVector* wire) {
  const auto low = static_cast<int64_t>(random.engine()());
  PutLittle(static_cast<uint64_t>(low), 8, source);
  PutLittle(low < 0 ? ~uint64_t{0} : 0, 8, source);
  PutLittle(static_cast<uint64_t>(low), 8, wire);
}

std::vector<FixedCase> FixedCases() {
  using enum ColumnType;
  const ByteVector zero1 = Little(0, 1);
  const ByteVector zero2 = Little(0, 2);
  const ByteVector int_null = Little(0x80000000, 4);
  const ByteVector long_null = Little(0x8000000000000000, 8);
  const ByteVector float_null = Little(0x7FC00000, 4);
  const ByteVector double_null = Little(0x7FF8000000000000, 8);
  std::vector<FixedCase> cases = {
      {"byte", kByte, Element::kInt8, Integers<int8_t>(1), zero1},
      {"short", kShort, Element::kInt16, Integers<int16_t>(2), zero2},
      {"short of int8", kShort, Element::kInt8, Integers<int8_t>(2), zero2},
      {"short of uint8", kShort, Element::kUInt8, Integers<uint8_t>(2), zero2},
      {"int", kInt, Element::kInt32, Integers<int32_t>(4), int_null},
      {"int of int8", kInt, Element::kInt8, Integers<int8_t>(4), int_null},
      {"int of int16", kInt, Element::kInt16, Integers<int16_t>(4), int_null},
      {"int of uint8", kInt, Element::kUInt8, Integers<uint8_t>(4), int_null},
      {"int of uint16", kInt, Element::kUInt16, Integers<uint16_t>(4), int_null},
      {"long", kLong, Element::kInt64, Integers<int64_t>(8), long_null},
      {"long of int8", kLong, Element::kInt8, Integers<int8_t>(8), long_null},
      {"long of int32", kLong, Element::kInt32, Integers<int32_t>(8), long_null},
      {"long of uint32", kLong, Element::kUInt32, Integers<uint32_t>(8), long_null},
      {"long of uint64", kLong, Element::kUInt64, Integers<uint64_t>(8), long_null},
      {"nanoseconds of time32",
       kLong,
       Element::kInt32,
       Integers<int32_t>(8, 1'000'000'000),
       long_null,
       {},
       1'000'000'000},
      {"float", kFloat, Element::kFloat32, Same(4), float_null},
      {"float of float16", kFloat, Element::kFloat16, Halves<float>(), float_null},
      {"double", kDouble, Element::kFloat64, Same(8), double_null},
      {"double of float16", kDouble, Element::kFloat16, Halves<double>(), double_null},
      {"char", kChar, Element::kUInt16, Same(2), zero2},
      {"timestamp", kTimestamp, Element::kInt64, Same(8)},
      {"timestamp of seconds",
       kTimestamp,
       Element::kInt64,
       Integers<int64_t>(8, 1'000'000),
       {},
       {},
       1'000'000},
      {"nanoseconds", kTimestampNanos, Element::kInt64, Same(8)},
      {"date", kDate, Element::kInt64, Same(8)},
      {"date of days",
       kDate,
       Element::kInt32,
       Integers<int32_t>(8, 86'400'000),
       {},
       {},
       86'400'000},
      {"ipv4", kIpv4, Element::kUInt32, Same(4)},
      {"uuid", kUuid, Element::kBytes16, Reversed(16)},
      {"long256", kLong256, Element::kBytes32, Same(32)},
      {"decimal64", kDecimal64, Element::kInt64, Same(8), {}, Little(7, 1), 1, 7},
      {"decimal64 of decimal32",
       kDecimal64,
       Element::kInt32,
       Integers<int32_t>(8),
       {},
       Little(9, 1),
       1,
       9},
      {"decimal64 of decimal128",
       kDecimal64,
       Element::kBytes16,
       DrawWideDecimal,
       {},
       Little(2, 1),
       1,
       2},
      {"decimal128", kDecimal128, Element::kBytes16, Same(16), {}, Little(38, 1), 1, 38},
      {"decimal256", kDecimal256, Element::kBytes32, Same(32), {}, Little(76, 1), 1, 76},
  };
  for (const int bits : {1, 5, 8, 9, 16, 20, 24, 31, 32, 33, 40, 56, 60}) {
    const std::pair<Element, size_t> sources[] = {
        {Element::kInt8, 1}, {Element::kInt16, 2}, {Element::kInt32, 4}, {Element::kInt64, 8}};
    for (const auto& [element, width] : sources) {
      if (bits > static_cast<int>(8 * width)) continue;
      FixedCase geohash{"geohash", kGeohash, element, Geohashes(width, bits)};
      PutVarint(static_cast<uint64_t>(bits), &geohash.prefix);
      geohash.geohash_bits = bits;
      cases.push_back(geohash);
    }
  }
  return cases;
}

TEST(EncodeProperty, FixedWidthColumnsAreWhatAPlainEncoderMakesOfThem) {
  SeededRandom random;
  for (const FixedCase& test : FixedCases()) {
    const ::testing::ScopedTrace trace(
        __FILE__, __LINE__, std::string(test.name) + " " + std::to_string(test.geohash_bits));
    ForEachArrangement(random, [&](const Arrangement& arrangement) {
      TestMemory memory;
      const size_t width = ElementWidth(test.element);
      ByteVector source;
      ByteVector body;
      ByteVector compact;  // without the missing ones
      ByteVector ignored;
      for (size_t row = 0; row < arrangement.valid.size(); ++row) {
        const auto index = static_cast<int64_t>(row);
        const bool counts = index >= arrangement.rows.begin && index < arrangement.rows.end;
        if (arrangement.valid[row]) {
          const size_t begin = body.size();
          test.draw(random, &source, counts ? &body : &ignored);
          compact.insert(compact.end(), body.begin() + static_cast<int64_t>(begin), body.end());
          continue;
        }
        // What lies in the place of a missing value is nobody's business, and often not a value.
        PutRandom(random, width, &source);
        if (counts) body.insert(body.end(), test.missing.begin(), test.missing.end());
      }
      source.resize(static_cast<size_t>(arrangement.rows.end) * width);  // nothing behind
      Column column;
      column.name = "x";
      column.type = test.type;
      column.scale = test.scale;
      column.geohash_bits = test.geohash_bits;
      column.validity = ValidityOf(arrangement, memory);
      column.values =
          FixedValues{memory.Keep(source, arrangement.shift), test.element, test.multiplier};
      const bool is_forced = test.type == ColumnType::kGeohash && test.geohash_bits % 8 == 0;
      ByteVector want = NullSection(arrangement, test.missing.empty(), is_forced);
      want.insert(want.end(), test.prefix.begin(), test.prefix.end());
      want.insert(want.end(), body.begin(), body.end());
      ExpectBody(column, arrangement, want);

      // As results have it.
      const bool is_number = test.missing.size() >= 4;
      want = NullSection(arrangement, test.missing.empty() || is_number, is_forced);
      want.insert(want.end(), test.prefix.begin(), test.prefix.end());
      const ByteVector& values = is_number ? compact : body;
      want.insert(want.end(), values.begin(), values.end());
      ExpectBody(column, arrangement, want, {.numbers_have_bitmap = true});
    });
  }
}

// NaT among values and in the place of missing ones, for types with and without a bitmap.
TEST(EncodeProperty, TheSmallestIntegerIsAMissingValueWhereItIsSaidToBe) {
  SeededRandom random;
  for (const ColumnType type : {ColumnType::kTimestamp, ColumnType::kLong}) {
    for (const int64_t multiplier : {1, 1'000}) {
      ForEachArrangement(random, [&](const Arrangement& given) {
        TestMemory memory;
        Arrangement arrangement = given;
        std::vector<int64_t> source;
        const double chance = random.Chance(0.3) ? 0.0 : 0.1;
        for (size_t row = 0; row < given.valid.size(); ++row) {
          const bool is_nat = random.Chance(chance);
          source.push_back(is_nat ? INT64_MIN : random.Uniform(-1'000'000, 1'000'000));
          if (is_nat) arrangement.valid[row] = false;
        }
        const bool has_bitmap = type == ColumnType::kTimestamp;
        ByteVector want = NullSection(arrangement, has_bitmap, false);
        for (int64_t row = given.rows.begin; row < given.rows.end; ++row) {
          const auto i = static_cast<size_t>(row);
          if (arrangement.valid[i]) {
            PutLittle(static_cast<uint64_t>(source[i] * multiplier), 8, &want);
          } else if (!has_bitmap) {
            PutLittle(0x8000000000000000, 8, &want);
          }
        }
        Column column;
        column.name = "x";
        column.type = type;
        column.validity = ValidityOf(given, memory);
        column.values =
            FixedValues{memory.KeepAll(source, given.shift), Element::kInt64, multiplier, true};
        ExpectBody(column, given, want);
      });
    }
  }
}

TEST(EncodeProperty, BooleansArePackedAndMissingOnesAreFalse) {
  SeededRandom random;
  for (const bool are_bits : {true, false}) {
    ForEachArrangement(random, [&](const Arrangement& arrangement) {
      TestMemory memory;
      std::vector<bool> values;
      std::vector<uint8_t> bytes;
      for (size_t row = 0; row < arrangement.valid.size(); ++row) {
        values.push_back(random.Chance(0.5));
        bytes.push_back(values.back() ? static_cast<uint8_t>(random.Uniform(1, 255)) : 0);
      }
      ByteVector want(1 + static_cast<size_t>(arrangement.rows.size() + 7) / 8);
      for (int64_t row = 0; row < arrangement.rows.size(); ++row) {
        const auto at = static_cast<size_t>(arrangement.rows.begin + row);
        if (values[at] && arrangement.valid[at])
          want[1 + static_cast<size_t>(row) / 8] |= static_cast<std::byte>(1 << (row % 8));
      }
      values.resize(static_cast<size_t>(arrangement.rows.end));
      bytes.resize(static_cast<size_t>(arrangement.rows.end));
      Column column;
      column.name = "x";
      column.type = ColumnType::kBoolean;
      column.validity = ValidityOf(arrangement, memory);
      // Another offset than the validity's.
      const int64_t offset = (arrangement.offset * 3 + 2) % 11;
      if (are_bits) {
        column.values = BitValues{memory.KeepBits(values, offset), offset};
      } else {
        column.values = FixedValues{memory.KeepAll(bytes, arrangement.shift), Element::kBool8};
      }
      ExpectBody(column, arrangement, want);
    });
  }
}

// The bits of the documentation's table, written one at a time.
ByteVector PlainGorilla(const std::vector<int64_t>& values) {
  std::vector<bool> bits;
  const auto put = [&](uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bits.push_back((value >> i & 1) != 0);
  };
  for (size_t i = 2; i < values.size(); ++i) {
    const int64_t change = (values[i] - values[i - 1]) - (values[i - 1] - values[i - 2]);
    const auto raw = static_cast<uint64_t>(change);
    if (change == 0) {
      put(0, 1);
    } else if (change >= -64 && change <= 63) {
      put(0b01, 2), put(raw, 7);
    } else if (change >= -256 && change <= 255) {
      put(0b011, 3), put(raw, 9);
    } else if (change >= -2048 && change <= 2047) {
      put(0b0111, 4), put(raw, 12);
    } else {
      put(0b1111, 4), put(raw, 32);
    }
  }
  ByteVector bytes;
  PutLittle(static_cast<uint64_t>(values[0]), 8, &bytes);
  PutLittle(static_cast<uint64_t>(values[1]), 8, &bytes);
  bytes.resize(16 + (bits.size() + 7) / 8);
  for (size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) bytes[16 + i / 8] |= static_cast<std::byte>(1 << (i % 8));
  }
  return bytes;
}

TEST(EncodeProperty, TimestampsAreCodedByDeltasWhereThatIsSmaller) {
  SeededRandom random;
  const EncodeOptions options{.gorilla = true, .date_has_encoding = true};
  for (const ColumnType type : {ColumnType::kTimestamp, ColumnType::kTimestampNanos,
                                ColumnType::kDate, ColumnType::kLong}) {
    ForEachArrangement(random, [&](const Arrangement& arrangement) {
      TestMemory memory;
      std::vector<int64_t> values;
      std::vector<int64_t> present;
      const int64_t jitter = int64_t{1} << random.Uniform(0, 33);
      int64_t time = random.Uniform(0, int64_t{1} << 60);
      for (size_t row = 0; row < arrangement.valid.size(); ++row) {
        time += 1000 + (random.Chance(0.5) ? 0 : random.Uniform(-jitter, jitter));
        values.push_back(time);
        const auto index = static_cast<int64_t>(row);
        if (arrangement.valid[row] && index >= arrangement.rows.begin &&
            index < arrangement.rows.end) {
          present.push_back(time);
        }
      }
      const bool is_time = type != ColumnType::kLong;
      bool fits = present.size() > 2;
      for (size_t i = 2; i < present.size(); ++i) {
        const int64_t change = present[i] - 2 * present[i - 1] + present[i - 2];
        fits &= change >= INT32_MIN && change <= INT32_MAX;
      }
      const ByteVector coded = fits ? PlainGorilla(present) : ByteVector();
      const bool is_coded = fits && coded.size() < present.size() * 8;
      ByteVector want = NullSection(arrangement, is_time, false);
      if (is_time) want.push_back(static_cast<std::byte>(is_coded));
      if (is_time && is_coded) {
        want.insert(want.end(), coded.begin(), coded.end());
      } else {
        for (int64_t row = arrangement.rows.begin; row < arrangement.rows.end; ++row) {
          const auto i = static_cast<size_t>(row);
          if (arrangement.valid[i]) PutLittle(static_cast<uint64_t>(values[i]), 8, &want);
          if (!arrangement.valid[i] && !is_time) PutLittle(0x8000000000000000, 8, &want);
        }
      }
      Column column;
      column.name = "x";
      column.type = type;
      column.validity = ValidityOf(arrangement, memory);
      column.values = FixedValues{memory.KeepAll(values, arrangement.shift), Element::kInt64};
      ExpectBody(column, arrangement, want, options);
    });
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
