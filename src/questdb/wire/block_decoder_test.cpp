#include "questdb/wire/block_decoder.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>

#include "net/message_buffer.h"
#include "questdb/wire/column_decoder.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/gorilla.h"
#include "questdb/wire/utf8_text.h"
#include "support/column_text.h"
#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;
using ByteVector = std::vector<std::byte>;

// A server that is sent ingest messages on one connection.
struct Server {
  SymbolTable symbols;
  BufferPool pool;

  Result<std::vector<DecodedBlock>> Read(const ByteVector& bytes) {
    COLONNADE_ASSIGN_OR_RETURN(const FrameHeader header, ParseFrameHeader(bytes));
    ByteReader reader(bytes, kFrameHeaderBytes);
    DecodeOptions options;
    options.ingest = true;
    options.gorilla = (header.flags & kGorilla) != 0;
    options.delta_dictionary = (header.flags & kDeltaDictionary) != 0;
    if (options.delta_dictionary) {
      COLONNADE_RETURN_IF_ERROR(DecodeDictionarySection(reader, true, symbols));
    }
    std::vector<DecodedBlock> blocks;
    for (int i = 0; i < header.table_count; ++i) {
      COLONNADE_ASSIGN_OR_RETURN(DecodedBlock block,
                                 DecodeBlock(reader, nullptr, nullptr, symbols, options, pool));
      blocks.push_back(std::move(block));
    }
    COLONNADE_RETURN_IF_ERROR(reader.CheckEnd("end"));
    return blocks;
  }

  std::string Text(const ByteVector& bytes) {
    const Result<std::vector<DecodedBlock>> blocks = Read(bytes);
    if (!blocks.ok()) return blocks.status().ToString();
    std::string text;
    for (const DecodedBlock& block : *blocks) text += block.table + "\n" + BlockText(block);
    return text;
  }
};

TEST(IngestDecodeTest, ACommitFrameHasNoTable) {
  Server server;
  EXPECT_EQ(server.Text(BytesOfHex("5157503101080000020000000000")), "");
  EXPECT_EQ(server.Text(BytesOfHex("5157503101090000020000000000")), "");
}

TEST(IngestDecodeTest, QuotesHaveTheirRowsAlsoWithTheDictionaryAgain) {
  Server server;
  const ByteVector quotes = BytesOfGoldenFile("questdb/ingress-quotes.hex");
  const std::string text = server.Text(quotes);
  EXPECT_THAT(text, HasSubstr("trades\nsym symbol: SYM_000 SYM_001"));
  EXPECT_THAT(text, HasSubstr("qty long: 0 1 2 3 4 5 6 7 8 9\npx double: 100 101 102"));
  EXPECT_THAT(text, HasSubstr("\n timestamp_ns: 1700000000000000000 1700000000000000001"));
  // The dense form repeats the dictionary.
  EXPECT_EQ(
      server.Text(BytesOfHex("515750310108010088000000000a0753594d5f3030300753594d5f3030310753"
                             "594d5f3030320753594d5f3030330753594d5f3030340753594d5f3030350753"
                             "594d5f3030360753594d5f3030370753594d5f3030380753594d5f3030390674"
                             "726164657301040373796d090371747905027078070010000900630000000000"
                             "00000000000000003c8f4000e8032a36fe9c9717")),
      "trades\nsym symbol: SYM_009\nqty long: 99\npx double: 999.5\n"
      " timestamp_ns: 1700000000000001000\n");
  EXPECT_EQ(server.symbols.size(), 10U);
}

TEST(IngestDecodeTest, DictionariesGrowFromFrameToFrame) {
  Server server;
  EXPECT_EQ(server.Text(BytesOfGoldenFile("questdb/ingress-symbols-1.hex")),
            "trades\nsym symbol: alpha beta\n timestamp_ns: 1 2\n");
  EXPECT_EQ(server.Text(BytesOfGoldenFile("questdb/ingress-symbols-2.hex")),
            "trades\nsym symbol: alpha gamma\n timestamp_ns: 3 4\n");
  EXPECT_EQ(server.Text(BytesOfHex(
                "515750310108010037000000000305616c70686104626574610567616d6d6106"
                "74726164657302020373796d0900100000020003000000000000000400000000000000")),
            "trades\nsym symbol: alpha gamma\n timestamp_ns: 3 4\n");
}

TEST(IngestDecodeTest, ACatchUpFrameIsADictionaryOnly) {
  Server server;
  EXPECT_EQ(server.Text(
                BytesOfHex("5157503101080000 13000000 0003 05616c706861 0462657461 0567616d6d61")),
            "");
  EXPECT_EQ(server.symbols.text(2), "gamma");
  Server other;
  EXPECT_EQ(other.Text(BytesOfGoldenFile("questdb/ingress-catchup.hex")), "");
  EXPECT_EQ(other.symbols.size(), 50U);
}

TEST(IngestDecodeTest, AGapAndAContradictionAreDifferentErrors) {
  Server server;
  EXPECT_THAT(
      server.Read(BytesOfHex("5157503101080000070000000501047a657461")),
      StatusIs(StatusCode::kNotFound, HasSubstr("begins at entry 5, but only 0 are known")));
  ASSERT_OK(server.Read(BytesOfHex("5157503101080000 06000000 0002 0161 0162")));
  EXPECT_THAT(server.Read(BytesOfHex("5157503101080000 04000000 0101 0163")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("entry 1 is 'c', but was 'b'")));
  // Half of it is known, half is new.
  ASSERT_OK(server.Read(BytesOfHex("5157503101080000 06000000 0102 0162 0163")));
  EXPECT_EQ(server.symbols.size(), 3U);
}

TEST(IngestDecodeTest, EveryTypeWithAMissingRowHasItsValues) {
  Server server;
  const std::string zeros(62, '0');
  EXPECT_EQ(
      server.Text(BytesOfGoldenFile("questdb/ingress-all-types.hex")),
      "all_types\nb boolean: true false true\nby byte: 1 0 -1\nsh short: 256 0 -2\n"
      "i int: 1 null -3\nl long: 1 null -3\nf float: 1.5 null -2\nd double: 1.5 null -2\n"
      "s symbol: x null y\nt timestamp: 1 null 2\ndt date: 1000 null 2000\n"
      "u uuid: 123e4567e89b12d3a456426614174000 null 123e4567e89b12d3a456426614174000\n"
      "l2 long256: 01" +
          zeros + " null " + zeros +
          "80\n"
          "g geohash: 703710 null 1\nv varchar: 'foo' null ''\ntn timestamp_ns: 1 null 2\n"
          "da double_array: [1,2] null []\nd6 decimal64: 12345 null -1\n"
          "d8 decimal128: d6ffffffffffffffffffffffffffffff null 07000000000000000000000000000000\n"
          "d5 decimal256: d6" +
          std::string(62, 'f') + " null 07" + zeros +
          "\n"
          "c char: 65 null 8364\nbi binary: '\xDE\xAD' null ''\nip ipv4: 3232235777 null "
          "2130706433\n"
          " timestamp: 1700000000000000 1700000000000001 1700000000000002\n");
}

TEST(IngestDecodeTest, TimestampsMayBeCoded) {
  Server server;
  EXPECT_EQ(
      server.Text(BytesOfHex("51575031010c0100500000000002077365727665723107736572766572320773"
                             "656e736f7273020304686f7374090474656d7007000a 00 00 01"
                             "00 6666666666e65640 9a99999999195740"
                             "00 01 00401e18240a0600 e8431e18240a0600")),
      "sensors\nhost symbol: server1 server2\ntemp double: 91.599999999999994 "
      "92.400000000000006\n timestamp: 1700000000000000 1700000000001000\n");
  EXPECT_EQ(server.Text(BytesOfHex("51575031 01 0c 0100 22000000 0200 01 74 06 01 00 0a"
                                   "00 01 00401e18240a0600 e8431e18240a0600 0a6cf33f51000000")),
            "t\n timestamp: 1700000000000000 1700000000001000 1700000000002000 1700000000003001 "
            "1700000000003901 1700000000010000\n");
}

TEST(IngestDecodeTest, AMessageWithoutDictionarySectionIsRead) {
  Server server;
  EXPECT_EQ(
      server.Text(BytesOfHex("51575031010001004a0000000773656e736f72730203026964050576616c7565"
                             "07000a000100000000000000020000000000000000cdccccccccccf43f9a9999"
                             "99999901400000e40b5402000000801a060000000000")),
      "sensors\nid long: 1 2\nvalue double: 1.3 2.2000000000000002\n"
      " timestamp: 10000000000 400000\n");
}

TEST(IngestDecodeTest, TablesWithoutTimestampAndSeveralTablesAreRead) {
  Server server;
  EXPECT_EQ(server.Text(BytesOfGoldenFile("questdb/ingress-nullable-varchar-at-now.hex")),
            "t\nv varchar: 'foo' null 'bar' 'baz'\n");
  EXPECT_EQ(
      server.Text(BytesOfHex("51575031010802002d000000000001610102017805000a000100000000000000"
                             "0001000000000000000162010101790700000000000000e03f")),
      "a\nx long: 1\n timestamp: 1\nb\ny double: 0.5\n");
}

// One column by a server's rules: flag, and what follows.
std::string IngestColumn(ColumnType type, int rows, std::string_view body) {
  net::MessageBuffer message;
  message.Begin(0);
  message.AppendVarint(0);
  message.AppendVarint(static_cast<uint64_t>(rows));
  message.Append(Bytes(BytesOfHex("01 01 63")));
  message.AppendLittle(static_cast<uint8_t>(type));
  message.Append(Bytes(BytesOfHex(body)));
  const ByteVector bytes = message.Unmasked();
  BufferPool pool;
  DecodeOptions options;
  options.ingest = true;
  ByteReader reader(bytes);
  const Result<DecodedBlock> block =
      DecodeBlock(reader, nullptr, nullptr, SymbolTable(), options, pool);
  if (!block.ok()) return block.status().ToString();
  EXPECT_TRUE(reader.at_end());
  return ColumnText(block->columns[0], rows);
}

TEST(IngestDecodeTest, ValuesThatStandForNullAreMissingWithoutABitmap) {
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "00 14 ffffff 010000"), "null 1");
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "00 08 ff fe"), "null 254");
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "00 05 ff 1f"), "null 31");
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "00 3c ffffffffffffffff ffffffffffffff0f"),
            "null 1152921504606846975");
  EXPECT_EQ(IngestColumn(ColumnType::kIpv4, 2, "00 00000000 01000000"), "null 1");
  EXPECT_EQ(IngestColumn(ColumnType::kUuid, 1, "00 0000000000000080 0000000000000080"), "null");
  EXPECT_EQ(IngestColumn(ColumnType::kLong256, 1,
                         "00 0000000000000080 0000000000000080 0000000000000080 0000000000000080"),
            "null");
  EXPECT_EQ(IngestColumn(ColumnType::kDouble, 2, "00 010000000000f8ff 000000000000f03f"), "null 1");
  EXPECT_EQ(IngestColumn(ColumnType::kTimestamp, 1, "00 0000000000000080"), "null");
  EXPECT_EQ(IngestColumn(ColumnType::kByte, 2, "00 00 80"), "0 -128");
}

TEST(IngestDecodeTest, ABitmapDecidesAlone) {
  // The largest value of eight bits is a value then.
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "01 02 08 ff"), "255 null");
  EXPECT_EQ(IngestColumn(ColumnType::kGeohash, 2, "01 00 08 ff 01"), "255 1");
  // Any flag but 0 says that there is one, and any type may have one.
  EXPECT_EQ(IngestColumn(ColumnType::kLong, 2, "07 01 0500000000000000"), "null 5");
  EXPECT_EQ(IngestColumn(ColumnType::kBoolean, 10, "01 0400 ff 00"),
            "true true null true true true true true true false");
  EXPECT_EQ(IngestColumn(ColumnType::kShort, 3, "01 02 0100 0200"), "1 null 2");
}

// A column that is kept as one text of bytes per row, and written in the plainest way.
struct PlainColumn {
  ColumnType type;
  size_t width = 0;  // of a value on the wire
  std::vector<std::optional<ByteVector>> rows;
};

void AppendPlain(const PlainColumn& column, bool has_bitmap, net::MessageBuffer& message) {
  message.AppendLittle(static_cast<uint8_t>(has_bitmap ? 1 : 0));
  if (has_bitmap) {
    ByteVector bitmap((column.rows.size() + 7) / 8);
    for (size_t row = 0; row < column.rows.size(); ++row) {
      if (!column.rows[row].has_value()) bitmap[row / 8] |= static_cast<std::byte>(1 << (row % 8));
    }
    message.Append(Bytes(bitmap));
  }
  if (column.type == ColumnType::kGeohash) message.AppendVarint(column.width * 8 - 3);
  if (MaxDecimalScale(column.type) > 0) message.AppendLittle(uint8_t{3});
  if (column.type == ColumnType::kVarchar || column.type == ColumnType::kBinary) {
    uint32_t end = 0;
    message.AppendLittle(end);
    for (const auto& row : column.rows) {
      if (row.has_value()) message.AppendLittle(end += static_cast<uint32_t>(row->size()));
    }
  }
  for (const auto& row : column.rows) {
    if (row.has_value()) message.Append(Bytes(*row));
  }
}

// What a value's slot holds, by definition.
ByteVector DenseBytes(const DecodedColumn& column, const ByteVector& wire) {
  ByteVector dense = wire;
  if (column.type == ColumnType::kUuid) std::reverse(dense.begin(), dense.end());
  if (column.type == ColumnType::kGeohash) dense.resize(GeohashWidth(column.geohash_bits));
  return dense;
}

TEST(BlockDecoderTest, RandomColumnsOfEveryTypeComeBack) {
  SeededRandom random;
  const ColumnType types[] = {
      ColumnType::kByte,       ColumnType::kShort,      ColumnType::kInt,
      ColumnType::kLong,       ColumnType::kFloat,      ColumnType::kDouble,
      ColumnType::kDate,       ColumnType::kUuid,       ColumnType::kLong256,
      ColumnType::kGeohash,    ColumnType::kVarchar,    ColumnType::kBinary,
      ColumnType::kDecimal64,  ColumnType::kDecimal128, ColumnType::kIpv4,
      ColumnType::kDecimal256, ColumnType::kTimestamp,  ColumnType::kTimestampNanos};
  const int64_t row_counts[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 200, 1'000};
  const double null_shares[] = {0, 0.02, 0.5, 0.98, 1};
  BufferPool pool;
  for (const ColumnType type : types) {
    for (const int64_t rows : row_counts) {
      for (const double share : null_shares) {
        PlainColumn column{.type = type, .width = FixedWidth(type)};
        if (type == ColumnType::kGeohash) column.width = static_cast<size_t>(random.Uniform(1, 7));
        bool has_nulls = false;
        // Runs, so that there are words of all and of none.
        bool missing = random.Chance(share);
        for (int64_t row = 0; row < rows; ++row) {
          if (random.Chance(0.1)) missing = random.Chance(share);
          if (missing || random.Chance(share / 4)) {
            column.rows.emplace_back();
            has_nulls = true;
            continue;
          }
          const bool is_text = type == ColumnType::kVarchar || type == ColumnType::kBinary;
          ByteVector value(is_text ? static_cast<size_t>(random.Uniform(0, 9)) : column.width);
          for (std::byte& byte : value)
            byte = static_cast<std::byte>(random.Uniform(0, is_text ? 127 : 255));
          if (type == ColumnType::kGeohash) value.back() &= std::byte{0x1F};
          column.rows.emplace_back(std::move(value));
        }
        const bool has_bitmap = has_nulls || (type != ColumnType::kByte &&
                                              type != ColumnType::kShort && random.Chance(0.3));
        net::MessageBuffer message;
        message.Begin(0);
        AppendPlain(column, has_bitmap, message);
        const ByteVector body = message.Unmasked();

        const std::vector<ColumnDefinition> schema = {{"c", type}};
        ByteVector block = BytesOfHex("00");
        for (auto left = static_cast<uint64_t>(rows);; left >>= 7) {
          block.push_back(static_cast<std::byte>(left >= 0x80 ? left | 0x80 : left));
          if (left < 0x80) break;
        }
        block.insert(block.end(), body.begin(), body.end());
        ByteReader reader(block);
        DecodeOptions options;
        options.ingest = type == ColumnType::kByte || type == ColumnType::kShort;
        ASSERT_OK_AND_ASSIGN(const DecodedBlock decoded,
                             DecodeBlock(reader, nullptr, &schema, SymbolTable(), options, pool));
        EXPECT_TRUE(reader.at_end());
        const DecodedColumn& result = decoded.columns[0];
        int64_t nulls = 0;
        for (int64_t row = 0; row < rows; ++row) {
          const auto& expected = column.rows[static_cast<size_t>(row)];
          ASSERT_EQ(IsMissing(result, row), !expected.has_value()) << row;
          nulls += expected.has_value() ? 0 : 1;
          if (type == ColumnType::kVarchar || type == ColumnType::kBinary) {
            ASSERT_EQ(SlotText(result, row),
                      "'" + (expected.has_value() ? std::string(AsText(*expected)) : "") + "'");
          } else if (expected.has_value()) {
            const ByteVector dense = DenseBytes(result, *expected);
            ASSERT_EQ(std::memcmp(result.values.data + static_cast<size_t>(row) * dense.size(),
                                  dense.data(), dense.size()),
                      0)
                << ColumnTypeName(type) << " row " << row << " of " << rows;
          }
        }
        EXPECT_EQ(result.null_count, nulls);
        EXPECT_EQ(result.validity.size, nulls == 0 ? 0 : static_cast<size_t>(rows + 7) / 8);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(result.values.data) % 64, 0U);
      }
    }
  }
}

TEST(BlockDecoderTest, RandomSymbolsAndTimesComeBack) {
  SeededRandom random;
  BufferPool pool;
  SymbolTable symbols;
  std::vector<std::string> texts;
  for (int i = 0; i < 20'000; ++i) texts.push_back(std::to_string(i));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ASSERT_OK(symbols.Append(views));
  const std::vector<ColumnDefinition> schema = {{"s", ColumnType::kSymbol},
                                                {"t", ColumnType::kTimestamp}};
  for (int round = 0; round < 200; ++round) {
    const int64_t rows = random.Uniform(0, 400);
    // Codes of one, two, and three bytes, alone and mixed.
    const int64_t most[] = {5, 127, 128, 500, 16'383, 19'999};
    const int64_t largest = most[random.Uniform(0, 5)];
    const double share = random.Chance(0.5) ? 0 : 0.3;
    const int64_t jitter = int64_t{1} << random.Uniform(0, 33);
    std::vector<std::optional<int64_t>> codes;
    std::vector<std::optional<int64_t>> times;
    std::vector<int64_t> present;
    int64_t time = random.Uniform(0, 1'000'000);
    for (int64_t row = 0; row < rows; ++row) {
      codes.push_back(random.Uniform(0, random.Chance(0.8) ? largest : 3));
      times.push_back(time += random.Chance(0.5) ? 1'000 : random.Uniform(0, jitter));
      if (random.Chance(share)) codes.back().reset();
      if (random.Chance(share)) times.back().reset();
      if (times.back().has_value()) present.push_back(*times.back());
    }
    net::MessageBuffer message;
    message.Begin(0);
    message.AppendVarint(0);
    message.AppendVarint(static_cast<uint64_t>(rows));
    const auto append_bitmap = [&](const std::vector<std::optional<int64_t>>& values) {
      message.AppendLittle(uint8_t{1});
      ByteVector bitmap((values.size() + 7) / 8);
      for (size_t i = 0; i < values.size(); ++i) {
        if (!values[i].has_value()) bitmap[i / 8] |= static_cast<std::byte>(1 << (i % 8));
      }
      message.Append(Bytes(bitmap));
    };
    append_bitmap(codes);
    for (const auto& code : codes) {
      if (code.has_value()) message.AppendVarint(static_cast<uint64_t>(*code));
    }
    append_bitmap(times);
    const auto coded = GorillaEncode(present.data(), present.size());
    message.AppendLittle(static_cast<uint8_t>(coded.has_value() ? 1 : 0));
    message.Append(coded.has_value() ? Bytes(*coded) : std::as_bytes(std::span(present)));

    const ByteVector bytes = message.Unmasked();
    DecodeOptions options;
    options.gorilla = true;
    ByteReader reader(bytes);
    ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                         DecodeBlock(reader, nullptr, &schema, symbols, options, pool));
    EXPECT_TRUE(reader.at_end());
    for (int64_t row = 0; row < rows; ++row) {
      const auto& code = codes[static_cast<size_t>(row)];
      const auto& at = times[static_cast<size_t>(row)];
      ASSERT_EQ(IsMissing(block.columns[0], row), !code.has_value());
      ASSERT_EQ(IsMissing(block.columns[1], row), !at.has_value());
      if (code.has_value()) {
        ASSERT_EQ(SlotText(block.columns[0], row), std::to_string(*code));
      }
      if (at.has_value()) {
        ASSERT_EQ(SlotText(block.columns[1], row), std::to_string(*at));
      }
    }
  }
}

TEST(BlockDecoderTest, TheLargestCodeIsSeenWhereverItStands) {
  for (const uint64_t largest : {127U, 128U, 16'383U, 16'384U, 2'000'000U}) {
    // The others are smaller, and of two bytes too where they can be.
    const auto other = [&](size_t i) {
      return i % 3 * 60 + (largest > 1'000 && i % 2 != 0 ? 300 : 0);
    };
    for (size_t at = 0; at < 200; at += 3) {
      net::MessageBuffer message;
      message.Begin(0);
      for (size_t i = 0; i < 200; ++i) message.AppendVarint(i == at ? largest : other(i));
      const ByteVector bytes = message.Unmasked();
      std::vector<uint32_t> values(200);
      ASSERT_OK_AND_ASSIGN(const VarintRun run, DecodeVarints(bytes, 0, 200, values.data()));
      EXPECT_EQ(run.largest, largest) << at;
      EXPECT_EQ(run.bytes, bytes.size());
      EXPECT_EQ(values[at], largest);
      EXPECT_EQ(values[(at + 4) % 200], other((at + 4) % 200));
      EXPECT_THAT(DecodeVarints(Bytes(bytes).first(bytes.size() - 1), 0, 200, values.data()),
                  StatusIs(StatusCode::kProtocolError, HasSubstr("not a whole varint")));
    }
  }
}

TEST(BlockDecoderTest, ABigAlignedColumnIsTheMessageItself) {
  const std::vector<ColumnDefinition> schema = {{"a", ColumnType::kDouble}};
  for (const size_t shift : {0U, 1U}) {
    auto message = std::make_shared<std::vector<uint64_t>>(200);
    auto* const begin = reinterpret_cast<std::byte*>(message->data()) + 5 + shift;
    begin[1] = std::byte{100};  // no name, 100 rows, no bitmap
    ByteReader reader(Bytes(begin, 803));
    BufferPool pool;
    std::weak_ptr<std::vector<uint64_t>> alive = message;
    ASSERT_OK_AND_ASSIGN(DecodedBlock block,
                         DecodeBlock(reader, std::move(message), &schema, SymbolTable(), {}, pool));
    EXPECT_EQ(block.columns[0].values.data == begin + 3, shift == 0);
    EXPECT_EQ(alive.expired(), shift != 0);
    block = {};
    EXPECT_TRUE(alive.expired());
  }
}

TEST(BlockDecoderTest, ASmallColumnDoesNotKeepTheMessage) {
  const std::vector<ColumnDefinition> schema = {{"a", ColumnType::kBinary},
                                                {"b", ColumnType::kBinary}};
  const auto message = std::make_shared<ByteVector>(
      BytesOfHex("00 01 00 00000000 08000000 0102030405060708 00 00000000 02000000 0102"));
  ByteReader reader(*message);
  BufferPool pool;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       DecodeBlock(reader, message, &schema, SymbolTable(), {}, pool));
  EXPECT_EQ(message.use_count(), 1);
}

TEST(BlockDecoderTest, ArraysOfEveryShapeAreLists) {
  net::MessageBuffer message;
  message.Begin(0);
  // Rows: 2x2, missing, 1x0, 0x5, 1x3.
  message.Append(Bytes(BytesOfHex("00 05 01 02")));
  int64_t element = 1;
  for (const auto& [rows, columns] : {std::pair{2, 2}, {1, 0}, {0, 5}, {1, 3}}) {
    message.AppendLittle(uint8_t{2});
    message.AppendLittle(rows);
    message.AppendLittle(columns);
    for (int i = 0; i < rows * columns; ++i) message.AppendLittle(element++);
  }
  const std::vector<ColumnDefinition> schema = {{"a", ColumnType::kLongArray}};
  const ByteVector bytes = message.Unmasked();
  ByteReader reader(bytes);
  BufferPool pool;
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       DecodeBlock(reader, nullptr, &schema, SymbolTable(), {}, pool));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(ColumnText(block.columns[0], 5), "[[1,2],[3,4]] null [[]] [] [[5,6,7]]");
  EXPECT_EQ(block.columns[0].list_offsets.size(), 2U);
}

TEST(Utf8TextTest, AgreesWithWhatTheStandardSays) {
  SeededRandom random;
  const std::string_view pieces[] = {"a", "\xC3\xB1", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (int64_t n = random.Uniform(0, 200); n > 0; --n)
      text += pieces[random.Chance(0.9) ? 0 : random.Uniform(0, 3)];
    EXPECT_TRUE(IsUtf8Text(text));
    const auto limit = static_cast<size_t>(random.Uniform(0, std::ssize(text)));
    const std::string_view cut = ShortenedText(text, limit);
    EXPECT_TRUE(IsUtf8Text(cut));
    EXPECT_LE(cut.size(), limit);
    EXPECT_GT(cut.size() + 4, limit);
    if (text.empty()) continue;
    // A lead or continuation byte of its own makes any of them wrong.
    text.insert(static_cast<size_t>(random.Uniform(0, std::ssize(text))), 1,
                random.Chance(0.5) ? '\xC3' : '\xFF');
    EXPECT_FALSE(IsUtf8Text(text));
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
