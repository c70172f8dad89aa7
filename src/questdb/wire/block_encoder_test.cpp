// What the encoder refuses, and that a refusal leaves everything as it was.

#include "questdb/wire/block_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "questdb/wire/columns_for_test.h"
#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using enum ColumnType;

class Refusal : public ::testing::Test {
 protected:
  Status Encode(const Column& column, RowRange rows, EncodeOptions options = {}) {
    TestConnection connection;
    return std::move(
               connection.Frame("t", std::span(&column, 1), rows, kDeltaDictionary, 0x55, options))
        .status();
  }
  void Refuses(const Column& column, RowRange rows, const std::string& place,
               const std::string& what) {
    EXPECT_THAT(Encode(column, rows),
                StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr(place), HasSubstr(what))));
  }
  Column Multiplied(const std::vector<std::optional<int64_t>>& values, ColumnType type,
                    int64_t multiplier) {
    Column column = memory.Fixed<int64_t>("x", type, values);
    std::get<FixedValues>(column.values).multiplier = multiplier;
    return column;
  }

  TestColumns memory;
};

TEST_F(Refusal, ProductsThatDoNotFitNameColumnAndRow) {
  const int64_t most = INT64_MAX / 1'000'000;
  EXPECT_OK(Encode(Multiplied({most, -most}, kTimestamp, 1'000'000), {0, 2}));
  Refuses(Multiplied({0, most + 1}, kTimestamp, 1'000'000), {0, 2}, "column 'x': row 1",
          "9223372036855 times 1000000 does not fit type timestamp");
  Refuses(Multiplied({0, 0, -most - 1}, kLong, 1'000'000), {1, 3}, "row 2", "does not fit");
  // Behind a thousand good ones, and in a row without a value.
  std::vector<std::optional<int64_t>> values(3000, 1);
  values[2999] = most + 1;
  EXPECT_OK(Encode(Multiplied(values, kTimestamp, 1'000'000), {0, 2999}));
  Refuses(Multiplied(values, kTimestamp, 1'000'000), {0, 3000}, "row 2999", "");
}

TEST_F(Refusal, UnsignedNumbersAboveTheSignedRangeNameColumnAndRow) {
  EXPECT_OK(Encode(memory.Fixed<uint64_t>("x", kLong, {INT64_MAX, 0}), {0, 2}));
  Refuses(memory.Fixed<uint64_t>("x", kLong, {1, uint64_t{1} << 63}), {0, 2}, "column 'x': row 1",
          "9223372036854775808 does not fit type long");
  Refuses(memory.Fixed<uint8_t>("x", kByte, {127, 128}), {0, 2}, "row 1", "128");
}

TEST_F(Refusal, TheDesignatedTimestampIsPresentAndNotBefore1970) {
  EXPECT_OK(Encode(memory.Fixed<int64_t>("", kTimestamp, {0, 5}), {0, 2}));
  Refuses(memory.Fixed<int64_t>("", kTimestamp, {0, -5}), {0, 2}, "designated timestamp: row 1",
          "-5 lies before 1970");
  Refuses(memory.Fixed<int64_t>("", kTimestampNanos, {0, std::nullopt}), {0, 2},
          "designated timestamp: row 1", "no value");
  EXPECT_OK(Encode(memory.Fixed<int64_t>("", kTimestamp, {-1, std::nullopt, 7}), {2, 3}));
  Column nat = memory.Fixed<int64_t>("", kTimestamp, {3, INT64_MIN});
  std::get<FixedValues>(nat.values).minimum_is_null = true;
  Refuses(nat, {0, 2}, "designated timestamp: row 1", "no value");
  Refuses(memory.Fixed<int64_t>("", kDate, {0}), {0, 1}, "designated timestamp", "date");
  EXPECT_THAT(Encode(memory.Fixed<int64_t>("", kTimestamp, {0, 9, -5}), {0, 3}, {.gorilla = true}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("row 2: -5")));
}

TEST_F(Refusal, GeohashesFitTheirPrecision) {
  const auto geohash = [&](auto value, int bits) {
    Column column = memory.Fixed<decltype(value)>("g", kGeohash, {decltype(value){0}, value});
    column.geohash_bits = bits;
    return column;
  };
  EXPECT_OK(Encode(geohash(int8_t{-1}, 8), {0, 2}));  // the pattern of eight ones
  EXPECT_OK(Encode(geohash(int8_t{127}, 7), {0, 2}));
  Refuses(geohash(int8_t{-1}, 7), {0, 2}, "column 'g': row 1", "-1 does not fit 7 bits");
  Refuses(geohash(int64_t{1} << 60, 60), {0, 2}, "row 1", "60 bits");
  Refuses(geohash(int32_t{0}, 0), {0, 2}, "column 'g'", "0 bits");
  Refuses(geohash(int64_t{0}, 61), {0, 2}, "column 'g'", "61 bits");
  Refuses(geohash(int16_t{0}, 17), {0, 2}, "column 'g'", "int16");
}

TEST_F(Refusal, ScalesHaveALimitPerWidth) {
  Column column = memory.Fixed<int64_t>("d", kDecimal64, {1});
  for (const int scale : {-1, 19}) {
    column.scale = scale;
    Refuses(column, {0, 1}, "column 'd'", std::to_string(scale));
  }
  Column wide = memory.Wide("d", kDecimal64, {BytesOfHex("00000000000000800000000000000000")},
                            Element::kBytes16);
  Refuses(wide, {0, 1}, "column 'd': row 0", "does not fit type decimal64");
}

TEST_F(Refusal, ValuesOfAnotherKindNameColumnAndType) {
  Refuses(memory.Fixed<int64_t>("x", kInt, {1}), {0, 1}, "column 'x'",
          "int64 cannot be sent as int");
  Refuses(memory.Fixed<double>("x", kFloat, {1}), {0, 1}, "column 'x'", "float64");
  Refuses(memory.Fixed<int16_t>("x", kChar, {1}), {0, 1}, "column 'x'", "int16");
  Refuses(memory.Fixed<int64_t>("x", kVarchar, {1}), {0, 1}, "column 'x'", "varchar");
  Refuses(memory.Fixed<int64_t>("x", kSymbol, {1}), {0, 1}, "column 'x'", "symbol");
  Refuses(memory.Texts("x", kLong, {"1"}), {0, 1}, "column 'x'", "long");
  Column bits = memory.Booleans("x", {true});
  bits.type = kByte;
  Refuses(bits, {0, 1}, "column 'x'", "byte");
  Refuses(Multiplied({1}, kUuid, 1), {0, 1}, "column 'x'", "uuid");
  Refuses(Multiplied({1}, kLong, 0), {0, 1}, "column 'x'", "multiplied with 0");
  Column codes = memory.Codes<int32_t>("x", {0}, {"a"});
  codes.type = kLong;
  Refuses(codes, {0, 1}, "column 'x'", "long");
}

TEST_F(Refusal, TextThatIsNotUtf8NamesTheRow) {
  const char* const kBad[] = {"\x80",  "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80",
                              "ok\xFF"};
  for (const char* text : kBad) {
    for (const bool has_missing : {false, true}) {
      std::vector<std::optional<std::string>> texts{"fine", "é", text, "fine"};
      if (has_missing) texts[1] = std::nullopt;
      Refuses(memory.Texts("v", kVarchar, texts), {0, 4}, "column 'v': row 2", "not UTF-8");
      Refuses(memory.Texts("v", kSymbol, texts), {0, 4}, "column 'v': row 2", "not UTF-8");
      EXPECT_OK(Encode(memory.Texts("v", kVarchar, texts), {3, 4}));
      EXPECT_OK(Encode(memory.Texts("v", kBinary, texts), {0, 4}));
    }
  }
  // Two halves of one character.
  Refuses(memory.Texts("v", kVarchar, {"a\xC3", "\xA9", "b"}), {0, 3}, "column 'v': row 0",
          "not UTF-8");
}

TEST_F(Refusal, OffsetsThatDescendNameTheRow) {
  for (const ColumnType type : {kVarchar, kSymbol}) {
    Column column = memory.Texts("v", type, {"ab", "cd", "ef"});
    auto& values = std::get<VaryingValues>(column.values);
    values.offsets = memory.memory.KeepAll(std::vector<int32_t>{0, 4, 2, 6});
    Refuses(column, {0, 3}, "column 'v': row 1", "out of order");
    values.offsets = memory.memory.KeepAll(std::vector<int32_t>{-2, 2, 4, 6});
    Refuses(column, {0, 3}, "column 'v': row 0", "negative");
    values.layout = VaryingValues::Layout::kOffsets64;
    values.offsets = memory.memory.KeepAll(std::vector<int64_t>{0, 2, 1, 6});
    Refuses(column, {0, 3}, "column 'v': row 1", "out of order");
    values.layout = VaryingValues::Layout::kViews;  // of 99 bytes in buffer 5
    values.offsets =
        memory.memory.KeepAll(std::vector<int32_t>{99, 0, 5, 0, -1, 0, 0, 0, 0, 0, 0, 0});
    Refuses(column, {0, 3}, "column 'v': row 0", "view");
    Refuses(column, {1, 3}, "column 'v': row 1", "view");
  }
}

TEST_F(Refusal, TextAboveTwoGigabytesIsTooMuch) {
  // Offsets claim it; the bytes are never looked at.
  Column column = memory.Texts("v", kBinary, {"", ""});
  auto& values = std::get<VaryingValues>(column.values);
  values.layout = VaryingValues::Layout::kOffsets64;
  values.offsets = memory.memory.KeepAll(std::vector<int64_t>{0, 1, int64_t{1} << 31});
  EXPECT_THAT(Encode(column, {0, 2}),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("column 'v'")));
}

TEST_F(Refusal, CodesLieInTheDictionaryAndHaveATextThere) {
  for (const ColumnType type : {kSymbol, kVarchar}) {
    const auto codes = [&](std::vector<std::optional<int32_t>> values) {
      Column column = memory.Codes<int32_t>("s", values, {"a", std::nullopt, "\xFF"});
      column.type = type;
      return column;
    };
    EXPECT_OK(Encode(codes({0, 0}), {0, 2}));
    Refuses(codes({0, 3}), {0, 2}, "column 's': row 1", "code 3 in a dictionary of 3");
    Refuses(codes({0, -1}), {0, 2}, "column 's': row 1", "code -1");
    Refuses(codes({0, std::nullopt, 1}), {0, 3}, "column 's': row 2", "no text for code 1");
    Refuses(codes({0, std::nullopt, 0, 2}), {0, 4}, "column 's': row 3", "not UTF-8");
    EXPECT_OK(Encode(codes({0, 3}), {0, 1}));
  }
}

class ArrayRefusal : public Refusal {
 protected:
  // [[..], [..]] of one row each, by their offsets.
  Column Arrays(std::vector<int32_t> outer, std::vector<int32_t> inner, size_t elements) {
    ArrayValues values;
    values.levels.push_back({.offsets = memory.memory.KeepAll(outer)});
    values.levels.push_back({.offsets = memory.memory.KeepAll(inner)});
    values.elements = memory.memory.KeepAll(std::vector<double>(elements, 1.5));
    Column column;
    column.name = "a";
    column.type = kDoubleArray;
    column.values = values;
    return column;
  }
  static ArrayValues& ValuesOf(Column& column) { return std::get<ArrayValues>(column.values); }
};

TEST_F(ArrayRefusal, RaggedListsNameTheRow) {
  EXPECT_OK(Encode(Arrays({0, 2, 4}, {0, 2, 4, 5, 6}, 6), {0, 2}));  // shapes may differ by row
  Refuses(Arrays({0, 2, 4}, {0, 2, 4, 5, 7}, 7), {0, 2}, "column 'a': row 1", "1 and 2 elements");
  Refuses(Arrays({0, 3, 2}, {0, 1, 2, 3}, 3), {0, 2}, "column 'a': row 1", "out of order");
  Refuses(Arrays({0, 2}, {0, 2, 1}, 3), {0, 1}, "column 'a': row 0", "out of order");
}

TEST_F(ArrayRefusal, MissingListsAndElementsNameTheRow) {
  Column column = Arrays({0, 1, 3}, {0, 2, 3, 4}, 4);
  ValuesOf(column).levels[1].validity = {memory.memory.KeepBits({true, true, false}, 3), 3};
  Refuses(column, {0, 2}, "column 'a': row 1", "dimension 1 is missing");
  EXPECT_OK(Encode(column, {0, 1}));
  ValuesOf(column).levels[1].validity = {};
  ValuesOf(column).element_validity = {memory.memory.KeepBits({true, false, true, true}, 1), 1};
  Refuses(column, {0, 2}, "column 'a': row 0", "an element is missing");
  EXPECT_OK(Encode(column, {1, 2}));
  // What belongs to a row without a value does not count.
  column.validity = {memory.memory.KeepBits({false, true}, 0), 0};
  EXPECT_OK(Encode(column, {0, 2}));
}

TEST_F(ArrayRefusal, SizesHaveLimits) {
  Column column = Arrays({0, 1}, {0, 0}, 0);
  for (const auto& [outer, inner, is_fine] : std::vector<std::tuple<int64_t, int64_t, bool>>{
           {0x0FFFFFFF, 0, false},  // more lists than elements may be
           {67'108'865, 0, false},
           {67'108'865, 1, false},
           {67'108'864, 0, true},
           {0, 0x0FFFFFFF, true}}) {
    ValuesOf(column).levels[0] = {.size = outer};
    ValuesOf(column).levels[1] = {.size = inner};
    const Status status = Encode(column, {0, 1});
    EXPECT_EQ(status.ok(), is_fine) << outer << " " << inner << " " << status;
    if (is_fine) continue;
    EXPECT_THAT(status, StatusIs(StatusCode::kLimitExceeded, HasSubstr("row 0")));
  }
  ValuesOf(column).levels[0] = {.size = int64_t{1} << 40};
  Refuses(column, {0, 1}, "column 'a'", "1099511627776");
  ValuesOf(column).levels.resize(33);
  Refuses(column, {0, 1}, "column 'a'", "33 dimensions");
  ValuesOf(column).levels.clear();
  Refuses(column, {0, 1}, "column 'a'", "0 dimensions");
}

TEST_F(Refusal, LeavesDictionaryMessageAndMapsAsTheyWere) {
  const Column good = memory.Codes<int32_t>("a", {0, 1, 1}, {"x", "y", "z"});
  const Column bad = memory.Codes<int32_t>("b", {0, 1, 9}, {"u", "v"});
  const std::vector<Column> both{good, bad};
  SymbolDictionary dictionary;
  std::vector<SymbolMap> maps(2);
  BlockEncoder encoder;
  net::MessageBuffer message;
  message.Begin(7);
  ASSERT_OK(dictionary.Intern("known"));
  EXPECT_THAT(encoder.AppendDictionarySection(both, {0, 3}, dictionary, maps, message),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("column 'b': row 2")));
  EXPECT_EQ(dictionary.size(), 1);
  EXPECT_TRUE(message.empty());
  // The same rows without the bad one: ids begin where they would have.
  ASSERT_OK(encoder.AppendDictionarySection(both, {0, 2}, dictionary, maps, message));
  EXPECT_EQ(HexOf(message.Unmasked()),
            "0104"
            "0178"
            "0179"
            "0175"
            "0176");

  const size_t size = message.size();
  const std::vector<Column> with_bad_value{good, memory.Fixed<int64_t>("", kTimestamp, {1, -1})};
  EXPECT_THAT(encoder.AppendBlock("t", with_bad_value, {0, 2}, dictionary, maps, message),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("row 1")));
  EXPECT_EQ(message.size(), size);
}

TEST_F(Refusal, SymbolsThatWereNotInternedOrTakenBackAreNoticed) {
  const std::vector<Column> columns{memory.Codes<int32_t>("a", {0, 1, 1}, {"x", "y"})};
  SymbolDictionary dictionary;
  SymbolDictionary other;
  std::vector<SymbolMap> maps(1);
  BlockEncoder encoder;
  net::MessageBuffer message;
  message.Begin(7);
  const auto append = [&](RowRange rows, const SymbolDictionary& from) {
    return encoder.AppendBlock("t", columns, rows, from, maps, message);
  };
  EXPECT_THAT(append({0, 2}, dictionary), StatusIs(StatusCode::kInvalidState, HasSubstr("'a'")));
  ASSERT_OK(encoder.InternSymbols(columns, {0, 2}, dictionary, maps));
  EXPECT_OK(append({0, 2}, dictionary));
  EXPECT_THAT(append({0, 3}, dictionary), StatusIs(StatusCode::kInvalidState, HasSubstr("'a'")));
  EXPECT_THAT(append({0, 2}, other), StatusIs(StatusCode::kInvalidState, HasSubstr("'a'")));
  dictionary.Rollback(1);
  EXPECT_THAT(append({0, 2}, dictionary), StatusIs(StatusCode::kInvalidState, HasSubstr("'a'")));
}

TEST_F(Refusal, CountsThatDoNotBelongTogetherAreNoticed) {
  const std::vector<Column> columns{memory.Fixed<int64_t>("x", kLong, {1})};
  SymbolDictionary dictionary;
  std::vector<SymbolMap> maps(2);
  BlockEncoder encoder;
  net::MessageBuffer message;
  message.Begin(0);
  EXPECT_THAT(encoder.AppendBlock("t", columns, {0, 1}, dictionary, maps, message),
              StatusIs(StatusCode::kInternal, HasSubstr("maps")));
  maps.pop_back();
  maps.resize(1);
  EXPECT_THAT(encoder.AppendBlock("t", columns, {1, 0}, dictionary, maps, message),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rows 1 to 0")));
}

TEST(BlockEncoder, ADictionaryIsMappedOnceAndAgainAfterItWasTakenBack) {
  TestColumns memory;
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back("symbol " + std::to_string(i));
  const Column column = memory.Codes<int32_t>("s", {999, 5, 999, 7}, texts);
  SymbolDictionary dictionary;
  SymbolMap map;
  ASSERT_OK(map.Map(column, {0, 2}, dictionary));
  EXPECT_EQ(HexOf(map.encoded()), "0001");
  ASSERT_OK(map.Map(column, {2, 4}, dictionary));
  EXPECT_EQ(HexOf(map.encoded()), "0002");
  EXPECT_EQ(dictionary.size(), 3);
  EXPECT_EQ(dictionary.entry(0), "symbol 999");
  dictionary.Rollback(2);
  ASSERT_OK(dictionary.Intern("other"));
  ASSERT_OK(map.Map(column, {2, 4}, dictionary));
  EXPECT_EQ(HexOf(map.encoded()), "0003");
  SymbolDictionary fresh;
  ASSERT_OK(map.Map(column, {2, 4}, fresh));
  EXPECT_EQ(HexOf(map.encoded()), "0001");
}

TEST(BlockEncoder, IdsTakeAsManyBytesAsTheyNeed) {
  TestColumns memory;
  std::vector<std::optional<std::string>> texts;
  std::vector<std::optional<int32_t>> codes;
  for (int i = 0; i < 17'000; ++i) {
    texts.push_back(std::to_string(i));
    codes.push_back(i);
  }
  SymbolDictionary dictionary;
  SymbolMap map;
  ASSERT_OK(map.Map(memory.Codes("s", codes, texts), {0, 17'000}, dictionary));
  net::MessageBuffer want;
  want.Begin(0);
  for (uint64_t id = 0; id < 17'000; ++id) want.AppendVarint(id);
  EXPECT_TRUE(std::ranges::equal(map.encoded(), want.Unmasked()));
}

}  // namespace
}  // namespace colonnade::questdb::wire
