// Text, bytes, symbols and arrays, with every pattern of missing values, sliced and misaligned in
// every way, against an encoder that takes one value at a time and knows nothing of memory.

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

std::string RandomText(SeededRandom& random) {
  static const char* const kPieces[] = {"a", "Z", "0", " ", "é", "ß", "€", "語", "😀", "\x7f", ""};
  std::string text;
  for (int64_t i = random.Uniform(0, random.Chance(0.1) ? 40 : 5); i > 0; --i)
    text += kPieces[random.Uniform(0, random.Chance(0.5) ? 3 : 10)];
  return text;
}

// Lays texts out as `layout` has them. Missing ones have bytes of their own if `with_garbage`,
// which are not UTF-8, and which nobody may look at.
VaryingValues LayOut(const std::vector<std::string>& texts, const std::vector<bool>& valid,
                     VaryingValues::Layout layout, bool with_garbage, size_t shift,
                     SeededRandom& random, TestMemory& memory) {
  using Layout = VaryingValues::Layout;
  VaryingValues values;
  values.layout = layout;
  std::string data = random.Chance(0.5) ? "before" : "";
  std::vector<int64_t> offsets{static_cast<int64_t>(data.size())};
  ByteVector views;
  std::vector<std::string> buffers(3);
  for (size_t row = 0; row < texts.size(); ++row) {
    const std::string text = valid[row] ? texts[row] : with_garbage ? "\xFF\x80" : "";
    data += text;
    offsets.push_back(static_cast<int64_t>(data.size()));
    if (!valid[row] && with_garbage) {
      PutRandom(random, 16, &views);
      continue;
    }
    ByteVector view = Little(text.size(), 4);
    std::string place = text;
    if (text.size() > 12) {
      const auto buffer = static_cast<size_t>(random.Uniform(0, 2));
      place = text.substr(0, 4);
      for (const uint64_t number : {uint64_t{buffer}, uint64_t{buffers[buffer].size()}})
        for (const std::byte byte : Little(number, 4)) place += static_cast<char>(byte);
      buffers[buffer] += text;
    }
    place.resize(12);
    for (const char c : place) view.push_back(static_cast<std::byte>(c));
    views.insert(views.end(), view.begin(), view.end());
  }
  if (layout == Layout::kViews) {
    std::vector<const void*> pointers;
    for (const std::string& buffer : buffers)
      pointers.push_back(memory.Keep(std::as_bytes(std::span(buffer.data(), buffer.size()))));
    values.offsets = memory.Keep(views, shift);
    values.view_buffers = reinterpret_cast<const void* const*>(memory.KeepAll(pointers));
    values.view_buffer_count = 3;
    return values;
  }
  const std::vector<int32_t> narrow(offsets.begin(), offsets.end());
  values.offsets =
      layout == Layout::kOffsets32 ? memory.KeepAll(narrow, shift) : memory.KeepAll(offsets, shift);
  values.data = reinterpret_cast<const uint8_t*>(
      memory.Keep(std::as_bytes(std::span(data.data(), data.size())), shift));
  return values;
}

// The body of VARCHAR and BINARY.
ByteVector TextBody(const std::vector<std::string>& texts, const Arrangement& arrangement) {
  ByteVector body = NullSection(arrangement, true, false);
  std::string all;
  PutLittle(0, 4, &body);
  for (int64_t row = arrangement.rows.begin; row < arrangement.rows.end; ++row) {
    if (!arrangement.valid[static_cast<size_t>(row)]) continue;
    all += texts[static_cast<size_t>(row)];
    PutLittle(all.size(), 4, &body);
  }
  for (const char c : all) body.push_back(static_cast<std::byte>(c));
  return body;
}

constexpr VaryingValues::Layout kTextLayouts[] = {VaryingValues::Layout::kOffsets32,
                                                  VaryingValues::Layout::kOffsets64,
                                                  VaryingValues::Layout::kViews};

TEST(EncodeProperty, TextsAreOffsetsAndBytesWithoutGaps) {
  SeededRandom random;
  for (const auto layout : kTextLayouts) {
    for (const ColumnType type : {ColumnType::kVarchar, ColumnType::kBinary}) {
      ForEachArrangement(random, [&](const Arrangement& arrangement) {
        TestMemory memory;
        std::vector<std::string> texts;
        for (size_t row = 0; row < arrangement.valid.size(); ++row) {
          texts.push_back(RandomText(random));
          if (type == ColumnType::kBinary) texts.back() += "\xFE";
        }
        Column column;
        column.name = "x";
        column.type = type;
        column.validity = ValidityOf(arrangement, memory);
        column.values = LayOut(texts, arrangement.valid, layout, random.Chance(0.5),
                               arrangement.shift, random, memory);
        ExpectBody(column, arrangement, TextBody(texts, arrangement));
      });
    }
  }
}

TEST(EncodeProperty, BytesOfOneWidthAreBinaryOrUuids) {
  SeededRandom random;
  for (const ColumnType type : {ColumnType::kBinary, ColumnType::kUuid, ColumnType::kLong256}) {
    const size_t width = type == ColumnType::kUuid ? 16 : type == ColumnType::kLong256 ? 32 : 5;
    ForEachArrangement(random, [&](const Arrangement& arrangement) {
      TestMemory memory;
      std::vector<std::string> texts;
      std::string all;
      ByteVector want = NullSection(arrangement, true, false);
      for (size_t row = 0; row < arrangement.valid.size(); ++row) {
        std::string text;
        for (size_t i = 0; i < width; ++i) text += static_cast<char>(random.engine()());
        texts.push_back(text);
        all += text;
        const auto index = static_cast<int64_t>(row);
        if (index < arrangement.rows.begin || index >= arrangement.rows.end ||
            !arrangement.valid[row]) {
          continue;
        }
        if (type == ColumnType::kUuid) std::reverse(text.begin(), text.end());
        for (const char c : text) want.push_back(static_cast<std::byte>(c));
      }
      Column column;
      column.name = "x";
      column.type = type;
      column.validity = ValidityOf(arrangement, memory);
      if (type == ColumnType::kBinary) {
        VaryingValues values;
        values.layout = VaryingValues::Layout::kFixedWidth;
        values.width = static_cast<int64_t>(width);
        values.data = reinterpret_cast<const uint8_t*>(
            memory.Keep(std::as_bytes(std::span(all.data(), all.size())), arrangement.shift));
        column.values = values;
        want = TextBody(texts, arrangement);
      } else {
        column.values = LayOut(texts, arrangement.valid, kTextLayouts[arrangement.shift % 3],
                               random.Chance(0.5), arrangement.shift, random, memory);
      }
      ExpectBody(column, arrangement, want);
    });
  }
}

// A table of ids, one text after the other.
class PlainDictionary {
 public:
  uint64_t IdOf(const std::string& text) {
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i] == text) return i;
    }
    texts.push_back(text);
    return texts.size() - 1;
  }
  std::vector<std::string> texts;
};

struct SymbolCase {
  Element element;
  size_t width;
  int64_t most;  // code
};

TEST(EncodeProperty, SymbolsAreIdsInTheOrderOfFirstUse) {
  SeededRandom random;
  const SymbolCase kCases[] = {{Element::kInt8, 1, 127},   {Element::kUInt8, 1, 255},
                               {Element::kInt16, 2, 300},  {Element::kUInt16, 2, 300},
                               {Element::kInt32, 4, 300},  {Element::kUInt32, 4, 300},
                               {Element::kFloat64, 0, 300}};  // no codes: the texts themselves
  for (const SymbolCase& test : kCases) {
    SymbolDictionary dictionary;
    PlainDictionary plain;
    ForEachArrangement(random, [&](const Arrangement& given) {
      TestMemory memory;
      Arrangement arrangement = given;
      const int64_t entries = random.Uniform(1, test.most + 1);
      std::vector<std::string> texts;
      std::vector<bool> text_valid;
      for (int64_t i = 0; i < entries; ++i) {
        texts.push_back(RandomText(random) + std::to_string(random.Uniform(0, 400)));
        text_valid.push_back(i % 5 != 4);  // some have no text, and no row refers to them
      }
      ByteVector codes;
      std::vector<std::string> row_texts;
      const bool negative_is_null = test.element == Element::kInt16;
      for (size_t row = 0; row < given.valid.size(); ++row) {
        int64_t code = random.Uniform(0, entries - 1);
        if (code % 5 == 4) --code;
        row_texts.push_back(texts[static_cast<size_t>(code)]);
        if (negative_is_null && random.Chance(0.1)) {
          arrangement.valid[row] = false;
          code = -random.Uniform(1, 100);
        } else if (!given.valid[row]) {
          code = random.Uniform(-1000, 1000);
        }
        PutLittle(static_cast<uint64_t>(code), test.width, &codes);
      }
      Column column;
      column.name = "x";
      column.type = ColumnType::kSymbol;
      column.validity = ValidityOf(given, memory);
      if (test.width == 0) {
        column.values = LayOut(row_texts, given.valid, kTextLayouts[given.shift % 3], true,
                               given.shift, random, memory);
      } else {
        SymbolValues values;
        values.codes = memory.Keep(codes, given.shift);
        values.element = test.element;
        values.dictionary =
            LayOut(texts, text_valid, kTextLayouts[given.shift % 3], true, 0, random, memory);
        values.dictionary_validity = {memory.KeepBits(text_valid, given.offset), given.offset};
        values.dictionary_size = entries;
        values.negative_is_null = negative_is_null;
        column.values = values;
      }
      const size_t known = plain.texts.size();
      ByteVector want;
      for (int64_t row = given.rows.begin; row < given.rows.end; ++row) {
        const auto i = static_cast<size_t>(row);
        if (arrangement.valid[i]) PutVarint(plain.IdOf(row_texts[i]), &want);
      }
      ByteVector section;
      PutVarint(known, &section);
      PutVarint(plain.texts.size() - known, &section);
      for (size_t id = known; id < plain.texts.size(); ++id) {
        PutVarint(plain.texts[id].size(), &section);
        for (const char c : plain.texts[id]) section.push_back(static_cast<std::byte>(c));
      }
      const ByteVector nulls = NullSection(arrangement, true, false);
      section.insert(section.end(), nulls.begin(), nulls.end());
      section.insert(section.end(), want.begin(), want.end());

      BlockEncoder encoder;
      SymbolMap map;
      net::MessageBuffer message;
      message.Begin(0x01020304);
      ASSERT_OK(encoder.AppendDictionarySection(std::span(&column, 1), given.rows, dictionary,
                                                std::span(&map, 1), message));
      ASSERT_OK(encoder.AppendColumn(column, given.rows, map, message));
      ASSERT_TRUE(message.Unmasked() == section) << HexOf(message.Unmasked());

      if (test.width == 0) return;
      column.type = ColumnType::kVarchar;  // the same, sent as text
      ExpectBody(column, given, TextBody(row_texts, arrangement));
    });
  }
}

TEST(EncodeProperty, ArraysHaveTheShapeOfTheirLists) {
  SeededRandom random;
  for (const size_t dimensions : {1, 2, 3}) {
    for (int kind = 0; kind < 3; ++kind) {  // offsets of 32 bits, of 64, one size for all
      ForEachArrangement(random, [&](const Arrangement& arrangement) {
        if (arrangement.rows.size() > 200) return;
        TestMemory memory;
        // Levels from the outside in; what comes before entry 0 belongs to nobody.
        std::vector<std::vector<int64_t>> offsets(dimensions);
        std::vector<int64_t> first(dimensions);
        for (size_t dim = 0; dim < dimensions; ++dim) {
          first[dim] = dim == 0 ? 0 : random.Uniform(0, 9);
          for (int64_t i = 0; i <= first[dim]; ++i) offsets[dim].push_back(0);
        }
        int64_t elements = 0;
        const std::vector<int64_t> sizes{random.Uniform(0, 3), random.Uniform(0, 3),
                                         random.Uniform(0, 3)};
        ByteVector body;
        std::vector<double> leaf;
        const int64_t first_element = random.Uniform(0, 9);
        leaf.resize(static_cast<size_t>(first_element), -1);
        for (size_t row = 0; row < arrangement.valid.size(); ++row) {
          // Offsets allow missing rows to have anything; here they have an array too.
          std::vector<int64_t> shape;
          for (size_t dim = 0; dim < dimensions; ++dim)
            shape.push_back(kind == 2 ? sizes[dim] : random.Uniform(0, 3));
          const auto index = static_cast<int64_t>(row);
          const bool counts = arrangement.valid[row] && index >= arrangement.rows.begin &&
                              index < arrangement.rows.end;
          if (counts) body.push_back(static_cast<std::byte>(dimensions));
          int64_t lists = 1;
          for (size_t dim = 0; dim < dimensions; ++dim) {
            // Below a dimension without entries there are no lists to tell a size.
            const int64_t extent = lists == 0 ? 0 : shape[dim];
            if (counts) PutLittle(static_cast<uint64_t>(extent), 4, &body);
            for (int64_t i = 0; i < lists; ++i)
              offsets[dim].push_back(offsets[dim].back() + shape[dim]);
            lists *= shape[dim];
          }
          elements += lists;
          for (int64_t i = 0; i < lists; ++i) {
            leaf.push_back(static_cast<double>(random.Uniform(0, 100)));
            const ByteVector bytes = Little(std::bit_cast<uint64_t>(leaf.back()), 8);
            if (counts) body.insert(body.end(), bytes.begin(), bytes.end());
          }
        }
        ArrayValues values;
        for (size_t dim = 0; dim < dimensions; ++dim) {
          ArrayValues::Level& level = values.levels.emplace_back();
          level.first = first[dim];
          if (kind == 2) {
            level.first = 0;
            level.size = sizes[dim];
          } else if (kind == 1) {
            level.layout = VaryingValues::Layout::kOffsets64;
            level.offsets = memory.KeepAll(offsets[dim], arrangement.shift);
          } else {
            const std::vector<int32_t> narrow(offsets[dim].begin(), offsets[dim].end());
            level.offsets = memory.KeepAll(narrow, arrangement.shift);
          }
        }
        values.elements = memory.KeepAll(leaf, arrangement.shift);
        values.first_element = first_element;
        Column column;
        column.name = "x";
        column.type = ColumnType::kDoubleArray;
        column.validity = ValidityOf(arrangement, memory);
        column.values = values;
        ByteVector want = NullSection(arrangement, true, false);
        want.insert(want.end(), body.begin(), body.end());
        ExpectBody(column, arrangement, want);
      });
    }
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
