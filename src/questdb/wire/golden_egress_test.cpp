// Messages of the query endpoint that are known byte for byte: captured from the official client,
// or accepted by it.

#include <gtest/gtest.h>

#include <cstring>

#include "questdb/wire/query_message.h"
#include "questdb/wire/result_message.h"
#include "support/column_text.h"
#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> Frame(const std::string& name) {
  return BytesOfGoldenFile("questdb/" + name + ".hex");
}

std::vector<std::byte> Encoded(const ResultMessage& result) {
  net::MessageBuffer message;
  message.Begin(0);
  EncodeResultMessage(result, message);
  return message.Unmasked();
}

std::vector<std::byte> Encoded(const QueryMessage& request) {
  net::MessageBuffer message;
  message.Begin(0);
  EncodeQueryMessage(request, message);
  return message.Unmasked();
}

// The client's side of one query.
struct Client {
  ResultState state;
  SymbolTable symbols;
  Decompressor decompressor;
  BufferPool pool;

  Result<DecodedBlock> Read(const std::vector<std::byte>& bytes) {
    COLONNADE_ASSIGN_OR_RETURN(const ResultMessage message, ParseResultMessage(bytes));
    const auto owner = std::make_shared<std::vector<std::byte>>(bytes);
    return DecodeResultBatch(std::get<ResultBatch>(message), {owner, owner->data(), owner->size()},
                             state, symbols, decompressor, pool);
  }
};

template <typename T>
Bind BindOf(ColumnType type, T value) {
  Bind bind{.type = type};
  bind.value.resize(sizeof(T));
  std::memcpy(bind.value.data(), &value, sizeof(T));
  return bind;
}

Bind TextBind(ColumnType type, std::string_view text) {
  Bind bind{.type = type};
  const auto bytes = std::as_bytes(std::span(text));
  bind.value.assign(bytes.begin(), bytes.end());
  return bind;
}

Bind HexBind(ColumnType type, std::string_view hex) {
  Bind bind{.type = type};
  bind.value = BytesOfHex(hex);
  return bind;
}

Bind NullBind(ColumnType type, int scale = 0, int bits = 0) {
  return {.type = type, .is_null = true, .scale = scale, .geohash_bits = bits};
}

void ExpectQueryBothWays(const QueryMessage& request, const std::vector<std::byte>& bytes) {
  EXPECT_EQ(HexOf(Encoded(request)), HexOf(bytes));
  ASSERT_OK_AND_ASSIGN(const QueryMessage parsed, ParseQueryMessage(bytes));
  EXPECT_TRUE(parsed == request);
  if (const auto* query = std::get_if<QueryRequest>(&request)) {
    EXPECT_OK(ValidateQuery(*query));
  }
}

TEST(GoldenEgressTest, RequestsAreTheWorkedVectors) {
  ExpectQueryBothWays(QueryRequest{.request_id = 42, .sql = "SELECT 1"},
                      BytesOfHex("10 2a00000000000000 08 53454c4543542031 00 00"));
  ExpectQueryBothWays(
      QueryRequest{.request_id = 1,
                   .sql = "X",
                   .binds = {BindOf(ColumnType::kLong, int64_t{42}),
                             TextBind(ColumnType::kVarchar, "hi"), NullBind(ColumnType::kBoolean)}},
      BytesOfHex("10 0100000000000000 01 58 00 03  05 00 2a00000000000000"
                 "0f 00 00000000 02000000 6869  01 01 01"));
  ExpectQueryBothWays(
      QueryRequest{
          .request_id = 2, .sql = "SELECT 1", .initial_credit = 16'384, .reset_dictionary = true},
      BytesOfHex("10 0200000000000000 08 53454c4543542031 808001 00 01"));
  ExpectQueryBothWays(CancelRequest{1}, BytesOfHex("14 0100000000000000"));
  ExpectQueryBothWays(CreditRequest{1, 171}, BytesOfHex("15 0100000000000000 ab01"));
  ExpectQueryBothWays(CreditRequest{7, 65'536}, BytesOfHex("15 0700000000000000 808004"));
}

TEST(GoldenEgressTest, RequestsAreThoseOfTheOfficialClient) {
  ExpectQueryBothWays(QueryRequest{.request_id = 1, .sql = "V123", .reset_dictionary = true},
                      Frame("egress-query"));
  ASSERT_OK_AND_ASSIGN(const QueryMessage timeout,
                       ParseQueryMessage(Frame("egress-query-timeout")));
  const auto& query = std::get<QueryRequest>(timeout);
  EXPECT_EQ(query.timeout_ms, 1500);
  EXPECT_TRUE(query.reset_dictionary);
  ExpectQueryBothWays(timeout, Frame("egress-query-timeout"));
  ExpectQueryBothWays(
      QueryRequest{
          .request_id = 3,
          .sql = "V123",
          .binds = {BindOf(ColumnType::kLong, int64_t{42}), TextBind(ColumnType::kVarchar, "hi"),
                    BindOf(ColumnType::kBoolean, uint8_t{1}), NullBind(ColumnType::kVarchar),
                    BindOf(ColumnType::kDouble, 2.5)},
          .reset_dictionary = true},
      Frame("egress-query-binds"));
  ExpectQueryBothWays(CancelRequest{1}, Frame("egress-cancel"));
}

TEST(GoldenEgressTest, EveryBindIsItsWorkedVector) {
  const auto decimal = [](Bind bind, int scale) {
    bind.scale = scale;
    return bind;
  };
  const auto geohash = [](uint64_t value, int bits) {
    Bind bind = BindOf(ColumnType::kGeohash, value);
    bind.geohash_bits = bits;
    return bind;
  };
  const struct {
    Bind bind;
    std::string_view hex;
  } vectors[] = {
      {BindOf(ColumnType::kBoolean, uint8_t{1}), "01 00 01"},
      {BindOf(ColumnType::kByte, int8_t{-1}), "02 00 ff"},
      {BindOf(ColumnType::kShort, int16_t{-2}), "03 00 feff"},
      {BindOf(ColumnType::kInt, 0x01020304), "04 00 04030201"},
      {BindOf(ColumnType::kLong, int64_t{0x0102030405060708}), "05 00 0807060504030201"},
      {BindOf(ColumnType::kChar, uint16_t{'A'}), "16 00 4100"},
      {decimal(BindOf(ColumnType::kDecimal64, int64_t{12345}), 2), "13 00 02 3930000000000000"},
      {decimal(HexBind(ColumnType::kDecimal128, "d6ffffffffffffffffffffffffffffff"), 6),
       "14 00 06 d6ffffffffffffffffffffffffffffff"},
      {geohash(0xAB, 8), "0e 00 08 ab"},
      {geohash(0x0102030405060708, 60), "0e 00 3c 0807060504030201"},
      {TextBind(ColumnType::kVarchar, "hi"), "0f 00 00000000 02000000 6869"},
      {HexBind(ColumnType::kUuid, "123e4567e89b12d3a456426614174000"),
       "0c 00 00401714664256a4d3129be867453e12"},
      {NullBind(ColumnType::kLong), "05 01 01"},
      {NullBind(ColumnType::kDecimal64, 4), "13 01 01 04"},
      {NullBind(ColumnType::kDecimal128, 8), "14 01 01 08"},
      {NullBind(ColumnType::kDecimal256, 18), "15 01 01 12"},
      {NullBind(ColumnType::kGeohash, 0, 20), "0e 01 01 14"},
  };
  for (const auto& vector : vectors) {
    ExpectQueryBothWays(QueryRequest{.request_id = 1, .sql = "X", .binds = {vector.bind}},
                        BytesOfHex("10 0100000000000000 01 58 00 01" + std::string(vector.hex)));
  }
  // A missing text has no offsets: with some, what follows it would be read from the wrong place.
  ExpectQueryBothWays(
      QueryRequest{.request_id = 1,
                   .sql = "X",
                   .binds = {NullBind(ColumnType::kVarchar), BindOf(ColumnType::kInt, 7)}},
      BytesOfHex("10 0100000000000000 01 58 00 02 0f 01 01 04 00 07000000"));
}

TEST(GoldenEgressTest, TheFirstBatchHasItsColumns) {
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(Frame("egress-batch-0")));
  EXPECT_EQ(BlockText(block),
            "id long: 10 null 30 40\n"
            "sym symbol: A B A B\n"
            "ts timestamp: 1700000000000000 1700000000001000 1700000000002000 1700000000003001\n"
            "note varchar: 'a' '' 'bb' 'ccc'\n"
            "px double: 1 2 3 4\n"
            "ok boolean: true false true true\n");
  EXPECT_EQ(block.columns[0].null_count, 1);
  EXPECT_EQ(SlotText(block.columns[0], 1), "-9223372036854775808");
  EXPECT_EQ(block.columns[2].null_count, 0);
  EXPECT_EQ(client.state.rows, 4U);
}

TEST(GoldenEgressTest, TheNextBatchContinuesSchemaAndDictionary) {
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock first, client.Read(Frame("egress-batch-0")));
  ASSERT_OK_AND_ASSIGN(const DecodedBlock next, client.Read(Frame("egress-batch-1")));
  EXPECT_EQ(BlockText(next),
            "id long: 50\nsym symbol: C\nts timestamp: 1700000000004001\nnote varchar: null\n"
            "px double: null\nok boolean: false\n");
  EXPECT_EQ(client.symbols.size(), 3U);
  EXPECT_EQ(first.columns[1].symbols.size, 2U);  // as it was
  EXPECT_EQ(ColumnText(first.columns[1], 4), "A B A B");
  EXPECT_EQ(client.state.rows, 5U);
  EXPECT_EQ(client.state.batches, 2U);
}

TEST(GoldenEgressTest, EveryTypeWithAMissingRowHasItsValues) {
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(Frame("egress-all-types")));
  const std::string zeros(62, '0');
  EXPECT_EQ(
      BlockText(block),
      "b boolean: true false true\nby byte: 1 0 -1\nsh short: 256 0 -2\ni int: 1 null -3\n"
      "l long: 1 null -3\nf float: 1.5 null -2\nd double: 1.5 null -2\ns symbol: x null y\n"
      "t timestamp: 1 null 2\ndt date: 1000 null 2000\n"
      "u uuid: 123e4567e89b12d3a456426614174000 null 123e4567e89b12d3a456426614174000\n"
      "l2 long256: 01" +
          zeros + " null " + zeros +
          "80\n"
          "g geohash: 703710 null 1\nv varchar: 'foo' null ''\ntn timestamp_ns: 1 null 2\n"
          "da double_array: [1,2] null []\nla long_array: [[1,2]] null [[5]]\n"
          "d6 decimal64: 12345 null -1\n"
          "d8 decimal128: d6ffffffffffffffffffffffffffffff null 07000000000000000000000000000000\n"
          "d5 decimal256: d6" +
          std::string(62, 'f') + " null 07" + zeros +
          "\n"
          "c char: 65 0 8364\nbi binary: '\xDE\xAD' null ''\nip ipv4: 3232235777 null 2130706433\n"
          "g8 geohash: 255 null 1\n");
  EXPECT_EQ(block.columns[12].geohash_bits, 20);
  EXPECT_EQ(block.columns[15].dimensions, 1);
  EXPECT_EQ(block.columns[16].dimensions, 2);
  EXPECT_EQ(block.columns[17].scale, 2);
  EXPECT_EQ(block.columns[19].scale, 12);
}

TEST(GoldenEgressTest, SlotsOfMissingValuesHoldQuestDbsNull) {
  Client client;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block, client.Read(Frame("egress-all-types")));
  const std::string minimum = "8000000000000000";
  const std::string little_minimum = "0000000000000080";
  std::string text;
  for (const DecodedColumn& column : block.columns) text += SlotText(column, 1) + "\n";
  EXPECT_EQ(text,
            "false\n0\n0\n-2147483648\n-9223372036854775808\nnan\nnan\nx\n"
            "-9223372036854775808\n-9223372036854775808\n" +
                minimum + minimum + "\n" + little_minimum + little_minimum + little_minimum +
                little_minimum + "\n-1\n''\n-9223372036854775808\n[]\n[]\n-9223372036854775808\n" +
                little_minimum + little_minimum + "\n" + little_minimum + little_minimum +
                little_minimum + little_minimum + "\n0\n''\n0\n-1\n");
  EXPECT_EQ(LoadLittle<uint32_t>(block.columns[5].values.data + 4), 0x7FC00000U);
  EXPECT_EQ(LoadLittle<uint64_t>(block.columns[6].values.data + 8), 0x7FF8000000000000U);
}

TEST(GoldenEgressTest, WhatEndsAResultIsReadAndWritten) {
  const auto both_ways = [](const std::string& name) {
    const std::vector<std::byte> bytes = Frame(name);
    Result<ResultMessage> message = ParseResultMessage(bytes);
    EXPECT_OK(message);
    EXPECT_EQ(HexOf(Encoded(*message)), HexOf(bytes)) << name;
    return *message;
  };
  const auto end = std::get<ResultEnd>(both_ways("egress-end"));
  EXPECT_EQ(end.request_id, 1);
  EXPECT_EQ(end.final_sequence, 1U);
  EXPECT_EQ(end.total_rows, 5U);
  const auto error = std::get<QueryError>(both_ways("egress-error"));
  EXPECT_EQ(error.status, ServerStatus::kParseError);
  const auto done = std::get<ExecDone>(both_ways("egress-exec-done"));
  EXPECT_EQ(done.operation, 2);
  EXPECT_EQ(done.rows_affected, 3U);
  EXPECT_TRUE(std::get<CacheReset>(both_ways("egress-cache-reset")).dictionary);
  const auto info = std::get<ServerInfo>(both_ways("egress-server-info"));
  EXPECT_EQ(info.role, ServerRole::kStandalone);
  EXPECT_EQ(info.capabilities, 0x0EU);
}

TEST(GoldenEgressTest, TheWorkedVectorsOfAnswersAreReadAndWritten) {
  const auto both_ways = [](const ResultMessage& expected, std::string_view hex) {
    const std::vector<std::byte> bytes = BytesOfHex(hex);
    EXPECT_EQ(HexOf(Encoded(expected)), HexOf(bytes));
    Result<ResultMessage> message = ParseResultMessage(bytes);
    ASSERT_OK(message);
    EXPECT_EQ(message->index(), expected.index());
    EXPECT_EQ(HexOf(Encoded(*message)), HexOf(bytes));
  };
  both_ways(ResultEnd{1, 1, 5}, "51575031 01 00 0000 0b000000 12 0100000000000000 01 05");
  both_ways(QueryError{1, ServerStatus::kParseError, "table does not exist [table=nope]"},
            "51575031 01 00 0000 2d000000 13 0100000000000000 05 2100"
            "7461626c6520646f6573206e6f74206578697374205b7461626c653d6e6f70655d");
  both_ways(ExecDone{1, 2, 3}, "51575031 01 00 0000 0b000000 16 0100000000000000 02 03");
  both_ways(CacheReset{true}, "51575031 01 00 0000 02000000 17 01");
  ServerInfo info;
  info.capabilities = kHasQueryFlags;
  info.wall_clock_ns = 1'700'000'000'000'000'000;
  info.cluster_id = "c1";
  info.node_id = "n1";
  both_ways(info,
            "51575031 01 00 0000 1e000000 18 00 0000000000000000 02000000"
            "00002a36fe9c9717 0200 6331 0200 6e31");
  info.capabilities |= kHasZone;
  info.zone_id = "z";
  both_ways(info,
            "51575031 01 00 0000 21000000 18 00 0000000000000000 03000000"
            "00002a36fe9c9717 0200 6331 0200 6e31 0100 7a");
}

}  // namespace
}  // namespace colonnade::questdb::wire
