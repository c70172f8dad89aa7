#include "array/chunk_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/status_matchers.h"

namespace colonnade::array {
namespace {

using ::testing::HasSubstr;

struct Reader {
  ReadCounters counters;
  ReadContext context{NeverCancelled(), UnlimitedMemory(), counters, nullptr};
};

TEST(ChunkPool, GivesBackTheSmallestBufferThatFits) {
  auto pool = std::make_shared<ChunkPool>(UnlimitedMemory());
  auto small = pool->Take(0);
  auto large = pool->Take(0);
  ASSERT_OK(small->elements.Resize(1000));
  ASSERT_OK(large->elements.Resize(9000));
  const ChunkElements* const small_address = small.get();
  const ChunkElements* const large_address = large.get();
  large.reset();
  small.reset();
  EXPECT_EQ(pool->Take(500).get(), small_address);
  EXPECT_EQ(pool->Take(2000).get(), large_address);
  const auto fresh = pool->Take(20'000);
  EXPECT_NE(fresh.get(), small_address);
  EXPECT_NE(fresh.get(), large_address);
}

TEST(ChunkPool, BuffersMayComeBackOnAnyThreadAndAfterTheEnd) {
  std::shared_ptr<ChunkElements> last;
  {
    auto pool = std::make_shared<ChunkPool>(UnlimitedMemory());
    auto chunk = pool->Take(0);
    std::thread([moved = std::move(chunk)] {}).join();
    last = pool->Take(0);
    pool->Close();
  }
  ASSERT_OK(last->elements.Resize(100));
}

TEST(ChunkReader, ViewsOutliveTheirContext) {
  ArrayView view;
  {
    Reader reader;
    const std::string encoded = "abcd";
    const ChunkCodecs codecs;
    const ElementType type = ElementType::Of(ElementKind::kUInt8);
    const int64_t shape[] = {4};
    const CodecLimits limits;
    ASSERT_OK_AND_ASSIGN(
        auto chunk, DecodeToView({codecs, type, shape, limits},
                                 std::as_bytes(std::span(encoded.data(), encoded.size())), true,
                                 reader.context));
    EXPECT_EQ(reader.counters.bytes_decoded, 4);
    view = std::move(chunk.view);
  }
  EXPECT_EQ(view.data[3], std::byte{'d'});
}

// Chunks whose single element is a view into memory of the fetcher.
class FailingFetcher final : public ChunkFetcher {
 public:
  Result<ArrayView> Fetch(std::span<const int64_t> index, ReadContext&) override {
    if (index[0] == 2) return Io("disk on fire");
    ArrayView view;
    view.type = ElementType::Of(ElementKind::kUInt8);
    view.data = bytes_;
    view.strides = {1};
    return view;
  }

 private:
  std::byte bytes_[4] = {};
};

TEST(ChunkReader, AFailedChunkFailsTheBox) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({12}, {4}));
  const ElementType type = ElementType::Of(ElementKind::kUInt8);
  Reader reader;
  FailingFetcher fetcher;
  EXPECT_OK(ReadBox(grid, type, {{0, 8}}, fetcher, reader.context));
  EXPECT_THAT(ReadBox(grid, type, {{0, 12}}, fetcher, reader.context),
              StatusIs(StatusCode::kIo, HasSubstr("disk on fire")));
}

TEST(ChunkReader, ABoxTooLargeToHoldIsALimitNotACrash) {
  ASSERT_OK_AND_ASSIGN(const auto grid, ChunkGrid::Create({INT64_MAX}, {4}));
  const ElementType type = ElementType::Of(ElementKind::kFloat64);
  Reader reader;
  FailingFetcher fetcher;
  EXPECT_THAT(ReadBox(grid, type, {{0, INT64_MAX}}, fetcher, reader.context),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("")));
}

}  // namespace
}  // namespace colonnade::array
