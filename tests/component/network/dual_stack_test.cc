// SPDX-License-Identifier: Apache-2.0
// The built-in network with IPv6, alone and beside IPv4.
#include <string>
#include <vector>

#include "tests/component/network/fixture.h"
#include "tests/component/network/traffic.h"

namespace cri::network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using tests::Connects;
using tests::NetNs;
using tests::Server;
using tests::Shell;
using tests::StatusIs;

using DualStackTest = tests::NetworkTest;

TEST_F(DualStackTest, PodsHaveAddressesOfBothFamiliesInOrder) {
  options_.pod_cidr = "10.123.7.0/24,fd00:123:7::/64";
  Start();
  NetNs a, b;
  const std::vector<std::string> ips = *SetUpPod("a", a);
  EXPECT_THAT(ips, ElementsAre("10.123.7.2", "fd00:123:7::2"));
  EXPECT_THAT(*SetUpPod("b", b), ElementsAre("10.123.7.3", "fd00:123:7::3"));
  EXPECT_THAT(Leases(), ElementsAre("10.123.7.2", "10.123.7.3", "fd00:123:7::2",
                                    "fd00:123:7::3"));
  Server server(a);
  for (size_t family : {0, 1}) {
    b.Run([&] { EXPECT_TRUE(Connects(ips[family])); });
    EXPECT_THAT(server.Accept(), HasSubstr(family == 0 ? ".7.3" : ":7::3"));
    OnNode([&] { EXPECT_TRUE(Connects(ips[family])); });
    EXPECT_THAT(server.Accept(), HasSubstr(family == 0 ? ".7.1" : ":7::1"));
  }
}

TEST_F(DualStackTest, Ipv6AloneWorksAtOnce) {
  options_.pod_cidr = "fd00:123:7::/64";
  Start();
  NetNs pod, world;
  ConnectWorld(world);
  NodeShell("ip -6 addr add 2001:db8::1/64 dev up0 nodad");
  world.Run([] { Shell("ip -6 addr add 2001:db8::2/64 dev w0 nodad"); });
  EXPECT_THAT(*SetUpPod("a", pod), ElementsAre("fd00:123:7::2"));
  pod.Run([] {
    // No address waits for duplicate address detection.
    EXPECT_THAT(Shell("ip -6 addr show dev eth0").output,
                Not(HasSubstr("tentative")));
    EXPECT_THAT(Shell("ip -6 addr show dev eth0 scope link").output,
                HasSubstr("fe80::"));
    EXPECT_THAT(Shell("ip -6 route").output,
                HasSubstr("default via fd00:123:7::1 dev eth0"));
  });
  Server outside(world);
  pod.Run([] { EXPECT_TRUE(Connects("2001:db8::2")); });
  EXPECT_EQ(outside.Accept(), "2001:db8::1");  // masqueraded
}

TEST_F(DualStackTest, Ipv6IsRememberedAndLeasesComeBack) {
  options_.pod_cidr = "fd00:123:7::/64,10.123.7.0/24";
  Start();
  NetNs pod;
  const std::vector<std::string> ips = *SetUpPod("a", pod);
  EXPECT_THAT(ips, ElementsAre("fd00:123:7::2", "10.123.7.2"));
  network_.reset();
  options_.pod_cidr = "";
  Start();
  EXPECT_EQ(*SetUpPod("a", pod), ips);
  OnNode([this] {
    EXPECT_THAT(network_->SetPodCidr("fd00:123:7::/64"),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("10.123.7.2")));
    EXPECT_OK(network_->Teardown(tests::Pod("a")));
    EXPECT_OK(network_->SetPodCidr("fd00:123:8::/64"));
  });
  EXPECT_THAT(NodeShell("ip -o addr show dev ntest0"),
              Not(HasSubstr("123:7::1")));
}

TEST_F(DualStackTest, SecondFamilyMayComeLater) {
  Start();
  NetNs old, fresh;
  EXPECT_THAT(*SetUpPod("old", old), ElementsAre("10.123.7.2"));
  OnNode([this] {
    EXPECT_OK(network_->SetPodCidr("10.123.7.0/24,fd00:123:7::/64"));
  });
  EXPECT_THAT(*SetUpPod("fresh", fresh),
              ElementsAre("10.123.7.3", "fd00:123:7::2"));
}

TEST_F(DualStackTest, NodeKeepsTheRoutersThatItHeardOf) {
  OnNode([] {
    Shell("ip link add up0 type veth peer name w0");
    EXPECT_EQ(Shell("cat /proc/sys/net/ipv6/conf/up0/accept_ra").output, "1\n");
  });
  options_.pod_cidr = "fd00:123:7::/64";
  Start();
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv6/conf/all/forwarding"), "1\n");
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv6/conf/up0/accept_ra"), "2\n");
}

}  // namespace
}  // namespace cri::network
