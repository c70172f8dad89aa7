#include "questdb/wire/query_message.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/hex_file.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> Encoded(const QueryMessage& request) {
  net::MessageBuffer message;
  message.Begin(0);
  EncodeQueryMessage(request, message);
  return message.Unmasked();
}

Bind BindOf(ColumnType type, size_t bytes, uint64_t value = 0) {
  Bind bind{.type = type};
  bind.value.resize(bytes);
  std::memcpy(bind.value.data(), &value, std::min(bytes, sizeof(value)));
  return bind;
}

Status Validate(Bind bind) {
  return ValidateQuery({.sql = "X", .binds = {BindOf(ColumnType::kLong, 8), std::move(bind)}});
}

TEST(QueryMessageTest, TheRequestIdStandsWhereItCanBeReplaced) {
  std::vector<std::byte> bytes = Encoded(QueryRequest{.request_id = 7, .sql = "SELECT 1"});
  const int64_t other = 8;
  std::memcpy(bytes.data() + kRequestIdOffset, &other, sizeof(other));
  ASSERT_OK_AND_ASSIGN(const QueryMessage parsed, ParseQueryMessage(bytes));
  EXPECT_EQ(std::get<QueryRequest>(parsed).request_id, 8);
}

TEST(QueryMessageTest, WhatABindsTypeCannotHoldIsRefusedByItsNumber) {
  const auto refused = [](Bind bind, const char* message) {
    EXPECT_THAT(Validate(std::move(bind)),
                StatusIs(StatusCode::kInvalidArgument,
                         ::testing::AllOf(HasSubstr("bind $2 ("), HasSubstr(message))));
  };
  const auto with = [](Bind bind, int scale, int bits) {
    bind.scale = scale;
    bind.geohash_bits = bits;
    return bind;
  };
  refused(BindOf(ColumnType::kSymbol, 4), "cannot be a parameter");
  refused(BindOf(ColumnType::kDoubleArray, 8), "cannot be a parameter");
  refused(BindOf(ColumnType::kInt, 8), "a value of 8 bytes, must be 4");
  refused(BindOf(ColumnType::kUuid, 15), "a value of 15 bytes, must be 16");
  refused(BindOf(ColumnType::kBoolean, 1, 2), "a value of 2, must be 0 or 1");
  refused(with(BindOf(ColumnType::kDecimal64, 8), 19, 0), "scale 19, must be 0 to 18");
  refused(with(BindOf(ColumnType::kDecimal128, 16), 39, 0), "scale 39, must be 0 to 38");
  refused(with(BindOf(ColumnType::kDecimal256, 32), 77, 0), "scale 77, must be 0 to 76");
  refused(with(BindOf(ColumnType::kDecimal256, 32), -1, 0), "scale -1");
  refused(with(BindOf(ColumnType::kGeohash, 8), 0, 0), "0 bits, must be 1 to 60");
  refused(with(BindOf(ColumnType::kGeohash, 8), 0, 61), "61 bits, must be 1 to 60");
  refused(with(BindOf(ColumnType::kGeohash, 8, 32), 0, 5), "a value of more than 5 bits: 32");
  refused(BindOf(ColumnType::kVarchar, 1, 0xFF), "text that is not UTF-8");
  EXPECT_OK(Validate(BindOf(ColumnType::kBinary, 1, 0xFF)));
  EXPECT_OK(Validate(with(BindOf(ColumnType::kGeohash, 8, 31), 0, 5)));
  EXPECT_OK(Validate({.type = ColumnType::kUuid, .is_null = true}));
  refused({.type = ColumnType::kGeohash, .is_null = true}, "0 bits");
}

TEST(QueryMessageTest, TheLimitsOfAQueryAreExact) {
  QueryRequest request{.sql = std::string(kMaxSqlBytes, ' ')};
  request.binds.assign(kMaxBinds, BindOf(ColumnType::kByte, 1));
  EXPECT_OK(ValidateQuery(request));
  request.sql += ' ';
  EXPECT_THAT(ValidateQuery(request), StatusIs(StatusCode::kInvalidArgument, HasSubstr("SQL")));
  request.sql = "\xFF";
  EXPECT_THAT(ValidateQuery(request), StatusIs(StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  request.sql = "X";
  request.binds.push_back(BindOf(ColumnType::kByte, 1));
  EXPECT_THAT(ValidateQuery(request),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("1025 binds, at most 1024")));
  EXPECT_THAT(ValidateQuery({.request_id = 0, .sql = "X"}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("request id 0")));
  EXPECT_THAT(ValidateQuery({.sql = "X", .timeout_ms = -1}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("timeout of -1")));
}

TEST(QueryMessageTest, EveryTruncationIsRefused) {
  const std::vector<std::byte> whole = BytesOfGoldenFile("questdb/egress-query-binds.hex");
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_THAT(ParseQueryMessage(Bytes(whole).first(size)),
                StatusIs(StatusCode::kProtocolError, HasSubstr("request: ")))
        << size;
  }
  // Without its last byte it is a request without flags.
  EXPECT_OK(ParseQueryMessage(Bytes(whole).first(whole.size() - 1)));
}

TEST(QueryMessageTest, WhatNoClientSendsIsRefused) {
  const auto refused = [](std::string_view hex, const char* message) {
    EXPECT_THAT(ParseQueryMessage(BytesOfHex(hex)),
                StatusIs(StatusCode::kProtocolError, HasSubstr(message)));
  };
  refused("", "kind at byte 0");
  refused("11 0100000000000000", "kind 17 at byte 0 is not known");
  refused("14 0100000000000000 00", "1 bytes too many");
  refused("15 0100000000000000 00", "credit of 0 bytes");
  refused("10 0100000000000000 01 ff 00 00", "SQL at byte 9: not UTF-8");
  refused("10 0100000000000000 818040", "SQL at byte 9: 1048577 bytes, at most 1048576");
  refused("10 0100000000000000 00 00 8110", "number of binds at byte 11: 2049, at most 2048");
  refused("10 0100000000000000 00 00 00 04", "query flags");
  refused("10 0100000000000000 00 00 00 02", "timeout");
  refused("10 0100000000000000 00 00 00 02 00", "0 ms");
  refused("10 0100000000000000 00 00 00 02 80808080808080808001", "9223372036854775808 ms");
  refused("10 0100000000000000 00 00 01 08 00", "bind $1: type 8");
  refused("10 0100000000000000 00 00 01 05 02", "null flag at byte 13: 2");
  refused("10 0100000000000000 00 00 01 05 01 00", "bitmap at byte 14: 0, must be 1");
  refused("10 0100000000000000 00 00 01 01 00 02", "boolean before byte 15: a value of 2");
  refused("10 0100000000000000 00 00 01 09 00", "symbol before byte 14: cannot be a parameter");
  refused("10 0100000000000000 00 00 01 0f 00 01000000 02000000 6869", "is not 0");
  refused("10 0100000000000000 00 00 01 0e 00 05 20", "more than 5 bits: 32");
  refused("10 0100000000000000 00 00 01 13 00 13 0000000000000000", "scale 19");
}

TEST(QueryMessageTest, RandomRequestsComeBack) {
  SeededRandom random;
  const ColumnType types[] = {
      ColumnType::kBoolean,    ColumnType::kByte,          ColumnType::kShort,
      ColumnType::kInt,        ColumnType::kLong,          ColumnType::kFloat,
      ColumnType::kDouble,     ColumnType::kTimestamp,     ColumnType::kDate,
      ColumnType::kUuid,       ColumnType::kLong256,       ColumnType::kGeohash,
      ColumnType::kVarchar,    ColumnType::kDecimal64,     ColumnType::kDecimal128,
      ColumnType::kDecimal256, ColumnType::kChar,          ColumnType::kBinary,
      ColumnType::kIpv4,       ColumnType::kTimestampNanos};
  for (int round = 0; round < 300; ++round) {
    QueryRequest request{.request_id = random.Uniform(1, 1'000'000),
                         .sql = std::string(static_cast<size_t>(random.Uniform(0, 300)), 'q'),
                         .initial_credit = static_cast<uint64_t>(random.Uniform(0, 1 << 30)),
                         .reset_dictionary = random.Chance(0.5),
                         .timeout_ms = random.Chance(0.5) ? random.Uniform(1, INT64_MAX) : 0};
    for (int64_t n = random.Uniform(0, 20); n > 0; --n) {
      Bind bind{.type = types[random.Uniform(0, std::ssize(types) - 1)],
                .is_null = random.Chance(0.3)};
      if (MaxDecimalScale(bind.type) > 0)
        bind.scale = static_cast<int>(random.Uniform(0, MaxDecimalScale(bind.type)));
      if (bind.type == ColumnType::kGeohash)
        bind.geohash_bits = static_cast<int>(random.Uniform(1, 60));
      if (!bind.is_null) {
        size_t bytes = FixedWidth(bind.type);
        if (bind.type == ColumnType::kBoolean) bytes = 1;
        if (bind.type == ColumnType::kGeohash) bytes = 8;
        if (bind.type == ColumnType::kVarchar || bind.type == ColumnType::kBinary)
          bytes = static_cast<size_t>(random.Uniform(0, 50));
        bind.value.resize(bytes);
        for (std::byte& byte : bind.value) byte = static_cast<std::byte>(random.Uniform(0, 127));
        if (bind.type == ColumnType::kBoolean) bind.value[0] &= std::byte{1};
        if (bind.type == ColumnType::kGeohash) {
          const auto value =
              static_cast<uint64_t>(random.Uniform(0, (int64_t{1} << bind.geohash_bits) - 1));
          std::memcpy(bind.value.data(), &value, sizeof(value));
        }
      }
      request.binds.push_back(std::move(bind));
    }
    ASSERT_OK(ValidateQuery(request));
    ASSERT_OK_AND_ASSIGN(const QueryMessage parsed, ParseQueryMessage(Encoded(request)));
    ASSERT_TRUE(std::get<QueryRequest>(parsed) == request);
  }
}

TEST(QueryMessageTest, ChangedRequestsNeverCrash) {
  SeededRandom random;
  const std::vector<std::byte> whole = BytesOfGoldenFile("questdb/egress-query-binds.hex");
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = whole;
    for (int64_t changes = random.Uniform(1, 4); changes > 0; --changes) {
      bytes[static_cast<size_t>(random.Uniform(0, std::ssize(bytes) - 1))] =
          static_cast<std::byte>(random.Uniform(0, 255));
    }
    const Result<QueryMessage> request = ParseQueryMessage(bytes);
    if (request.ok()) {
      EXPECT_OK(ParseQueryMessage(Encoded(*request)));
    }
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
