#include "questdb/endpoint_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::questdb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Texts(const std::vector<EndpointAddress>& endpoints) {
  std::vector<std::string> texts;
  for (const EndpointAddress& endpoint : endpoints) texts.push_back(endpoint.ToString());
  return texts;
}

TEST(EndpointAddress, ReadsHostsAndPortsInTheirOrder) {
  ASSERT_OK_AND_ASSIGN(const auto endpoints,
                       ParseEndpoints("db-a.example.com:9001,10.0.0.1,my_host:1,x:65535,[::1],"
                                      "[2001:DB8:0:0::1]:80"));
  EXPECT_THAT(Texts(endpoints), ElementsAre("db-a.example.com:9001", "10.0.0.1:9000", "my_host:1",
                                            "x:65535", "[::1]:9000", "[2001:db8::1]:80"));
}

TEST(EndpointAddress, SaysWhatIsWrongWithWhichAddress) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "address 1: it is empty"},
      {"a,,b", "address 2: it is empty"},
      {"a,", "address 2: it is empty"},
      {",a", "address 1: it is empty"},
      {"a:0", "65535"},
      {"a:65536", "65535"},
      {"a:", "65535"},
      {"a:-1", "65535"},
      {"a:+1", "65535"},
      {"a:9000x", "65535"},
      {"a:99999999999999999999", "65535"},
      {":9000", "host is missing"},
      {"a b", "letters"},
      {" a", "letters"},
      {"a;b", "letters"},
      {"http//a", "letters"},
      {"d\xC3\xB6rf", "xn--"},
      {"::1", "brackets"},
      {"a:1:2", "brackets"},
      {"[::1", "']' is missing"},
      {"[::1]9000", "only a port"},
      {"[::1]:", "65535"},
      {"[localhost]", "no IPv6"},
      {"[127.0.0.1]", "no IPv6"},
      {"[]", "no IPv6"},
      {"[fe80::1%eth0]", "no IPv6"},
      {"[::1" + std::string(1, '\0') + "x]", "no IPv6"},
      {"admin:quest@a:9000", "credentials"},
      {std::string(254, 'h'), "254"},
  };
  for (const auto& [list, expected] : cases) {
    EXPECT_THAT(ParseEndpoints(list), StatusIs(StatusCode::kInvalidArgument,
                                               AllOf(HasSubstr(expected), HasSubstr("address "))))
        << list;
  }
  EXPECT_OK(ParseEndpoints(std::string(253, 'h')));
}

TEST(EndpointAddress, DoesNotRepeatWhatMayBeAPassword) {
  for (const std::string list :
       {"admin:hunter2@a:9000", "admin:hunter2", "hunter2 x", "[hunter2]", "a,b,x:hunter2:1"}) {
    EXPECT_THAT(ParseEndpoints(list),
                StatusIs(StatusCode::kInvalidArgument, Not(HasSubstr("hunter2"))))
        << list;
  }
}

TEST(EndpointAddress, RefusesTheSameEndpointTwice) {
  EXPECT_THAT(ParseEndpoints("a:9000,b,A"),
              StatusIs(StatusCode::kInvalidArgument, "address 3: A:9000 stands there twice"));
  EXPECT_THAT(ParseEndpoints("[::1],[0:0:0:0:0:0:0:1]:9000"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("[::1]:9000 stands there twice")));
  EXPECT_OK(ParseEndpoints("a:9000,a:9001"));
}

TEST(EndpointAddress, TakesAThousandAndTwentyFourAndNoMore) {
  std::string list;
  for (int i = 0; i < 1024; ++i) list += (i == 0 ? "h" : ",h") + std::to_string(i);
  ASSERT_OK_AND_ASSIGN(const auto endpoints, ParseEndpoints(list));
  EXPECT_EQ(endpoints.size(), 1024u);
  EXPECT_EQ(endpoints.back().host, "h1023");
  EXPECT_THAT(ParseEndpoints(list + ",x"),
              StatusIs(StatusCode::kInvalidArgument, "more than 1024 addresses"));
}

}  // namespace
}  // namespace colonnade::questdb
