// What is sent, byte for byte: messages that the official client was seen to send, and others
// worked out from the protocol's documentation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "questdb/wire/block_encoder.h"
#include "questdb/wire/columns_for_test.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/gorilla.h"
#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

constexpr net::MaskKey kKey = 0x3D21FA37;  // 37 fa 21 3d

template <typename T>
using Values = std::vector<std::optional<T>>;

void ExpectBytes(const Result<std::vector<std::byte>>& got, const std::vector<std::byte>& want) {
  ASSERT_OK(got);
  EXPECT_EQ(HexOf(*got), HexOf(want));
}

std::vector<std::byte> CommitFrame(uint8_t flags) {
  net::MessageBuffer message;
  message.Begin(kKey);
  EncodeCommitFrame(flags, message);
  return message.Unmasked();
}

TEST(GoldenIngress, TheCommitFrameIsFourteenBytes) {
  EXPECT_EQ(HexOf(CommitFrame(0)), HexOf(BytesOfGoldenFile("questdb/ingress-commit.hex")));
  EXPECT_EQ(HexOf(CommitFrame(kDeferCommit)), "5157503101090000020000000000");
}

// The columns of `ingress-quotes.hex` for rows first .. last.
std::vector<Column> Quotes(TestColumns& memory, int first, int last) {
  Values<int32_t> symbols;
  Values<int64_t> quantities;
  Values<double> prices;
  Values<int64_t> times;
  Values<std::string> dictionary;
  for (int i = 0; i < 10; ++i) dictionary.push_back("SYM_00" + std::to_string(i));
  for (int i = first; i <= last; ++i) {
    symbols.push_back(i);
    quantities.push_back(i);
    prices.push_back(100.0 + i);
    times.push_back(1'700'000'000'000'000'000 + i);
  }
  return {memory.Codes("sym", symbols, dictionary),
          memory.Fixed("qty", ColumnType::kLong, quantities),
          memory.Fixed("px", ColumnType::kDouble, prices),
          memory.Fixed("", ColumnType::kTimestampNanos, times)};
}

TEST(GoldenIngress, QuotesAreSentAsTheOfficialClientSendsThem) {
  TestColumns memory;
  const auto columns = Quotes(memory, 0, 9);
  for (const net::MaskKey key : {net::MaskKey{0}, kKey}) {
    TestConnection connection;
    ExpectBytes(connection.Frame("trades", columns, {0, 10}, kDeltaDictionary, key),
                BytesOfGoldenFile("questdb/ingress-quotes.hex"));
  }
}

TEST(GoldenIngress, AFrameThatStandsForItselfCarriesTheWholeDictionary) {
  TestColumns memory;
  TestConnection connection;
  ASSERT_OK(connection.Frame("trades", Quotes(memory, 0, 9), {0, 10}));
  const std::vector<Column> columns = {
      memory.Codes<int8_t>("sym", {0}, {"SYM_009"}),
      memory.Fixed<int64_t>("qty", ColumnType::kLong, {99}),
      memory.Fixed<double>("px", ColumnType::kDouble, {999.5}),
      memory.Fixed<int64_t>("", ColumnType::kTimestampNanos, {1'700'000'000'000'001'000})};
  BlockEncoder encoder;
  std::vector<SymbolMap> maps(columns.size());
  net::MessageBuffer message;
  message.Begin(kKey);
  BeginFrame(kDeltaDictionary, 1, message);
  ASSERT_OK(encoder.InternSymbols(columns, {0, 1}, connection.dictionary, maps));
  AppendDictionaryRange(connection.dictionary, 0, connection.dictionary.size(), message);
  ASSERT_OK(encoder.AppendBlock("trades", columns, {0, 1}, connection.dictionary, maps, message));
  FinishFrame(message);
  EXPECT_EQ(HexOf(message.Unmasked()), HexOf(BytesOfHex(R"(
      515750310108010088000000000a0753594d5f3030300753594d5f3030310753
      594d5f3030320753594d5f3030330753594d5f3030340753594d5f3030350753
      594d5f3030360753594d5f3030370753594d5f3030380753594d5f3030390674
      726164657301040373796d090371747905027078070010000900630000000000
      00000000000000003c8f4000e8032a36fe9c9717)")));
}

TEST(GoldenIngress, OnlySymbolsThatAreNewAndUsedAreSent) {
  TestColumns memory;
  TestConnection connection;
  const Values<std::string> dictionary{"alpha", "beta", "gamma"};
  const auto columns = [&](int32_t second, int64_t time) {
    return std::vector<Column>{
        memory.Codes<int32_t>("sym", {0, second}, dictionary),
        memory.Fixed<int64_t>("", ColumnType::kTimestampNanos, {time, time + 1})};
  };
  ExpectBytes(connection.Frame("trades", columns(1, 1), {0, 2}),
              BytesOfGoldenFile("questdb/ingress-symbols-1.hex"));
  // The next batch has its dictionary elsewhere.
  connection.maps[0].Reset();
  ExpectBytes(connection.Frame("trades", columns(2, 3), {0, 2}, kDeltaDictionary | kDeferCommit),
              BytesOfGoldenFile("questdb/ingress-symbols-2.hex"));

  net::MessageBuffer message;
  message.Begin(kKey);
  BeginFrame(kDeltaDictionary, 0, message);
  AppendDictionaryRange(connection.dictionary, 0, 3, message);
  FinishFrame(message);
  EXPECT_EQ(HexOf(message.Unmasked()), HexOf(BytesOfHex("515750310108000013000000000305616c7068"
                                                        "6104626574610567616d6d61")));
}

TEST(GoldenIngress, ANewConnectionIsToldTheDictionaryOfTheOld) {
  SymbolDictionary dictionary;
  for (int i = 0; i < 50; ++i) ASSERT_OK(dictionary.Intern("v" + std::to_string(i)));
  net::MessageBuffer message;
  message.Begin(kKey);
  BeginFrame(kDeltaDictionary, 0, message);
  AppendDictionaryRange(dictionary, 0, dictionary.size(), message);
  FinishFrame(message);
  EXPECT_EQ(HexOf(message.Unmasked()), HexOf(BytesOfGoldenFile("questdb/ingress-catchup.hex")));
}

std::vector<std::byte> Little(std::initializer_list<int> bytes, size_t width, int rest = 0) {
  std::vector<std::byte> value;
  for (const int byte : bytes) value.push_back(static_cast<std::byte>(byte));
  value.resize(width, static_cast<std::byte>(rest));
  return value;
}

TEST(GoldenIngress, EveryTypeIsSentAsTheOfficialClientSendsIt) {
  using enum ColumnType;
  TestColumns memory;
  const auto none = std::nullopt;
  const auto uuid = BytesOfHex("123e4567e89b12d3a456426614174000");
  auto top = Little({}, 32);
  top[31] = std::byte{0x80};
  std::vector<Column> columns;
  columns.push_back(memory.Booleans("b", {true, none, true}));
  columns.push_back(memory.Fixed<int8_t>("by", kByte, {1, none, -1}));
  columns.push_back(memory.Fixed<int16_t>("sh", kShort, {256, none, -2}));
  columns.push_back(memory.Fixed<int32_t>("i", kInt, {1, none, -3}));
  columns.push_back(memory.Fixed<int64_t>("l", kLong, {1, none, -3}));
  columns.push_back(memory.Fixed<float>("f", kFloat, {1.5F, none, -2.0F}));
  columns.push_back(memory.Fixed<double>("d", kDouble, {1.5, none, -2.0}));
  columns.push_back(memory.Texts("s", kSymbol, {"x", none, "y"}));
  columns.push_back(memory.Fixed<int64_t>("t", kTimestamp, {1, none, 2}));
  columns.push_back(memory.Fixed<int64_t>("dt", kDate, {1000, none, 2000}));
  columns.push_back(memory.Wide("u", kUuid, {uuid, none, uuid}, Element::kBytes16));
  columns.push_back(memory.Wide("l2", kLong256, {Little({1}, 32), none, top}, Element::kBytes32));
  columns.push_back(memory.Fixed<int32_t>("g", kGeohash, {0xABCDE, none, 1}));
  columns.back().geohash_bits = 20;
  columns.push_back(memory.Texts("v", kVarchar, {"foo", none, ""}));
  columns.push_back(memory.Fixed<int64_t>("tn", kTimestampNanos, {1, none, 2}));
  ArrayValues arrays;
  const std::vector<int32_t> offsets{0, 2, 2, 2};
  const std::vector<double> elements{1.0, 2.0};
  arrays.levels.push_back({.offsets = memory.memory.KeepAll(offsets)});
  arrays.elements = memory.memory.KeepAll(elements);
  columns.push_back(memory.Texts("da", kDoubleArray, {"", none, ""}));
  columns.back().values = arrays;
  columns.push_back(memory.Fixed<int64_t>("d6", kDecimal64, {12'345, none, -1}));
  columns.back().scale = 2;
  columns.push_back(memory.Wide(
      "d8", kDecimal128, {Little({0xD6}, 16, 0xFF), none, Little({7}, 16)}, Element::kBytes16));
  columns.back().scale = 6;
  columns.push_back(memory.Wide(
      "d5", kDecimal256, {Little({0xD6}, 32, 0xFF), none, Little({7}, 32)}, Element::kBytes32));
  columns.back().scale = 12;
  columns.push_back(memory.Fixed<uint16_t>("c", kChar, {0x41, none, 0x20AC}));
  columns.push_back(memory.Texts("bi", kBinary, {"\xDE\xAD", none, ""}));
  columns.push_back(memory.Fixed<uint32_t>("ip", kIpv4, {0xC0A80101, none, 0x7F000001}));
  columns.push_back(memory.Fixed<int64_t>(
      "", kTimestamp, {1'700'000'000'000'000, 1'700'000'000'000'001, 1'700'000'000'000'002}));
  for (const net::MaskKey key : {net::MaskKey{0}, kKey}) {
    TestConnection connection;
    ExpectBytes(connection.Frame("all_types", columns, {0, 3}, kDeltaDictionary, key),
                BytesOfGoldenFile("questdb/ingress-all-types.hex"));
  }
}

TEST(GoldenIngress, DeltasOfDeltasAreCodedInBits) {
  TestColumns memory;
  constexpr int64_t kStart = 1'700'000'000'000'000;
  const Column column = memory.Fixed<int64_t>(
      "", ColumnType::kTimestamp,
      {kStart, kStart + 1000, kStart + 2000, kStart + 3001, kStart + 3901, kStart + 10'000});
  BlockEncoder encoder({.gorilla = true});
  SymbolMap map;
  net::MessageBuffer message;
  message.Begin(kKey);
  ASSERT_OK(encoder.AppendColumn(column, {0, 6}, map, message));
  EXPECT_EQ(HexOf(message.Unmasked()),
            HexOf(BytesOfHex("00 01 00401e18240a0600 e8431e18240a0600 0a6cf33f51000000")));
}

// The documentation's own example codes two timestamps, which saves nothing: its encoding byte is 1
// where ours is 0. Everything else is the same.
TEST(GoldenIngress, TwoTimestampsArePlain) {
  TestColumns memory;
  constexpr int64_t kStart = 1'700'000'000'000'000;
  const std::vector<Column> columns = {
      memory.Texts("host", ColumnType::kSymbol, {"server1", "server2"}),
      memory.Fixed<double>("temp", ColumnType::kDouble, {91.6, 92.4}),
      memory.Fixed<int64_t>("", ColumnType::kTimestamp, {kStart, kStart + 1000})};
  auto want = BytesOfHex(R"(
      51575031010c0100500000000002077365727665723107736572766572320773
      656e736f7273020304686f7374090474656d7007000a
      00 00 01
      00 6666666666e65640 9a99999999195740
      00 01 00401e18240a0600 e8431e18240a0600)");
  want[want.size() - 17] = std::byte{0};
  TestConnection connection;
  ExpectBytes(connection.Frame("sensors", columns, {0, 2}, kDeltaDictionary | kGorilla, kKey,
                               {.gorilla = true}),
              want);
}

TEST(GoldenIngress, AMessageMayHaveNoDictionarySection) {
  TestColumns memory;
  const std::vector<Column> columns = {
      memory.Fixed<int64_t>("id", ColumnType::kLong, {1, 2}),
      memory.Fixed<double>("value", ColumnType::kDouble, {1.3, 2.2}),
      memory.Fixed<int64_t>("", ColumnType::kTimestamp, {10'000'000'000, 400'000})};
  TestConnection connection;
  ExpectBytes(connection.Frame("sensors", columns, {0, 2}, 0), BytesOfHex(R"(
      51575031010001004a0000000773656e736f72730203026964050576616c7565
      07000a000100000000000000020000000000000000cdccccccccccf43f9a9999
      99999901400000e40b5402000000801a060000000000)"));
}

TEST(GoldenIngress, TextMayBeMissingAndSoMayTheTimestampColumn) {
  TestColumns memory;
  const std::vector<Column> columns = {
      memory.Texts("v", ColumnType::kVarchar, {"foo", std::nullopt, "bar", "baz"})};
  TestConnection connection;
  ExpectBytes(connection.Frame("t", columns, {0, 4}),
              BytesOfGoldenFile("questdb/ingress-nullable-varchar-at-now.hex"));
}

TEST(GoldenIngress, AMessageMayHaveTwoTables) {
  TestColumns memory;
  const std::vector<Column> first = {memory.Fixed<int64_t>("x", ColumnType::kLong, {1}),
                                     memory.Fixed<int64_t>("", ColumnType::kTimestamp, {1})};
  const std::vector<Column> second = {memory.Fixed<double>("y", ColumnType::kDouble, {0.5})};
  BlockEncoder encoder;
  SymbolDictionary dictionary;
  std::vector<SymbolMap> maps(2);
  net::MessageBuffer message;
  message.Begin(kKey);
  BeginFrame(kDeltaDictionary, 2, message);
  ASSERT_OK(encoder.AppendDictionarySection(first, {0, 1}, dictionary, maps, message));
  ASSERT_OK(encoder.AppendBlock("a", first, {0, 1}, dictionary, maps, message));
  ASSERT_OK(
      encoder.AppendBlock("b", second, {0, 1}, dictionary, std::span(maps).first(1), message));
  FinishFrame(message);
  EXPECT_EQ(HexOf(message.Unmasked()), HexOf(BytesOfHex(R"(
      51575031010802002d000000000001610102017805000a000100000000000000
      0001000000000000000162010101790700000000000000e03f)")));
}

TEST(GoldenIngress, BatchesOfAResultAfterTheFirstHaveNeitherNameNorSchema) {
  TestColumns memory;
  const std::vector<Column> columns = {memory.Fixed<int64_t>("x", ColumnType::kLong, {7})};
  BlockEncoder encoder;
  const SymbolDictionary dictionary;
  std::vector<SymbolMap> maps(1);
  net::MessageBuffer message;
  message.Begin(kKey);
  ASSERT_OK(
      encoder.AppendBlock("", columns, {0, 1}, dictionary, maps, message, BlockSchema::kOmitted));
  EXPECT_EQ(HexOf(message.Unmasked()),
            "00"
            "01"
            "00"
            "0700000000000000");
}

}  // namespace
}  // namespace colonnade::questdb::wire
