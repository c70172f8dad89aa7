#include "questdb/wire/result_message.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <limits>

#include "questdb/wire/frame.h"
#include "support/column_text.h"
#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;
using ByteVector = std::vector<std::byte>;

// A batch in the making, and the client that is to read it.
class ResultMessageTest : public ::testing::Test {
 protected:
  // Begins the batch; its block follows in hexadecimal.
  ByteVector Batch(std::string_view block, uint64_t sequence = 0, uint8_t flags = 0) {
    return BatchOf(BytesOfHex(block), sequence, flags);
  }
  ByteVector BatchOf(const ByteVector& block, uint64_t sequence = 0, uint8_t flags = 0) {
    net::MessageBuffer message;
    message.Begin(0);
    BeginFrame(flags, 1, message);
    message.AppendLittle(uint8_t{0x11});
    message.AppendLittle(int64_t{1});
    message.AppendVarint(sequence);
    message.Append(Bytes(block));
    FinishFrame(message);
    return message.Unmasked();
  }

  Result<DecodedBlock> Read(const ByteVector& bytes, const DecodeLimits& limits = {}) {
    // An own allocation of the exact size, so that a read past the end is seen.
    const auto owner = std::make_shared<ByteVector>(bytes);
    COLONNADE_ASSIGN_OR_RETURN(const ResultMessage message, ParseResultMessage(*owner));
    const auto* batch = std::get_if<ResultBatch>(&message);
    if (batch == nullptr) return InvalidState("no batch");
    return DecodeResultBatch(*batch, {owner, owner->data(), owner->size()}, state_, symbols_,
                             decompressor_, pool_, limits);
  }

  ResultState state_;
  SymbolTable symbols_;
  Decompressor decompressor_;
  BufferPool pool_;
};

TEST_F(ResultMessageTest, ALengthThatIsNotTheMessagesIsRefused) {
  ByteVector bytes = Batch("00 00 01 01 61 05 00");
  ASSERT_OK(ParseResultMessage(bytes));
  bytes.push_back(std::byte{0});
  EXPECT_THAT(ParseResultMessage(bytes),
              StatusIs(StatusCode::kProtocolError, HasSubstr("17 bytes follow its header")));
  bytes.resize(bytes.size() - 2);
  EXPECT_THAT(ParseResultMessage(bytes),
              StatusIs(StatusCode::kProtocolError, HasSubstr("17 bytes follow its header")));
}

TEST_F(ResultMessageTest, ABatchOfNoTableOrOfTwoIsRefused) {
  for (const int tables : {0, 2}) {
    ByteVector bytes = Batch("00 00 01 01 61 05 00");
    bytes[6] = static_cast<std::byte>(tables);
    EXPECT_THAT(Read(bytes), StatusIs(StatusCode::kProtocolError, HasSubstr("must be 1")));
  }
  ByteVector end = BytesOfHex("51575031 01 00 0100 0b000000 12 0100000000000000 01 05");
  EXPECT_THAT(ParseResultMessage(end),
              StatusIs(StatusCode::kProtocolError, HasSubstr("must be 0")));
}

TEST_F(ResultMessageTest, UnknownKindsAndFlagsAreRefused) {
  EXPECT_THAT(ParseResultMessage(BytesOfHex("51575031 01 00 0000 01000000 19")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("kind 25 at byte 12")));
  EXPECT_THAT(Read(Batch("00 00 01 01 61 05 00", 0, 0x20)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("flags 32")));
}

TEST_F(ResultMessageTest, EveryTruncationOfAMessageIsRefused) {
  for (const char* name : {"egress-server-info", "egress-end", "egress-error", "egress-exec-done",
                           "egress-cache-reset"}) {
    const ByteVector whole = BytesOfGoldenFile(std::string("questdb/") + name + ".hex");
    for (size_t size = 0; size < whole.size(); ++size) {
      ByteVector part(whole.begin(), whole.begin() + static_cast<int64_t>(size));
      EXPECT_THAT(ParseResultMessage(part), StatusIs(StatusCode::kProtocolError, ::testing::_));
      if (size < kFrameHeaderBytes) continue;
      part[8] = static_cast<std::byte>(size - kFrameHeaderBytes);
      EXPECT_THAT(ParseResultMessage(part), StatusIs(StatusCode::kProtocolError, ::testing::_))
          << name << " of " << size;
    }
    ByteVector longer = whole;
    longer.push_back(std::byte{0});
    longer[8] = static_cast<std::byte>(longer.size() - kFrameHeaderBytes);
    EXPECT_THAT(ParseResultMessage(longer),
                StatusIs(StatusCode::kProtocolError, HasSubstr("1 bytes too many")));
  }
}

TEST_F(ResultMessageTest, EveryTruncationOfABatchIsRefused) {
  for (const char* name : {"egress-batch-0", "egress-all-types"}) {
    const ByteVector whole = BytesOfGoldenFile(std::string("questdb/") + name + ".hex");
    for (size_t size = kFrameHeaderBytes; size < whole.size(); ++size) {
      ByteVector part(whole.begin(), whole.begin() + static_cast<int64_t>(size));
      const auto payload = static_cast<uint32_t>(size - kFrameHeaderBytes);
      std::memcpy(part.data() + 8, &payload, sizeof(payload));
      state_ = {};
      symbols_.Clear();
      EXPECT_THAT(Read(part), StatusIs(StatusCode::kProtocolError, ::testing::_)) << size;
    }
  }
}

TEST_F(ResultMessageTest, AServerInfoMayGrowByAnnouncingIt) {
  const ByteVector with_field = BytesOfHex(
      "51575031 01 00 0000 1f000000 18 00 0000000000000000 12000000 00002a36fe9c9717 0200 6331"
      "0200 6e31 07");
  EXPECT_OK(ParseResultMessage(with_field));
  EXPECT_EQ(ServerRoleName(static_cast<ServerRole>(9)), "role 9");
}

TEST_F(ResultMessageTest, AGapInTheSequenceIsRefused) {
  ASSERT_OK(Read(Batch("00 00 01 01 61 05 00")));
  EXPECT_THAT(
      Read(Batch("00 00 00", 2)),
      StatusIs(StatusCode::kProtocolError, HasSubstr("batch 2: comes when batch 1 is due")));
  EXPECT_THAT(Read(Batch("00 00 01 01 61 05 00", 0)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("comes when batch 1 is due")));
  EXPECT_EQ(state_.batches, 1U);
  EXPECT_OK(Read(Batch("00 00 00", 1)));
}

TEST_F(ResultMessageTest, ADictionaryThatDoesNotBeginAtTheEndIsRefused) {
  EXPECT_THAT(Read(Batch("01 01 01 41 00 00 01 01 61 05 00", 0, kDeltaDictionary)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("begins at entry 1, must be 0")));
  ASSERT_OK(Read(Batch("00 01 01 41 00 00 01 01 61 05 00", 0, kDeltaDictionary)));
  EXPECT_THAT(Read(Batch("00 01 01 41 00 00 00", 1, kDeltaDictionary)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("begins at entry 0, must be 1")));
  EXPECT_EQ(symbols_.size(), 1U);
}

TEST_F(ResultMessageTest, ADictionaryIsTakenWholeOrNotAtAll) {
  EXPECT_THAT(Read(Batch("00 02 01 41 01 ff 00 00 01 01 61 05 00", 0, kDeltaDictionary)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("not UTF-8")));
  EXPECT_EQ(symbols_.size(), 0U);
  EXPECT_THAT(Read(Batch("00 ffffffff0f 01 41", 0, kDeltaDictionary)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("4294967295 entries in 2 bytes")));
}

TEST_F(ResultMessageTest, ACodeOutsideOfTheDictionaryIsRefused) {
  const std::string dictionary = "00 02 01 41 01 42 ";
  ASSERT_OK_AND_ASSIGN(const DecodedBlock good,
                       Read(Batch(dictionary + "00 02 01 01 73 09 00 01 00", 0, kDeltaDictionary)));
  EXPECT_EQ(ColumnText(good.columns[0], 2), "B A");
  EXPECT_THAT(
      Read(Batch("02 00 00 02 00 01 02", 1, kDeltaDictionary)),
      StatusIs(StatusCode::kProtocolError,
               HasSubstr("column 's' (symbol): codes at byte 27: code 2, but the dictionary "
                         "has 2 entries")));
}

TEST_F(ResultMessageTest, WithoutTheFlagAColumnHasItsOwnDictionary) {
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       Read(Batch("00 03 01 01 73 09 01 02 02 01 78 02 7979 01 00")));
  EXPECT_EQ(ColumnText(block.columns[0], 3), "yy null x");
  EXPECT_EQ(symbols_.size(), 0U);
  EXPECT_THAT(Read(Batch("00 01 00 02 01 78 01 79 02", 1)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("code 2")));
}

TEST_F(ResultMessageTest, ANullFlagOfTwoIsRefused) {
  EXPECT_THAT(Read(Batch("00 01 01 01 61 05 02 00 0000000000000000")),
              StatusIs(StatusCode::kProtocolError,
                       HasSubstr("column 'a' (long): null flag at byte 28: 2, must be 0 or 1")));
}

TEST_F(ResultMessageTest, ABitmapOfATypeThatIsNeverMissingIsRefused) {
  for (const char* type : {"01", "02", "03", "16"}) {
    EXPECT_THAT(Read(Batch("00 01 01 01 61 " + std::string(type) + " 01 00 0000")),
                StatusIs(StatusCode::kProtocolError, HasSubstr("never missing")));
  }
}

TEST_F(ResultMessageTest, SetBitsBehindTheRowsOfABitmapMeanNothing) {
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       Read(Batch("00 02 01 01 61 05 01 fd 0700000000000000")));
  EXPECT_EQ(ColumnText(block.columns[0], 2), "null 7");
  EXPECT_EQ(block.columns[0].null_count, 1);
}

TEST_F(ResultMessageTest, AnOffsetInsideOfACharacterIsRefused) {
  ASSERT_OK_AND_ASSIGN(const DecodedBlock good,
                       Read(Batch("00 02 01 01 61 0f 00 00000000 02000000 03000000 c3b1 62")));
  EXPECT_EQ(ColumnText(good.columns[0], 2), "'\xC3\xB1' 'b'");
  EXPECT_THAT(Read(Batch("00 02 00 00000000 01000000 02000000 c3b1", 1)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("offset 1 is 1, inside of a UTF-8")));
  EXPECT_THAT(Read(Batch("00 01 00 00000000 01000000 c3", 1)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("is not UTF-8")));
}

TEST_F(ResultMessageTest, BytesNeedNotBeText) {
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       Read(Batch("00 02 01 01 61 17 00 00000000 01000000 02000000 c3b1")));
  EXPECT_EQ(ColumnText(block.columns[0], 2), "'\xC3' '\xB1'");
}

TEST_F(ResultMessageTest, OffsetsThatDescendAreRefused) {
  EXPECT_THAT(
      Read(Batch("00 02 01 01 61 0f 00 00000000 02000000 01000000 6162")),
      StatusIs(StatusCode::kProtocolError, HasSubstr("offset 2 is 1, below the one before")));
  EXPECT_THAT(Read(Batch("00 01 01 01 61 0f 00 00000000 ffffffff 6162")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("offset 1 is 4294967295")));
  EXPECT_THAT(Read(Batch("00 01 01 01 61 0f 00 01000000 01000000 6162")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("offset 0 is 1, must be 0")));
  // Far behind the first block that is looked at together.
  for (const uint32_t row : {63U, 64U, 65U, 127U, 199U}) {
    net::MessageBuffer block;
    block.Begin(0);
    block.Append(Bytes(BytesOfHex("00 c801 01 01 61 0f 00")));
    for (uint32_t i = 0; i <= 200; ++i) block.AppendLittle(i == row + 1 ? row - 1 : i);
    block.Append(std::string(200, 'x'));
    EXPECT_THAT(Read(BatchOf(block.Unmasked())),
                StatusIs(StatusCode::kProtocolError, HasSubstr("offset " + std::to_string(row + 1) +
                                                               " is " + std::to_string(row - 1))));
  }
}

TEST_F(ResultMessageTest, TextThatIsNotAllThereIsRefused) {
  EXPECT_THAT(Read(Batch("00 01 01 01 61 0f 00 00000000 03000000 6162")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("text at byte 37: needs 3 bytes, 2")));
}

TEST_F(ResultMessageTest, AGeohashPrecisionOutsideOf1To60IsRefused) {
  for (const char* bits : {"00", "3d", "ffffffffffffffffff01"}) {
    EXPECT_THAT(Read(Batch("00 01 01 01 67 0e 00 " + std::string(bits) + " 0000000000000000")),
                StatusIs(StatusCode::kProtocolError, HasSubstr("must be 1 to 60")));
  }
  EXPECT_THAT(Read(Batch("00 01 01 01 67 0e 00 05 20")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("a geohash of more than 5 bits")));
}

TEST_F(ResultMessageTest, ADecimalScaleAboveTheTypesIsRefused) {
  for (const char* type_and_scale : {"13 00 13", "14 00 27", "15 00 4d"}) {
    EXPECT_THAT(Read(Batch("00 01 01 01 64 " + std::string(type_and_scale) + std::string(64, '0'))),
                StatusIs(StatusCode::kProtocolError, HasSubstr("decimal scale at byte 29")));
  }
}

TEST_F(ResultMessageTest, AnEncodingOfTimestampsThatIsNotKnownIsRefused) {
  EXPECT_THAT(
      Read(Batch("00 01 01 01 74 0b 00 02 0000000000000000", 0, kGorilla)),
      StatusIs(StatusCode::kProtocolError, HasSubstr("encoding of timestamps at byte 29: 2")));
  EXPECT_THAT(Read(Batch("00 03 01 01 74 0b 00 01 0000000000000000 0100000000000000", 0, kGorilla)),
              StatusIs(StatusCode::kProtocolError, HasSubstr("at byte 30: ")));
}

TEST_F(ResultMessageTest, DatesHaveAnEncodingByteExactlyWithTheFlag) {
  ASSERT_OK_AND_ASSIGN(const DecodedBlock plain,
                       Read(Batch("00 01 01 01 74 0b 00 0700000000000000")));
  EXPECT_EQ(ColumnText(plain.columns[0], 1), "7");
  state_ = {};
  ASSERT_OK_AND_ASSIGN(
      const DecodedBlock coded,
      Read(Batch("00 04 01 01 74 0b 01 02 01 0700000000000000 0800000000000000 00", 0, kGorilla)));
  EXPECT_EQ(ColumnText(coded.columns[0], 4), "7 null 8 9");
}

TEST_F(ResultMessageTest, NoneOr33DimensionsAreRefused) {
  for (const char* dimensions : {"00", "21"}) {
    EXPECT_THAT(
        Read(Batch("00 01 01 01 61 11 00 " + std::string(dimensions) + std::string(280, '0'))),
        StatusIs(StatusCode::kProtocolError, HasSubstr("must be 1 to 32")));
  }
  EXPECT_THAT(Read(Batch("00 02 01 01 61 11 00 01 00000000 02 00000000 00000000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("2, arrays before it have 1")));
}

TEST_F(ResultMessageTest, AProductOfExtentsThatOverflowsIsRefused) {
  for (const char* extents :
       {"02 ffffffff ffffffff", "03 ffffffff ffffffff 00000000", "03 01000001 00000000 01000000",
        "04 00000100 00000100 00000100 00000100"}) {
    EXPECT_THAT(Read(Batch("00 01 01 01 61 11 00 " + std::string(extents))),
                StatusIs(StatusCode::kLimitExceeded, HasSubstr("elements")))
        << extents;
  }
  // A zero in front hides nothing: there is nothing.
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       Read(Batch("00 01 01 01 61 11 00 02 00000000 ffffffff")));
  EXPECT_EQ(ColumnText(block.columns[0], 1), "[]");
}

TEST_F(ResultMessageTest, ElementsThatAreNotThereAreRefused) {
  EXPECT_THAT(Read(Batch("00 01 01 01 61 11 00 01 02000000 0000000000000000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("elements of an array at byte 34")));
  EXPECT_THAT(Read(Batch("00 01 01 01 61 11 00 01 01000000 00000000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("elements of an array at byte 34")));
}

TEST_F(ResultMessageTest, AByteBehindTheLastColumnIsRefused) {
  EXPECT_THAT(Read(Batch("00 01 01 01 61 02 00 07 00")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("1 bytes too many from byte 30 on")));
}

TEST_F(ResultMessageTest, AVarintOfMoreThan64BitsIsRefused) {
  EXPECT_THAT(Read(Batch("00 80808080808080808002")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("a varint of more than 64 bits")));
  EXPECT_THAT(Read(Batch("00 8080808080808080808000")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("a varint of more than 64 bits")));
  // Not in its shortest form, but right.
  EXPECT_OK(Read(Batch("00 8000 01 01 61 05 00")));
}

TEST_F(ResultMessageTest, NamesAndTypesAreChecked) {
  EXPECT_THAT(Read(Batch("00 00 01 01 61 08")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("column 'a': type 8 at byte 27")));
  EXPECT_THAT(Read(Batch("00 00 01 01 ff 05")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("name of column 1")));
  EXPECT_THAT(Read(Batch("00 00 01 01 00 05")),
              StatusIs(StatusCode::kProtocolError, HasSubstr("NUL byte")));
}

TEST_F(ResultMessageTest, AnEmptyResultHasASchema) {
  ASSERT_OK_AND_ASSIGN(
      const DecodedBlock block,
      Read(Batch("00 00 05 01 61 05 01 62 0f 01 63 11 01 64 09 01 65 01 00 00 00000000 00 00 00 00",
                 0, 0)));
  EXPECT_EQ(block.rows, 0);
  EXPECT_EQ(BlockText(block), "a long: \nb varchar: \nc double_array: \nd symbol: \ne boolean: \n");
  EXPECT_EQ(state_.schema.size(), 5U);
}

// A limit of what a message may claim: just below it goes, at one more it does not.
struct LimitCase {
  const char* name;
  const char* block;
  DecodeLimits enough;
  DecodeLimits too_little;
  const char* message;
};

class DecodeLimitTest : public ResultMessageTest,
                        public ::testing::WithParamInterface<LimitCase> {};

TEST_P(DecodeLimitTest, IsCheckedExactly) {
  EXPECT_OK(Read(Batch(GetParam().block), GetParam().enough));
  state_ = {};
  EXPECT_THAT(Read(Batch(GetParam().block), GetParam().too_little),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Limits, DecodeLimitTest,
    ::testing::Values(
        LimitCase{"Rows",
                  "00 03 01 01 61 02 00 010203",
                  {.max_rows = 3},
                  {.max_rows = 2},
                  "number of rows at byte 23: 3, at most 2"},
        LimitCase{"Columns",
                  "00 00 02 01 61 02 01 62 02 00 00",
                  {.max_columns = 2},
                  {.max_columns = 1},
                  "number of columns at byte 24: 2, at most 1"},
        LimitCase{"ArrayElements",
                  "00 01 01 01 61 11 00 02 03000000 00000000",
                  {.max_array_elements = 3},
                  {.max_array_elements = 2},
                  "more than 2 elements"},
        // Both columns together: two lists each.
        LimitCase{"ListNodes",
                  "00 01 02 01 61 11 01 62 11 00 02 02000000 00000000 00 02 02000000 00000000",
                  {.max_list_nodes = 4},
                  {.max_list_nodes = 3},
                  "more than 3 lists in the block"},
        // Eight bytes of values, eight of the bitmap.
        LimitCase{"DecodedBytes",
                  "00 01 01 01 61 05 01 01",
                  {.max_decoded_bytes = 16},
                  {.max_decoded_bytes = 15},
                  "more than 15 bytes decoded: 8 so far, 8 more"}),
    [](const auto& limit) { return limit.param.name; });

TEST_F(ResultMessageTest, TheDefaultLimitsAreThoseOfTheProtocol) {
  const DecodeLimits limits;
  EXPECT_EQ(limits.max_rows, 1'048'576);
  EXPECT_EQ(limits.max_columns, 2'048);
  EXPECT_EQ(limits.max_array_elements, 16 << 20);
  EXPECT_EQ(limits.max_decoded_bytes, size_t{1} << 30);
  EXPECT_EQ(limits.max_decompressed_bytes, size_t{64} << 20);
  EXPECT_EQ(SymbolTableLimits().max_entries, 8'388'608U);
  EXPECT_EQ(SymbolTableLimits().max_bytes, size_t{256} << 20);
  // A million missing 256-bit values of forty columns from a few kilobytes of bitmaps.
  ByteVector block = BytesOfHex("00 808040 28");
  const ByteVector definition = BytesOfHex("01 61 0d");
  for (int i = 0; i < 40; ++i) block.insert(block.end(), definition.begin(), definition.end());
  for (int i = 0; i < 40; ++i) {
    block.push_back(std::byte{1});
    block.insert(block.end(), (1 << 20) / 8, std::byte{0xFF});
  }
  EXPECT_THAT(Read(BatchOf(block)), StatusIs(StatusCode::kLimitExceeded, HasSubstr("1073741824")));
}

TEST_F(ResultMessageTest, TheDictionaryHasALimit) {
  symbols_ = SymbolTable({.max_entries = 1, .max_bytes = 10});
  EXPECT_THAT(Read(Batch("00 02 01 41 01 42 00 00 01 01 61 05 00", 0, kDeltaDictionary)),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("at most 1 are kept")));
  EXPECT_EQ(symbols_.size(), 0U);
}

TEST_F(ResultMessageTest, CompressedBatchesAreThePlainOnes) {
  const ByteVector plain = BytesOfHex(
      "00 02 01 41 01 42 00 03 02 01 73 09 01 6e 0f 00 01 00 01"
      "00 00000000 01000000 02000000 03000000 616263");
  ByteVector compressed(ZSTD_compressBound(plain.size()));
  compressed.resize(
      ZSTD_compress(compressed.data(), compressed.size(), plain.data(), plain.size(), 1));
  ASSERT_OK_AND_ASSIGN(const DecodedBlock block,
                       Read(BatchOf(compressed, 0, kDeltaDictionary | kZstd)));
  EXPECT_EQ(BlockText(block), "s symbol: B A B\nn varchar: 'a' 'b' 'c'\n");
  // A raw one may follow.
  EXPECT_OK(Read(Batch("02 00 00 00 00 00 00000000", 1, kDeltaDictionary)));
}

TEST_F(ResultMessageTest, CompressedBatchesMustBeOneFrameOfKnownSize) {
  const ByteVector plain(1000);
  ByteVector frame(ZSTD_compressBound(plain.size()));
  frame.resize(ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), 1));
  const auto expect = [&](const ByteVector& bytes, StatusCode code, const char* message,
                          const DecodeLimits& limits = {}) {
    EXPECT_THAT(Read(BatchOf(bytes, 0, kZstd), limits), StatusIs(code, HasSubstr(message)));
  };
  // What is in it is no block.
  expect(frame, StatusCode::kProtocolError, "decompressed: ");
  expect(frame, StatusCode::kLimitExceeded, "1000 bytes decompressed, at most 999",
         {.max_decompressed_bytes = 999});
  ByteVector two = frame;
  two.insert(two.end(), frame.begin(), frame.end());
  expect(two, StatusCode::kProtocolError, "zstd: a frame of");
  expect({}, StatusCode::kProtocolError, "zstd: not a frame");
  expect(BytesOfHex("00 00 01"), StatusCode::kProtocolError, "zstd: not a frame");
  for (size_t size = 1; size < frame.size(); ++size) {
    expect({frame.begin(), frame.begin() + static_cast<int64_t>(size)}, StatusCode::kProtocolError,
           "zstd");
  }

  ByteVector unknown(ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  unknown.resize(
      ZSTD_compress2(context, unknown.data(), unknown.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  expect(unknown, StatusCode::kProtocolError, "does not say its content's size");

  // 256 MiB, claimed in a few bytes: refused before any memory is taken.
  expect(BytesOfHex("28b52ffd e0 0000001000000000 010000"), StatusCode::kLimitExceeded,
         "268435456 bytes decompressed");
}

TEST_F(ResultMessageTest, AnEndThatDoesNotFitWhatArrivedIsRefused) {
  ASSERT_OK(Read(Batch("00 02 01 01 61 02 00 0102")));
  ASSERT_OK(Read(Batch("00 01 00 03", 1)));
  EXPECT_OK(CheckResultEnd({1, 1, 3}, state_));
  EXPECT_OK(CheckResultEnd({1, 1, 0}, state_));  // not told
  EXPECT_THAT(CheckResultEnd({1, 2, 3}, state_),
              StatusIs(StatusCode::kProtocolError,
                       HasSubstr("the result ends with batch 2, but 2 batches arrived")));
  EXPECT_THAT(CheckResultEnd({1, 1, 4}, state_),
              StatusIs(StatusCode::kProtocolError, HasSubstr("with 4 rows, but 3 arrived")));
  EXPECT_OK(CheckResultEnd({1, 0, 0}, ResultState()));
  EXPECT_THAT(CheckResultEnd({1, 0, 1}, ResultState()),
              StatusIs(StatusCode::kProtocolError, HasSubstr("but 0 arrived")));
}

// Whatever happens to the bytes of a valid message, it is read or refused.
TEST_F(ResultMessageTest, ChangedMessagesNeverCrash) {
  SeededRandom random;
  const ByteVector frames[] = {BytesOfGoldenFile("questdb/egress-batch-0.hex"),
                               BytesOfGoldenFile("questdb/egress-all-types.hex")};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    ByteVector bytes = frames[round % 2];
    for (int64_t changes = random.Uniform(1, 4); changes > 0; --changes) {
      const auto at = static_cast<size_t>(
          random.Uniform(kFrameHeaderBytes, static_cast<int64_t>(bytes.size()) - 1));
      bytes[at] = random.Chance(0.5) ? bytes[at] ^ static_cast<std::byte>(1 << random.Uniform(0, 7))
                                     : static_cast<std::byte>(random.Uniform(0, 255));
    }
    state_ = {};
    symbols_.Clear();
    const Result<DecodedBlock> block = Read(bytes, {.max_decoded_bytes = 1 << 24});
    if (!block.ok()) continue;
    ++read;
    EXPECT_FALSE(BlockText(*block).empty());
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace colonnade::questdb::wire
