#include "array/cf/base64.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/random.h"

namespace colonnade::array::cf {
namespace {

using ::testing::Optional;

TEST(Base64, DecodesTheVectorsOfTheRfc) {
  EXPECT_THAT(DecodeBase64(""), Optional(std::string()));
  EXPECT_THAT(DecodeBase64("Zg=="), Optional(std::string("f")));
  EXPECT_THAT(DecodeBase64("Zm8="), Optional(std::string("fo")));
  EXPECT_THAT(DecodeBase64("Zm9v"), Optional(std::string("foo")));
  EXPECT_THAT(DecodeBase64("Zm9vYmFy"), Optional(std::string("foobar")));
  EXPECT_THAT(DecodeBase64("AAAAAAAA+H8="), Optional(std::string("\0\0\0\0\0\0\xF8\x7F", 8)));
  EXPECT_THAT(DecodeBase64("//79"), Optional(std::string("\xFF\xFE\xFD")));
}

TEST(Base64, RefusesAnythingElse) {
  for (const char* text : {"Zg", "Zg=", "Z===", "====", "=", "Zg==Zg==", "Zm9v ", " Zm9v", "Zm-_",
                           "Zm9=v", "Zm9v\n", "Zh==", "Zm9="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

// Oracle: an encoder that writes six bits at a time.
TEST(Base64Property, InvertsEncoding) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  SeededRandom random;
  for (int round = 0; round < 500; ++round) {
    std::string bytes(static_cast<size_t>(random.Uniform(0, 40)), '\0');
    std::string bits;
    for (char& byte : bytes) {
      byte = static_cast<char>(random.Uniform(0, 255));
      for (int bit = 7; bit >= 0; --bit) bits.push_back((byte >> bit & 1) != 0 ? '1' : '0');
    }
    while (bits.size() % 6 != 0) bits.push_back('0');
    std::string text;
    for (size_t i = 0; i < bits.size(); i += 6) {
      text.push_back(kAlphabet[std::stoul(bits.substr(i, 6), nullptr, 2)]);
    }
    while (text.size() % 4 != 0) text.push_back('=');
    EXPECT_THAT(DecodeBase64(text), Optional(bytes)) << text;
  }
}

}  // namespace
}  // namespace colonnade::array::cf
