// Credentials and what comes of them in error messages.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "questdb/connect_keys.h"
#include "questdb/connect_string.h"
#include "support/random.h"
#include "support/status_matchers.h"

namespace colonnade::questdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kSecret = "hunter2xyzzy";

bool Leaks(std::string_view text) { return text.find(kSecret) != std::string_view::npos; }

// A ';' that was not doubled puts the rest of a credential where a key is expected.
TEST(ConnectStringSecrets, DoesNotRepeatThePieceOfACredentialBehindASemicolon) {
  const std::string secret(kSecret);
  for (const std::string key : {"username", "password", "token", "auth", "tls_roots_password"}) {
    for (const std::string& piece : std::vector<std::string>{
             secret, secret + "=", secret + "=1", "=" + secret, secret + ";" + secret,
             secret + ";x=1", "a=" + secret, secret + " =1", "pool_" + secret + "=1"}) {
      const std::string text = "wss::addr=h;" + key + "=abc;" + piece;
      const auto options = ParseConnectString(text);
      ASSERT_THAT(options, StatusIs(StatusCode::kInvalidArgument, HasSubstr("byte"))) << text;
      EXPECT_FALSE(Leaks(options.status().message())) << text << '\n' << options.status();
    }
    EXPECT_THAT(ParseConnectString("ws::addr=h;" + key + "=abc;" + secret + "=1"),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("unknown key after " + key), HasSubstr("';;'"))));
  }
  EXPECT_THAT(ParseConnectString("ws::addr=h;token=abc;tls_verfy=on"),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("did you mean 'tls_verify'"), Not(HasSubstr("tls_verfy")))));
}

TEST(ConnectStringSecrets, DoesNotRepeatTextThatIsNoNumber) {
  const std::string secret(kSecret);
  for (const ConnectKey& key : ConnectKeys()) {
    for (const std::string schema : {"ws", "wss"}) {
      const auto options =
          ParseConnectString(schema + "::addr=h;" + std::string(key.name) + "=" + secret);
      EXPECT_FALSE(Leaks(StatusOf(options).message())) << options.status();
    }
  }
  for (const RefusedKey& key : RefusedKeys()) {
    const auto options = ParseConnectString("ws::addr=h;" + std::string(key.name) + "=" + secret);
    ASSERT_FALSE(options.ok());
    EXPECT_FALSE(Leaks(options.status().message())) << options.status();
  }
  for (const std::string& text : std::vector<std::string>{
           secret + "::addr=h", secret, "ws::addr=admin:" + secret + "@h:9000",
           "ws::addr=" + secret + ":x", "ws::addr=h:" + secret, "ws::addr=[" + secret + "]",
           "ws::pasword=" + secret, "ws::addr=h;username=u:" + secret + ";password=p",
           "http://u:" + secret + "@h"}) {
    const auto options = ParseConnectString(text);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_FALSE(Leaks(options.status().message())) << options.status();
  }
}

TEST(ConnectStringSecretsProperty, NoSlipOfTheFingerBringsACredentialIntoAMessage) {
  SeededRandom random;
  const std::string secret(kSecret);
  const std::vector<std::string> strings = {
      "ws::addr=h:9000,i;username=u;password=" + secret + ";target=any;auth_timeout_ms=5;",
      "wss::token=" + secret + ";addr=h;tls_roots=a;tls_ca=pem_file;pool_reap=auto;",
      "wss::addr=[::1];tls_roots=a;tls_roots_password=" + secret + ";failover=on;",
      "ws::auth=Bearer " + secret + ";addr=h;request_durable_ack=on;init_buf_size=4k"};
  const std::string alphabet = ";;;===:: ,@\nxA0[]";
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = strings[random.Uniform(0, 3)];
    // One slip: a byte too much, another one, or too few. Pieces of the secret are looked for.
    const size_t at = random.Uniform(0, text.size() - 1);
    const char byte = alphabet[random.Uniform(0, alphabet.size() - 1)];
    switch (random.Uniform(0, 2)) {
      case 0: text.insert(at, 1, byte); break;
      case 1: text[at] = byte; break;
      default: text.erase(at, 1);
    }
    const auto options = ParseConnectString(text);
    if (options.ok()) continue;
    ++refused;
    const std::string message(options.status().message());
    for (size_t i = 0; i + 4 <= secret.size(); ++i) {
      ASSERT_EQ(message.find(secret.substr(i, 4)), std::string::npos) << text << '\n' << message;
    }
  }
  EXPECT_GT(refused, 5'000);
}

}  // namespace
}  // namespace colonnade::questdb
