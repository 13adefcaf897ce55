// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pod_network.h"

#include "gtest/gtest.h"

namespace cri::network {
namespace {

PortMapping Port(const std::string& host_ip) {
  return {Protocol::kTcp, 80, 8080, host_ip};
}

TEST(PodNetworkTest, PortsMeetOnAnAddressThatBothHave) {
  EXPECT_TRUE(Meet(Port(""), Port("192.0.2.1")));
  EXPECT_TRUE(Meet(Port("192.0.2.1"), Port("192.0.2.1")));
  EXPECT_TRUE(Meet(Port("0.0.0.0"), Port("192.0.2.1")));
  EXPECT_TRUE(Meet(Port("fd00::1"), Port("::")));
  EXPECT_TRUE(Meet(Port("fd00::1"), Port("fd00:0::01")));
  EXPECT_FALSE(Meet(Port("192.0.2.1"), Port("192.0.2.2")));
  EXPECT_FALSE(Meet(Port("0.0.0.0"), Port("fd00::1")));
  EXPECT_FALSE(Meet(Port("::"), Port("0.0.0.0")));
}

TEST(PodNetworkTest, PortsMeetWithOneProtocolAndPort) {
  const PortMapping port = Port("");
  PortMapping other = port;
  other.container_port = 81;
  EXPECT_TRUE(Meet(port, other));
  other.protocol = Protocol::kUdp;
  EXPECT_FALSE(Meet(port, other));
  other = port;
  other.host_port = 8081;
  EXPECT_FALSE(Meet(port, other));
}

TEST(PortMappingTest, AreOneOnTheSameAddressInAnyWords) {
  const auto on = [](const char* ip) {
    return PortMapping{Protocol::kTcp, 80, 8080, ip};
  };
  EXPECT_TRUE(AreOne(on(""), on("0.0.0.0")));
  EXPECT_TRUE(AreOne(on("fd00::1"), on("fd00:0::1")));
  EXPECT_FALSE(AreOne(on(""), on("127.0.0.1")));
  EXPECT_FALSE(AreOne(on("0.0.0.0"), on("::")));
}

}  // namespace
}  // namespace cri::network
