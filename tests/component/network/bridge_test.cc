// SPDX-License-Identifier: Apache-2.0
// The built-in network: addresses, links and routes.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cri/network/network.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "tests/component/network/fixture.h"
#include "tests/component/network/traffic.h"
#include "tests/support/netns.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tests::Connects;
using tests::Eventually;
using tests::IsOk;
using tests::NetNs;
using tests::Pod;
using tests::Server;
using tests::Shell;
using tests::StatusIs;

using BridgeNetworkTest = tests::NetworkTest;

TEST_F(BridgeNetworkTest, IsNotReadyWithoutPodCidr) {
  options_.pod_cidr = "";
  Start();
  const Readiness before = Ready();
  EXPECT_FALSE(before.ready);
  EXPECT_EQ(before.reason, "NetworkPluginNotReady");
  EXPECT_THAT(before.message, HasSubstr("no pod CIDR"));
  NetNs pod;
  EXPECT_THAT(SetUpPod("a", pod), StatusIs(absl::StatusCode::kUnavailable,
                                           HasSubstr("no pod CIDR")));
  OnNode([this] {
    EXPECT_THAT(network_->SetPodCidr("fd00::/127"),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_OK(network_->SetPodCidr("10.123.8.0/24"));
    EXPECT_TRUE(network_->Ready().ready);
  });
  EXPECT_EQ(IpOf("a", pod), "10.123.8.2");
}

TEST_F(BridgeNetworkTest, PodsReachEachOtherAndTheGateway) {
  Start();
  NetNs pod_a, pod_b;
  const std::string ip_a = IpOf("a", pod_a);
  const std::string ip_b = IpOf("b", pod_b);
  EXPECT_EQ(ip_a, "10.123.7.2");
  EXPECT_EQ(ip_b, "10.123.7.3");
  Server server(pod_b);
  pod_a.Run([&] {
    EXPECT_TRUE(Connects(ip_b));
    EXPECT_TRUE(Connects("10.123.7.1", true));
  });
  EXPECT_EQ(server.Accept(), ip_a);
  OnNode([&] { EXPECT_TRUE(Connects(ip_b)); });
  EXPECT_EQ(server.Accept(), "10.123.7.1");
  pod_a.Run([] {
    EXPECT_THAT(Shell("ip -o addr show dev lo").output,
                HasSubstr("127.0.0.1/8"));
    EXPECT_THAT(Shell("ip -o link show dev lo").output, HasSubstr("UP"));
    EXPECT_THAT(Shell("ip route").output,
                HasSubstr("default via 10.123.7.1 dev eth0"));
  });
}

TEST_F(BridgeNetworkTest, MasqueradesTowardTheWorldOnly) {
  Start();
  NetNs world, pod;
  ConnectWorld(world);
  const std::string ip = IpOf("a", pod);
  Server outside(world);
  pod.Run([] { EXPECT_TRUE(Connects("192.0.2.2")); });
  EXPECT_EQ(outside.Accept(), "192.0.2.1");
}

TEST_F(BridgeNetworkTest, KeepsPodAddressesWithoutMasquerade) {
  options_.masquerade = false;
  Start();
  NetNs world, pod;
  ConnectWorld(world);
  const std::string ip = IpOf("a", pod);
  world.Run([] { Shell("ip route add 10.123.7.0/24 via 192.0.2.1"); });
  Server outside(world);
  pod.Run([] { EXPECT_TRUE(Connects("192.0.2.2")); });
  EXPECT_EQ(outside.Accept(), ip);
}

TEST_F(BridgeNetworkTest, PodsOfOtherNodesSeePodAddresses) {
  options_.cluster_cidr = "10.123.0.0/16";
  Start();
  NetNs other_node, pod;
  ConnectWorld(other_node);
  const std::string ip = IpOf("a", pod);
  other_node.Run([] {
    Shell("ip addr add 10.123.8.5/32 dev lo; ip link set lo up");
    Shell("ip route add 10.123.7.0/24 via 192.0.2.1");
  });
  NodeShell("ip route add 10.123.8.0/24 via 192.0.2.2");
  Server server(other_node);
  pod.Run([] { EXPECT_TRUE(Connects("10.123.8.5")); });
  EXPECT_EQ(server.Accept(), ip);
  pod.Run([] { EXPECT_TRUE(Connects("192.0.2.2")); });
  EXPECT_EQ(server.Accept(), "192.0.2.1");
}

TEST_F(BridgeNetworkTest, SetsTheNodeUpForForwarding) {
  Start();
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv4/conf/ntest0/rp_filter"), "2\n");
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv4/conf/ntest0/route_localnet"),
            "1\n");
  const std::string rules = NodeShell("nft list ruleset");
  EXPECT_THAT(rules, HasSubstr("table inet coracle-ntest0"));
  EXPECT_THAT(rules, HasSubstr("ip saddr 10.123.7.0/24 ip daddr != "
                               "10.123.7.0/24 masquerade fully-random"));
}

TEST_F(BridgeNetworkTest, RepeatedSetupGivesTheSameAddress) {
  Start();
  NetNs pod;
  const std::string ip = IpOf("a", pod);
  EXPECT_EQ(IpOf("a", pod), ip);
  EXPECT_THAT(Leases(), ElementsAre(ip));
}

TEST_F(BridgeNetworkTest, RestartKeepsAddressesAndSweepFreesStrangers) {
  Start();
  NetNs pod_a, pod_b, pod_c;
  const std::string ip_a = IpOf("a", pod_a);
  const std::string ip_b = IpOf("b", pod_b);
  network_.reset();
  options_.pod_cidr = "";  // the last one is remembered
  Start();
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(IpOf("b", pod_b), ip_b);
  Server server(pod_b);
  pod_a.Run([&] { EXPECT_TRUE(Connects(ip_b)); });
  EXPECT_EQ(IpOf("c", pod_c), "10.123.7.4");
  OnNode([this] { network_->Recover({Pod("b"), Pod("c")}); });
  EXPECT_THAT(Leases(), ElementsAre(ip_b, "10.123.7.4"));
  EXPECT_TRUE(Eventually([this] {
    const std::string veths = Veths();
    return std::count(veths.begin(), veths.end(), '\n') == 2;
  })) << Veths();
}

TEST_F(BridgeNetworkTest, RangeCannotMoveAwayUnderRunningPods) {
  Start();
  NetNs pod;
  IpOf("a", pod);
  OnNode([this] {
    EXPECT_THAT(network_->SetPodCidr("10.123.9.0/24"),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("10.123.7.2")));
    EXPECT_TRUE(network_->Ready().ready);
    EXPECT_OK(network_->Teardown(Pod("a")));
    EXPECT_OK(network_->SetPodCidr("10.123.9.0/24"));
  });
  NetNs other;
  EXPECT_EQ(IpOf("b", other), "10.123.9.2");
  EXPECT_THAT(NodeShell("ip -o -4 addr show dev ntest0"),
              Not(HasSubstr("10.123.7.1")));
}

TEST_F(BridgeNetworkTest, RangeMovesOnceTheDeadAreSwept) {
  Start();
  NetNs pod, other;
  IpOf("a", pod);
  network_.reset();
  options_.pod_cidr = "10.123.9.0/24";
  Start();
  EXPECT_FALSE(Ready().ready);
  EXPECT_THAT(Ready().message, HasSubstr("10.123.7.2"));
  OnNode([this] { network_->Recover({}); });
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(IpOf("b", other), "10.123.9.2");
}

TEST_F(BridgeNetworkTest, TeardownLeavesNothing) {
  Start();
  auto pod = std::make_unique<NetNs>();
  auto kept = std::make_unique<NetNs>();
  IpOf("a", *pod);
  IpOf("b", *kept);
  pod.reset();  // the namespace may be gone before
  Teardown("a");
  Teardown("b");  // or stay
  Teardown("a");
  Teardown("never seen");
  EXPECT_THAT(Leases(), IsEmpty());
  EXPECT_TRUE(Eventually([this] { return Veths().empty(); })) << Veths();
}

TEST_F(BridgeNetworkTest, AddressRestsUntilTheOldLinkIsGone) {
  options_.pod_cidr = "10.123.7.4/30";  // one pod
  Start();
  NetNs first, second;
  const std::string ip = IpOf("a", first);
  EXPECT_THAT(SetUpPod("b", second),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("10.123.7.4/30")));
  Teardown("a");
  // Nothing else is free: the link of `a` is removed now, not in two seconds.
  EXPECT_EQ(IpOf("b", second), ip);
  first.Run([] { EXPECT_FALSE(Shell("ip link show eth0").ok); });
}

TEST_F(BridgeNetworkTest, FailedSetupLeavesNothing) {
  Start();
  NetNs pod;
  pod.Run([] { ASSERT_TRUE(Shell("ip link add eth0 type bridge").ok); });
  EXPECT_THAT(
      SetUpPod("a", pod),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("eth0")));
  EXPECT_THAT(Leases(), IsEmpty());
  EXPECT_THAT(Veths(), IsEmpty());
}

TEST_F(BridgeNetworkTest, ReplacesAPairThatEndsInAnotherPod) {
  Start();
  NetNs before, after;
  const std::string ip = IpOf("a", before);
  EXPECT_EQ(IpOf("a", after), ip);
  Server server(after);
  OnNode([&] { EXPECT_TRUE(Connects(ip)); });
}

TEST_F(BridgeNetworkTest, ComesBackAfterTheBridgeWasDeleted) {
  Start();
  NetNs before, after;
  const std::string ip_before = IpOf("a", before);
  NodeShell("ip link delete ntest0");
  const std::string ip_after = IpOf("b", after);
  Server server_before(before), server_after(after);
  OnNode([&] {
    EXPECT_TRUE(Connects(ip_before));
    EXPECT_TRUE(Connects(ip_after));
  });
}

TEST_F(BridgeNetworkTest, RefusesALinkThatIsNoBridge) {
  OnNode([] { Shell("ip link add ntest0 type veth peer name other"); });
  Start();
  const Readiness readiness = Ready();
  EXPECT_FALSE(readiness.ready);
  EXPECT_THAT(readiness.message, HasSubstr("ntest0 exists and is no bridge"));
}

TEST_F(BridgeNetworkTest, LoopbackAlone) {
  Start();
  NetNs pod;
  OnNode([&] { EXPECT_OK(network_->SetupLoopback(pod.fd())); });
  pod.Run([] {
    EXPECT_THAT(Shell("ip -o link").output, HasSubstr("LOOPBACK,UP"));
    EXPECT_THAT(Shell("ip -o link").output, Not(HasSubstr("eth0")));
  });
}

TEST_F(BridgeNetworkTest, KeepsToTheBandwidthOfAnnotations) {
  Start();
  NetNs ns;
  PodNetwork pod = Pod("a", ns.fd());
  pod.annotations = {{"kubernetes.io/ingress-bandwidth", "10M"},
                     {"kubernetes.io/egress-bandwidth", "40G"}};
  ASSERT_OK(SetUpPod(pod));
  ASSERT_OK(SetUpPod(pod));
  EXPECT_THAT(NodeShell("tc qdisc show"), HasSubstr("qdisc tbf 1: dev veth"));
  EXPECT_THAT(NodeShell("tc qdisc show"), HasSubstr("rate 10Mbit"));
  ns.Run([] {
    EXPECT_THAT(Shell("tc qdisc show dev eth0").output,
                HasSubstr("rate 40Gbit"));
  });
  Server server(ns);
  OnNode([] { EXPECT_TRUE(Connects("10.123.7.2")); });
  pod.annotations["kubernetes.io/egress-bandwidth"] = "much";
  pod.sandbox_id = "b";
  EXPECT_THAT(SetUpPod(pod), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("\"much\"")));
  EXPECT_EQ(Leases().size(), 1u);
}

TEST_F(BridgeNetworkTest, InstancesDoNotMeet) {
  Start();
  tests::TempDir other_dir;
  NetworkOptions other = options_;
  other.state_dir = other_dir.path();
  other.bridge = "ntest1";
  other.pod_cidr = "10.123.8.0/24";
  NetNs pod_a, pod_b;
  EXPECT_EQ(IpOf("a", pod_a), "10.123.7.2");
  OnNode([&] {
    auto second = MakeBridgeNetwork(other);
    EXPECT_THAT(second->Setup(Pod("a", pod_b.fd())),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("another bridge")));
    ASSERT_OK_AND_ASSIGN(const PodAddresses b,
                         second->Setup(Pod("b", pod_b.fd())));
    EXPECT_THAT(b.ips, ElementsAre(HasSubstr("10.123.8.")));
    second->Recover({Pod("b")});
    second.reset();
    EXPECT_OK(RemoveBridgeNetwork(other));
  });
  EXPECT_THAT(NodeShell("nft list tables"), HasSubstr("coracle-ntest0"));
  EXPECT_EQ(IpOf("a", pod_a), "10.123.7.2");
}

TEST_F(BridgeNetworkTest, RemoveTakesEverything) {
  Start();
  NetNs pod;
  IpOf("a", pod);
  network_.reset();
  OnNode([this] {
    EXPECT_OK(RemoveBridgeNetwork(options_));
    EXPECT_OK(RemoveBridgeNetwork(options_));
  });
  EXPECT_THAT(NodeShell("ip -o link show type veth; nft list tables"),
              IsEmpty());
  EXPECT_THAT(NodeShell("ip -o link"), Not(HasSubstr("ntest0")));
  EXPECT_FALSE(runtime::Exists(dir_ / "network"));
}

}  // namespace
}  // namespace cri::network
