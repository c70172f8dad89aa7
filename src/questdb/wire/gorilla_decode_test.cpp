// GorillaDecode against a decoder that takes one bit after the other.

#include <gtest/gtest.h>

#include "questdb/wire/gorilla.h"
#include "support/hex_file.h"
#include "support/plain_gorilla.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

void ExpectAsPlain(const std::vector<std::byte>& coded, size_t count) {
  // An allocation of the exact size, so that a read past the end is seen.
  const std::vector<std::byte> exact = coded;
  std::vector<int64_t> values(count);
  const Result<size_t> bytes = GorillaDecode(exact, count, values.data());
  const auto expected = DecodePlainGorilla(exact, count);
  ASSERT_EQ(bytes.ok(), expected.has_value()) << bytes.status() << "\n" << HexOf(coded);
  if (!bytes.ok()) {
    EXPECT_EQ(bytes.status().code(), StatusCode::kProtocolError);
    return;
  }
  EXPECT_EQ(*bytes, expected->bytes);
  EXPECT_EQ(values, expected->values);
}

TEST(GorillaDecodeTest, TheWorkedVectorsAreDecoded) {
  std::vector<int64_t> values(6);
  ASSERT_OK_AND_ASSIGN(
      const size_t bytes,
      GorillaDecode(BytesOfHex("00401e18240a0600 e8431e18240a0600 0a6cf33f51000000 ffff"), 6,
                    values.data()));
  EXPECT_EQ(bytes, 24U);
  EXPECT_EQ(values, (std::vector<int64_t>{1700000000000000, 1700000000001000, 1700000000002000,
                                          1700000000003001, 1700000000003901, 1700000000010000}));
  const auto third = [](std::string_view stream) {
    const std::string plain = "00000000000000000000000000000000";
    std::vector<int64_t> three(3);
    EXPECT_OK(GorillaDecode(BytesOfHex(plain + std::string(stream)), 3, three.data()));
    return three[2];
  };
  EXPECT_EQ(third("05 00"), 1);
  EXPECT_EQ(third("01 01"), -64);
  EXPECT_EQ(third("00"), 0);
}

TEST(GorillaDecodeTest, RandomTimesOfEveryKindComeBack) {
  SeededRandom random;
  for (int round = 0; round < 2'000; ++round) {
    const auto count = static_cast<size_t>(random.Uniform(0, 400));
    std::vector<int64_t> times;
    int64_t time = random.Uniform(-1'000'000, 1'000'000);
    // Kinds of changes, from all alike to all mixed, with runs.
    const int64_t kinds = random.Uniform(0, 31);
    const double steady = random.Chance(0.3) ? 0.99 : 0.3;
    int64_t step = 1'000;
    for (size_t i = 0; i < count; ++i) {
      times.push_back(time += step);
      if (random.Chance(steady)) continue;
      const int64_t kind = random.Uniform(0, 4);
      if ((kinds >> kind & 1) == 0) continue;
      constexpr int64_t kMost[] = {0, 63, 255, 2'047, INT32_MAX};
      step += random.Uniform(-kMost[kind] - (kind > 0 ? 1 : 0), kMost[kind]);
    }
    const auto coded = GorillaEncode(times.data(), times.size());
    if (!coded.has_value()) continue;
    std::vector<int64_t> values(count);
    ASSERT_OK_AND_ASSIGN(const size_t bytes, GorillaDecode(*coded, count, values.data()));
    ASSERT_EQ(bytes, coded->size());
    ASSERT_EQ(values, times);
    ExpectAsPlain(*coded, count);
    ExpectAsPlain({coded->begin(), coded->begin() + random.Uniform(0, std::ssize(*coded))}, count);
  }
}

TEST(GorillaDecodeTest, AnyBytesAreDecodedAsPlainly) {
  SeededRandom random;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> coded(static_cast<size_t>(random.Uniform(0, 200)));
    const double zeros = random.Chance(0.5) ? 0.9 : 0.1;
    for (std::byte& byte : coded)
      byte = random.Chance(zeros) ? std::byte{0} : static_cast<std::byte>(random.Uniform(0, 255));
    ExpectAsPlain(coded, static_cast<size_t>(random.Uniform(0, 500)));
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
