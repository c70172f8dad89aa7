#include "net/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::net {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::Not;

Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

constexpr std::string_view kRequest =
    "GET /write/v4?x=1 HTTP/1.1\r\nHost: db:9000\r\nConnection: keep-alive , Upgrade\r\n"
    "X-Empty:\r\nconnection: other\r\n\r\n";

TEST(ParseRequestHead, TakesTheLineAndTheFieldsThoseOfOneNameTogether) {
  ASSERT_OK_AND_ASSIGN(const auto parsed, ParseRequestHead(AsBytes(kRequest)));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->bytes, kRequest.size());
  EXPECT_EQ(parsed->head.method, "GET");
  EXPECT_EQ(parsed->head.target, "/write/v4?x=1");
  EXPECT_EQ(parsed->head.minor_version, 1);
  EXPECT_EQ(parsed->head.headers, (HttpHeaders{{"Host", "db:9000"},
                                               {"Connection", "keep-alive , Upgrade"},
                                               {"connection", "other"},
                                               {"X-Empty", ""}}));
}

TEST(ParseRequestHead, WantsMoreUntilTheBlankLineIsComplete) {
  for (size_t count = 0; count < kRequest.size(); ++count) {
    ASSERT_OK_AND_ASSIGN(const auto parsed, ParseRequestHead(AsBytes(kRequest.substr(0, count))));
    EXPECT_FALSE(parsed.has_value()) << count;
  }
}

TEST(ParseRequestHead, LeavesWhatFollowsAlone) {
  const std::string text = std::string(kRequest) + "\x82\x0e\r\n\r\nrest";
  ASSERT_OK_AND_ASSIGN(const auto parsed, ParseRequestHead(AsBytes(text)));
  EXPECT_EQ(parsed->bytes, kRequest.size());
}

TEST(ParseResponseHead, TakesStatusReasonAndVersion) {
  ASSERT_OK_AND_ASSIGN(const auto parsed,
                       ParseResponseHead(AsBytes("HTTP/1.0 421 Mis directed\r\nA: b\r\n\r\n")));
  EXPECT_EQ(parsed->head.status, 421);
  EXPECT_EQ(parsed->head.reason, "Mis directed");
  EXPECT_EQ(parsed->head.minor_version, 0);
  ASSERT_OK_AND_ASSIGN(const auto bare, ParseResponseHead(AsBytes("HTTP/1.1 204 \r\n\r\n")));
  EXPECT_EQ(bare->head.reason, "No Content");  // the usual one for none
  EXPECT_TRUE(bare->head.headers.empty());
}

TEST(ParseHead, RefusesWhatIsNoHead) {
  for (const char* text : {
           "\r\nGET / HTTP/1.1\r\n\r\n",                   // a blank line before
           "GET / HTTP/1.1\nHost: a\n\n",                  // bare line feeds
           "GET / HTTP/1.1\r\nHost: a\n\r\n",              // one of them
           "GET / HTTP/1.1\r\n folded: a\r\n\r\n",         // nothing to go on with
           "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",    // a folded field
           "GET / HTTP/1.1\r\nA: b\r\n\tfolded\r\n\r\n",   // and by a tab
           "GET / HTTP/1.1\r\nA : b\r\n\r\n",              // a blank before the colon
           "GET / HTTP/1.1\r\nno colon\r\n\r\n",           //
           "GET / HTTP/1.1\r\n: b\r\n\r\n",                // no name
           "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",           // a control byte
           "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",            // a bare carriage return
           "GET / HTTP/2.0\r\n\r\n",                       //
           "GET  / HTTP/1.1\r\n\r\n",                      //
           "GET /\r\n\r\n",                                //
           "G(T / HTTP/1.1\r\n\r\n",                       //
           "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",  //
           "\x16\x03\x01\x02\r\n\r\n",                     //
       }) {
    EXPECT_THAT(ParseRequestHead(AsBytes(text)), StatusIs(StatusCode::kProtocolError, _)) << text;
  }
  for (const char* text : {"HTTP/1.1 99 \r\n\r\n", "HTTP/1.1 abc Bad\r\n\r\n", "HTTP/1.1\r\n\r\n",
                           "HTTP/1.1 1010 Long\r\n\r\n", "ICY 200 OK\r\n\r\n"}) {
    EXPECT_THAT(ParseResponseHead(AsBytes(text)), StatusIs(StatusCode::kProtocolError, _)) << text;
  }
  EXPECT_THAT(ParseRequestHead(AsBytes(std::string_view("GET / HTTP/1.1\r\nA: \0\r\n\r\n", 24))),
              StatusIs(StatusCode::kProtocolError, _));
}

std::string RequestWithLine(size_t line_bytes) {
  const std::string name = "X-Long: ";
  return "GET / HTTP/1.1\r\n" + name + std::string(line_bytes - name.size(), 'x') + "\r\n\r\n";
}

TEST(ParseHead, LimitsALineToItsLastByte) {
  const HttpLimits limits;
  ASSERT_OK_AND_ASSIGN(const auto parsed,
                       ParseRequestHead(AsBytes(RequestWithLine(limits.line_bytes))));
  EXPECT_TRUE(parsed.has_value());
  const std::string longer = RequestWithLine(limits.line_bytes + 1);
  EXPECT_THAT(ParseRequestHead(AsBytes(longer)),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("8192")));
  // Not only when its end is there.
  EXPECT_THAT(ParseRequestHead(AsBytes(std::string(limits.line_bytes + 2, 'G'))),
              StatusIs(StatusCode::kLimitExceeded, _));
}

TEST(ParseHead, LimitsTheHeadToItsLastByte) {
  const HttpLimits limits;
  std::string text = "GET / HTTP/1.1\r\n";
  while (text.size() + 1002 + 4 < limits.head_bytes) text += "X: " + std::string(997, 'x') + "\r\n";
  const size_t left = limits.head_bytes - text.size() - 4;
  const std::string fits = text + "X: " + std::string(left - 3, 'x') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), limits.head_bytes);
  ASSERT_OK_AND_ASSIGN(const auto parsed, ParseRequestHead(AsBytes(fits)));
  EXPECT_TRUE(parsed.has_value());
  const std::string over = text + "X: " + std::string(left - 2, 'x') + "\r\n\r\n";
  EXPECT_THAT(ParseRequestHead(AsBytes(over)),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("32768")));
  EXPECT_THAT(ParseRequestHead(AsBytes(over).first(limits.head_bytes + 1)),
              StatusIs(StatusCode::kLimitExceeded, _));
}

TEST(HttpHeaders, AreFoundWithoutCase) {
  const HttpHeaders headers = {{"X-QWP-Version", "1"}, {"x-qwp-version", "2"}};
  EXPECT_EQ(headers.Find("x-QWP-version"), "1");
  EXPECT_EQ(headers.Count("X-Qwp-Version"), 2u);
  EXPECT_EQ(headers.Find("X-QWP"), std::nullopt);
}

TEST(HttpHeaders, TokensOfListsCompareWithoutCaseAndWhole) {
  const HttpHeaders headers = {{"Connection", "keep-alive ,\tUPGRADE"}, {"connection", "x"}};
  EXPECT_TRUE(headers.HasToken("Connection", "upgrade"));
  EXPECT_TRUE(headers.HasToken("Connection", "keep-alive"));
  EXPECT_TRUE(headers.HasToken("Connection", "X"));
  EXPECT_FALSE(headers.HasToken("Connection", "keep"));
  EXPECT_FALSE(headers.HasToken("Connection", "up grade"));
  EXPECT_FALSE(headers.HasToken("Upgrade", "x"));
}

TEST(WriteHead, GivesTheBytes) {
  EXPECT_EQ(*WriteRequestHead({.method = "GET", .target = "/", .headers = {{"Host", "a"}}}),
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(*WriteResponseHead({.status = 404, .reason = "Not Found", .headers = {}}),
            "HTTP/1.1 404 Not Found\r\n\r\n");
}

TEST(WriteHead, RefusesValuesThatWouldBeHeadersOfTheirOwn) {
  for (const std::string& value :
       {std::string("a\r\nEvil: 1"), std::string("a\nb"), std::string("a\rb"),
        std::string("a\0b", 3), std::string("tail "), std::string(" head"),
        std::string("del\x7f")}) {
    const auto text =
        WriteRequestHead({.method = "GET", .target = "/", .headers = {{"X-Client", value}}});
    EXPECT_THAT(text, StatusIs(StatusCode::kInvalidArgument, HasSubstr("X-Client")));
    EXPECT_THAT(std::string(text.status().message()), Not(HasSubstr("Evil")));
  }
  for (const char* name : {"", "a b", "a:b", "a\r\n", "ä"}) {
    EXPECT_THAT(WriteRequestHead({.method = "GET", .target = "/", .headers = {{name, "x"}}}),
                StatusIs(StatusCode::kInvalidArgument, _));
  }
  for (const char* target : {"", "/a b", "/a\r\nX: y", "/\t"}) {
    EXPECT_THAT(WriteRequestHead({.method = "GET", .target = target, .headers = {}}),
                StatusIs(StatusCode::kInvalidArgument, _));
  }
  EXPECT_THAT(WriteRequestHead({.method = "G T", .target = "/", .headers = {}}),
              StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(WriteResponseHead({.status = 200, .reason = "a\r\nb", .headers = {}}),
              StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(WriteResponseHead({.status = 1000, .reason = "", .headers = {}}),
              StatusIs(StatusCode::kInvalidArgument, _));
}

TEST(HttpProperty, WhatIsWrittenIsParsedBack) {
  SeededRandom random;
  const auto text = [&](int64_t least) {
    std::string value;
    for (int64_t i = random.Uniform(least, 20); i > 0; --i) {
      value += static_cast<char>(random.Uniform(0x21, 0x7E));
    }
    return value;
  };
  for (int round = 0; round < 300; ++round) {
    RequestHead request{.method = "GET", .target = "/" + text(0), .headers = {}};
    for (int64_t i = random.Uniform(0, 12); i > 0; --i) {
      request.headers.Add("X-" + std::to_string(i), text(0));
    }
    ASSERT_OK_AND_ASSIGN(const std::string bytes, WriteRequestHead(request));
    ASSERT_OK_AND_ASSIGN(const auto parsed, ParseRequestHead(AsBytes(bytes)));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->head.target, request.target);
    EXPECT_EQ(parsed->head.headers, request.headers);
  }
}

TEST(ReasonPhrase, KnowsTheUsualOnes) {
  EXPECT_EQ(ReasonPhrase(404), "Not Found");
  EXPECT_EQ(ReasonPhrase(426), "Upgrade Required");
  EXPECT_EQ(ReasonPhrase(799), "");
  EXPECT_EQ(ReasonPhrase(-1), "");
}

}  // namespace
}  // namespace colonnade::net
