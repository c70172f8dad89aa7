#include "net/http_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using ::testing::_;

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

Result<HttpBody> BodyOf(HttpHeaders headers, size_t limit = 1000, int status = 400) {
  return HttpBody::Of({.status = status, .reason = "", .headers = std::move(headers)}, limit);
}

TEST(HttpBody, EndsAtItsLength) {
  ASSERT_OK_AND_ASSIGN(HttpBody body, BodyOf({{"Content-Length", "5"}}));
  ASSERT_OK(body.Feed(AsBytes("abc")));
  EXPECT_FALSE(body.done());
  ASSERT_OK(body.Feed(AsBytes("defgh")));
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.text(), "abcde");
}

TEST(HttpBody, IsNothingWhereNoneCanBe) {
  ASSERT_OK_AND_ASSIGN(HttpBody zero, BodyOf({{"Content-Length", "0"}}));
  EXPECT_TRUE(zero.done());
  ASSERT_OK_AND_ASSIGN(HttpBody none, BodyOf({}, 1000, 204));
  EXPECT_TRUE(none.done());
}

TEST(HttpBody, WithoutALengthGoesToTheEnd) {
  ASSERT_OK_AND_ASSIGN(HttpBody body, BodyOf({}));
  ASSERT_OK(body.Feed(AsBytes("all ")));
  ASSERT_OK(body.Feed(AsBytes("of it")));
  EXPECT_FALSE(body.done());
  body.FeedEnd();
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.text(), "all of it");
}

TEST(HttpBody, PutsChunksTogetherHoweverTheyArrive) {
  constexpr std::string_view kChunks =
      "4\r\nWiki\r\n6;name=x\r\npedia \r\n00B\r\nin chunks..\r\n0\r\n\r\n";
  for (size_t step = 1; step <= kChunks.size(); ++step) {
    ASSERT_OK_AND_ASSIGN(HttpBody body, BodyOf({{"Transfer-Encoding", "chunked"}}));
    for (size_t at = 0; at < kChunks.size(); at += step) {
      ASSERT_OK(body.Feed(AsBytes(kChunks.substr(at, step))));
    }
    EXPECT_TRUE(body.done());
    EXPECT_EQ(body.text(), "Wikipedia in chunks..");
  }
}

TEST(HttpBody, RefusesMalformedChunks) {
  for (const char* text : {"x\r\n", "\r\n", "4\nWiki", "4\r\rWiki", "4\r\nWikis\r\n",
                           "4\r\nWiki\rx", "4;\nWiki", "1234567890abcdef1\r\n", "-1\r\n"}) {
    ASSERT_OK_AND_ASSIGN(HttpBody body, BodyOf({{"Transfer-Encoding", "chunked"}}));
    EXPECT_THAT(body.Feed(AsBytes(text)), StatusIs(StatusCode::kProtocolError, _)) << text;
  }
}

TEST(HttpBody, KeepsNoMoreThanItsLimit) {
  ASSERT_OK_AND_ASSIGN(HttpBody plain, BodyOf({}, 4));
  ASSERT_OK(plain.Feed(AsBytes("abcd")));
  EXPECT_FALSE(plain.done());
  ASSERT_OK(plain.Feed(AsBytes("e")));
  EXPECT_TRUE(plain.done());
  EXPECT_EQ(plain.text(), "abcd");
  ASSERT_OK_AND_ASSIGN(HttpBody chunked, BodyOf({{"Transfer-Encoding", "chunked"}}, 4));
  ASSERT_OK(chunked.Feed(AsBytes("FFFFFFFFFFFFFF\r\nabcdefgh")));
  EXPECT_TRUE(chunked.done());
  EXPECT_EQ(chunked.text(), "abcd");
}

TEST(HttpBody, RefusesHeadsThatDoNotSayWhereItEnds) {
  EXPECT_THAT(BodyOf({{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}),
              StatusIs(StatusCode::kProtocolError, _));
  for (const char* length : {"", "-1", "5x", "99999999999999999999", "1, 1"}) {
    EXPECT_THAT(BodyOf({{"Content-Length", length}}), StatusIs(StatusCode::kProtocolError, _));
  }
  EXPECT_THAT(BodyOf({{"Content-Length", "5"}, {"Content-Length", "6"}}),
              StatusIs(StatusCode::kProtocolError, _));
  EXPECT_THAT(BodyOf({{"Transfer-Encoding", "gzip, chunked"}}),
              StatusIs(StatusCode::kUnsupported, _));
}

}  // namespace
}  // namespace colonnade::net
