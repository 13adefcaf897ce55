// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cidr.h"

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cri::network {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

TEST(PodCidrTest, GivesGatewayAndPodsTheirAddresses) {
  ASSERT_OK_AND_ASSIGN(const Cidr cidr, ParseCidr("10.244.1.0/24"));
  EXPECT_EQ(cidr.gateway().ToString(), "10.244.1.1");
  EXPECT_EQ(cidr.first().ToString(), "10.244.1.2");
  EXPECT_EQ(cidr.last().ToString(), "10.244.1.254");
  EXPECT_EQ(cidr.broadcast().ToString(), "10.244.1.255");
  EXPECT_EQ(cidr.size(), 253u);
  EXPECT_EQ(cidr.ToString(), "10.244.1.0/24");
  EXPECT_TRUE(cidr.Contains(*ParseIp("10.244.1.200")));
  EXPECT_FALSE(cidr.Contains(*ParseIp("10.244.2.1")));
}

TEST(PodCidrTest, WorksAtBothEnds) {
  ASSERT_OK_AND_ASSIGN(const Cidr small, ParseCidr("192.168.7.4/30"));
  EXPECT_EQ(small.size(), 1u);
  EXPECT_EQ(small.first().ToString(), "192.168.7.6");
  EXPECT_EQ(small.first(), small.last());
  ASSERT_OK_AND_ASSIGN(const Cidr large, ParseCidr("10.0.0.0/8"));
  EXPECT_EQ(large.size(), (1u << 24) - 3);
  EXPECT_EQ(large.last().ToString(), "10.255.255.254");
}

TEST(PodCidrTest, RefusesWithReason) {
  const struct {
    const char* name;
    const char* text;
    absl::StatusCode code;
    const char* reason;
  } kRows[] = {
      {"empty", "", absl::StatusCode::kInvalidArgument, "not an IP address"},
      {"no prefix", "10.0.0.0", absl::StatusCode::kInvalidArgument, "prefix"},
      {"word", "pods/24", absl::StatusCode::kInvalidArgument, "\"pods\""},
      {"host bits", "10.244.1.7/24", absl::StatusCode::kInvalidArgument,
       "the network is 10.244.1.0/24"},
      {"too long", "10.244.1.0/31", absl::StatusCode::kInvalidArgument,
       "/8 to /30"},
      {"too short", "10.0.0.0/7", absl::StatusCode::kInvalidArgument,
       "/8 to /30"},
      {"negative", "10.0.0.0/-1", absl::StatusCode::kInvalidArgument,
       "/8 to /30"},
      {"tail", "10.0.0.0/24x", absl::StatusCode::kInvalidArgument, "/8 to /30"},
      {"octet", "10.256.0.0/16", absl::StatusCode::kInvalidArgument,
       "10.256.0.0"},
      {"ipv6 too long", "fd00::/127", absl::StatusCode::kInvalidArgument,
       "/8 to /126"},
      {"ipv6 host bits", "fd00::1/64", absl::StatusCode::kInvalidArgument,
       "the network is fd00::/64"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(ParseCidr(row.text), StatusIs(row.code, HasSubstr(row.reason)))
        << row.name;
  }
}

TEST(PodCidrTest, CountsInIpv6) {
  ASSERT_OK_AND_ASSIGN(const Cidr cidr, ParseCidr("fd00:10:244:1::/64"));
  EXPECT_EQ(cidr.gateway().ToString(), "fd00:10:244:1::1");
  EXPECT_EQ(cidr.first().ToString(), "fd00:10:244:1::2");
  EXPECT_EQ(cidr.last().ToString(), "fd00:10:244:1:ffff:ffff:ffff:fffe");
  EXPECT_EQ(cidr.size(), uint64_t{1} << 63);
  EXPECT_TRUE(cidr.Contains(*ParseIp("fd00:10:244:1::abcd")));
  EXPECT_FALSE(cidr.Contains(*ParseIp("fd00:10:244:2::1")));
  EXPECT_FALSE(cidr.Contains(*ParseIp("10.244.1.1")));
  ASSERT_OK_AND_ASSIGN(const Cidr small, ParseCidr("fd00::4/126"));
  EXPECT_EQ(small.size(), 1u);
}

TEST(PodCidrsTest, OneOfEachFamilyInTheGivenOrder) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Cidr> cidrs,
                       ParsePodCidrs("fd00::/64, 10.244.1.0/24"));
  EXPECT_EQ(ToString(cidrs), "fd00::/64,10.244.1.0/24");
  for (const char* text : {"", ",", "10.0.0.0/24,", "10.0.0.0/24,10.0.1.0/24",
                           "fd00::/64,10.0.0.0/24,fd01::/64"}) {
    EXPECT_THAT(ParsePodCidrs(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(IpTest, KnowsLoopbackAndLinkLocal) {
  EXPECT_TRUE(ParseIp("127.0.0.53")->IsLoopback());
  EXPECT_TRUE(ParseIp("::1")->IsLoopback());
  EXPECT_FALSE(ParseIp("10.0.0.1")->IsLoopback());
  EXPECT_FALSE(ParseIp("::7f00:1")->IsLoopback());
  EXPECT_EQ(LinkLocalOf(MacOf(*ParseIp("10.244.1.7"))).ToString(),
            "fe80::858:aff:fef4:107");
}

TEST(PodMacTest, FollowsFromTheAddressAndIsUnicastAndLocal) {
  const auto mac = MacOf(*ParseIp("10.244.1.7"));
  EXPECT_THAT(mac, testing::ElementsAre(0x0a, 0x58, 10, 244, 1, 7));
  EXPECT_EQ(mac[0] & 3, 2);
}

}  // namespace
}  // namespace cri::network
