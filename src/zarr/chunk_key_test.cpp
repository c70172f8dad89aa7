#include "zarr/chunk_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"

namespace colonnade::zarr {
namespace {

std::string Key(const char* encoding, std::vector<int64_t> chunk) {
  auto keys = ParseChunkKeyEncoding(Json::parse(encoding));
  EXPECT_OK(keys);
  std::string key = "a/";
  if (keys.ok()) keys->Append(chunk, &key);
  return key;
}

TEST(ChunkKey, FollowsTheEncoding) {
  EXPECT_EQ(Key(R"("default")", {1, 23, 45}), "a/c/1/23/45");
  EXPECT_EQ(Key(R"({"name":"default","configuration":{"separator":"."}})", {1, 2}), "a/c.1.2");
  EXPECT_EQ(Key(R"("v2")", {1, 23}), "a/1.23");
  EXPECT_EQ(Key(R"({"name":"v2","configuration":{"separator":"/"}})", {1, 23}), "a/1/23");
  EXPECT_EQ(Key(R"("default")", {INT64_MAX}), "a/c/9223372036854775807");
}

TEST(ChunkKey, ScalarsHaveOneChunk) {
  EXPECT_EQ(Key(R"("default")", {}), "a/c");
  EXPECT_EQ(Key(R"("v2")", {}), "a/0");
}

}  // namespace
}  // namespace colonnade::zarr
